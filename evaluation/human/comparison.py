"""Table 5 of the 2021 paper: which of two systems people preferred, how sure that is, and how far the people agree.

The five questions and the marks are those of Table 5 (Liu et al., ACL 2021, section 6.4). One pair of conversations is
one item. Where two or more people answered for one pair, the answer that most of them gave counts (a tie where no
answer leads), because answers about one pair are not independent; their agreement is Fleiss' kappa over the single
answers.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from evaluation.published import HUMAN_ESCONV_2021, QUESTIONS
from evaluation.report.tables import UNDEFINED, Cell, Column, Row, Table
from evaluation.result import EvaluationResult
from metrics.statistics.agreement import SignTest, fleiss_kappa, sign_mark
from metrics.statistics.estimate import Estimate, signature


class Preference(Enum):
    """An answer, seen from the first of the two systems."""

    WIN = "win"
    LOSE = "lose"
    TIE = "tie"


@dataclass(frozen=True, slots=True)
class ParticipantAnswers:
    """What one person said of one pair of conversations.

    Attributes:
        verdicts: Answer to every one of the five questions.
    """

    pair: str
    person: str
    verdicts: Mapping[str, Preference]

    def __post_init__(self) -> None:
        if set(self.verdicts) != set(QUESTIONS):
            raise ValueError(f"pair {self.pair}: got answers to {sorted(self.verdicts)}, expected {sorted(QUESTIONS)}")


@dataclass(frozen=True, slots=True)
class HumanStudy:
    """All that people said of two systems.

    Attributes:
        systems: Names of the first and the second system.
        answers: Final answers, one entry for each person and pair.
        intensities: System -> (before, after) of every finished conversation with it, each 1..5, 5 = worst.
        started: People who began.
        stopped: People with an urgent message, for whom the study ended; nobody answers for them.
        worried: People with a worried message, asked about their safety; some of them went on, some were stopped.
        replaced: Texts that must not be said and were replaced by fixed sentences.
    """

    systems: tuple[str, str]
    answers: tuple[ParticipantAnswers, ...]
    intensities: Mapping[str, Sequence[tuple[int, int]]]
    started: int
    stopped: int
    worried: int = 0
    replaced: int = 0

    @property
    def name(self) -> str:
        """What the row of the table is called."""
        return " vs ".join(self.systems)


def compare_humans(studies: Sequence[HumanStudy]) -> EvaluationResult:
    """Scores studies, a row each.

    Returns:
        Protocol ``human``. Of every study: ``<question>_win`` and ``_lose`` in percent of the pairs, ``_preference`` in
        percent of the decided ones (all with exact 95 % intervals), ``_p``, ``_kappa`` (undefined unless two people
        answered for one pair), ``pairs``, ``judgements`` (people's answers), ``started``, ``stopped``, ``worried``,
        ``replaced``, and ``intensity_drop_first`` / ``_second``: mean intensity before minus after.

    Raises:
        ValueError: Two studies are of the same systems: they belong in one row, and the same people may be in both.
    """
    start = time.perf_counter()
    systems: dict[str, dict[str, Estimate]] = {}
    for study in studies:
        if study.name in systems:
            raise ValueError(f"two studies of {study.name}, expected one file for each pair of systems")
        systems[study.name] = _scores(study)
    text = signature(
        "human", unit="pair-majority", test="sign-two-sided", ties="left-out", interval="clopper-pearson-95",
        agreement="fleiss-kappa",
    )  # fmt: skip
    pairs = sum(int(scores["pairs"].value) for scores in systems.values())
    return EvaluationResult("human", "human", "none", pairs, text, round(time.perf_counter() - start, 2), systems)


def human_table(result: EvaluationResult) -> Table:
    """Table 5: win / lose shares with the marks of the sign test, and the published rows under them."""
    headings = ("win / lose, %", "pairs", *(question.capitalize() for question in QUESTIONS))
    measured = [
        Row.of(name, f"{scores['pairs'].value:.0f}", *(_measured(scores, question) for question in QUESTIONS))
        for name, scores in result.systems.items()
    ]
    published = [
        Row.of(row.system, "100", *(_published(row.metrics, question) for question in QUESTIONS), kind="published")
        for row in HUMAN_ESCONV_2021.rows
    ]
    heading = f"published: {HUMAN_ESCONV_2021.source}; {HUMAN_ESCONV_2021.setting}"
    notes = [line for name, scores in result.systems.items() for line in _notes(name, scores)]
    return Table(
        tuple(Column(label, "right" if place else "left") for place, label in enumerate(headings)),
        (*measured, heading, *published),
        notes=("‡ p < 0.05, † p < 0.1 (two-sided sign test, ties left out)", *notes),
    )


def _scores(study: HumanStudy) -> dict[str, Estimate]:
    by_pair: dict[str, list[ParticipantAnswers]] = {}
    for one in study.answers:
        by_pair.setdefault(one.pair, []).append(one)
    scores = {
        "pairs": _bare(len(by_pair)),
        "judgements": _bare(len(study.answers)),
        "started": _bare(study.started),
        "stopped": _bare(study.stopped),
        "worried": _bare(study.worried),
        "replaced": _bare(study.replaced),
    }
    for question in QUESTIONS:
        answers = [Counter(one.verdicts[question] for one in pair) for pair in by_pair.values()]
        decided = Counter(map(_majority, answers))
        test = SignTest(decided[Preference.WIN], decided[Preference.LOSE], decided[Preference.TIE])
        counts = np.array([[answer[verdict] for verdict in Preference] for answer in answers], np.int64)
        scores[f"{question}_win"], scores[f"{question}_lose"] = test.win, test.lose
        scores[f"{question}_preference"] = test.preference
        scores[f"{question}_p"] = _bare(test.p)
        scores[f"{question}_kappa"] = _bare(fleiss_kappa(counts.reshape(-1, len(Preference))))
    for place, system in zip(("first", "second"), study.systems, strict=True):
        drops = [before - after for before, after in study.intensities.get(system, ())]
        scores[f"intensity_drop_{place}"] = _bare(float(np.mean(drops)) if drops else math.nan)
    return scores


def _majority(answers: Counter[Preference]) -> Preference:
    (leader, most), *others = answers.most_common()
    return leader if not others or others[0][1] < most else Preference.TIE


def _bare(value: float) -> Estimate:
    return Estimate(float(value), math.nan, math.nan)


def _measured(scores: Mapping[str, Estimate], question: str) -> Cell:
    win, lose, p = (scores[f"{question}_{part}"].value for part in ("win", "lose", "p"))
    return Cell(f"{win:.0f} / {lose:.0f}", mark=sign_mark(p)) if math.isfinite(win) else Cell(UNDEFINED)


def _published(metrics: Mapping[str, float | tuple[float, float]], question: str) -> str:
    return f"{metrics[f'{question}_win']:g} / {metrics[f'{question}_lose']:g}"


def _notes(name: str, scores: Mapping[str, Estimate]) -> list[str]:
    """The lines under the table for one study: intervals, agreement, who began and who was stopped."""
    lines = [
        f"{name}: {scores['judgements'].value:.0f} people's answers about {scores['pairs'].value:.0f} pairs, "
        f"{scores['started'].value:.0f} people began, {scores['stopped'].value:.0f} stopped by the crisis screening, "
        f"{scores['worried'].value:.0f} asked about their safety, {scores['replaced'].value:.0f} texts replaced"
    ]
    for question in QUESTIONS:
        preference, p, kappa = (scores[f"{question}_{part}"] for part in ("preference", "p", "kappa"))
        if not math.isfinite(preference.value):
            lines.append(f"  {question:15} nothing decided")
            continue
        agreement = f", kappa {kappa.value:.2f}" if math.isfinite(kappa.value) else ""
        lines.append(
            f"  {question:15} preferred in {preference.value:.0f} % of the decided pairs "
            f"[{preference.low:.0f}, {preference.high:.0f}], p = {p.value:.3f}{agreement}"
        )
    drops = [scores[f"intensity_drop_{place}"].value for place in ("first", "second")]
    if all(map(math.isfinite, drops)):
        lines.append(f"  intensity fell by {drops[0]:.2f} with the first and {drops[1]:.2f} with the second")
    return lines
