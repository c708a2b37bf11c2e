"""Texts of the supporter where no generator wrote any: what supporters of the corpus wrote with the same strategies."""

from collections.abc import Sequence

import numpy as np

from corpus.strategy import Strategy
from seeker.exchanges import Exchanges


class StandIns:
    """Finds texts for plans.

    Args:
        exchanges: Of training dialogues.
    """

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._texts: dict[Strategy, list[str]] = {}
        for plan, texts in zip(exchanges.plans, exchanges.supporter_texts, strict=True):
            for strategy, text in zip(plan, texts, strict=True):
                self._texts.setdefault(strategy, []).append(text)
        self._everything = [text for texts in exchanges.supporter_texts for text in texts]

    def texts(
        self,
        found: np.ndarray,
        plans: Sequence[tuple[Strategy, ...]],
        written: Sequence[tuple[str, ...] | None],
        *,
        rng: np.random.Generator,
    ) -> list[tuple[str, ...]]:
        """The texts of every plan: those written, else the exchange's own where it has the strategy, else any with it.

        A strategy that training never shows gets the text of another: an exchange must have some.

        Args:
            found: The exchange that answers each. Shape: (B,), int.
            plans: Length: B.
            written: By a generator, or ``None``. Length: B.
            rng: Draws where the exchange has no message with the strategy.
        """
        chosen: list[tuple[str, ...]] = []
        for exchange, plan, texts in zip(found.tolist(), plans, written, strict=True):
            if texts is not None:
                chosen.append(tuple(texts))
            elif self._exchanges.plans[exchange] == plan:
                chosen.append(self._exchanges.supporter_texts[exchange])
            else:
                chosen.append(self._matched(exchange, plan, rng))
        return chosen

    def _matched(self, exchange: int, plan: tuple[Strategy, ...], rng: np.random.Generator) -> tuple[str, ...]:
        own = list(zip(self._exchanges.plans[exchange], self._exchanges.supporter_texts[exchange], strict=True))
        texts = []
        for strategy in plan:
            match = next((pair for pair in own if pair[0] is strategy), None)
            if match is not None:
                own.remove(match)
                texts.append(match[1])
            else:
                known = self._texts.get(strategy, self._everything)
                texts.append(known[int(rng.integers(len(known)))])
        return tuple(texts)
