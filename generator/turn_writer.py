"""What everything that writes turns has in common, and how a run folder becomes one of them.

A :class:`generator.realizer.Realizer` writes with a language model, a :class:`generator.retrieval.RetrievalRealizer`
takes what supporters of the training dialogues wrote. Whatever only needs texts of plans takes either.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corpus.dialogue import Message, Role
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from generator.config import RETRIEVAL
from generator.files import read_summary
from generator.inputs import Response
from language_models.settings import DecodingConfig
from safety.care import default_care
from safety.replies import screened_turn

if TYPE_CHECKING:
    from generator.choosing import SampleChooser


class TurnWriter(ABC):
    """Writes the texts of plans.

    Attributes:
        decoding: How tokens, or messages, are sampled.
        precision: Arithmetic it computes in, ``bf16`` or ``fp32``.
        screened: Whether :meth:`realize` keeps back what must not be said; :meth:`realize_all`, which benchmarks use,
            never does.
    """

    decoding: DecodingConfig
    precision: str = "fp32"
    screened: bool = True

    @property
    @abstractmethod
    def variant(self) -> str:
        """One of ``generator.config.VARIANTS``."""

    @property
    def with_reasoning(self) -> bool:
        """Whether it was trained on histories that begin with reasoning, and may be given some."""
        return False

    @property
    @abstractmethod
    def tokenizer_name(self) -> str:
        """What identifies the segmentation of text: perplexities per token compare only under the same one."""

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
        reasoning: Reasoning | None = None,
    ) -> list[Response]:
        """Writes the next turn after one history; see :meth:`realize_all`. Without ``rng`` always the same text.

        Unless it is not ``screened``, what must not be said to a person is sampled again up to four times and then
        replaced by a fixed sentence (:mod:`safety.replies`).
        """
        if strategies is not None and not strategies:
            return []  # the planner ends the turn here
        rng = rng or np.random.default_rng(0)

        def write() -> list[Response]:
            return self.realize_all([history], [strategies], rng=rng, reasoning=[reasoning])[0]

        return screened_turn(write, default_care().replies).responses if self.screened else write()

    @abstractmethod
    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> list[list[Response]]:
        """Writes the next turn after every history.

        Args:
            histories: Messages before the turn, possibly none.
            plans: Strategies of every turn in order, or ``None``: they are chosen along with the texts.
            rng: Gives one number; with it the numbers of turn and message seed every text by itself.
            reasoning: What the planner concluded before every turn; ``None`` where nothing is read before its history.

        Returns:
            (strategy, text) pairs of every turn. No text is empty or holds a special token.

        Raises:
            ValueError: Different numbers of histories, plans and reasoning, an empty plan or one that cannot be
                realized, or reasoning for what was trained without any.
        """


def turn_messages(turn: Sequence[Response]) -> list[Message]:
    """The messages of a turn that was written so far, for the history of its next one."""
    return [Message(Role.SUPPORTER, text, strategy) for strategy, text in turn]


def check_plans(histories: Sequence[Sequence[Message]], plans: Sequence[Sequence[Strategy] | None]) -> None:
    """Raises a ValueError where there is not one plan for each history, or an empty one."""
    if len(histories) != len(plans):
        raise ValueError(f"got {len(histories)} histories and {len(plans)} plans")
    if any(plan is not None and not plan for plan in plans):
        raise ValueError("empty plan, expected at least one strategy")


def load_writer(
    run: str | Path,
    *,
    decoding: DecodingConfig | str | None = None,
    batch_size: int = 64,
    precision: str = "fp32",
    remembers: bool = False,
    screened: bool = True,
    chooser: "SampleChooser | None" = None,
) -> TurnWriter:
    """Loads a finished generator run of either kind; arguments and errors as :meth:`generator.realizer.Realizer.load`.

    A retrieval run computes no responses side by side, always in full precision, and has nothing to remember.

    Args:
        chooser: Takes the best of several samples of every message.

    Raises:
        ValueError: As there; or a chooser for a retrieval run.
    """
    if read_summary(Path(run)).config.get("backbone") == RETRIEVAL:
        if chooser is not None:
            raise ValueError(f"{run}: a retrieval generator finds its messages and has no samples to choose among")
        from generator.retrieval import RetrievalRealizer

        return RetrievalRealizer.load(run, decoding=decoding, screened=screened)
    from generator.realizer import Realizer

    realizer = Realizer.load(
        run, decoding=decoding, batch_size=batch_size, precision=precision, remembers=remembers, screened=screened
    )
    realizer.chooser = chooser
    return realizer
