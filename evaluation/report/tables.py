"""Tables of cells, and their three writers: plain text for a terminal, HTML for a page, LaTeX for a paper.

Whatever is shown in rows and columns is a :class:`Table`; who measures makes one, and the writers alone decide how an
interval, a mark or the best value of a column looks. The text writer is a few lines of its own: libraries for terminals
fit a table to the width of a window, and what is piped into a file then depends on that window.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup

from evaluation.report.pages import template

UNDEFINED = "–"  # shown where a number has no value, e.g. EMR on multi-strategy turns where there are none


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry; each part but the text may be empty.

    Attributes:
        text: The value as it is shown.
        interval: Its interval, e.g. ``[12.1, 14.3]``.
        spread: Its spread over runs, e.g. ``± 0.31``.
        mark: A sign behind the value, e.g. ``*`` or ``†``; the notes of the table say what it means.
        best: Whether it is the best of its column: bold in HTML and LaTeX.
    """

    text: str = ""
    interval: str = ""
    spread: str = ""
    mark: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column.

    Attributes:
        label: The heading.
        align: ``left`` for names, ``right`` for numbers.
        better: ``higher``, ``lower``, or empty where neither is better by itself.
        meaning: One line that explains it, with the unit.
    """

    label: str
    align: Literal["left", "right"] = "right"
    better: str = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A cell for every column, the name first; ``kind`` is ``own``, ``gold``, ``published``, ``total`` or empty."""

    cells: tuple[Cell, ...]
    kind: str = ""

    @classmethod
    def of(cls, *cells: str | Cell, kind: str = "") -> "Row":
        """A row of texts and cells."""
        return cls(tuple(Cell(cell) if isinstance(cell, str) else cell for cell in cells), kind)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length under their headings.

    Attributes:
        columns: Headings, at least one.
        rows: In order; a string is a heading over the rows that follow it.
        title: What is shown, with its unit; may be empty.
        notes: What must be said of it, one line or paragraph each.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row | str, ...]
    title: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if isinstance(row, Row) and len(row.cells) != len(self.columns):
                raise ValueError(f"table {self.title!r}: a row of {len(row.cells)} cells, {len(self.columns)} columns")


def plain_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    names: int = 1,
    totals: Iterable[Sequence[str]] = (),
) -> Table:
    """A table of strings.

    Args:
        notes: What must be said of it; empty ones are left out.
        names: How many columns, from the first, hold names and are aligned left.
        totals: Rows at the end that sum up the others.
    """
    columns = tuple(Column(label, "left" if place < names else "right") for place, label in enumerate(headings))
    lines = [*(Row.of(*row) for row in rows), *(Row.of(*row, kind="total") for row in totals)]
    return Table(columns, tuple(lines), title, tuple(note for note in notes if note))


def without_intervals(table: Table) -> Table:
    """The same table with values alone."""
    rows = tuple(
        row
        if isinstance(row, str)
        else replace(row, cells=tuple(replace(one, interval="", spread="") for one in row.cells))
        for row in table.rows
    )
    return replace(table, rows=rows)


def to_text(table: Table, *, below: bool = False) -> str:
    """Title, aligned rows under a rule, and notes; a table without rows has no headings either.

    Args:
        table: What is shown.
        below: Whether intervals and spreads have lines of their own below their row, and not a place beside the value.
    """
    rows = [row for row in table.rows if isinstance(row, Row)]
    # Cells without a mark get a blank in its place, so that digits are aligned.
    blanks = tuple(
        " " if column.align == "right" and any(row.cells[place].mark for row in rows) else ""
        for place, column in enumerate(table.columns)
    )
    lines: list[str | list[str]] = [
        [f"{column.label}{blank}" for column, blank in zip(table.columns, blanks, strict=True)]
    ]
    for row in table.rows:
        lines += [f"-- {row}"] if isinstance(row, str) else _text_lines(row, blanks, below=below)
    widths = [max(len(line[place]) for line in lines if not isinstance(line, str)) for place in range(len(blanks))]
    written = [
        line if isinstance(line, str) else "  ".join(map(_aligned, line, widths, table.columns)).rstrip()
        for line in lines
    ]
    written.insert(1, "  ".join("-" * width for width in widths))
    blocks = ([table.title], written if table.rows else [], table.notes)
    return "\n".join(line for block in blocks for line in block if line)


def _text_lines(row: Row, blanks: Sequence[str], *, below: bool) -> list[list[str]]:
    parts = [(cell.text,) if below else (cell.text, cell.interval, cell.spread) for cell in row.cells]
    values = [
        " ".join(part for part in shown if part) + (cell.mark or blank)
        for shown, cell, blank in zip(parts, row.cells, blanks, strict=True)
    ]
    further = ([cell.interval for cell in row.cells], [cell.spread for cell in row.cells]) if below else ()
    return [values, *(line for line in further if any(line))]


def _aligned(text: str, width: int, column: Column) -> str:
    return text.ljust(width) if column.align == "left" else text.rjust(width)


def to_html(table: Table) -> Markup:
    """A ``<figure>`` that scrolls where the page is too narrow; pages take the same macro (``table.html.j2``)."""
    return Markup(template("table.html.j2").module.show(table))  # type: ignore[attr-defined]


_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",  # after a line's end LaTeX would take it for the height of a gap
    "]": "{]}",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "±": r"$\pm$",
    "–": "--",
    "’": "'",
    "→": r"$\rightarrow$",
}


def latex_escaped(text: str) -> str:
    """Text that LaTeX prints unchanged, whatever its font encoding.

    Special characters are escaped, letters beyond ASCII lose their accents, and what then still is none of ASCII
    becomes its code point, as in ``(U+4E2D)``. Line breaks become blanks: an empty line would end the paragraph.
    """
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if not plain.isprintable() or not plain:
        return f"(U+{ord(character):04X})"
    return "".join(_ESCAPES.get(one, one) for one in plain)


def to_latex(table: Table) -> str:
    """A ``table*`` that needs booktabs and nothing else; intervals and spreads are below their row."""
    lines = [
        r"\begin{table*}",
        r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
        rf"\caption{{{latex_escaped(table.title)}.}}",
        rf"\begin{{tabular}}{{{''.join(column.align[0] for column in table.columns)}}}",
        r"\toprule",
        _latex_line(latex_escaped(column.label) for column in table.columns),
    ]
    if table.rows and isinstance(table.rows[0], Row):
        lines.append(r"\midrule")
    for row in table.rows:
        if isinstance(row, str):
            title = rf"\multicolumn{{{len(table.columns)}}}{{p{{0.95\textwidth}}}}{{\itshape {latex_escaped(row)}}}"
            lines += [r"\midrule", _latex_line([title])]
        else:
            lines += _latex_lines(row)
    lines += [r"\bottomrule", r"\end{tabular}"]
    if table.notes:
        notes = " ".join(latex_escaped(note) for note in table.notes)
        lines += ["", r"\smallskip", rf"\parbox{{0.95\textwidth}}{{\scriptsize {notes}}}"]
    return "\n".join([*lines, r"\end{table*}"])


def _latex_lines(row: Row) -> list[str]:
    values = [latex_escaped(f"{cell.text}{cell.mark}") for cell in row.cells]
    first = [rf"\textbf{{{value}}}" if cell.best else value for value, cell in zip(values, row.cells, strict=True)]
    below = [[cell.interval for cell in row.cells], [cell.spread for cell in row.cells]]
    small = [[rf"{{\tiny {latex_escaped(text)}}}" if text else "" for text in texts] for texts in below if any(texts)]
    return [_latex_line(cells) for cells in (first, *small)]


def _latex_line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
