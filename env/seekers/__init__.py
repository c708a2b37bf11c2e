"""Seeker simulators: they play the help-seeker in the dialogue environments."""
