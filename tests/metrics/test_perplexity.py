"""Perplexity per token and per response."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.statistics.bootstrap import estimates, tally_values
from metrics.text.perplexity import perplexity_tally

responses = st.lists(st.tuples(st.floats(0, 200), st.integers(1, 50), st.integers(0, 3)), min_size=1, max_size=15)


def _score(losses: list, tokens: list, dialogue: list) -> dict[str, float]:
    return tally_values(perplexity_tally(losses, tokens, dialogue))


def test_hand_worked_table() -> None:
    # Two tokens of probability 1/2 and one of 1/8. Corpus: (2 ln 2 + 3 ln 2) / 3 per token: 2^(5/3).
    # Responses: 2 and 8, mean 5.
    scores = _score([2 * math.log(2), math.log(8)], [2, 1], [1, 2])
    assert scores == pytest.approx({"ppl": 2 ** (5 / 3), "ppl_mean": 5.0})


def test_one_token_and_certainty() -> None:
    assert _score([math.log(7)], [1], [1]) == pytest.approx({"ppl": 7.0, "ppl_mean": 7.0})
    assert _score([0.0], [3], [1]) == {"ppl": 1.0, "ppl_mean": 1.0}


@settings(max_examples=40, deadline=None)
@given(responses)
def test_at_least_one_and_equal_for_responses_of_one_length(rows: list) -> None:
    losses, tokens, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = estimates(perplexity_tally(losses, tokens, dialogue), rng=np.random.default_rng(0), samples=10)
    assert all(1.0 - 1e-9 <= estimate.low <= estimate.high for estimate in scores.values())
    same_length = _score(losses, [4] * len(losses), dialogue)
    assert same_length["ppl"] <= same_length["ppl_mean"] * (1 + 1e-9)  # Jensen
    equal = _score([5.0] * len(losses), [4] * len(losses), dialogue)
    assert equal["ppl"] == pytest.approx(equal["ppl_mean"])


@pytest.mark.parametrize(
    ("losses", "tokens", "dialogue", "complaint"),
    [
        ([], [], [], "the corpus is empty"),
        ([1.0], [1, 2], [1], "token counts of shape"),
        ([1.0, 1.0], [1, 0], [1, 1], "item 1 has 0 tokens"),
        ([1.0], [1.5], [1], "expected whole numbers"),
        ([math.nan], [1], [1], "negative log-likelihood nan of item 0"),
        ([-1.0], [1], [1], "negative log-likelihood -1.0 of item 0"),
        ([1.0], [1], [1, 2], "expected one for each of 1 items"),
    ],
)
def test_wrong_input_is_refused_in_one_line(losses: list, tokens: list, dialogue: list, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        perplexity_tally(losses, tokens, dialogue)
    assert "\n" not in str(caught.value)


def test_a_suffix_tells_two_ways_of_counting_apart() -> None:
    values = tally_values(perplexity_tally([2.0, 4.0], [2, 2], [0, 1], suffix="_with_strategy"))
    assert values == {
        "ppl_with_strategy": pytest.approx(np.exp(6 / 4)),
        "ppl_mean_with_strategy": pytest.approx((np.exp(1) + np.exp(2)) / 2),
    }
