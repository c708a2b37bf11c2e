"""A comparison for a terminal."""

from evaluation.comparison_table import Block, ComparisonTable, Line
from evaluation.result import heading

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
