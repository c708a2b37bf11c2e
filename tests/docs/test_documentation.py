"""README, guides, docstrings: their Python snippets run, their commands parse, their links and module paths exist."""

import doctest
import importlib
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.command_line import parse
from cli.evaluate import COMMANDS as EVALUATE
from cli.train import COMMANDS as TRAIN
from corpus.formats.detection import Content, read_dialogues
from corpus.load import SAMPLE
from corpus.strategy import Strategy

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FORMATS = ROOT / "docs" / "data_formats.md"
GOLDEN = ROOT / "tests" / "data" / "golden"
RUNS = {"runs/quickstart/planner": "planner-quickstart", "runs/quickstart/generator": "generator"}
PROGRAMS = {"train.py": TRAIN, "evaluate.py": EVALUATE}
LONGEST_README = 150
PLACEHOLDER = re.compile(r"\$|\b(OPTIONS|COMMAND)\b| [VW]$")  # stands for what the reader puts there


def snippets(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language; shell commands stand in blocks without any."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [text for named, text in blocks if named == language]


def commands(page: Path) -> list[list[str]]:
    """The words of every ``python train.py`` and ``python evaluate.py`` of a page, without its comments."""
    lines = "\n".join(snippets(page, "")).replace("\\\n", " ").splitlines()
    matches = (re.search(r"python (train|evaluate)\.py\b[^&|;]*", line) for line in lines)
    words = [shlex.split(match.group(), comments=True)[1:] for match in matches if match]
    return [one for one in words if not PLACEHOLDER.search(" ".join(one))]


PYTHON = [(page.name, number) for page in PAGES for number in range(len(snippets(page, "python")))]
SHELL = [(page.name, " ".join(words)) for page in PAGES for words in commands(page) if len(words) > 1]


@pytest.mark.usefixtures("embedding_cache")
@pytest.mark.parametrize(("name", "number"), PYTHON)
def test_a_snippet_runs(name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = next(page for page in PAGES if page.name == name)
    code = snippets(page, "python")[number]
    for run, stored in RUNS.items():
        code = code.replace(run, str(GOLDEN / stored))
    shutil.copyfile(SAMPLE, tmp_path / "my-corpus.json")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"{name}, snippet {number + 1}", "exec"), {"__name__": "__main__"})


@pytest.mark.usefixtures("embedding_cache")
@pytest.mark.parametrize("module", ["planner.planner", "generator.realizer"])
def test_examples_in_a_docstring_run(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize(("name", "line"), SHELL)
def test_a_command_parses(name: str, line: str) -> None:
    program, *words = shlex.split(line)
    assert parse(PROGRAMS[program], words, program=program)


def test_the_format_that_a_guide_adds_is_read() -> None:
    module: dict[str, Any] = {}
    exec(next(code for code in snippets(FORMATS, "python") if "FORMAT =" in code), module)
    content = Content(b"S\t\tI can't sleep.\nH\tQuestion\tSince when?\n\nS\t\tHello.\n")
    assert module["FORMAT"].recognises(content)
    first, second = module["FORMAT"].parse(content)
    assert [message.strategy for message in first.messages] == [None, Strategy.QUESTION]
    assert second.messages[0].text == "Hello."


def test_examples_of_formats_are_one_dialogue_in_three_forms(tmp_path: Path) -> None:
    windows = next(text for text in snippets(FORMATS, "") if " EOS " in text)
    for text in (*snippets(FORMATS, "json"), windows):
        (tmp_path / "example").write_text(text, encoding="utf-8")
        (dialogue,) = read_dialogues(tmp_path / "example")
        assert [message.strategy for message in dialogue.messages[:2]] == [None, Strategy.QUESTION]


def test_a_plain_policy_needs_fifteen_lines() -> None:
    (code,) = (code for code in snippets(ROOT / "docs" / "environments.md", "python") if "MlpPolicy" in code)
    assert len([line for line in code.splitlines() if line]) <= 15


def test_what_pages_name_exists() -> None:
    missing = []
    for page in PAGES:
        text = page.read_text("utf-8")
        linked = [page.parent / target for target in re.findall(r"\]\(([^)#:]+)\)", text)]
        rooms = "cli|corpus|encoding|metrics|language_models|safety|env|planner|generator|evaluation|chat"
        named = [ROOT / path for path in re.findall(rf"`((?:{rooms}|configs|tests|benchmarks)/[\w./]*)`", text)]
        missing += [f"{page.name}: {os.path.relpath(path, ROOT)}" for path in linked + named if not path.exists()]
    assert missing == []


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= LONGEST_README


def test_a_plain_policy_on_a_corpus_of_ones_own_takes_fifteen_lines() -> None:
    (snippet,) = (code for code in snippets(ROOT / "docs" / "environments.md", "python") if "MlpPolicy" in code)
    assert len([line for line in snippet.splitlines() if line]) <= 15
