"""The network behind every trained planner: history and plan so far to the next decision."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from corpus.strategy import Strategy
from encoding.plan_codec import STOP

# Entries of a unit vector of length D are about 1/sqrt(D); this brings them to the size of the other features.
_EMBEDDING_GAIN = 0.3
_IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of a :class:`DecisionNetwork`.

    Attributes:
        history: H, entries of the encoded history.
        plan: P, entries of the encoded plan so far.
        embedding: D, length of a message embedding; the first ``window`` blocks of the history hold one each.
        window: W, number of such blocks.
        members: M, networks whose probabilities are averaged.
        width: F, hidden units of each member.
    """

    history: int
    plan: int
    embedding: int
    window: int
    members: int
    width: int


class DecisionNetwork(nn.Module):
    """M small networks side by side; the decision's distribution is the mean of theirs.

    Averaging a few members trained on different orders of the data is worth more here than one larger network: the
    labels are noisy and 910 dialogues are few (Lakshminarayanan et al., "Deep Ensembles", NeurIPS 2017).

    Each member has one hidden layer, in which history and plan so far meet:
    ``logits = W2 relu(Wh history + Wp plan + b1) + b2``.

    Args:
        shape: Sizes.
        dropout: Share of hidden units dropped in training.
        input_dropout: Share of history entries dropped in training.
    """

    def __init__(self, shape: NetworkShape, *, dropout: float, input_dropout: float) -> None:
        super().__init__()
        self.shape = shape
        members, width = shape.members, shape.width
        self.history_weight = nn.Parameter(torch.randn(members, shape.history, width) * shape.history**-0.5)
        self.plan_weight = nn.Parameter(torch.randn(members, shape.plan, width) * shape.plan**-0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(members, 1, width))
        self.decision_weight = nn.Parameter(torch.randn(members, width, STOP + 1) * 0.5 * width**-0.5)
        self.decision_bias = nn.Parameter(torch.zeros(members, 1, STOP + 1))
        self.value_weight = nn.Parameter(torch.zeros(members, width, 1))
        self.value_bias = nn.Parameter(torch.zeros(1))
        self.dropout = nn.Dropout(dropout)
        self.input_dropout = nn.Dropout(input_dropout)
        gain = torch.ones(shape.history)
        message = shape.embedding + 2 + len(Strategy)
        for start in [slot * message for slot in range(shape.window)] + [shape.window * message]:
            gain[start : start + shape.embedding] = _EMBEDDING_GAIN * shape.embedding**0.5
        self.gain: Tensor
        self.register_buffer("gain", gain)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.gain.device

    def encode_history(self, history: Tensor) -> Tensor:
        """The history's share of the hidden layer. Shape: (B, H) or (M, B, H) -> (M, B, F)."""
        scaled = self.input_dropout((history * self.gain).expand(self.shape.members, -1, -1))
        return torch.bmm(scaled, self.history_weight)

    def hidden(self, encoded: Tensor, plan: Tensor) -> Tensor:
        """The hidden layer. ``encoded``: (M, B, F); ``plan``: (B, P) or (M, B, P) -> (M, B, F)."""
        planned = torch.bmm(plan.expand(self.shape.members, -1, -1), self.plan_weight)
        return self.dropout(torch.relu(encoded + planned + self.hidden_bias))

    def member_log_probabilities(self, hidden: Tensor, allowed: Tensor) -> Tensor:
        """Each member's log-probabilities of the nine decisions.

        Args:
            hidden: Shape: (M, B, F).
            allowed: Which decisions can be taken. Shape: (B, 9) or (M, B, 9), bool.

        Returns:
            Shape: (M, B, 9).
        """
        logits = torch.bmm(hidden, self.decision_weight) + self.decision_bias
        return logits.masked_fill(~allowed, _IMPOSSIBLE).log_softmax(-1)

    def log_probabilities(self, hidden: Tensor, allowed: Tensor) -> Tensor:
        """Log of the members' mean probability. Shapes: (M, B, F), (B, 9) -> (B, 9)."""
        members = self.member_log_probabilities(hidden, allowed)
        return members.logsumexp(0) - torch.tensor(float(len(members))).log()

    def value(self, hidden: Tensor) -> Tensor:
        """Expected return. The hidden layer is detached: the critic must not bend the planner. (M, B, F) -> (B,)."""
        return torch.bmm(hidden.detach(), self.value_weight).mean(0).squeeze(-1) + self.value_bias
