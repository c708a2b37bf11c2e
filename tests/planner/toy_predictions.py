"""Small predictions and policy networks: every reasoning chain and plan of theirs can be enumerated."""

import torch
from torch import Tensor

from encoding.observation import STATISTICS
from encoding.plan_codec import STOP, PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from planner.base_models.fine_tuned_encoder import OUTPUTS
from planner.base_models.predictions import PredictionLayout
from planner.plan_distribution import PlanSpace
from planner.policy.network import PolicyNetwork

REASONING = ReasoningCodec(("job", "love"), ("fear", "anger", "shame"))  # sizes (2, 3, 5, 4, 3)


def toy_layout(*, max_strategies: int = 2, reasons: bool = True, fine_tuned: bool = False) -> PredictionLayout:
    """A layout of 1 + 8 rows of decisions, unless told otherwise."""
    space = PlanSpace(PlanCodec(max_strategies))
    return PredictionLayout(space=space, reasoning=REASONING if reasons else None, fine_tuned=fine_tuned)


def predicted(
    layout: PredictionLayout, decisions: Tensor, *, slots: list[Tensor] | None = None, context: Tensor | None = None
) -> Tensor:
    """Predictions of given log-probabilities, uniform where none are given.

    Args:
        layout: Without fine-tuned encoders.
        decisions: Shape: (B, rows, 9).
        slots: Five of shape (B, values).
        context: Shape: (B, 45); zeros by default.
    """
    count = len(decisions)
    parts = [decisions.clamp(min=-20.0).flatten(1)]
    if layout.reasoning is not None:
        parts += slots or [torch.zeros(count, size).log_softmax(1) for size in layout.reasoning.sizes]
    parts.append(torch.zeros(count, STATISTICS) if context is None else context)
    return torch.cat(parts, dim=1)


def random_decisions(layout: PredictionLayout, count: int, *, seed: int) -> Tensor:
    """Log-probabilities of decisions, far from uniform. Shape: (count, rows, 9)."""
    logits = torch.randn(count, layout.rows, STOP + 1, generator=torch.Generator().manual_seed(seed))
    return logits.masked_fill(~layout.space.allowed, -1e9).log_softmax(-1)


def random_predictions(layout: PredictionLayout, count: int, *, seed: int = 0) -> Tensor:
    """Random predictions. Shape: (count, S), float32."""
    generator = torch.Generator().manual_seed(seed + 1)
    parts = [random_decisions(layout, count, seed=seed).clamp(min=-20.0).flatten(1)]
    if layout.reasoning is not None:
        parts += [torch.randn(count, size, generator=generator).log_softmax(1) for size in layout.reasoning.sizes]
    if layout.fine_tuned:
        parts.append(torch.randn(count, OUTPUTS, generator=generator))
    parts.append(torch.rand(count, STATISTICS, generator=generator))
    return torch.cat(parts, dim=1)


def uniform_predictions(layout: PredictionLayout, context: Tensor) -> Tensor:
    """Predictions that tell nothing beside the context. Shape: (B, 45) -> (B, S)."""
    logits = torch.zeros(len(context), layout.rows, STOP + 1).masked_fill(~layout.space.allowed, -1e9)
    return predicted(layout, logits.log_softmax(-1), context=context)


def stirred_network(layout: PredictionLayout, *, seed: int = 0, size: float = 0.6) -> PolicyNetwork:
    """A network none of whose corrections is zero."""
    generator = torch.Generator().manual_seed(seed)
    network = PolicyNetwork(layout, width=6, dropout=0.0).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
    return network
