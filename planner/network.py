"""The network behind every trained planner: history and plan so far to the next decision."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from corpus.strategy import Strategy
from encoding.plan_codec import STOP

# Entries of a unit vector of length D are about 1/sqrt(D); this brings them to the size of the other features.
_EMBEDDING_GAIN = 0.3
_IMPOSSIBLE = -1e9
_KINDS = 3  # of members: hidden layers on meaning, linear on meaning, linear on words


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of a :class:`DecisionNetwork`.

    Attributes:
        history: H, entries of the encoded history, whose message vectors are joined from meaning and words.
        plan: P, entries of the encoded plan so far.
        meaning: D, length of a message's sentence embedding.
        words: V, length of a message's TF-IDF vector, which follows the embedding.
        window: W, messages in the window.
        members: M, networks with a hidden layer.
        width: F, their hidden units.
    """

    history: int
    plan: int
    meaning: int
    words: int
    window: int
    members: int
    width: int


class Encoded(NamedTuple):
    """What histories contribute to a decision, whatever the plan so far.

    Attributes:
        hidden: Share of the hidden layers. Shape: (M, B, F).
        meaning: Share of the linear member on meaning. Shape: (B, 9).
        words: Share of the linear member on words. Shape: (B, 9).
    """

    hidden: Tensor
    meaning: Tensor
    words: Tensor


class DecisionNetwork(nn.Module):
    """A mixture of three kinds of members, each kind with a third of the weight.

    M networks with one hidden layer on sentence embeddings, in which history and plan so far meet; one linear model
    on sentence embeddings; one linear model on TF-IDF vectors. All see the other features too. Labels are noisy and 910
    dialogues are few: the mean over unlike models is worth more than one larger model (Lakshminarayanan et al., "Deep
    Ensembles", NeurIPS 2017). It stays one differentiable policy, so PPO trains all of it.

    Args:
        shape: Sizes.
        dropout: Share of hidden units dropped in training.
        input_dropout: Share of history entries dropped in training.
    """

    def __init__(self, shape: NetworkShape, *, dropout: float, input_dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.meaning_columns: Tensor
        self.words_columns: Tensor
        self.gain: Tensor
        meaning, words = _columns(shape)
        self.register_buffer("meaning_columns", meaning)
        self.register_buffer("words_columns", words)
        self.register_buffer("gain", _gain(shape, meaning))
        members, width = shape.members, shape.width
        self.history_weight = nn.Parameter(torch.randn(members, len(meaning), width) * len(meaning) ** -0.5)
        self.plan_weight = nn.Parameter(torch.randn(members, shape.plan, width) * shape.plan**-0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(members, 1, width))
        self.decision_weight = nn.Parameter(torch.randn(members, width, STOP + 1) * 0.5 * width**-0.5)
        self.decision_bias = nn.Parameter(torch.zeros(members, 1, STOP + 1))
        self.value_weight = nn.Parameter(torch.zeros(members, width, 1))
        self.value_bias = nn.Parameter(torch.zeros(1))
        self.linear_meaning = nn.Linear(len(meaning) + shape.plan, STOP + 1)
        self.linear_words = nn.Linear(len(words) + shape.plan, STOP + 1)
        self.dropout = nn.Dropout(dropout)
        self.input_dropout = nn.Dropout(input_dropout)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.gain.device

    def hidden_parameters(self) -> list[nn.Parameter]:
        """What cloning trains by gradient: everything but the linear members and the critic."""
        return [
            self.history_weight,
            self.plan_weight,
            self.hidden_bias,
            self.decision_weight,
            self.decision_bias,
        ]

    def encode_history(self, history: Tensor) -> Encoded:
        """What histories contribute. Shape: (B, H)."""
        meaning, words = history[:, self.meaning_columns], history[:, self.words_columns]
        return Encoded(
            self._hidden_share(meaning.expand(self.shape.members, -1, -1)),
            meaning @ self.linear_meaning.weight[:, : meaning.shape[1]].T,
            words @ self.linear_words.weight[:, : words.shape[1]].T,
        )

    def decide(self, encoded: Encoded, plan: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """One decision per history.

        Args:
            encoded: B histories.
            plan: Plans so far. Shape: (B, P).
            allowed: Possible decisions. Shape: (B, 9), bool.

        Returns:
            Log-probabilities (B, 9) and values (B,).
        """
        hidden = self._hidden(encoded.hidden, plan @ self.plan_weight)
        linear = (
            encoded.meaning + self._plan_share(self.linear_meaning, plan),
            encoded.words + self._plan_share(self.linear_words, plan),
        )
        return self._mixture(hidden, *linear, allowed), self._value(hidden)

    def decide_after_each(self, encoded: Encoded, plans: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """The decisions of every history after every one of R plans so far.

        Args:
            encoded: B histories.
            plans: Shape: (R, P).
            allowed: Shape: (R, 9), bool.

        Returns:
            Log-probabilities (B, R, 9) and values after the first plan (B,).
        """
        hidden = self._hidden(encoded.hidden[:, :, None], (plans @ self.plan_weight)[:, None])  # (M, B, R, F)
        meaning = encoded.meaning[:, None] + self._plan_share(self.linear_meaning, plans)  # (B, R, 9)
        words = encoded.words[:, None] + self._plan_share(self.linear_words, plans)
        return self._mixture(hidden, meaning, words, allowed), self._value(hidden[:, :, 0])

    def member_log_probabilities(self, history: Tensor, plan: Tensor, allowed: Tensor) -> Tensor:
        """Log-probabilities of each hidden member for a batch of its own, for cloning.

        Args:
            history: Shape: (M, B, H).
            plan: Shape: (M, B, P).
            allowed: Shape: (M, B, 9), bool.

        Returns:
            Shape: (M, B, 9).
        """
        hidden = self._hidden(self._hidden_share(history[..., self.meaning_columns]), torch.bmm(plan, self.plan_weight))
        return self._hidden_log_probabilities(hidden, allowed)

    def _hidden_share(self, meaning: Tensor) -> Tensor:
        return torch.bmm(self.input_dropout(meaning * self.gain), self.history_weight)

    def _hidden(self, history: Tensor, plan: Tensor) -> Tensor:
        bias = self.hidden_bias if history.dim() == 3 else self.hidden_bias[:, None]
        return self.dropout(torch.relu(history + plan + bias))

    @staticmethod
    def _plan_share(linear: nn.Linear, plan: Tensor) -> Tensor:
        return plan @ linear.weight[:, -plan.shape[-1] :].T + linear.bias

    def _hidden_log_probabilities(self, hidden: Tensor, allowed: Tensor) -> Tensor:
        rows = hidden.flatten(1, -2)  # (M, B or B * R, F)
        logits = (torch.bmm(rows, self.decision_weight) + self.decision_bias).reshape(*hidden.shape[:-1], STOP + 1)
        return _log_softmax(logits, allowed)

    def _mixture(self, hidden: Tensor, meaning: Tensor, words: Tensor, allowed: Tensor) -> Tensor:
        members = self._hidden_log_probabilities(hidden, allowed)
        kinds = torch.stack(
            [
                members.logsumexp(0) - torch.tensor(float(len(members))).log(),
                _log_softmax(meaning, allowed),
                _log_softmax(words, allowed),
            ]
        )
        return kinds.logsumexp(0) - torch.tensor(float(_KINDS)).log()

    def _value(self, hidden: Tensor) -> Tensor:
        """Expected return; the hidden layer is detached, so that the critic does not bend the planner."""
        return torch.bmm(hidden.detach(), self.value_weight).mean(0).squeeze(-1) + self.value_bias


def _log_softmax(logits: Tensor, allowed: Tensor) -> Tensor:
    return logits.masked_fill(~allowed, _IMPOSSIBLE).log_softmax(-1)


def _columns(shape: NetworkShape) -> tuple[Tensor, Tensor]:
    """Columns of an encoded history that members on meaning and on words see."""
    vector = shape.meaning + shape.words
    message = vector + 2 + len(Strategy)
    is_words = torch.zeros(shape.history, dtype=torch.bool)
    is_meaning = torch.zeros(shape.history, dtype=torch.bool)
    for start in [slot * message for slot in range(shape.window)] + [shape.window * message]:
        is_meaning[start : start + shape.meaning] = True
        is_words[start + shape.meaning : start + vector] = True
    return (~is_words).nonzero().squeeze(1), (~is_meaning).nonzero().squeeze(1)


def _gain(shape: NetworkShape, meaning: Tensor) -> Tensor:
    """Scale of each column that the hidden layers see. Shape: (columns,)."""
    message = shape.meaning + 2 + len(Strategy)
    gain = torch.ones(len(meaning))
    for start in [slot * message for slot in range(shape.window)] + [shape.window * message]:
        gain[start : start + shape.meaning] = _EMBEDDING_GAIN * shape.meaning**0.5
    return gain
