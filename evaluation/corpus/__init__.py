"""Reports on a corpus: the tables of the 2021 paper, and its quality filter."""
