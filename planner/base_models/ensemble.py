"""The members: many models of the next decision, each trained without one fold of the dialogues."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from corpus.strategy import Strategy
from encoding.plan_codec import STOP

# Entries of a unit vector of length D are about 1/sqrt(D); this brings them to the size of the other features.
_EMBEDDING_GAIN = 0.3
IMPOSSIBLE = -1e9
_LARGEST = 80.0  # logit: 9 e^80 and e^-80 are still single-precision numbers
_CHUNK = 32  # histories whose hidden layers, after every plan so far, fit into a processor's cache
_SMALLEST = 1e-30  # a sum of probabilities is never divided by less
_KINDS = 3  # of members: hidden layer on meaning, linear on meaning, linear on words


@dataclass(frozen=True)
class EnsembleShape:
    """Sizes of a :class:`EnsembleNetwork`.

    Attributes:
        history: H, entries of the encoded history, whose message vectors are joined from meaning and words.
        plan: P, entries of the encoded plan so far.
        meaning: D, length of a message's sentence embedding.
        words: V, length of a message's TF-IDF vector, which follows the embedding.
        window: W, messages in the window.
        folds: Parts of the training dialogues; every part is kept from one member of each kind.
        members: M, networks with a hidden layer; member m never saw part m mod folds.
        width: F, their hidden units.
        reasoning: R, entries of the concatenated reasoning slots; 0 without reasoning.
    """

    history: int
    plan: int
    meaning: int
    words: int
    window: int
    folds: int
    members: int
    width: int
    reasoning: int

    def __post_init__(self) -> None:
        if self.members % self.folds:
            raise ValueError(f"members: got {self.members}, expected a multiple of the {self.folds} folds")


class EnsembleNetwork(nn.Module):
    """A mixture of three kinds of members, each kind with a third of the weight.

    Networks with one hidden layer on sentence embeddings, in which history and plan so far meet; linear models on
    sentence embeddings; linear models on TF-IDF vectors. All see the other features too. Labels are noisy and 910
    dialogues are few: the mean over unlike models is worth more than one larger model (Lakshminarayanan et al., "Deep
    Ensembles", NeurIPS 2017).

    Members are cross-fitted: of every kind there is one (or more) per fold that was trained on the other folds. Asked
    about a training dialogue, only the members answer that never saw it, so what they believe there is as good, and as
    wrong, as on new dialogues; whatever learns on top of them (offsets, reasoning, PPO) learns from honest inputs. New
    dialogues get the mean over all folds.

    Args:
        shape: Sizes.
        dropout: Share of hidden units dropped in training.
        input_dropout: Share of history entries dropped in training.
    """

    def __init__(self, shape: EnsembleShape, *, dropout: float, input_dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.meaning_columns: Tensor
        self.words_columns: Tensor
        self.gain: Tensor
        self.linear_meaning: Tensor
        self.linear_words: Tensor
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
        self.reasoning_weight = nn.Parameter(torch.randn(members, width, shape.reasoning) * 0.5 * width**-0.5)
        self.reasoning_bias = nn.Parameter(torch.zeros(members, 1, shape.reasoning))
        # Rows: history features, plan features, constant. Filled by their own solver, not by gradient.
        self.register_buffer("linear_meaning", torch.zeros(shape.folds, len(meaning) + shape.plan + 1, STOP + 1))
        self.register_buffer("linear_words", torch.zeros(shape.folds, len(words) + shape.plan + 1, STOP + 1))
        self.dropout = nn.Dropout(dropout)
        self.input_dropout = nn.Dropout(input_dropout)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.gain.device

    def decide(
        self, history: Tensor, plans: Tensor, allowed: Tensor, *, fold: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Decisions of the mixture after plans so far, and its reading of the history.

        Args:
            history: Encoded histories. Shape: (B, H).
            plans: Plan features: R plans for every history (R, P), or each history's own (B, R, P).
            allowed: Possible decisions. Shape: (R, 9) or (B, R, 9), bool.
            fold: Only members answer that never saw this part; ``None``: all of them.

        Returns:
            Log-probabilities of the decisions (B, R, 9) and unnormalised scores of the reasoning slots (B, reasoning).
        """
        members = slice(None) if fold is None else slice(fold, None, self.shape.folds)
        meaning, words = history[:, self.meaning_columns], history[:, self.words_columns]
        share = torch.einsum("bc,mcf->mbf", meaning * self.gain, self.history_weight[members])
        reasoning = (
            torch.bmm(torch.relu(share + self._empty_plan_share()[members]), self.reasoning_weight[members])
            + (self.reasoning_bias[members])
        )
        mean = (
            self._hidden(share, plans, allowed, members)
            + self._linear(self.linear_meaning, meaning, plans, allowed, fold)
            + self._linear(self.linear_words, words, plans, allowed, fold)
        ) / _KINDS
        return torch.where(allowed, mean.clamp(min=_SMALLEST).log(), IMPOSSIBLE), reasoning.mean(0)

    def member_log_probabilities(self, history: Tensor, plan: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """What each hidden member says about a batch of its own, for cloning.

        Args:
            history: Shape: (M, B, H).
            plan: Shape: (M, B, P).
            allowed: Shape: (M, B, 9), bool.

        Returns:
            Log-probabilities of the decisions (M, B, 9), unnormalised scores of the reasoning slots (M, B, reasoning).
        """
        share = torch.bmm(self.input_dropout(history[..., self.meaning_columns] * self.gain), self.history_weight)
        hidden = self.dropout(torch.relu(share + torch.bmm(plan, self.plan_weight) + self.hidden_bias))
        logits = torch.bmm(hidden, self.decision_weight) + self.decision_bias
        empty = self.dropout(torch.relu(share + self._empty_plan_share()))
        return log_softmax(logits, allowed), torch.bmm(empty, self.reasoning_weight) + self.reasoning_bias

    def _empty_plan_share(self) -> Tensor:
        """Reasoning comes before any strategy: the hidden layer's share of plan and bias then. Shape: (M, 1, F)."""
        slots = (self.shape.plan - 1) // (STOP + 1)
        stops = torch.arange(1, slots + 1, device=self.device) * (STOP + 1) - 1  # every slot's STOP entry
        return self.plan_weight[:, stops].sum(1, keepdim=True) + self.hidden_bias

    def _hidden(self, share: Tensor, plans: Tensor, allowed: Tensor, members: slice) -> Tensor:
        """Mean probabilities of the hidden members; one after the other, so that a layer stays in the cache.

        Args:
            share: The hidden layers' share of the history. Shape: (M, B, F).
            plans: Shape: (R, P) or (B, R, P).
            allowed: Shape: (R, 9) or (B, R, 9).
            members: Which of all they are.

        Returns:
            Shape: (B, R, 9).
        """
        # Histories and plans run fastest: sums over hidden units and over the nine decisions are then vectorised.
        each = plans if plans.dim() == 3 else plans[None]  # (B or 1, R, P)
        of_plans = torch.einsum("brp,mpf->mfbr", each, self.plan_weight[members])
        of_plans = (of_plans + self.hidden_bias[members, 0, :, None, None]).contiguous()  # (M, F, B or 1, R)
        possible = allowed.expand(*each.shape[:2], -1).permute(2, 0, 1).float().contiguous()  # (9, B or 1, R)
        of_histories = share.mT[..., None]  # (M, F, B, 1)
        weight, bias = self.decision_weight[members].mT, self.decision_bias[members].mT  # (M, 9, F), (M, 9, 1)
        parts = []
        for start in range(0, share.shape[1], _CHUNK):
            block = slice(start, start + _CHUNK)
            own = block if plans.dim() == 3 else slice(None)
            total = torch.zeros(())
            for member in range(len(share)):
                hidden = torch.relu(of_histories[member, :, block] + of_plans[member, :, own])  # (F, chunk, R)
                logits = torch.addmm(bias[member], weight[member], hidden.flatten(1)).unflatten(1, hidden.shape[1:])
                weights = logits.clamp(-_LARGEST, _LARGEST).exp() * possible[:, own]
                total = total + weights / weights.sum(0, keepdim=True)
            parts.append(total.permute(1, 2, 0))
        return torch.cat(parts) / len(share)

    @staticmethod
    def _linear(weight: Tensor, history: Tensor, plans: Tensor, allowed: Tensor, fold: int | None) -> Tensor:
        """Mean probabilities of linear members.

        History and plan so far add up in the logits, so they multiply in the probabilities: exponentials are taken of
        each alone, not of every pair. Shapes as in :meth:`_hidden`; ``weight`` (folds, features + plan + 1, 9).
        """
        chosen = weight if fold is None else weight[fold : fold + 1]
        features = history.shape[1]
        of_history = torch.einsum("bc,kcd->kbd", history, chosen[:, :features]) + chosen[:, -1:]
        of_plans = torch.einsum("...rp,kpd->k...rd", plans, chosen[:, features:-1])
        histories = (of_history - of_history.amax(-1, keepdim=True)).exp()
        prefixes = (of_plans - of_plans.amax(-1, keepdim=True)).exp() * allowed
        total = history.new_zeros(len(history), plans.shape[-2], STOP + 1)
        for one, plan in zip(histories, prefixes, strict=True):
            size = (plan @ one[..., None])[..., 0] if plan.dim() == 3 else one @ plan.T  # (B, R)
            total = total + one[:, None] * plan / size.clamp(min=_SMALLEST)[..., None]
        return total / len(histories)


def log_softmax(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log-probabilities in which what is not allowed has about -1e9. Shape: (..., 9).

    Written out, because torch's own takes eight times as long over an axis of nine. It subtracts the largest logit
    first; here logits are cut at +-80, far beyond any met, so that no exponential over- or underflows.
    """
    masked = logits.clamp(-_LARGEST, _LARGEST).masked_fill(~allowed, IMPOSSIBLE)
    return masked - masked.exp().sum(-1, keepdim=True).log()


def _columns(shape: EnsembleShape) -> tuple[Tensor, Tensor]:
    """Columns of an encoded history that members on meaning and on words see."""
    vector = shape.meaning + shape.words
    message = vector + 2 + len(Strategy)
    is_words = torch.zeros(shape.history, dtype=torch.bool)
    is_meaning = torch.zeros(shape.history, dtype=torch.bool)
    for start in [slot * message for slot in range(shape.window)] + [shape.window * message]:
        is_meaning[start : start + shape.meaning] = True
        is_words[start + shape.meaning : start + vector] = True
    return (~is_words).nonzero().squeeze(1), (~is_meaning).nonzero().squeeze(1)


def _gain(shape: EnsembleShape, meaning: Tensor) -> Tensor:
    """Scale of each column that the hidden layers see. Shape: (columns,)."""
    message = shape.meaning + 2 + len(Strategy)
    gain = torch.ones(len(meaning))
    for start in [slot * message for slot in range(shape.window)] + [shape.window * message]:
        gain[start : start + shape.meaning] = _EMBEDDING_GAIN * shape.meaning**0.5
    return gain
