"""A comparison for a paper: LaTeX that needs booktabs and nothing else."""

import unicodedata
from collections.abc import Sequence

from evaluation.comparison_table import DAGGER, Block, ComparisonTable, Line
from evaluation.result import heading

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
