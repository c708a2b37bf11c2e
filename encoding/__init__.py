"""How a dialogue becomes numbers: text encoders, their cache, observations, codecs of plans and reasoning."""
