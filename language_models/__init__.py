"""Language models that write text, whoever speaks: backbones, batches, the training loop, perplexity."""
