"""Fine-tuned encoders, one for each fold: they see the last messages as one row of tokens and predict what comes next.

An encoder predicts the next decision of the supporter, and whether a turn that has not begun will be multi-strategy.
Token embeddings and the lowest layers stay as they were pretrained: training them costs time and gains nothing on 910
dialogues. So all encoders share them, in memory as in the file.
"""

import copy
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from corpus.dialogue import Message, Role
from corpus.files import replace_whole
from corpus.strategy import LABELS
from encoding.plan_codec import STOP
from encoding.sentence_encoder import SentenceEncoder
from language_models.precision import default_device

MULTI_STRATEGY = STOP + 1  # the last output: the turn, which has not begun, will be multi-strategy
OUTPUTS = STOP + 2
_MESSAGES = 7
_SMALLEST_PIECE = 16  # tokens of an older message worth keeping where not all of it fits; the mark may take ten
_PREFACE = 5  # tokens that may be needed for the number of messages
_LOWEST = -20.0  # log-probability
_BATCH = 64


class HistoryTokens:
    """Turns histories into tokens: ``[CLS] 12 messages [SEP] seeker : ... [SEP] supporter question : ... [SEP]``.

    Args:
        tokens: Longest row; older messages are cut first.
    """

    def __init__(self, tokenizer: Any, *, tokens: int) -> None:
        self._tokenizer = tokenizer
        self._tokens = tokens
        self._ids = lru_cache(maxsize=100_000)(self._tokenize)

    def rows(self, histories: Sequence[Sequence[Message]]) -> list[list[int]]:
        """Token ids of each history, at most ``tokens`` each."""
        return [self._row(history) for history in histories]

    def batch(self, rows: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
        """Rows filled up to the longest: token ids and mask. Shapes: (B, T), int64."""
        longest = max(len(row) for row in rows)
        ids = torch.full((len(rows), longest), int(self._tokenizer.pad_token_id))
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            mask[number, : len(row)] = 1
        return ids, mask

    def _row(self, history: Sequence[Message]) -> list[int]:
        room = self._tokens - _PREFACE - 1
        recent: list[int] = []
        for message in reversed(history[-_MESSAGES:]):
            ids = self._ids(_speaker(message), message.text)
            left = room - len(recent)
            if len(ids) > left:
                if not recent or left > _SMALLEST_PIECE:
                    mark = self._ids(f"{_speaker(message)} :", "")[:-1]  # what is cut still says who spoke
                    recent = [*mark, *ids[len(mark) - left :], *recent]
                break
            recent = list(ids) + recent
        preface = self._ids(f"{min(len(history), 40)} messages", "")[:_PREFACE]
        return [self._tokenizer.cls_token_id, *preface, *recent]

    def _tokenize(self, speaker: str, text: str) -> tuple[int, ...]:
        whole = f"{speaker} : {text}" if text else speaker
        return (*self._tokenizer(whole, add_special_tokens=False)["input_ids"], self._tokenizer.sep_token_id)


def _speaker(message: Message) -> str:
    if message.role is Role.SEEKER:
        return "seeker"
    return "supporter" if message.strategy is None else f"supporter {LABELS[message.strategy].lower()}"


class FrozenLayers:
    """The part of a transformer that all fine-tuned encoders share, and what each of them starts from.

    Args:
        transformer: Pretrained; copied.
        frozen_layers: Lowest layers that are not trained.
    """

    def __init__(self, transformer: Any, *, frozen_layers: int) -> None:
        self._pretrained = copy.deepcopy(transformer)
        # Plain attention is faster than the fused kernel in bf16 on processors, forward and backward.
        self._pretrained.set_attn_implementation("eager")
        for module in self._pretrained.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # on a processor drawing the masks takes as long as the products
        self._frozen = [self._pretrained.embeddings, *self._pretrained.encoder.layer[:frozen_layers]]
        for module in self._frozen:
            module.requires_grad_(False)

    def transformer(self) -> Any:
        """A transformer with trainable layers of its own on top of the shared ones."""
        return copy.deepcopy(self._pretrained, {id(module): module for module in self._frozen})


class FineTunedEncoder(nn.Module):
    """A transformer over the last messages with a small head.

    Args:
        dropout: Share of the head's inputs dropped in training; inside the transformer nothing is dropped.
    """

    def __init__(self, shared: FrozenLayers, *, dropout: float) -> None:
        super().__init__()
        self.transformer = shared.transformer()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * self.transformer.config.hidden_size, OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unnormalised scores of 8 strategies, STOP, and a multi-strategy turn.

        Args:
            ids: Token ids. Shape: (B, T).
            mask: 1 where there is a token. Shape: (B, T).

        Returns:
            Shape: (B, 10), float32.
        """
        with torch.autocast(ids.device.type, torch.bfloat16):
            states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state  # (B, T, D)
        states = states.float()
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(self.dropout(torch.cat([states[:, 0], mean], dim=1)))

    def tuned(self) -> dict[str, Tensor]:
        """The weights that training changes; the others are the pretrained model's."""
        return {name: value.detach() for name, value in self.named_parameters() if value.requires_grad}

    def restore(self, tuned: dict[str, Tensor]) -> None:
        """Puts :meth:`tuned` back.

        Raises:
            ValueError: These are other weights.
        """
        own = {name: value for name, value in self.named_parameters() if value.requires_grad}
        if set(own) != set(tuned):
            raise ValueError(f"fine-tuned encoder: got {len(tuned)} weights, expected {len(own)}")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(tuned[name])


def log_probabilities(scores: Tensor, can_stop: Tensor) -> Tensor:
    """Decisions: STOP only where the supporter has said something. Shapes: (B, 10), (B,) bool -> (B, 9)."""
    decisions = scores[:, : STOP + 1]
    impossible = (torch.arange(STOP + 1, device=scores.device) == STOP) & ~can_stop[:, None]
    return decisions.masked_fill(impossible, -1e4).log_softmax(1)


class FineTunedEncoders:
    """The encoders of all folds.

    Args:
        encoders: Encoder f was trained without fold f.
    """

    def __init__(self, encoders: Sequence[FineTunedEncoder], tokens: HistoryTokens) -> None:
        self._encoders = list(encoders)
        self._tokens = tokens

    @torch.no_grad()
    def predict(self, histories: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None) -> np.ndarray:
        """Predicts the next decision after each history.

        Args:
            fold: Fold of the training dialogue of each history: only the encoder trained without it predicts.
                Shape: (N,). ``None``: new dialogues, the mean over all encoders.

        Returns:
            Log-probabilities of 8 strategies and STOP, not below -20, then the log-odds of a multi-strategy turn.
            Shape: (N, 10), float32.
        """
        rows = self._tokens.rows(histories)
        can_stop = torch.tensor([bool(h) and h[-1].role is Role.SUPPORTER for h in histories])
        order = np.argsort([len(row) for row in rows], kind="stable")
        predicted = np.zeros((len(rows), OUTPUTS), np.float32)
        for part, encoder in enumerate(self._encoders):
            here = order if fold is None else order[fold[order] == part]
            weight = 1 / len(self._encoders) if fold is None else 1.0
            device = encoder.head.weight.device
            for start in range(0, len(here), _BATCH):
                batch = here[start : start + _BATCH]
                ids, mask = self._tokens.batch([rows[row] for row in batch])
                scores = encoder(ids.to(device), mask.to(device)).cpu()
                predicted[batch, :MULTI_STRATEGY] += weight * log_probabilities(scores, can_stop[batch]).exp().numpy()
                predicted[batch, MULTI_STRATEGY] += weight * scores[:, MULTI_STRATEGY].numpy()
        predicted[:, :MULTI_STRATEGY] = np.log(np.maximum(predicted[:, :MULTI_STRATEGY], np.exp(_LOWEST)))
        return predicted

    def save(self, path: Path) -> None:
        """Writes what fine-tuning changed; the rest is the pretrained encoder's."""
        tensors = {
            f"{number}.{name}": value.cpu().contiguous()
            for number, encoder in enumerate(self._encoders)
            for name, value in encoder.tuned().items()
        }
        with replace_whole(path) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(
        cls, path: Path, encoder: SentenceEncoder, *, folds: int, tokens: int, frozen_layers: int
    ) -> "FineTunedEncoders":
        """Loads what :meth:`save` wrote.

        Args:
            tokens: Longest history they are given.
            frozen_layers: Lowest layers that were not trained.

        Raises:
            ValueError: The file is missing or damaged, or holds other encoders.
        """
        tokenizer, transformer = encoder.token_model()
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise ValueError(f"{path}: missing or damaged fine-tuned encoders ({type(error).__name__})") from error
        shared, encoders = FrozenLayers(transformer, frozen_layers=frozen_layers), []
        for number in range(folds):
            one = FineTunedEncoder(shared, dropout=0.0)
            start = f"{number}."
            one.restore({name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)})
            encoders.append(one.to(default_device()).eval())
        return cls(encoders, HistoryTokens(tokenizer, tokens=tokens))
