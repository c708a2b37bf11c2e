"""Scores of generated texts against reference texts."""
