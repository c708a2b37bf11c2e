"""History and plan -> response text: inputs, backbones, fine-tuning, decoding, perplexity."""
