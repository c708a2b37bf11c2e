"""Every snippet of docs/environments.md runs, on a corpus in a file."""

import re
import shutil
from pathlib import Path

import pytest

from corpus.load import SAMPLE

_GUIDE = Path(__file__).resolve().parents[2] / "docs" / "environments.md"
_SNIPPETS = re.findall(r"^```python\n(.*?)^```", _GUIDE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("embedding_cache")
@pytest.mark.parametrize("number", range(len(_SNIPPETS)))
def test_snippet_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(SAMPLE, tmp_path / "my-corpus.json")
    monkeypatch.chdir(tmp_path)
    exec(compile(_SNIPPETS[number], f"{_GUIDE.name}, snippet {number + 1}", "exec"), {"__name__": "guide"})


def test_a_plain_policy_needs_fifteen_lines() -> None:
    (snippet,) = (snippet for snippet in _SNIPPETS if "MlpPolicy" in snippet)
    assert len([line for line in snippet.splitlines() if line]) <= 15
