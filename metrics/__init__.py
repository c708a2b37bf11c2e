"""Scores as pure functions of predictions and references, each with its signature and interval."""
