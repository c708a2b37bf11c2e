"""Screening of what a person writes for a crisis, and the fixed reply."""
