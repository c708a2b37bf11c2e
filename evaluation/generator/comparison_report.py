"""Everything that comes of comparing kept evaluations: text, page, LaTeX and JSON of the same tables.

A comparison for a terminal.

A comparison for a paper: LaTeX that needs booktabs and nothing else.
"""

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from corpus.files import write_whole
from evaluation.generator.comparison import Comparison, compare_evaluations
from evaluation.generator.comparison_table import (
    DAGGER,
    Block,
    ComparisonTable,
    Line,
    comparison_json,
    comparison_table,
)
from evaluation.generator.stored import read_evaluations
from evaluation.metric_names import METRIC_NAMES
from evaluation.result import EvaluationResult, heading

_GAP = "  "
_BELOW = "  95 % interval"
_SPREAD = "  spread of runs"


def comparison_text(table: ComparisonTable) -> str:
    """The table aligned: measured systems above their intervals, published rows under their source; then the notes."""
    rows: list[list[str] | str] = [["system", "", *map(heading, table.columns)]]
    for block in table.blocks:
        rows.append(f"-- {block.heading}")
        for line in block.lines:
            rows += _console_rows(line, block)
    cells = [row for row in rows if not isinstance(row, str)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = [
        row
        if isinstance(row, str)
        else _GAP.join(
            text.ljust(width) if place < 2 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([table.title, "", *lines, "", *table.notes, table.signature])


def _console_rows(line: Line, block: Block) -> list[list[str]]:
    if not block.measured:
        # A blank stands where a measured value may carry its mark, so that the digits stay below each other.
        return [[line.name, f"[{line.source}]", *(f"{entry.value} " for entry in line.entries)]]
    rows = [[line.name, "", *(f"{entry.value}{entry.mark or ' '}" for entry in line.entries)]]
    if any(entry.interval for entry in line.entries):
        rows.append([_BELOW, "", *(entry.interval for entry in line.entries)])
    if any(entry.spread for entry in line.entries):
        rows.append([_SPREAD, "", *(entry.spread for entry in line.entries)])
    return rows


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
    "±": r"$\pm$",
    "–": "--",
    "’": "'",
}


def latex_escaped(text: str) -> str:
    """Text that LaTeX prints as it stands, whatever its font encoding.

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


def comparison_latex(tables: Sequence[ComparisonTable]) -> str:
    """Tables to be read with ``input``; the only package they need is booktabs."""
    return (
        "\n\n".join(
            ["% Needs \\usepackage{booktabs} and nothing else; wide: for a landscape page.", *map(_latex, tables)]
        )
        + "\n"
    )


def _latex(table: ComparisonTable) -> str:
    columns = len(table.columns) + 1
    lines = [
        r"\begin{table*}",
        r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
        rf"\caption{{{latex_escaped(table.title)}; {latex_escaped(table.blocks[0].heading)}.}}",
        rf"\begin{{tabular}}{{l{'r' * (columns - 1)}}}",
        r"\toprule",
        _latex_row(["System", *(latex_escaped(heading(metric)) for metric in table.columns)]),
    ]
    for block in table.blocks:
        title = rf"\multicolumn{{{columns}}}{{p{{0.95\textwidth}}}}{{\itshape {latex_escaped(block.heading)}}}"
        lines += [r"\midrule", _latex_row([title])]
        for line in block.lines:
            lines += _latex_lines(line, block)
    notes = " ".join(latex_escaped(note) for note in table.notes)
    lines += [r"\bottomrule", r"\end{tabular}", "", r"\smallskip", rf"\parbox{{0.95\textwidth}}{{\scriptsize {notes}}}"]
    return "\n".join([*lines, r"\end{table*}"])


def _latex_lines(line: Line, block: Block) -> list[str]:
    if not block.measured:
        name = latex_escaped(f"{line.name} ({line.source})")
        return [_latex_row([name, *(latex_escaped(entry.value) for entry in line.entries)])]
    values = [latex_escaped(f"{entry.value}{DAGGER if entry.mark else ''}") for entry in line.entries]
    below = ([entry.interval for entry in line.entries], [entry.spread for entry in line.entries])
    return [
        _latex_row([latex_escaped(line.name), *values]),
        *(
            _latex_row(["", *(rf"{{\tiny {latex_escaped(text)}}}" if text else "" for text in texts)])
            for texts in below
            if any(texts)
        ),
    ]


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


_ARROWS = {"higher": "↑", "lower": "↓", "": ""}


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
    def tables(self) -> tuple[ComparisonTable, ...]:
        """What is shown."""
        return tuple(comparison_table(comparison) for comparison in self.comparisons)

    def text(self) -> str:
        """All tables for a terminal."""
        return "\n\n\n".join(comparison_text(table) for table in self.tables)

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

    def html(self) -> str:
        """One self-contained page: nothing fetched, nothing executed, every text escaped."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parents[1] / "report" / "templates"),
            autoescape=True,  # for every template, whatever its name
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        template = environment.get_template("comparison.html.j2")
        return template.render(tables=self.tables, names=METRIC_NAMES, arrows=_ARROWS)

    def save_html(self, path: Path) -> None:
        """Writes the page whole."""
        write_whole(path, self.html())

    def save_latex(self, path: Path) -> None:
        """Writes the LaTeX tables whole."""
        write_whole(path, comparison_latex(self.tables))

    def save_text(self, path: Path) -> None:
        """Writes what the terminal shows, whole."""
        write_whole(path, self.text() + "\n")


def compare_runs(runs: Sequence[Path], *, reference: str | None, split: str | None, seed: int) -> ComparisonReport:
    """Compares everything that run folders keep.

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
