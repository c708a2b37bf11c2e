"""A help-seeker and a critic played by a prompted language model, behind an endpoint or on this machine."""
