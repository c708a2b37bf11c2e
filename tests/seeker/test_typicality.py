import numpy as np
import pytest

from corpus.strategy import Strategy
from env.seekers.retrieval.typicality import Typicality, cross_fitted

Q, S = Strategy.QUESTION, Strategy.SUGGESTIONS


def data(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[Strategy, ...]]]:
    state = rng.normal(size=(400, 2))
    return state, [(Q,) if row[0] + 0.3 * rng.normal() > 0 else (S,) for row in state]


def test_what_supporters_did_in_such_states_is_typical() -> None:
    model = Typicality.fit(*data(np.random.default_rng(0)))
    here = np.array([[2.0, 0.0]])
    assert model(here, [(Q,)])[0] > 0 > model(here, [(S,)])[0]
    assert model(here, [(Strategy.OTHERS,)])[0] == -6  # never seen, and bounded


def test_plans_drawn_from_the_model_score_zero_on_average() -> None:
    rng = np.random.default_rng(1)
    model = Typicality.fit(*data(rng))
    state = rng.normal(size=(1, 2)) * 0.1
    scores = {plan: float(model(state, [plan])[0]) for plan in ((Q,), (S,))}
    # log p + H: from the two scores follow p and H; their mean under p is 0.
    odds = np.exp(scores[(Q,)] - scores[(S,)])
    p = odds / (1 + odds)
    assert p * scores[(Q,)] + (1 - p) * scores[(S,)] == pytest.approx(0, abs=1e-6)


def test_cross_fitting_never_asks_a_model_about_its_own_dialogues() -> None:
    state, plans = data(np.random.default_rng(2))
    dialogue = np.arange(400) // 4
    values = cross_fitted(state, plans, dialogue, folds=5)
    kept = dialogue % 5 != 3
    held = np.flatnonzero(~kept)
    other = Typicality.fit(state[kept], [plans[row] for row in np.flatnonzero(kept)])
    assert values[held] == pytest.approx(other(state[held], [plans[row] for row in held]))


def test_one_strategy_only_is_refused() -> None:
    with pytest.raises(ValueError, match="all training messages have one strategy"):
        Typicality.fit(np.zeros((3, 2)), [(Q,)] * 3)
