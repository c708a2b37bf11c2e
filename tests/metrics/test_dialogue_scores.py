"""Three conversations of two seekers, every metric worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from corpus.strategy import ESCONV_COUNTS
from metrics.statistics.bootstrap import estimates, joined_tally, tally_values
from metrics.strategy.dialogues import DialogueOutcome, dialogue_signature, dialogue_tally, strategy_use_tally

HELPED = DialogueOutcome(True, False, (4.0, 3.0, 2.0), (0, 5), ((0,), (4, 5)))
LEFT = DialogueOutcome(False, True, (5.0, 5.0), (2,), ((0,),))
TIRED = DialogueOutcome(False, False, (3.0, 3.5, 2.5, 2.5), (0, 0, 0), ((0,), (), (7, 7)))


def values(*outcomes: DialogueOutcome) -> dict[str, float]:
    seekers = np.arange(len(outcomes))
    return tally_values(
        joined_tally([dialogue_tally(outcomes, seekers, max_turns=3), strategy_use_tally(outcomes, seekers)])
    )


def test_all_metrics_by_hand() -> None:
    scores = values(HELPED, LEFT, TIRED)
    expected = {
        "success_rate": 100 / 3,
        "average_turns": (2 + 3 + 3) / 3,
        "gave_up_rate": 100 / 3,
        "intensity_drop": (2 + 0 + 0.5) / 3,
        "feedback": 3.5,
        # Used: Question 3, Affirmation 1, Suggestions 1, Others 2, of 7; six turns.
        "plan_length": 7 / 6,
        "entropy": -(3 / 7 * np.log2(3 / 7) + 2 * (1 / 7) * np.log2(1 / 7) + 2 / 7 * np.log2(2 / 7)),
        "success_at_1": 0.0,
        "success_at_2": 100 / 3,
        "success_at_3": 100 / 3,
        "intensity_after_0": 4.0,
        "intensity_after_1": (3 + 5 + 3.5) / 3,
        "intensity_after_2": (2 + 5 + 2.5) / 3,
        "intensity_after_3": (2 + 5 + 2.5) / 3,
    }
    assert scores.keys() == {*expected, "preference_bias"}
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value), name


def test_bias_is_against_the_shares_of_esconv() -> None:
    as_in_esconv = tuple(strategy for strategy, count in ESCONV_COUNTS.items() for _ in range(count))
    assert values(replace(HELPED, plans=((0,), as_in_esconv[1:])))["preference_bias"] == pytest.approx(0, abs=1e-4)
    assert values(replace(HELPED, plans=((3,), (3, 3))))["preference_bias"] == pytest.approx(np.sqrt(7), abs=0.01)
    # Only Question and Others: preferences in proportion to use over share, the six others 0.
    scores = values(replace(HELPED, plans=((0,), (7,))))
    preference = np.array([1 / ESCONV_COUNTS[0], 1 / ESCONV_COUNTS[7], 0, 0, 0, 0, 0, 0])  # type: ignore[index]
    assert scores["preference_bias"] == pytest.approx((8 * preference / preference.sum()).std(), abs=0.01)


def test_nobody_rates() -> None:
    assert np.isnan(values(TIRED)["feedback"])


def test_conversations_of_one_seeker_are_drawn_together() -> None:
    tally = dialogue_tally([HELPED, LEFT, HELPED, LEFT], [8, 8, 3, 3], max_turns=3)
    assert tally.dialogues.tolist() == [3, 8]
    success = estimates(tally, rng=np.random.default_rng(0), samples=200)["success_rate"]
    assert (success.value, success.low, success.high) == (50, 50, 50)


def test_signature() -> None:
    assert dialogue_signature(max_turns=10, samples=1000, seeker="x") == (
        "protocol:dialogue|turns:10|at:failures-count-maximum|trajectory:last-carried-forward|"
        "bias:bradley-terry-20-against-esconv-shares|entropy:bits|bootstrap:seeker-1000|seeker:x|version:1"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feedbacks": (5,)}, "2 plans, 1 ratings, 3 intensities"),
        ({"intensities": (4.0, 3.0)}, "2 plans, 2 ratings, 2 intensities"),
        ({"plans": (), "feedbacks": (), "intensities": (4.0,)}, "0 plans"),
        ({"gave_up": True}, "succeeded was not given up"),
    ],
)
def test_impossible_conversations_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(HELPED, **change)


def test_too_many_turns_or_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a conversation of 3 turns, expected at most 2"):
        dialogue_tally([TIRED], [0], max_turns=2)
    with pytest.raises(ValueError, match="nothing to score"):
        dialogue_tally([], [], max_turns=2)
