"""A planner's reasoning as numbers: five slots, each one of a few values, -1 where unknown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from corpus.dialogue import Dialogue, Turn
from corpus.reasoning import Need, Reasoning, reasoning_labels
from corpus.strategy import Stage

REASONING_SLOTS = ("context", "emotion", "intensity", "need", "stage")
# The label of a slot about which the corpus says nothing; also a slot for which nothing has been chosen.
UNKNOWN = -1

OTHER_CONTEXT = "another problem"
OTHER_EMOTION = "another emotion"
# The only value of a slot where no dialogue is annotated: it can be chosen, and is nobody's label.
NOT_ANNOTATED = "unknown"
_INTENSITIES = 5


@dataclass(frozen=True)
class ReasoningCodec:
    """Turns reasoning into five whole numbers, these into a one-hot vector, and back.

    Attributes:
        contexts: Names of problems, the values of the first slot.
        emotions: Names of emotions, the values of the second slot.
    """

    contexts: tuple[str, ...]
    emotions: tuple[str, ...]

    def __post_init__(self) -> None:
        for slot, names in (("contexts", self.contexts), ("emotions", self.emotions)):
            if not names or len(set(names)) < len(names):
                raise ValueError(f"{slot}: got {names}, expected at least one name, each once")

    @classmethod
    def collect(cls, dialogues: Sequence[Dialogue], least: int = 5) -> "ReasoningCodec":
        """The problems and emotions that enough dialogues have, most frequent first, then by name.

        Names are lower-cased: releases differ in case. The rarer ones share one last value, ``another problem`` or
        ``another emotion``, which is there only if they are.

        Args:
            dialogues: Training dialogues.
            least: Dialogues that a name needs for a value of its own.
        """
        return cls(
            contexts=_frequent((dialogue.problem for dialogue in dialogues), least=least, other=OTHER_CONTEXT),
            emotions=_frequent((dialogue.emotion for dialogue in dialogues), least=least, other=OTHER_EMOTION),
        )

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Number of values of each slot."""
        return len(self.contexts), len(self.emotions), _INTENSITIES, len(Need), len(Stage)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each slot starts in the one-hot vector."""
        return tuple(accumulate(self.sizes[:-1], initial=0))

    @property
    def width(self) -> int:
        """Length of the one-hot vector."""
        return sum(self.sizes)

    def labels(self, turns: Sequence[Turn]) -> np.ndarray:
        """What the corpus tells about turns (:mod:`corpus.reasoning`). Shape: (N, 5), int64, -1 = unknown.

        Raises:
            CorpusError: A supporter message carries no strategy.
        """
        rows = np.full((len(turns), len(REASONING_SLOTS)), UNKNOWN, np.int64)
        for row, turn in zip(rows, turns, strict=True):
            label = reasoning_labels(turn)
            row[0] = _find(label.context, self._context_index, other=OTHER_CONTEXT)
            row[1] = _find(label.emotion, self._emotion_index, other=OTHER_EMOTION)
            row[2] = UNKNOWN if label.intensity is None else label.intensity - 1
            row[3] = UNKNOWN if label.need is None else label.need
            row[4] = UNKNOWN if label.stage is None else label.stage
        return rows

    def one_hot(self, values: np.ndarray) -> np.ndarray:
        """Encodes values. Shape: (B, 5), -1 = not chosen -> (B, width), float32, zeros where not chosen."""
        encoded = np.zeros((len(values), self.width), np.float32)
        rows, slots = np.nonzero(values != UNKNOWN)
        encoded[rows, np.array(self.offsets)[slots] + values[rows, slots]] = 1.0
        return encoded

    def reasoning(self, values: Sequence[int] | np.ndarray, probabilities: Sequence[float] | np.ndarray) -> Reasoning:
        """Values in words.

        Args:
            values: Shape: (5,), none unknown.
            probabilities: Of the values. Shape: (5,), 0..1.

        Raises:
            ValueError: A slot has no such value.
        """
        for slot, value, size in zip(REASONING_SLOTS, values, self.sizes, strict=True):
            if not 0 <= value < size:
                raise ValueError(f"{slot}: got value {value}, expected 0 to {size - 1}")
        context, emotion, intensity, need, stage = (int(value) for value in values)
        return Reasoning(
            context=self.contexts[context],
            emotion=self.emotions[emotion],
            intensity=intensity + 1,
            need=Need(need),
            stage=Stage(stage),
            probabilities=tuple(float(probability) for probability in probabilities),
        )

    def to_json(self) -> dict[str, list[str]]:
        """As plain lists, for a settings file."""
        return {"contexts": list(self.contexts), "emotions": list(self.emotions)}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> "ReasoningCodec":
        """Reads what :meth:`to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        if set(written) != {"contexts", "emotions"}:
            raise ValueError(f"reasoning codec: got fields {sorted(written)}, expected contexts and emotions")
        return cls(contexts=tuple(written["contexts"]), emotions=tuple(written["emotions"]))

    @cached_property
    def _context_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.contexts) if name != NOT_ANNOTATED}

    @cached_property
    def _emotion_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.emotions) if name != NOT_ANNOTATED}


def _frequent(names: Iterable[str], *, least: int, other: str) -> tuple[str, ...]:
    """Names that occur often enough, then ``other`` for the rest; see :meth:`ReasoningCodec.collect`."""
    counts = Counter(name.lower() for name in names if name)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    frequent = tuple(name for name in ranked if counts[name] >= least and name != other)
    rest = (other,) if len(frequent) < len(ranked) else ()
    return (*frequent, *rest) or (NOT_ANNOTATED,)


def _find(name: str | None, index: Mapping[str, int], *, other: str) -> int:
    """Value of a name: its own, else that of the rarer ones, else unknown."""
    return UNKNOWN if name is None else index.get(name.lower(), index.get(other, UNKNOWN))
