"""Simulated help-seekers: one that answers with real replies, fitted to data; one that a language model plays."""
