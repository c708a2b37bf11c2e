"""How a dialogue becomes numbers: text encoders, their cache, observations of histories, codecs of plans and reasoning."""
