"""The losses and the learning rate of behaviour cloning."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from planner.base_models.networks import one_cycle, reasoning_loss


def test_unknown_labels_teach_nothing() -> None:
    scores = [torch.tensor([[0.0, np.log(3.0)], [0.0, 0.0]]), torch.zeros(2, 4, requires_grad=True)]
    labels = torch.tensor([[1, -1], [-1, -1]])
    loss = reasoning_loss(scores, labels)
    assert float(loss) == pytest.approx(-np.log(3 / 4))
    nothing = reasoning_loss(scores, torch.full((2, 2), -1))
    assert float(nothing) == 0.0
    assert nothing.dtype == torch.float32


def test_losses_of_slots_are_summed_and_means_over_known_labels() -> None:
    scores = [torch.zeros(3, 2), torch.zeros(3, 5)]
    labels = torch.tensor([[0, 4], [1, -1], [-1, -1]])
    assert float(reasoning_loss(scores, labels)) == pytest.approx(np.log(2) + np.log(5))


def test_the_rate_goes_up_over_a_tenth_and_down_to_nothing() -> None:
    assert one_cycle(0.0) == pytest.approx(0.1)
    assert one_cycle(0.05) == pytest.approx(0.55)
    assert one_cycle(0.1) == pytest.approx(1.0)
    assert one_cycle(0.55) == pytest.approx(0.5)
    assert one_cycle(1.0) == pytest.approx(0.0)
    rates = [one_cycle(step / 100) for step in range(101)]
    assert max(rates) == pytest.approx(1.0)
    assert all(a > b for a, b in pairwise(rates[10:]))
