import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.base_models.ensemble import fold_of_dialogues


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_every_dialogue_is_in_one_fold_and_folds_are_of_equal_size_up_to_one(
    dialogues: int, folds: int, seed: int
) -> None:
    dialogues += folds - 1
    fold = fold_of_dialogues(dialogues, folds=folds, seed=seed)
    sizes = np.bincount(fold, minlength=folds)
    assert fold.shape == (dialogues,)
    assert len(sizes) == folds
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(fold, fold_of_dialogues(dialogues, folds=folds, seed=seed))


def test_folds_are_drawn() -> None:
    first, other = (fold_of_dialogues(50, folds=5, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(50) % 5)


def test_fewer_dialogues_than_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="2 training dialogues for 5 folds, expected at least one each"):
        fold_of_dialogues(2, folds=5, seed=0)
