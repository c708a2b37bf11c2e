"""A finished table of the corpus report: texts only, for terminal and page alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.console_table import aligned
from evaluation.result import UNDEFINED


@dataclass(frozen=True, slots=True)
class CorpusTable:
    """A title, rows of cells, and what must be said of them.

    Attributes:
        title: What is counted, with its unit.
        rows: The heading, then any number of rows of the same length; empty where the data carry nothing to count.
        note: One line below the table; may be empty.
        left: How many columns, from the first, hold names.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    left: int = 1

    def text(self) -> str:
        """The table for a terminal."""
        parts = [self.title, aligned(self.rows, left=self.left) if self.rows else "", self.note]
        return "\n".join(part for part in parts if part)


def absent(title: str, what: str) -> CorpusTable:
    """The table of something that the data do not carry: one line that says so."""
    return CorpusTable(title, (), f"These data carry no {what}.")


def shares(title: str, heading: str, counts: Mapping[str, int], *, note: str = "") -> CorpusTable:
    """Counts with their share of all of them."""
    total = sum(counts.values())
    rows = [(name, f"{count:,}", percent(count, total)) for name, count in counts.items()]
    return CorpusTable(
        title, ((heading, "number", "%"), *rows, ("together", f"{total:,}", percent(total, total))), note
    )


def percent(count: float, total: float) -> str:
    """A share in percent with one decimal; a dash of nothing."""
    return decimal(100 * count / total if total else None)


def decimal(value: float | None, places: int = 1) -> str:
    """A number for a cell; a dash where there is none."""
    return UNDEFINED if value is None else f"{value:,.{places}f}"
