"""The readers of all folds together, as one more source of beliefs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from corpus.dialogue import Message, Role
from corpus.whole_file import replace_whole
from encoding.text_encoder import SentenceEncoder
from planner.reader import OUTPUTS, SEVERAL, Reader, log_probabilities
from planner.reading import Reading

_LOWEST = -20.0
_BATCH = 64


class Readers:
    """Fine-tuned encoders, one per fold.

    Args:
        readers: Reader f never saw fold f.
        reading: Turns histories into tokens.
    """

    def __init__(self, readers: Sequence[Reader], reading: Reading) -> None:
        self._readers = list(readers)
        self._reading = reading

    @torch.no_grad()
    def read(self, histories: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None) -> np.ndarray:
        """What the readers believe.

        Args:
            histories: N histories.
            fold: The part of the training dialogues each history belongs to: only the reader that never saw it
                answers. Shape: (N,). ``None``: new dialogues, the mean over all readers.

        Returns:
            Log-probabilities of 8 strategies and STOP, not below -20, then the log-odds of a turn with several
            messages. Shape: (N, 10), float32.
        """
        rows = self._reading.rows(histories)
        can_stop = torch.tensor([bool(h) and h[-1].role is Role.SUPPORTER for h in histories])
        order = np.argsort([len(row) for row in rows], kind="stable")
        beliefs = np.zeros((len(rows), OUTPUTS), np.float32)
        for part, reader in enumerate(self._readers):
            here = order if fold is None else order[fold[order] == part]
            weight = 1 / len(self._readers) if fold is None else 1.0
            device = reader.head.weight.device
            for start in range(0, len(here), _BATCH):
                batch = here[start : start + _BATCH]
                ids, mask = self._reading.batch([rows[row] for row in batch])
                scores = reader(ids.to(device), mask.to(device)).cpu()
                beliefs[batch, :SEVERAL] += weight * log_probabilities(scores, can_stop[batch]).exp().numpy()
                beliefs[batch, SEVERAL] += weight * scores[:, SEVERAL].numpy()
        beliefs[:, :SEVERAL] = np.log(np.maximum(beliefs[:, :SEVERAL], np.exp(_LOWEST)))
        return beliefs

    def save(self, path: Path) -> None:
        """Writes what fine-tuning changed; the rest is the pretrained encoder's."""
        tensors = {
            f"{number}.{name}": value.cpu().contiguous()
            for number, reader in enumerate(self._readers)
            for name, value in reader.tuned().items()
        }
        with replace_whole(path) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(cls, path: Path, encoder: SentenceEncoder, *, folds: int, tokens: int, frozen_layers: int) -> "Readers":
        """Reads what :meth:`save` wrote.

        Args:
            path: The file.
            encoder: The pretrained encoder they were fine-tuned from.
            folds: Number of readers.
            tokens: Longest history they read.
            frozen_layers: Lowest layers that were not trained.

        Raises:
            ValueError: The file is missing or damaged, or holds other readers.
        """
        tokenizer, transformer = encoder.token_model()
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise ValueError(f"{path}: missing or damaged readers ({type(error).__name__})") from error
        readers = []
        for number in range(folds):
            reader = Reader(transformer, frozen_layers=frozen_layers, dropout=0.0)
            start = f"{number}."
            reader.restore({name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)})
            readers.append(reader.to("cuda" if torch.cuda.is_available() else "cpu").eval())
        return cls(readers, Reading(tokenizer, tokens=tokens))
