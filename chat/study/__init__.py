"""Human comparison of two systems: the steps of a participant, the store of events, the page."""
