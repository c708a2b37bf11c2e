"""Joins the stages: benchmarks, published figures as data, figures and the report."""
