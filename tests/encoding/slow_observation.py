"""The history features one history at a time, as the table in ``encoding/observation.py`` reads: the reference."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.text_encoder import TextEncoder

EDGES = (1, 2, 3, 5, 8, 12, 18, 26, 40)


def slow_features(history: Sequence[Message], *, text_encoder: TextEncoder, window: int) -> np.ndarray:
    """The features of one history. Shape: (H,), float32."""
    vectors = text_encoder.encode([message.text for message in history])
    blocks: list[Sequence[float] | np.ndarray] = []
    for position in range(len(history) - window, len(history)):
        if position < 0:
            blocks.append(np.zeros(text_encoder.dimension + 10))
        else:
            message = history[position]
            speaker = [message.role is Role.SEEKER, message.role is Role.SUPPORTER]
            blocks += [vectors[position], speaker, [message.strategy is strategy for strategy in Strategy]]
    seekers = [vector for message, vector in zip(history, vectors, strict=True) if message.role is Role.SEEKER]
    blocks.append(np.mean(seekers, axis=0) if seekers else np.zeros(text_encoder.dimension))
    bucket = sum(len(history) >= edge for edge in EDGES)
    blocks.append([bucket == index for index in range(10)])
    blocks += _strategy_use(history)
    blocks += _runs(history)
    supporters = sum(message.role is Role.SUPPORTER for message in history)
    blocks.append([not history, not supporters, supporters == len(history)])
    return np.concatenate([np.asarray(block, np.float32) for block in blocks])


def _strategy_use(history: Sequence[Message]) -> list[list[float]]:
    used = [message.strategy for message in history if message.strategy is not None]
    counts = [used.count(strategy) for strategy in Strategy]
    return [
        [count / max(1, len(used)) for count in counts],
        [min(1.0, float(np.log(1 + count) / np.log(21))) for count in counts],
        [0.7 ** used[::-1].index(strategy) if strategy in used else 0.0 for strategy in Strategy],
    ]


def _runs(history: Sequence[Message]) -> list[list[float]]:
    runs: list[list[Message]] = []
    for message in history:
        if runs and runs[-1][0].role is message.role:
            runs[-1].append(message)
        else:
            runs.append([message])
    trailing = runs.pop() if runs and runs[-1][0].role is Role.SUPPORTER else []
    seeker = runs[-1] if runs else []
    text = seeker[-1].text if seeker else ""
    lengths = [len(run) for run in runs if run[0].role is Role.SUPPORTER]
    multi = sum(length > 1 for length in lengths)
    number = max(1, len(lengths))
    last_run = [np.log(1 + len(text.split())) / np.log(101), "?" in text, len(seeker) / 5, len(trailing) / 5]
    habits = [
        multi / number,
        sum(lengths) / number / 5,
        (lengths or [0])[-1] / 5,
        np.log(1 + len(lengths)) / np.log(41),
    ]
    return [[min(1.0, float(value)) for value in block] for block in (last_run, habits)]
