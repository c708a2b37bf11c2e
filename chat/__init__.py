"""A place where a person talks with a trained system, and what looks after that person."""
