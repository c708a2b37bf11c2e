"""Published figures on a terminal, so that nobody takes them for measured ones: own block, a mark on every line."""

from collections.abc import Sequence

from evaluation.console_table import aligned
from evaluation.published import Provenance, PublishedRow, PublishedTable, published_number
from evaluation.result import heading

_MARKS = {
    Provenance.READ: "published [P]",
    Provenance.SECOND_HAND: "published [S]",
    Provenance.COMPUTED: "computed [C]",
}
_HEAD = """\
PUBLISHED by others, NOT measured here: on the official TEST split, unless a line says otherwise; no intervals known.
Measured above was the split {split} of the data given. Compare only where data, split and setting are the same.
[P] read in the paper or its repository, [S] read in somebody's notes on it, [C] computed from the data."""


def published_text(tables: Sequence[PublishedTable], *, split: str) -> str:
    """Every table under its source and setting.

    Args:
        tables: Of one protocol.
        split: What was measured above these tables, and may not be what they are about.
    """
    blocks = [f"{table.source}: {table.setting}\n{_aligned(table)}" for table in tables]
    return "\n\n".join([_HEAD.format(split=split), *blocks])


def _aligned(table: PublishedTable) -> str:
    rows = [["mark", "published system", *(heading(metric) for metric in table.columns)]]
    return aligned([*rows, *(_row(row, table.columns) for row in table.rows)], left=2)


def _row(row: PublishedRow, columns: Sequence[str]) -> list[str]:
    numbers = [published_number(metric, row.metrics.get(metric)) for metric in columns]
    return [_MARKS[row.provenance], row.system, *numbers]
