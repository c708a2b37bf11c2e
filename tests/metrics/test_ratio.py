"""Division with a stated result for the empty denominator."""

import numpy as np

from metrics.statistics.estimate import ratio


def test_empty_denominators_give_the_stated_result() -> None:
    result = ratio(np.array([1.0, 2.0, 0.0]), np.array([4.0, 0.0, 0.0]), empty=7.0)
    assert result.tolist() == [0.25, 7.0, 7.0]


def test_shapes_broadcast() -> None:
    assert ratio(np.ones((2, 1)), np.array([[2.0, 0.0]]), empty=0.0).tolist() == [[0.5, 0.0], [0.5, 0.0]]
