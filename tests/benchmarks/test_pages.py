"""The pages of benchmarks/ are what their script makes of the stored results."""

import json
import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest

import cli.evaluate
import cli.train
from benchmarks.pages import FOLDER, PAGES, README, cell, commands, page, read_result, readme, table
from cli.command_line import parse

RESULTS = sorted((path.parent.name, path.stem) for path in (FOLDER / "results").glob("*/*.json"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_its_template_with_the_stored_figures(name: str):
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == page(name), "run python -m benchmarks.pages"


def test_the_readme_shows_the_stored_figures():
    text = README.read_text(encoding="utf-8")
    assert text == readme(text), "run python -m benchmarks.pages"


def test_every_result_is_shown_on_its_page_with_its_commands():
    assert {where for where, _ in RESULTS} == set(PAGES)
    for where, name in RESULTS:
        result, text = read_result(where, name), page(where)
        assert table(result) in text, name
        assert [line for line in result["command"] or () if line not in text] == [], name
        assert (FOLDER / "templates" / f"{where}.md").read_text(encoding="utf-8").count(f'table("{name}")') == 1, name


def test_no_table_is_typed():
    for name in PAGES:
        text = (FOLDER / "templates" / f"{name}.md").read_text(encoding="utf-8")
        assert [line for line in text.splitlines() if line.startswith("|")] == [], name


def test_a_page_names_no_module_that_is_gone():
    for name in PAGES:
        text = page(name)
        for path in re.findall(r"`?((?:\w+/)+\w+\.(?:py|sh))", text):
            assert (FOLDER.parent / path).exists() or (FOLDER / path).exists(), path
        for module in re.findall(r"^from ([\w.]+) import", text, re.MULTILINE):
            assert (FOLDER.parent / Path(*module.split("."))).with_suffix(".py").exists(), module


def documented_commands() -> dict[str, list[str]]:
    """Every command of train.py and evaluate.py on the pages -> its words, with a value for each placeholder."""
    found = {}
    for name in PAGES:
        for block in re.findall(r"^```\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL):
            for line in re.findall(r"python ((?:train|evaluate)\.py [^;#\n]*)", block):
                plain = line.replace(" OPTIONS", "").replace("$R", "rl").replace("$S", "0")
                found[line] = shlex.split(re.sub(r"(?<= )[WV](?= |$)", "0.5", plain))
    for row in read_result("planner", "designs")["systems"]:
        if options := re.search(r"`(--.*)`", row):
            found[row] = ["train.py", "planner", "--out", "runs/designs/x", *options[1].split()]
    return found


@pytest.mark.parametrize("line", documented_commands())
def test_commands_on_the_pages_have_the_options_of_today(line: str):
    program, *words = documented_commands()[line]
    commands = {"train.py": cli.train.COMMANDS, "evaluate.py": cli.evaluate.COMMANDS}[program]
    assert parse(commands, words, program=program) is not None


def test_cells_show_the_digits_that_are_stored():
    score = {"value": Decimal("27.70"), "low": Decimal("25.97"), "high": Decimal("29.6"), "spread": Decimal("0.32")}
    assert cell(score) == "27.70 [25.97, 29.6] ± 0.32"
    assert cell({"value": Decimal("7721")}) == "7,721"
    assert cell({"value": Decimal("0.05"), "low": Decimal("-0.10"), "high": Decimal("0.20")}, signed=True) == (
        "+0.05 [-0.10, +0.20]"
    )
    assert (cell({"text": "26 / 70 %"}), cell(None)) == ("26 / 70 %", "")


def test_a_table_says_how_it_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    result = {
        "command": None, "seed": [0, 1], "hardware": "2 cores", "minutes": None, "commit": "abc",
        "rows": "system", "columns": ["LR"], "systems": {"one": {"LR": {"value": 1.5}}},
    }  # fmt: skip
    folder = tmp_path / "results" / "planner"
    folder.mkdir(parents=True)
    (folder / "lr.json").write_text(json.dumps(result))
    monkeypatch.setattr("benchmarks.pages.FOLDER", tmp_path)
    assert table(read_result("planner", "lr")) == (
        "| system | LR |\n|---|--:|\n| one | 1.5 |\n\n"
        "<sub>No command was stored with these figures; seeds 0, 1; 2 cores; commit abc.</sub>"
    )
    assert commands([{"command": ["python evaluate.py corpus"]}] * 2) == "```\npython evaluate.py corpus\n```"
    (folder / "lr.json").write_text(json.dumps(result | {"columns": ["EMR"]}))
    with pytest.raises(ValueError, match=r"lr\.json: one: no column 'LR'"):
        read_result("planner", "lr")
    (folder / "lr.json").write_text(json.dumps({"seed": 0}))
    with pytest.raises(ValueError, match=r"lr\.json: expected the fields"):
        read_result("planner", "lr")
