"""Protocol dialogue: whole conversations with a simulated seeker, as for planners trained by RL.

Success rate and average turns as in PPDPP (Deng et al., ICLR 2024, arXiv 2311.00262); the other metrics are defined at
:func:`dialogue_formula` and :func:`strategy_use_formula`. The unit of the bootstrap is the seeker: conversations of one
seeker under different seeds are not independent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.strategy import ESCONV_COUNTS, Strategy
from metrics.metric import Metric
from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals
from metrics.statistics.estimate import ratio, signature
from metrics.strategy.classification import CLASSES, entropy, preference_bias

_SHARES = np.array([ESCONV_COUNTS[strategy] for strategy in Strategy], np.float64)
_SCALARS = 9  # conversations, successes, turns counted, given up, fall, stars, ratings, turns taken, strategies used


@dataclass(frozen=True)
class DialogueOutcome:
    """What one conversation came to.

    Attributes:
        success: Whether the seeker was helped.
        gave_up: Whether the seeker ended it unhelped.
        intensities: Emotion intensity before, and after each of the n turns; 1..5. Length: n + 1.
        feedbacks: Stars after each turn, 1..5, 0 where none were given. Length: n.
        plans: Strategies of each turn, 0..7. Length: n.
    """

    success: bool
    gave_up: bool
    intensities: tuple[float, ...]
    feedbacks: tuple[int, ...]
    plans: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        turns = len(self.plans)
        if not turns or len(self.feedbacks) != turns or len(self.intensities) != turns + 1:
            raise ValueError(
                f"{turns} plans, {len(self.feedbacks)} ratings, {len(self.intensities)} intensities; expected n, n and "
                "n + 1, n at least 1"
            )
        if self.success and self.gave_up:
            raise ValueError("a conversation that succeeded was not given up")


def dialogue_signature(*, max_turns: int, samples: int, **fields: object) -> str:
    """Signature of :func:`dialogue_tally`; ``fields`` are added: seeker, responder, rules, data, seeds."""
    return signature(
        "dialogue",
        turns=max_turns,
        at="failures-count-maximum",
        trajectory="last-carried-forward",
        bias="bradley-terry-20-against-esconv-shares",
        entropy="bits",
        bootstrap=f"seeker-{samples}",
        **fields,
    )


def dialogue_tally(outcomes: Sequence[DialogueOutcome], seeker: Sequence[int] | np.ndarray, *, max_turns: int) -> Tally:
    """Each seeker's sums over its conversations: all that :func:`dialogue_formula` depends on.

    Args:
        outcomes: N conversations of at most ``max_turns`` turns.
        seeker: Whose they are. Shape: (N,), int.
        max_turns: T, where conversations are cut off.

    Raises:
        ValueError: Nothing to score, or a conversation has more turns.
    """
    seekers, position = dialogue_index(seeker, items=len(outcomes))
    statistics = np.stack([_statistics(outcome, max_turns) for outcome in outcomes])
    return Tally(seekers, dialogue_totals(statistics, position), dialogue_formula(max_turns))


def _statistics(outcome: DialogueOutcome, max_turns: int) -> np.ndarray:
    """What one conversation adds: scalars, success by turn (T), intensity after 0..T turns."""
    turns = len(outcome.plans)
    if turns > max_turns:
        raise ValueError(f"a conversation of {turns} turns, expected at most {max_turns}")
    rated = [stars for stars in outcome.feedbacks if stars]
    counted = turns if outcome.success else max_turns
    fall = outcome.intensities[0] - outcome.intensities[-1]
    used = sum(map(len, outcome.plans))
    scalars = [1, outcome.success, counted, outcome.gave_up, fall, sum(rated), len(rated), turns, used]
    by_turn = outcome.success & (np.arange(1, max_turns + 1) >= turns)
    course = [*outcome.intensities, *[outcome.intensities[-1]] * (max_turns - turns)]
    return np.concatenate([scalars, by_turn, course])


def dialogue_formula(max_turns: int) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """The metrics of how conversations went, of sums over them.

    Returns:
        A function from sums (R, K) to ``success_rate`` (SR, 0..100), ``average_turns`` (AT, turns; a conversation
        without success counts ``max_turns``), ``success_at_1`` ... (SR@k: helped within k turns, 0..100),
        ``gave_up_rate`` (0..100), ``intensity_drop`` (before minus at the end, points), ``intensity_after_0`` ...
        (mean intensity after k turns, that of conversations which have ended carried forward), ``feedback`` (mean of
        the stars given; NaN where none were), ``plan_length`` (strategies per turn).
    """

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        scalars, by_turn, course = np.split(sums, [_SCALARS, _SCALARS + max_turns], axis=1)
        conversations, successes, counted, given_up, fall, stars, ratings, turns, used = scalars.T
        return {
            "success_rate": 100.0 * successes / conversations,
            "average_turns": counted / conversations,
            "gave_up_rate": 100.0 * given_up / conversations,
            "intensity_drop": fall / conversations,
            "feedback": ratio(stars, ratings, empty=np.nan),
            "plan_length": used / turns,
            **{f"success_at_{k}": 100.0 * column / conversations for k, column in enumerate(by_turn.T, start=1)},
            **{f"intensity_after_{k}": column / conversations for k, column in enumerate(course.T)},
        }

    return formula


def strategy_use_tally(outcomes: Sequence[DialogueOutcome], seeker: Sequence[int] | np.ndarray) -> Tally:
    """Each seeker's count of the strategies used in its conversations, for :func:`strategy_use_formula`.

    Arguments as in :func:`dialogue_tally`; beside it, because the bias is much dearer to resample than all the rest.
    """
    seekers, position = dialogue_index(seeker, items=len(outcomes))
    use = [
        np.bincount([strategy for plan in outcome.plans for strategy in plan], minlength=CLASSES)
        for outcome in outcomes
    ]
    return Tally(seekers, dialogue_totals(np.stack(use).astype(np.float64), position), strategy_use_formula)


def strategy_use_formula(sums: np.ndarray) -> dict[str, np.ndarray]:
    """How evenly strategies are used, of counts (R, 8).

    Returns:
        ``entropy`` (bits, 0..3) and ``preference_bias`` (B: that of :func:`preference_bias` if every
        message stood against one sampled from ESConv's shares, because a simulated conversation has no gold; 0 =
        strategies are used as in ESConv, 2.65 = always one and the same).
    """
    return {"entropy": entropy(sums), "preference_bias": preference_bias(_SHARES[:, None] * sums[:, None, :])}


METRICS = tuple(
    Metric(name, label, meaning, better, protocols=("dialogue",), requires="conversations")
    for name, label, meaning, better in (
        ("success_rate", "SR", "dialogues that succeed, %", "higher"),
        ("average_turns", "AT", "mean turns, failures count the maximum", "lower"),
        ("intensity_drop", "Intensity drop", "emotion intensity before minus after", "higher"),
        ("success_at_5", "SR@5", "dialogues that succeed within five turns, %", "higher"),
        ("gave_up_rate", "Gave up", "dialogues that the seeker ends unhelped, %", "lower"),
        ("feedback", "Feedback", "mean of the stars the seeker gives, 1 to 5", "higher"),
    )
)
