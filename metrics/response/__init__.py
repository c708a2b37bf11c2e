"""Scores of generated texts that ask for more than a reference: history, strategy, sentence vectors, training texts."""
