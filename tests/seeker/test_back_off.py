from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from language_models.chat.endpoint import BackOff, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@given(attempt=st.integers(1, 40), seed=st.integers(0, 99))
def test_waits_double_up_to_the_longest_and_half_of_each_is_random(attempt: int, seed: int) -> None:
    patience = BackOff(attempts=40, first=1.0, longest=60.0)
    seconds = patience.seconds(attempt, asked=None, rng=np.random.default_rng(seed))
    ceiling = min(60.0, 2.0 ** (attempt - 1))
    assert ceiling / 2 <= seconds <= ceiling


def test_the_server_is_never_undercut() -> None:
    rng = np.random.default_rng(0)
    assert BackOff().seconds(1, asked=30.0, rng=rng) == 30.0
    assert BackOff().seconds(5, asked=0.1, rng=rng) >= 8.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("inf", None),
        ("nan", None),
        ("Sun, 01 Mar 2026 12:00:10 GMT", 10.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=NOW) == seconds


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first": 0.0}, {"first": 9.0, "longest": 3.0}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="back-off: got"):
        BackOff(**wrong)  # type: ignore[arg-type]
