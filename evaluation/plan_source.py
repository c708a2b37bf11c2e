"""Where the plan of a response comes from: the corpus, the generator itself, chance, or a planner.

Oracle, Joint and Random are the three settings of Liu et al., ACL 2021, section 6.1.
"""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Turn, Utterance
from corpus.strategy import ESCONV_COUNTS, Strategy
from planner.plan import Planner

PLAN_SOURCES = ("oracle", "joint", "random", "planner")

# Turns of ESConv (1,300 dialogues) with 1, 2, ... messages: what a random plan of a whole turn takes its length from.
ESCONV_TURN_LENGTHS: dict[int, int] = {1: 12608, 2: 2427, 3: 256, 4: 26, 5: 7, 7: 1}

ScoredItem = Utterance | Turn


def gold_plan(item: ScoredItem) -> tuple[Strategy, ...]:
    """The strategies the corpus gives: one of a message, all of a turn."""
    return item.plan if isinstance(item, Turn) else (item.strategy,)


def choose_plans(
    items: Sequence[ScoredItem], source: str, *, rng: np.random.Generator, planner: Planner | None = None
) -> list[tuple[Strategy, ...] | None]:
    """The plan of every item.

    Args:
        items: All messages, or all turns.
        source: ``oracle`` takes the gold plan; ``joint`` leaves it to the generator (``None``); ``random`` draws
            strategies by their share in ESConv (and of a turn its length); ``planner`` asks a planner.
        rng: For ``random``.
        planner: For ``planner`` and only for it.

    Returns:
        A plan, or ``None`` for ``joint``, for every item.

    Raises:
        ValueError: Unknown source, or a planner given or missing against the source.
    """
    if source not in PLAN_SOURCES:
        raise ValueError(f"unknown plan source {source!r}, expected one of {', '.join(PLAN_SOURCES)}")
    if source == "planner":
        if planner is None:
            raise ValueError("plan source 'planner' needs a planner")
        return _ask(planner, items)
    if planner is not None:
        raise ValueError(f"plan source {source!r} takes no planner, got {planner.name}")
    if source == "joint":
        return [None] * len(items)
    if source == "oracle":
        return [gold_plan(item) for item in items]
    return [_draw(rng, isinstance(item, Turn)) for item in items]


def _ask(planner: Planner, items: Sequence[ScoredItem]) -> list[tuple[Strategy, ...] | None]:
    turns = [item for item in items if isinstance(item, Turn)]
    utterances = [item for item in items if isinstance(item, Utterance)]
    if turns and utterances:
        raise ValueError(f"expected all messages or all turns, got {len(utterances)} and {len(turns)}")
    if turns:
        return [plan.strategies for plan in planner.plans([turn.history for turn in turns])]
    probabilities = planner.strategy_probabilities([utterance.history for utterance in utterances])
    return [(Strategy(int(best)),) for best in probabilities.argmax(axis=1)]


def _draw(rng: np.random.Generator, whole_turn: bool) -> tuple[Strategy, ...]:
    count = int(rng.choice(list(ESCONV_TURN_LENGTHS), p=_shares(ESCONV_TURN_LENGTHS))) if whole_turn else 1
    return tuple(Strategy(int(one)) for one in rng.choice(len(Strategy), size=count, p=_shares(ESCONV_COUNTS)))


def _shares(counts: dict[int, int] | dict[Strategy, int]) -> np.ndarray:
    values = np.array(list(counts.values()), dtype=np.float64)
    return values / values.sum()
