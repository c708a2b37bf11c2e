"""Scores of predicted strategies, plans and simulated conversations."""
