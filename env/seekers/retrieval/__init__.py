"""A help-seeker that replies with messages of real seekers, and the models fitted to its intensity and ratings."""
