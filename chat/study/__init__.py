"""Comparison of two systems by people: leads participants through it, on a web page."""
