"""Comparison of two systems by people: the study's file, where each participant is in it, and Table 5 made from it."""
