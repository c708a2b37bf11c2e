"""Report of a comparison: its tables with published rows and notes, for a terminal, as page and LaTeX, and as JSON."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill

from evaluation.generator.comparison import Comparison, compare_evaluations
from evaluation.generator.stored import read_evaluations
from evaluation.generator.system import WHOLE_TURNS
from evaluation.metric_columns import text_columns
from evaluation.published import (
    TEXT_ESCONV_2021,
    TEXT_ESCONV_2021_CORRECTED,
    TEXT_ESCONV_OFFICIAL,
    TURN_MULTI_STRATEGY,
    PublishedTable,
    published_rows,
)
from evaluation.report.pages import template
from evaluation.report.tables import Column, Row, Table, to_latex, to_text
from evaluation.result import EvaluationResult, estimate_cell, metric_columns, system_name

DAGGER = "†"
# Columns by what was written, those of the 2021 and of the 2026 paper among them; the JSON holds every metric.
COLUMNS: dict[str, tuple[str, ...]] = {
    "message": text_columns(
        "ppl", "ppl_mean", "ppl_word", "bleu_1", "bleu_2", "bleu_4", "rouge_l", "extrema", "bertscore", "distinct_1",
        "distinct_2", "unigram_f1", "length",
    ),
    "turn": text_columns(
        "emr", "lr", "emr_multi", "multi_rate", "rouge_l", "bertscore", "ppl", "ppl_word", "bleu_1", "bleu_2", "bleu_4",
        "distinct_1", "distinct_2", "unigram_f1", "length",
    ),
}  # fmt: skip
# What others report of the same kind of text: single messages since 2021, whole turns in 2026.
PUBLISHED: dict[str, tuple[PublishedTable, ...]] = {
    "message": (TEXT_ESCONV_2021, TEXT_ESCONV_2021_CORRECTED, TEXT_ESCONV_OFFICIAL),
    "turn": (TURN_MULTI_STRATEGY,),
}
_NOTES: dict[str, tuple[str, ...]] = {
    "message": (
        "Perplexity: Table 4 of the 2021 paper prints the mean of per-response perplexities, hence the column PPL "
        "mean. Its authors' repository later corrects Joint and Oracle to 18.61 (BlenderBot) and 19.09 (DialoGPT) "
        "per token over the corpus: compare these with the column PPL. The paper's own data are 1,053 dialogues "
        "split 6:2:2, not the 1,300 of the official split. Perplexities compare only under one tokenizer.",
        "Texts are scored tidied, against the corpus's own text. The 2021 authors' second code scores both after their "
        "way through the tokenizer, which BlenderBot's spaces and lower-cases. One run's 2,621 responses measured that "
        "way (90M tokenizer) have B-1 14.87, B-2 5.95, B-4 1.79, R-L 17.34 and length 13.88 instead of 14.66, 5.73, "
        "1.65, 17.34 and 13.53.",
    ),
    "turn": (
        "EMR, LR and the rate of multi-strategy turns are of the strategies that were written, where the generator or "
        "a planner chose them. The published systems are LLaMA-3.1-8B; perplexity is of the whole turn and compares "
        "only under one tokenizer. Whether their BERTScore is rescaled, and by which model, is not known here.",
        "A turn that opens its dialogue answers nothing and is left out here (of ESConv's 2,257 valid turns 2,156 are "
        "scored); the published 2,389 turns, and evaluate.py planner, count it.",
    ),
}
# Metrics that need something beside the texts -> what was not given where they are missing.
_NOT_GIVEN = {
    "extrema": "Extrema was not computed: no word vectors were given (evaluate.py generator --vectors).",
    "bertscore": "BERTScore was not computed: no model was given (evaluate.py generator --bertscore).",
}
_FROM_SCRATCH = "tiny-"  # begins the names of backbones with random weights


@dataclass(frozen=True)
class ComparisonReport:
    """Comparisons with their tables.

    Attributes:
        comparisons: By messages, by turns, or both.
        seconds: Time they took.
    """

    comparisons: tuple[Comparison, ...]
    seconds: float

    @property
    def tables(self) -> tuple[Table, ...]:
        """One table a comparison."""
        return tuple(comparison_table(comparison) for comparison in self.comparisons)

    def text(self) -> str:
        """All tables for a terminal, each above its notes."""
        return "\n\n\n".join(map(_text, self.tables))

    def latex(self) -> str:
        """All tables as one file for LaTeX."""
        head = "% Needs \\usepackage{booktabs} and nothing else; wide: for a landscape page."
        return "\n\n".join([head, *map(to_latex, self.tables)]) + "\n"

    def html(self) -> str:
        """One self-contained page."""
        return template("comparison.html.j2").render(tables=self.tables)

    @property
    def result(self) -> EvaluationResult:
        """All rows of all tables, with the differences and everything else of each in the details."""
        first = self.comparisons[0]
        signatures = [comparison.signature.split("|") for comparison in self.comparisons]
        shared = [part for part in signatures[0] if all(part in other for other in signatures)]
        splits = {comparison.split for comparison in self.comparisons}
        return EvaluationResult(
            command="compare",
            protocol="text",
            split=first.split if len(splits) == 1 else "none",
            n=sum(comparison.n for comparison in self.comparisons),
            signature="|".join(shared),
            seconds=self.seconds,
            # A generator may stand in both tables.
            systems={
                f"{row}, by {one.unit}s" if len(self.comparisons) > 1 else row: scores
                for one in self.comparisons
                for row, scores in one.scores.items()
            },
            details={"tables": [comparison_json(comparison) for comparison in self.comparisons]},
        )


def compare_runs(runs: Sequence[Path], *, reference: str | None, split: str | None, seed: int) -> ComparisonReport:
    """Compares all evaluations that run folders hold.

    Args:
        runs: Run folders, or single folders of their evaluations, in the order of the rows.
        reference: Row that the others are compared with; ``None``: as :func:`compare_evaluations` chooses.
        split: Only evaluations of this part of the corpus; ``None``: all there are.
        seed: Of the resamples.

    Raises:
        ValueError: As :func:`read_evaluations` and :func:`compare_evaluations`.
    """
    start = time.perf_counter()
    evaluations = [one for run in runs for one in read_evaluations(run, split=split)]
    comparisons = compare_evaluations(evaluations, reference=reference, seed=seed)
    return ComparisonReport(comparisons, round(time.perf_counter() - start, 2))


def _text(table: Table) -> str:
    notes = [fill(note, 120, break_on_hyphens=False, break_long_words=False) for note in table.notes]
    return "\n".join([to_text(replace(table, notes=()), below=True), "", *notes])


def comparison_table(comparison: Comparison) -> Table:
    """Measured systems above the published ones; a dagger marks what differs from the reference."""
    metrics = _metrics(comparison)
    rows: list[Row | str] = ["measured here"]
    for row, scores in comparison.scores.items():
        marks = {metric: DAGGER if comparison.differs(row, metric) else "" for metric in metrics}
        cells = [estimate_cell(metric, scores.get(metric), mark=marks[metric]) for metric in metrics]
        rows.append(Row.of(system_name(row, scores), *cells))
    for table in PUBLISHED[comparison.unit]:
        rows += [f"published: {table.source}; {table.setting}", *published_rows(table, metrics)]
    title = f"Generated text by {comparison.unit}s: {comparison.split}, {comparison.n:,} {comparison.unit}s"
    notes = (*_notes(comparison, metrics), comparison.signature)
    return Table((Column("system", "left"), *metric_columns(metrics)), tuple(rows), title, notes)


def _metrics(comparison: Comparison) -> tuple[str, ...]:
    """Columns of the table: the unit's, as far as anybody has them."""
    present = {metric for scores in comparison.scores.values() for metric in scores}
    present |= {metric for table in PUBLISHED[comparison.unit] for metric in table.columns}
    return tuple(metric for metric in COLUMNS[comparison.unit] if metric in present)


def _notes(comparison: Comparison, metrics: Sequence[str]) -> list[str]:
    """What must be known beside the numbers: what is marked, what compares with the published rows, what is missing."""
    present = {metric for scores in comparison.scores.values() for metric in scores}
    systems = comparison.systems.values()
    notes = [
        f"{DAGGER} differs from {comparison.reference} at 95 %: paired bootstrap over dialogues (Distinct: paired "
        "jackknife, since resampling with replacement misleads it). Each mark is one test; none is corrected for their "
        "number.",
        "Published rows are others' own measurements, on their own test split; the measured rows are of "
        f"{comparison.split}. P: taken from the paper or its repository, S: quoted from notes about it. No intervals "
        "are known.",
        "Measured perplexity is that of the gold texts under their gold strategies, whatever the plan source.",
    ]
    notes += _NOTES[comparison.unit]
    if any(one.variant in WHOLE_TURNS for one in systems):
        notes.append("One-by-One's perplexity includes its decision to stop; All-in-One counts one end token a turn.")
    if others := comparison.other_tokenizers:
        notes.append(
            f"Another tokenizer than {comparison.reference}, so its perplexity per token is not compared (per word it "
            f"is), and its longest message counts in tokens of its own: {_joined(others)}."
        )
    if others := comparison.other_counts:
        notes.append(
            f"Other tokens than {comparison.reference} in perplexity per token, so it is not compared: "
            f"{_joined(others)}."
        )
    if any(one.seeds > 1 for one in systems):
        notes.append("± is the standard deviation over sampling runs; perplexity is computed once.")
    if scratch := [one.generator for one in systems if one.backbone.startswith(_FROM_SCRATCH)]:
        notes.append(f"Trained from scratch, without pretrained weights: {_joined(scratch)}.")
    if bare := [one.generator for one in systems if not one.fine_tuned]:
        notes.append(f"Pretrained, without fine-tuning: {_joined(bare)}.")
    notes += [note for metric, note in _NOT_GIVEN.items() if metric in metrics and metric not in present]
    if "adherence" not in present:
        notes.append("Strategy adherence was not computed: no tagger was given (evaluate.py generator --tagger RUN).")
    return notes


def _joined(names: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(names))


def comparison_json(comparison: Comparison) -> Mapping[str, object]:
    """What the table is made of, with the differences in every metric, for JSON."""
    return {
        "unit": comparison.unit,
        "split": comparison.split,
        "n": comparison.n,
        "signature": comparison.signature,
        "reference": comparison.reference,
        "tokenizers": dict(comparison.tokenizers),
        "systems": {
            row: {metric: estimate.as_json() for metric, estimate in scores.items()}
            for row, scores in comparison.scores.items()
        },
        "differences": {
            row: {
                metric: {**difference.as_json(), "significant": comparison.differs(row, metric)}
                for metric, difference in differences.items()
            }
            for row, differences in comparison.differences.items()
        },
        "published": [
            {
                "source": table.source,
                "setting": table.setting,
                "systems": {row.system: {"provenance": row.provenance.value, **row.metrics} for row in table.rows},
            }
            for table in PUBLISHED[comparison.unit]
        ],
        "notes": _notes(comparison, _metrics(comparison)),
    }
