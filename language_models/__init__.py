"""Language models that write text, whoever speaks: families, backbones, training, perplexity, decoding, chat."""
