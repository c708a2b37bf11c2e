"""What some tests need beside the repository: the real data, a browser. ESC_REQUIRE names what must not be missing."""

import os
from typing import NoReturn

import pytest


def missing(what: str, reason: str) -> NoReturn:
    """Skips a test; fails it where ``ESC_REQUIRE`` (of data, chromium, weights, apart by commas) names it."""
    if what in os.environ.get("ESC_REQUIRE", "").split(","):
        pytest.fail(f"{reason}; ESC_REQUIRE names {what}", pytrace=False)
    pytest.skip(reason)
