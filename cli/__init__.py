"""The command line: one module per command, presets, and the run folder that every training writes."""
