"""The reasoning behind plans, read off a deliberation."""

import torch

from corpus.reasoning import Reasoning
from planner.beliefs import BeliefLayout
from planner.deliberation import Deliberation


def reasoning_of(deliberation: Deliberation, layout: BeliefLayout) -> list[Reasoning | None]:
    """The most probable value of each slot of each history, with its probability.

    Plans weigh every need and stage by its probability; what is shown is the likeliest, which a plan may differ from
    where another is nearly as likely.

    Returns:
        One per history; ``None`` without reasoning.
    """
    codec = layout.reasoning
    if codec is None:
        return [None] * len(deliberation.decisions)
    best = [marginal.max(1) for marginal in deliberation.slot_marginals()]
    values = torch.stack([slot.indices for slot in best], dim=1).cpu().numpy()
    probabilities = torch.stack([slot.values for slot in best], dim=1).cpu().numpy()
    return [codec.reasoning(row, chances) for row, chances in zip(values, probabilities, strict=True)]
