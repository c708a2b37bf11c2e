"""How a dialogue becomes numbers: sentence embeddings with a cache, observations, plan codec."""
