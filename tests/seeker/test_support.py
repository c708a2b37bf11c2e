import numpy as np
import pytest

from corpus.strategy import Strategy
from env.seekers.retrieval.strategy_tracks import StrategyTracks, Support, effective_strategies

Q, R, A, S = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def test_effective_number_by_hand() -> None:
    numbers = effective_strategies(StrategyTracks.of([[(Q,), (A,), (Q,), (A,)], [(Q,), (Q,), (Q,), (A, R)]]))
    assert numbers[0] == pytest.approx([1, 2, np.exp(-(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))), 2])
    assert numbers[1, 2] == pytest.approx(1)


def test_what_training_did_is_supported_and_what_it_never_did_is_not() -> None:
    varied = [[(Q,), (R,), (A,), (S,)], [(Q,), (A,), (R,), (S,)]] * 20
    support = Support.fit(StrategyTracks.of(varied))
    assert support(StrategyTracks.of(varied)) == pytest.approx(1)
    # The first turn of a constant is like any; none after it is.
    assert support(StrategyTracks.of([[(Q,)] * 4])) == pytest.approx(1 / 4)
    assert support(StrategyTracks.of([[(Q,), (A,)] * 4])) == pytest.approx(2 / 8)
    assert support(StrategyTracks.of([[(Q,)]])) == pytest.approx(1)


def test_nearly_all_training_conversations_are_fully_supported() -> None:
    rng = np.random.default_rng(0)
    plans = [[(Strategy(int(s)),) for s in rng.integers(0, 8, 10)] for _ in range(400)]
    tracks = StrategyTracks.of(plans)
    support = Support.fit(tracks)(tracks)
    assert (support == 1).mean() > 0.6
    assert support.mean() > 0.96
