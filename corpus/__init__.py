"""What a dialogue is: strategies, frozen types, readers, splits, statistics and the bundled sample."""
