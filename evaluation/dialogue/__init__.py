"""Whole conversations with a seeker simulator: policies, rollouts, the benchmark and its report."""
