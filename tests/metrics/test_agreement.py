import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metrics.statistics.agreement import fleiss_kappa

# Ten items, fourteen raters, five categories: the usual worked example of Fleiss' kappa, 0.210.
WORKED = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_worked_example() -> None:
    assert fleiss_kappa(np.array(WORKED)) == pytest.approx(0.210, abs=5e-4)


def test_full_and_no_agreement() -> None:
    assert fleiss_kappa(np.array([[3, 0], [0, 3]])) == pytest.approx(1)
    assert fleiss_kappa(np.array([[1, 1], [1, 1]])) == pytest.approx(-1)


def test_items_with_one_rater_count_nowhere() -> None:
    table = np.array([[3, 0, 0], [1, 2, 0], [0, 1, 1]])
    assert fleiss_kappa(np.vstack([table, [[0, 0, 1], [0, 0, 0]]])) == fleiss_kappa(table)


def test_undefined() -> None:
    assert math.isnan(fleiss_kappa(np.array([[1, 0], [0, 1]])))
    assert math.isnan(fleiss_kappa(np.array([[3, 0], [2, 0]])))
    assert math.isnan(fleiss_kappa(np.zeros((0, 3), int)))


def test_no_table_of_counts() -> None:
    for wrong in (np.array([[0.5, 1.5]]), np.array([[-1, 3]]), np.array([1, 2])):
        with pytest.raises(ValueError, match="expected counts"):
            fleiss_kappa(wrong)


@given(arrays(np.int64, (6, 3), elements=st.integers(0, 4)))
def test_order_of_items_and_categories_does_not_matter(table: np.ndarray) -> None:
    kappa = fleiss_kappa(table)
    turned = fleiss_kappa(table[::-1, ::-1])
    assert (math.isnan(kappa) and math.isnan(turned)) or kappa == pytest.approx(turned)
    assert math.isnan(kappa) or kappa <= 1 + 1e-9
