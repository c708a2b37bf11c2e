"""Writes the pages of this folder: ``templates/PAGE.md`` with the tables of ``results/PAGE/NAME.json``.

``python -m benchmarks.pages`` writes all pages. A result holds

- ``command``: the commands that give the figures, one each, or null where they are not known;
- ``seed`` (a number or a list), ``hardware``, ``minutes`` (null where not measured), ``commit`` of the code;
- ``rows``: what the rows are; ``columns``: their headings in order; ``signed``: columns of differences;
- ``systems``: row -> column -> ``value`` and, where known, ``low`` and ``high`` (95 % interval) and ``spread``
  (standard deviation over runs); or ``text`` where a cell is no number.

Numbers are shown with the digits they are stored with.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).resolve().parent
PAGES = ("README", "planner", "generator", "dialogue", "corpus", "quality")
README = FOLDER.parent / "README.md"
README_MARKS = ("<!-- table -->", "<!-- end of table -->")
README_ROWS = {
    "tfidf": "TF-IDF + logistic regression",
    "embedding": "sentence embeddings + logistic regression",
    "fast, five seeds": "**planner, preset `fast`** (mean of five seeds)",
    "esconv-best": "**planner, preset `best`**",
}
README_COLUMNS = (("macro-F1", "weighted-F1", "B"), ("EMR", "LR", "EMR multi", "multi rate"))  # by message, by turn
FIELDS = {"command", "seed", "hardware", "minutes", "commit", "rows", "columns", "systems"}


def read_result(page: str, name: str) -> dict[str, Any]:
    """One stored result; numbers keep their digits.

    Raises:
        ValueError: A field is missing or unknown, or a cell belongs to no column; names the file.
    """
    path = FOLDER / "results" / page / f"{name}.json"
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    if set(result) - {"signed"} != FIELDS:
        raise ValueError(f"{path}: expected the fields {sorted(FIELDS)}, got {sorted(result)}")
    for system, cells in result["systems"].items():
        if unknown := set(cells) - set(result["columns"]):
            raise ValueError(f"{path}: {system}: no column {sorted(unknown)[0]!r}")
    return result


def cell(found: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """``value [low, high] ± spread``, as far as there is one."""
    if found is None:
        return ""
    if "text" in found:
        return str(found["text"])
    form = "+," if signed else ","
    text = format(found["value"], form)
    if "low" in found:
        text += f" [{format(found['low'], form)}, {format(found['high'], form)}]"
    return f"{text} ± {found['spread']:,}" if "spread" in found else text


def table(result: Mapping[str, Any]) -> str:
    """A result as a Markdown table, and below it how it was measured."""
    columns = result["columns"]
    lines = [[result["rows"], *columns]]
    lines += [
        [system, *(cell(cells.get(column), signed=column in result.get("signed", ())) for column in columns)]
        for system, cells in result["systems"].items()
    ]
    rule = "|---|" + "--:|" * len(columns)
    head, *rows = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, rule, *rows, "", measured(result)])


def measured(result: Mapping[str, Any]) -> str:
    """One line: seed, hardware, minutes, commit; and that the command is not known, where it is not."""
    seeds = result["seed"] if isinstance(result["seed"], list) else [result["seed"]]
    parts = [
        f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}",
        result["hardware"],
        *([f"{result['minutes']} minutes"] if result["minutes"] is not None else []),
        f"commit {result['commit']}",
    ]
    unknown = "No command was stored with these figures; " if result["command"] is None else ""
    return f"<sub>{unknown}{'; '.join(parts)}.</sub>"


def commands(results: Iterable[Mapping[str, Any]]) -> str:
    """The commands of results as a block to copy, each once."""
    return "\n".join(["```", *dict.fromkeys(line for result in results for line in result["command"]), "```"])


def page(name: str) -> str:
    """One page as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(f"{name}.md").render(
        table=lambda result: table(read_result(name, result)),
        commands=lambda *results: commands(read_result(name, result) for result in results),
        figure=lambda result, system, column: cell(
            read_result(name, result)["systems"][system][column],
            signed=column in read_result(name, result).get("signed", ()),
        ),
    )


def readme(text: str) -> str:
    """The project's README with its table of results, taken from the planner's: both protocols, values alone."""
    systems = [read_result("planner", name)["systems"] for name in ("best_message", "best_turn")]
    columns = list(zip(systems, README_COLUMNS, strict=True))
    lines = [["", *README_COLUMNS[0], *README_COLUMNS[1]], ["---", *["--:"] * sum(map(len, README_COLUMNS))]]
    lines += [
        [shown, *(str(cells[row][name]["value"]) for cells, names in columns for name in names)]
        for row, shown in README_ROWS.items()
    ]
    table_lines = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    before, after = text.split(README_MARKS[0])[0], text.split(README_MARKS[1])[1]
    return f"{before}{README_MARKS[0]}\n{table_lines}\n{README_MARKS[1]}{after}"


def main() -> None:
    """Writes all pages, and the table of the README."""
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    for name in PAGES:
        (FOLDER / f"{name}.md").write_text(page(name), encoding="utf-8")
        print(f"wrote {name}.md", file=sys.stderr)


if __name__ == "__main__":
    main()
