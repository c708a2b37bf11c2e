"""Scores of PPDPP's critic, a language model, for finished conversations with a language-model seeker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from env.seekers.prompted.critic import Critic, CriticConfig, CriticScore
from env.seekers.prompted.seeker import ModelSeeker
from evaluation.dialogue.benchmark import DialogueBenchmark
from evaluation.report.tables import Column, Row, Table, to_text
from evaluation.result import estimate_cell
from metrics.statistics.bootstrap import Tally, estimates
from metrics.statistics.estimate import Estimate, ratio


@dataclass(frozen=True)
class CriticScores:
    """Scores of every policy's conversations as they ended.

    Attributes:
        signature: What the scores depend on.
        scores: Policy -> ``critic_success_rate`` (0..100) and ``critic_score`` (-1..1), where there is a score.
        unscored: Policy -> conversations without a usable answer of the critic; they are in no score.
        answers: Answers of the critic.
        unparsable: Those among them that could not be parsed.
        lines: Sentences for people: what was asked, what it used, what could not be parsed, intensities included.
    """

    signature: str
    scores: Mapping[str, Mapping[str, Estimate]]
    unscored: Mapping[str, int]
    answers: int
    unparsable: int
    lines: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For the result's details."""
        return {
            "signature": self.signature,
            "systems": {
                name: {key: one.as_json() for key, one in found.items()} for name, found in self.scores.items()
            },
            "unscored": dict(self.unscored),
            "answers": self.answers,
            "unparsable": self.unparsable,
            "used": list(self.lines),
        }

    def text(self) -> str:
        """For a terminal."""
        rows = tuple(
            Row.of(
                name,
                estimate_cell("success_rate", found["critic_success_rate"]),
                estimate_cell("", found["critic_score"]),
                str(self.unscored[name]),
            )
            for name, found in self.scores.items()
        )
        columns = (Column("system", "left"), Column("critic SR"), Column("critic score"), Column("without a score"))
        return to_text(Table(columns, rows, "The critic on the conversations as they ended", self.lines))


def score_with_critic(
    benchmark: DialogueBenchmark, *, config: CriticConfig, seed: int, samples: int = 1000
) -> CriticScores:
    """Asks the model that played the seeker PPDPP's question about every conversation.

    PPDPP asks after every turn, and the answer may end the conversation. Here the intensity ends conversations, so that
    both kinds of seeker follow one rule, and the critic is asked once, at the end.

    Args:
        benchmark: Played with a :class:`env.seekers.prompted.seeker.ModelSeeker`.
        seed: Of the bootstrap over seekers.

    Raises:
        ValueError: Another kind of seeker played.
        ChatError: The model failed for good.
    """
    runs = len(next(iter(benchmark.played.values())))
    critics, intensities = [], []
    for run in range(runs):
        player = benchmark.world.seeker(run)
        if not isinstance(player, ModelSeeker):
            raise ValueError(f"seeker {player.name}: the critic is a language model, expected the seeker to be one too")
        critics.append(Critic(player.chat, config=config))
        intensities.append(player.estimator)
    scores, unscored = {}, {}
    for name, played in benchmark.played.items():
        found = [
            critic.score(
                [one.conversation.profile for one in conversations], [one.conversation.history for one in conversations]
            )
            for critic, conversations in zip(critics, played, strict=True)
        ]
        totals = np.array([[_statistics(one) for one in scored] for scored in found]).sum(axis=0)  # (P, 3)
        tally = Tally(np.arange(len(totals)), totals, _formula)
        scores[name] = estimates(tally, rng=np.random.default_rng(seed), samples=samples)
        unscored[name] = sum(one.success is None for scored in found for one in scored)
    lines = [one.line() for kind in (critics, intensities, [critic.chat for critic in critics]) for one in kind]
    return CriticScores(
        critics[0].signature,
        scores,
        unscored,
        answers=sum(critic.answers for critic in critics),
        unparsable=sum(critic.unparsable for critic in critics),
        lines=tuple(lines),
    )


def _statistics(score: CriticScore) -> tuple[float, float, float]:
    """Whether it has a score, whether it succeeded, and the score."""
    return (0.0, 0.0, 0.0) if score.success is None else (1.0, float(score.success), score.score)


def _formula(sums: np.ndarray) -> dict[str, np.ndarray]:
    scored, successes, score = sums.T
    return {
        "critic_success_rate": 100.0 * ratio(successes, scored, empty=np.nan),
        "critic_score": ratio(score, scored, empty=np.nan),
    }
