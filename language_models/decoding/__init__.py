"""Decoding: sampling settings, token constraints, the key-value cache."""
