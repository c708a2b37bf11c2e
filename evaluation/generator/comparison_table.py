"""A comparison as plain rows and cells, with its notes: what the text, the page and the LaTeX table all show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.generator.comparison import PERPLEXITY, Comparison
from evaluation.generator.system import WHOLE_TURNS
from evaluation.metric_names import COMPARED_COLUMNS
from evaluation.published import (
    TEXT_ESCONV_2021,
    TEXT_ESCONV_2021_CORRECTED,
    TEXT_ESCONV_OFFICIAL,
    TURN_MULTI_STRATEGY,
    PublishedTable,
    published_number,
)
from evaluation.result import UNDEFINED, number, system_name
from metrics.statistics.estimate import Estimate

DAGGER = "†"
# What others report of the same kind of text: single messages since 2021, whole turns in 2026.
PUBLISHED_BY_UNIT: dict[str, tuple[PublishedTable, ...]] = {
    "message": (TEXT_ESCONV_2021, TEXT_ESCONV_2021_CORRECTED, TEXT_ESCONV_OFFICIAL),
    "turn": (TURN_MULTI_STRATEGY,),
}
_FROM_SCRATCH = "tiny-"  # begins the names of backbones with random weights


@dataclass(frozen=True, slots=True)
class Entry:
    """One number: value, dagger or nothing, interval and spread; texts may be empty."""

    value: str
    mark: str = ""
    interval: str = ""
    spread: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One system; ``source`` marks a published one: read (P) or heard (S)."""

    name: str
    entries: tuple[Entry, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines under a heading: what was measured, or what one source published."""

    heading: str
    lines: tuple[Line, ...]
    measured: bool


@dataclass(frozen=True, slots=True)
class ComparisonTable:
    """One table.

    Attributes:
        title: What was measured.
        columns: Metric keys.
        blocks: The measured systems first.
        notes: What a reader must know, one sentence or a few each.
        signature: What the measured systems share.
    """

    title: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    signature: str


def comparison_table(comparison: Comparison) -> ComparisonTable:
    """Rows, cells and notes of a comparison."""
    tables = PUBLISHED_BY_UNIT[comparison.unit]
    present = {metric for scores in comparison.scores.values() for metric in scores}
    present |= {metric for table in tables for metric in table.columns}
    columns = tuple(metric for metric in COMPARED_COLUMNS[comparison.unit] if metric in present)
    measured = tuple(
        Line(
            system_name(row, scores),
            tuple(
                _entry(metric, scores.get(metric), mark=DAGGER if comparison.differs(row, metric) else "")
                for metric in columns
            ),
        )
        for row, scores in comparison.scores.items()
    )
    blocks = (
        Block(f"measured here: {comparison.split}, {comparison.n:,} {comparison.unit}s", measured, measured=True),
        *(_published(table, columns) for table in tables),
    )
    title = f"Generated text by {comparison.unit}s"
    return ComparisonTable(title, columns, blocks, tuple(_notes(comparison, columns)), comparison.signature)


def _entry(metric: str, estimate: Estimate | None, *, mark: str) -> Entry:
    if estimate is None or not math.isfinite(estimate.value):
        return Entry(UNDEFINED)
    ends = (estimate.low, estimate.high)
    wide = all(map(math.isfinite, ends)) and ends[0] < ends[1]
    interval = f"[{number(metric, ends[0])}, {number(metric, ends[1])}]" if wide else ""
    spread = f"± {number(metric, estimate.spread)}" if estimate.runs > 1 and not metric.startswith(PERPLEXITY) else ""
    return Entry(number(metric, estimate.value), mark, interval, spread)


def _published(table: PublishedTable, columns: Sequence[str]) -> Block:
    lines = tuple(
        Line(
            row.system,
            tuple(Entry(published_number(metric, row.metrics.get(metric))) for metric in columns),
            row.provenance.value,
        )
        for row in table.rows
        if any(metric in columns for metric in row.metrics)
    )
    return Block(f"published: {table.source}; {table.setting}", lines, measured=False)


def _notes(comparison: Comparison, columns: Sequence[str]) -> list[str]:
    present = {metric for scores in comparison.scores.values() for metric in scores}
    runs = [one.seeds for one in comparison.systems.values()]
    notes = [
        f"{DAGGER} differs from {comparison.reference} at 95 %: paired bootstrap over dialogues (Distinct: paired "
        "jackknife, since resampling with replacement misleads it). Each mark is one test; none is corrected for their "
        "number.",
        "Published rows are others' own measurements, on their own test split; the measured rows are of "
        f"{comparison.split}. P: read in the paper or its repository, S: read in somebody's notes on it. No intervals "
        "are known.",
        "Measured perplexity is that of the gold texts under their gold strategies, whatever the plan source.",
    ]
    if comparison.unit == "message":
        notes.append(
            "Perplexity: Table 4 of the 2021 paper prints the mean of per-response perplexities, hence the column PPL "
            "mean. Its authors' repository later corrects Joint and Oracle to 18.61 (BlenderBot) and 19.09 (DialoGPT) "
            "per token over the corpus: compare these with the column PPL. The paper's own data are 1,053 dialogues "
            "split 6:2:2, not the 1,300 of the official split. Perplexities compare only under one tokenizer."
        )
        notes.append(
            "Texts are scored tidied, against the corpus's own text. The 2021 authors' second code scores both after "
            "their way through the tokenizer, which BlenderBot's spaces and lower-cases. One run's 2,621 responses "
            "measured that way (90M tokenizer) have B-1 14.87, B-2 5.95, B-4 1.79, R-L 17.34 and length 13.88 instead "
            "of 14.66, 5.73, 1.65, 17.34 and 13.53."
        )
    else:
        notes.append(
            "EMR, LR and the rate of several strategies are of the strategies that were really written, where the "
            "generator or a planner chose them. The published systems are LLaMA-3.1-8B; perplexity is of the whole "
            "turn and compares only under one tokenizer. Whether their BERTScore is rescaled, and by which model, is "
            "not known here."
        )
        notes.append(
            "A turn that opens its dialogue answers nothing and is left out here (of ESConv's 2,257 valid turns 2,156 "
            "are scored); the published 2,389 turns, and evaluate.py planner, count it."
        )
    variants = {one.variant for one in comparison.systems.values()}
    if variants.intersection(WHOLE_TURNS):
        notes.append("One-by-One's perplexity includes its decision to stop; All-in-One counts one end token a turn.")
    if others := comparison.other_tokenizers:
        notes.append(
            f"Another tokenizer than {comparison.reference}, so its perplexity is not compared, and its longest "
            f"message counts in tokens of its own: {_names(others)}."
        )
    if others := comparison.other_counts:
        notes.append(
            f"Other tokens than {comparison.reference} in perplexity, so it is not compared: {_names(others)}."
        )
    if max(runs) > 1:
        notes.append("± is the standard deviation over sampling runs; perplexity is computed once.")
    systems = comparison.systems.values()
    if scratch := [one.generator for one in systems if one.backbone.startswith(_FROM_SCRATCH)]:
        notes.append(f"Trained from scratch, without pretrained weights: {_names(scratch)}.")
    if bare := [one.generator for one in systems if not one.fine_tuned]:
        notes.append(f"Pretrained, without fine-tuning: {_names(bare)}.")
    notes += [
        f"{label} was not computed: {option}."
        for metric, label, option in (
            ("extrema", "Extrema", "no word vectors were given (evaluate.py generator --vectors)"),
            ("bertscore", "BERTScore", "no model was given (evaluate.py generator --bertscore)"),
        )
        if metric in columns and metric not in present
    ]
    return notes


def _names(rows: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(rows))


def comparison_json(comparison: Comparison) -> Mapping[str, object]:
    """Everything that the table is made of, differences in every metric included, for JSON."""
    undefined = {"value": math.nan, "low": math.nan, "high": math.nan, "p": math.nan}
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
                metric: {
                    part: value if math.isfinite(value := getattr(difference, part)) else None for part in undefined
                }
                | {"significant": comparison.differs(row, metric)}
                for metric, difference in differences.items()
            }
            for row, differences in comparison.differences.items()
        },
        "published": [
            {
                "source": table.source,
                "setting": table.setting,
                "systems": {
                    row.system: {
                        "provenance": row.provenance.value,
                        **row.metrics,
                    }
                    for row in table.rows
                },
            }
            for table in PUBLISHED_BY_UNIT[comparison.unit]
        ],
        "notes": list(comparison_table(comparison).notes),
    }
