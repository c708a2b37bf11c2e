"""Scores of generated texts, stored evaluations, and the comparison of systems."""
