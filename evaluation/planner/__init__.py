"""Planner benchmarks: the message protocol, the turn protocol, speed."""
