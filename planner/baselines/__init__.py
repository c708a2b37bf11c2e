"""Baselines: simple planners that a trained planner is compared with."""
