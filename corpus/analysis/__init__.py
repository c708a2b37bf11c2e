"""The analyses of the 2021 paper on any corpus: statistics, turns, phrases, ratings, quality rules."""
