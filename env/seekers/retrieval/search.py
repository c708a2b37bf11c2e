"""Finds training exchanges whose plan is the supporter's and whose state is like that of the conversation.

Where no generator wrote the supporter's texts, :class:`StandIns` takes what supporters of the corpus wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from corpus.strategy import Strategy
from env.seekers.retrieval.exchanges import Exchanges, Projection
from metrics.strategy.edit_distance import levenshtein_ratio

# Weights of the similarity: the cosine of the seeker's last words counts 1.
_SITUATION_WEIGHT = 1.0  # cosine of the situations: keeps to one topic
_PROBLEM_WEIGHT = 0.3  # the same problem type
_SUPPORTER_WEIGHT = 1.0  # cosine of the supporter's words, where there are any
_PHASE_WEIGHT = 0.5  # cosine of the distance in time, a quarter turn from beginning to end
_LAST_PHASE = 12  # supporter turns; ESConv's conversations have 12 on average
LEAST_CANDIDATES = 64  # exchanges to choose among, if there are that many; below, plans that agree in part count too
BEST = 5  # the exchange is sampled among so many


@dataclass(frozen=True, eq=False)
class States:
    """States of B conversations.

    Attributes:
        before: The seeker's last messages, projected. Shape: (B, C).
        situation: The situation, projected; zero where there is none. Shape: (B, C).
        problem: Problem types.
        place: Supporter turns before. Shape: (B,), int.
        supporter: The texts written for the supporter's plan, projected; zero where none were written, and then only
            the plan is answered. Shape: (B, C).
    """

    before: np.ndarray
    situation: np.ndarray
    problem: tuple[str, ...]
    place: np.ndarray
    supporter: np.ndarray


class _Candidates(NamedTuple):
    """Exchanges a plan may be answered with: rows, ascending; their dialogues; their vectors."""

    rows: np.ndarray
    dialogue: np.ndarray
    vectors: np.ndarray


class ExchangeSearch:
    """An index of training exchanges.

    Args:
        exchanges: All; only those with a reply are found.

    Raises:
        ValueError: None has a reply.
    """

    def __init__(self, exchanges: Exchanges, projection: Projection) -> None:
        self.exchanges = exchanges
        self._problems = {name: column for column, name in enumerate(sorted(set(exchanges.problems) - {""}))}
        rows = exchanges.dialogue
        self._vectors = self._embedded(
            States(
                projection(exchanges.before),
                projection(exchanges.situation)[rows],
                tuple(exchanges.problems[row] for row in rows),
                exchanges.place,
                projection(exchanges.supporter),
            )
        )
        self._rows_of_plan: dict[tuple[Strategy, ...], list[int]] = {}
        for row, (plan, reply) in enumerate(zip(exchanges.plans, exchanges.replies, strict=True)):
            if reply:
                self._rows_of_plan.setdefault(plan, []).append(row)
        if not self._rows_of_plan:
            raise ValueError("retrieval seeker: no training exchange has a reply by the seeker")
        self._candidates: dict[tuple[Strategy, ...], _Candidates] = {}

    def find(
        self,
        states: States,
        plans: list[tuple[Strategy, ...]],
        *,
        used: np.ndarray,
        last: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Samples one exchange for each of B conversations, among the ``BEST`` most alike.

        Args:
            plans: Length: B.
            used: Exchanges that must not come again; -1 fills up. Shape: (B, T), int.
            last: The exchange before: no exchange of its dialogue is found; -1 for none. Shape: (B,), int.

        Returns:
            Rows of exchanges. Shape: (B,), int.

        Raises:
            ValueError: All candidates for a plan are excluded: the training data are too few.
        """
        queries = self._embedded(states)
        draws = rng.random(len(plans))
        last_dialogue = np.where(last >= 0, self.exchanges.dialogue[np.maximum(last, 0)], -1)
        together: dict[tuple[Strategy, ...], list[int]] = {}
        for row, plan in enumerate(plans):
            together.setdefault(plan, []).append(row)
        found = np.empty(len(plans), np.int64)
        for plan, rows in together.items():
            group = np.array(rows)
            candidates, dialogue, vectors = self._candidates_of(plan)
            scores = queries[group] @ vectors.T  # (G, candidates)
            scores[dialogue == last_dialogue[group, None]] = -np.inf
            place = np.minimum(np.searchsorted(candidates, used[group]), len(candidates) - 1)
            taken, column = np.nonzero(candidates[place] == used[group])
            scores[taken, place[taken, column]] = -np.inf
            few = min(BEST, len(candidates))
            best = np.argpartition(-scores, few - 1, axis=1)[:, :few]
            best.sort(axis=1)  # the order that partitioning leaves is no part of the result
            allowed = np.isfinite(np.take_along_axis(scores, best, axis=1))
            count = allowed.sum(axis=1)
            if not count.all():
                names = ", ".join(strategy.label for strategy in plan)
                raise ValueError(f"retrieval seeker: {len(candidates)} exchanges for plan {names} are all used up")
            wanted = np.minimum((draws[group] * count).astype(np.int64), count - 1)  # the wanted-th allowed one
            pick = (np.cumsum(allowed, axis=1) > wanted[:, None]).argmax(axis=1)
            found[group] = candidates[best[np.arange(len(group)), pick]]
        return found

    def _candidates_of(self, plan: tuple[Strategy, ...]) -> _Candidates:
        """The exchanges whose plan agrees best."""
        if plan not in self._candidates:
            agreement = {other: levenshtein_ratio(plan, other) for other in self._rows_of_plan}
            rows: list[int] = []
            for level in sorted(set(agreement.values()), reverse=True):
                for other, value in agreement.items():
                    if value == level:
                        rows += self._rows_of_plan[other]
                if len(rows) >= LEAST_CANDIDATES:
                    break
            candidates = np.array(sorted(rows))
            self._candidates[plan] = _Candidates(
                candidates, self.exchanges.dialogue[candidates], self._vectors[candidates]
            )
        return self._candidates[plan]

    def _embedded(self, states: States) -> np.ndarray:
        """Vectors whose products are the similarities. Shape: (B, 3 C + problems + 2), float32."""
        problem = np.zeros((len(states.problem), len(self._problems)), np.float32)
        for row, name in enumerate(states.problem):
            if name in self._problems:
                problem[row, self._problems[name]] = np.sqrt(_PROBLEM_WEIGHT)
        angle = np.minimum(states.place, _LAST_PHASE) / _LAST_PHASE * np.pi / 2
        phase = np.sqrt(_PHASE_WEIGHT) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        situation = np.float32(np.sqrt(_SITUATION_WEIGHT)) * _unit(states.situation)
        said = np.float32(np.sqrt(_SUPPORTER_WEIGHT)) * _unit(states.supporter)
        return np.concatenate([_unit(states.before), situation, said, problem, phase], axis=1).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


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
            rng: Samples where the exchange has no message with the strategy.
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
