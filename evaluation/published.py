"""Published figures as data: what others report, in the protocol they report it under.

Figures of different protocols or settings are in different tables and never share a column: each table carries its own
columns. Nothing here was measured by this project, except the floors marked as computed, and wherever the figures are
shown, every row bears the mark of its provenance.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from evaluation.report.tables import Column, Row, Table, to_text
from evaluation.result import metric_columns, number


class Provenance(Enum):
    """How a figure came here; the value is the mark shown beside it."""

    READ = "P"  # read in the paper's or its repository's own text
    SECOND_HAND = "S"  # quoted from notes about the paper
    COMPUTED = "C"  # counted or computed from the data


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One system's figures.

    Attributes:
        system: Its name, with backbone and variant.
        metrics: Metric key -> value, shares in percent; a pair is a range over reports.
        provenance: How the figures came here.
    """

    system: str
    metrics: Mapping[str, float | tuple[float, float]]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """Figures that may be compared: one protocol, one setting.

    Attributes:
        protocol: ``message``, ``turn`` or ``text``.
        setting: Data, split and measure, which say what it can be compared with.
        rows: In the source's order.
    """

    protocol: str
    setting: str
    source: str
    rows: tuple[PublishedRow, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Metric keys that occur, in order of first appearance."""
        return tuple(dict.fromkeys(metric for row in self.rows for metric in row.metrics))


def _row(provenance: Provenance, system: str, **metrics: float | tuple[float, float]) -> PublishedRow:
    return PublishedRow(system, metrics, provenance)


_P, _S, _C = Provenance.READ, Provenance.SECOND_HAND, Provenance.COMPUTED

MESSAGE_EMODYNAMIX = PublishedTable(
    protocol="message",
    setting="ESConv, official test split, 2,895 messages",
    source="EmoDynamiX, NAACL 2025, Table 1",
    rows=(
        _row(_P, "LLaMA3-70B, 0-shot", macro_f1=15.36, weighted_f1=18.45, preference_bias=1.03),
        _row(_P, "ChatGPT, 0-shot", macro_f1=18.14, weighted_f1=20.27, preference_bias=0.88),
        _row(_P, "MISC", macro_f1=20.91, weighted_f1=24.93, preference_bias=0.89),
        _row(_P, "KEMI", macro_f1=24.69, weighted_f1=26.80, preference_bias=0.86),
        _row(_P, "RoBERTa, fine-tuned", macro_f1=25.04, weighted_f1=27.94, preference_bias=0.68),
        _row(_P, "BART, fine-tuned", macro_f1=25.66, weighted_f1=29.08, preference_bias=0.64),
        _row(_P, "MultiESC (labels mapped back)", macro_f1=25.73, weighted_f1=29.31, preference_bias=0.61),
        _row(_P, "LLaMA3-8B, LoRA", macro_f1=25.91, weighted_f1=29.82, preference_bias=0.83),
        _row(_P, "TransESC (own split)", macro_f1=26.28, weighted_f1=31.33, preference_bias=0.73),
        _row(_P, "EmoDynamiX", macro_f1=27.70, weighted_f1=32.71, preference_bias=0.45),
        _row(_S, "EmoDynamiX, a re-run of its checkpoint", accuracy=33.61),
    ),
)

TURN_MULTI_STRATEGY = PublishedTable(
    protocol="turn",
    setting="ESConv, official test split, 2,389 turns, 452 of two or more messages; LLaMA-3.1-8B",
    source="Zhu et al. 2026, arXiv 2604.17972",
    rows=(
        _row(_S, "Single strategy", emr=25.21, lr=28.28, emr_multi=0.00, rouge_l=18.06, bertscore=18.16),
        _row(_S, "All-in-One", emr=23.61, lr=28.63, rouge_l=18.27, bertscore=18.17),
        _row(_S, "One-by-One", emr=24.99, lr=30.15, rouge_l=19.55, bertscore=19.72),
        _row(_S, "All-in-One + reasoning + RL", emr=29.97, lr=36.22, rouge_l=20.38, bertscore=21.11),
        _row(
            _S, "One-by-One + reasoning + RL", emr=33.53, lr=37.97, emr_multi=13.36, rouge_l=21.11, bertscore=20.72,
            multi_rate=8.4,
        ),
        _row(_S, "Gold plans", multi_rate=18.9),
    ),
)  # fmt: skip

TURN_FLOORS = PublishedTable(
    protocol="turn",
    setting="ESConv, official test split, 2,389 turns: floors",
    source="Computed from the data",
    rows=(
        _row(_C, "always Question", emr=18.33, lr=21.78, lr_indel=23.00),
        _row(_C, "the plan of a random training turn", emr=9.71, lr=13.95),
    ),
)

TEXT_ESCONV_2021 = PublishedTable(
    protocol="text",
    setting="ESConv 2021: 1,053 dialogues, 6:2:2, windows of 5 utterances; nlg-eval metrics on NLTK tokens",
    source="Liu et al., ACL 2021, Table 4",
    rows=(
        _row(_P, "DialoGPT-small Vanilla", ppl_mean=15.51, bleu_2=5.13, rouge_l=15.26, extrema=49.80),
        _row(_P, "DialoGPT-small Joint", bleu_2=5.00, rouge_l=15.09, extrema=49.97),
        _row(_P, "DialoGPT-small Oracle", ppl_mean=15.19, bleu_2=5.52, rouge_l=15.82, extrema=50.18),
        _row(_P, "BlenderBot_small-90M Vanilla", ppl_mean=16.23, bleu_2=5.45, rouge_l=15.43, extrema=50.49),
        _row(_P, "BlenderBot_small-90M Joint", bleu_2=5.35, rouge_l=15.46, extrema=50.27),
        _row(_P, "BlenderBot_small-90M Oracle", ppl_mean=16.03, bleu_2=6.31, rouge_l=17.90, extrema=51.65),
    ),
)

TEXT_ESCONV_2021_CORRECTED = PublishedTable(
    protocol="text",
    setting="ESConv 2021, perplexity per token over the corpus: the authors' later correction of Table 4",
    source="Repository of the 2021 paper",
    rows=(
        _row(_P, "BlenderBot_small-90M Joint/Oracle", ppl=18.61),
        _row(_P, "DialoGPT-small Joint/Oracle", ppl=19.09),
    ),
)

TEXT_ESCONV_OFFICIAL = PublishedTable(
    protocol="text",
    setting="ESConv, 1,300 dialogues split by dialogue; 90M generators, later re-runs",
    source="Notes on later re-runs",
    rows=(
        _row(
            _S, "a 90M generator", ppl=(16.0, 17.0), bleu_2=(6.0, 7.0), bleu_4=(1.7, 2.2), distinct_2=(14.0, 22.0),
            rouge_l=(15.5, 17.5),
        ),
    ),
)  # fmt: skip

PUBLISHED: tuple[PublishedTable, ...] = (
    MESSAGE_EMODYNAMIX,
    TURN_MULTI_STRATEGY,
    TURN_FLOORS,
    TEXT_ESCONV_2021,
    TEXT_ESCONV_2021_CORRECTED,
    TEXT_ESCONV_OFFICIAL,
)


def published(protocol: str) -> tuple[PublishedTable, ...]:
    """The tables of one protocol, and of no other.

    Raises:
        ValueError: There is no such protocol.
    """
    tables = tuple(table for table in PUBLISHED if table.protocol == protocol)
    if not tables:
        known = ", ".join(dict.fromkeys(table.protocol for table in PUBLISHED))
        raise ValueError(f"unknown protocol {protocol!r}, expected one of {known}")
    return tables


def published_number(metric: str, value: float | tuple[float, float] | None) -> str:
    """A published figure with the metric's usual decimals; a range over reports as it was given."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "–".join(f"{end:g}" for end in value)
    return number(metric, value)


QUESTIONS = ("fluency", "identification", "comforting", "suggestion", "overall")


def _joint_against(other: str, *shares: tuple[float, float]) -> PublishedRow:
    """A row from (wins, loses) of Joint in percent, in the order of the questions."""
    metrics = {}
    for question, (win, lose) in zip(QUESTIONS, shares, strict=True):
        metrics[f"{question}_win"], metrics[f"{question}_lose"] = win, lose
    return PublishedRow(f"Joint vs {other}", metrics, Provenance.READ)


HUMAN_ESCONV_2021 = PublishedTable(
    protocol="human",
    setting="BlenderBot_small-90M, 100 conversations a pair, win / lose of the first named, %",
    source="Liu et al., ACL 2021, Table 5",
    rows=(
        _joint_against("no fine-tuning", (71, 24), (65, 25), (75, 20), (72, 21), (73, 20)),
        _joint_against("Vanilla", (52, 35), (50, 34), (54, 34), (47, 39), (51, 34)),
        _joint_against("Random", (53, 35), (54, 37), (47, 39), (48, 27), (56, 36)),
    ),
)


_HEAD = """\
PUBLISHED by others, NOT measured here: on the official TEST split, unless a line says otherwise; no intervals known.
The figures above were measured on split {split} of the given data. Compare only where data, split and setting agree.
[P] taken from the paper or its repository, [S] quoted from notes about it, [C] computed from the data."""


def published_table(table: PublishedTable) -> Table:
    """One source's figures under its name and setting."""
    columns = (Column("published system", "left"), *metric_columns(table.columns))
    return Table(columns, published_rows(table, table.columns), f"{table.source}: {table.setting}")


def published_rows(table: PublishedTable, metrics: Iterable[str]) -> tuple[Row, ...]:
    """The source's systems in these metrics, each with its mark behind the name; who has none of them is left out."""
    metrics = tuple(metrics)
    return tuple(
        Row.of(
            f"{row.system} [{row.provenance.value}]",
            *(published_number(metric, row.metrics.get(metric)) for metric in metrics),
            kind="published",
        )
        for row in table.rows
        if not row.metrics.keys().isdisjoint(metrics)
    )


def published_text(tables: Sequence[PublishedTable], *, split: str) -> str:
    """Every table for a terminal, below a head that tells them from what was measured.

    Args:
        split: What was measured above these tables, and may not be what they are about.
    """
    return "\n\n".join([_HEAD.format(split=split), *(to_text(published_table(table)) for table in tables)])
