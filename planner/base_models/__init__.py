"""Base models: they predict the next strategy from a history; out-of-fold predictions and stacking."""
