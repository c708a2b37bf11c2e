"""What all golden tests need: an embedding cache of the test run."""

import pytest


@pytest.fixture(autouse=True)
def _cached(embedding_cache: None) -> None:
    """Every golden test asks for the cache."""
