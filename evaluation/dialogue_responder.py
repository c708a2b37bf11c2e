"""The generator as the supporter's voice in simulated conversations."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Message
from corpus.strategy import Strategy
from generator.realizer import Realizer


class GeneratorResponder:
    """Writes one text per strategy of every plan; implements :class:`env.seeker.Responder`.

    Args:
        realizer: A generator that follows plans.

    Raises:
        ValueError: It follows none.
    """

    def __init__(self, realizer: Realizer) -> None:
        if realizer.variant == "vanilla":
            raise ValueError("the generator is of variant vanilla and follows no plan, expected another variant")
        self._realizer = realizer

    def texts(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[tuple[Strategy, ...]],
        *,
        rng: np.random.Generator,
    ) -> list[tuple[str, ...]]:
        """As :meth:`env.seeker.Responder.texts`."""
        return [tuple(text for _, text in turn) for turn in self._realizer.realize_all(histories, plans, rng=rng)]
