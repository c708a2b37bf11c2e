"""Intervals, paired tests and agreement: what says how sure a score is."""
