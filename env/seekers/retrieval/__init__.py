"""A help-seeker that replies with messages of real seekers, and the models fitted for it. Read ``seeker.py`` first."""
