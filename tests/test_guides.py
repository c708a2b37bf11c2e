"""What the guides show is true: their Python snippets run, and their examples of data formats are read."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from corpus.formats.detection import Content, read_dialogues
from corpus.strategy import Strategy

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def blocks(guide: str, language: str = "") -> list[str]:
    """The fenced blocks of one language in a guide."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", (DOCS / guide).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


@pytest.mark.parametrize("guide", ["chat_and_studies.md", "data_formats.md"])
def test_snippets_run(guide: str) -> None:
    for snippet in blocks(guide, "python"):
        done = subprocess.run([sys.executable, "-c", snippet], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def test_the_format_that_the_guide_adds_is_read(tmp_path: Path) -> None:
    module: dict[str, Any] = {}
    exec(next(snippet for snippet in blocks("data_formats.md", "python") if "FORMAT =" in snippet), module)
    content = Content(b"S\t\tI can't sleep.\nH\tQuestion\tSince when?\n\nS\t\tHello.\n")
    assert module["FORMAT"].recognises(content)
    first, second = module["FORMAT"].parse(content)
    assert [message.strategy for message in first.messages] == [None, Strategy.QUESTION]
    assert second.messages[0].text == "Hello."


def test_examples_of_formats_are_one_dialogue_in_three_forms(tmp_path: Path) -> None:
    windows = next(text for text in blocks("data_formats.md") if " EOS " in text)
    for text in (*blocks("data_formats.md", "json"), windows):
        (tmp_path / "example").write_text(text, encoding="utf-8")
        (dialogue,) = read_dialogues(tmp_path / "example")
        assert [message.strategy for message in dialogue.messages[:2]] == [None, Strategy.QUESTION]
