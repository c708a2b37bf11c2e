"""What a dialogue is: strategies, frozen types, file formats, splits, statistics and the bundled sample."""
