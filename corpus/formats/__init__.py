"""File formats of dialogues: one module per format, and how a format is detected from the content."""
