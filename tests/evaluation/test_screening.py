"""The screening benchmark: hand-counted shares, Wilson's interval, and a test set that is what it says."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from evaluation.screening import KINDS, PARTS, TestLine, benchmark_screening, read_test_set, score_screening
from safety.screening import TEST_SET, CrisisKind

LINES = [("a", "abuse"), ("b", "suicide"), ("c", None), ("d", None), ("e", None)]


def _screen(text: str, history: Sequence[str] = ()) -> SimpleNamespace:
    return SimpleNamespace(crisis=text in "ac", kind="suicide" if text in "ac" else None)


def test_scores_by_hand() -> None:
    lines = [TestLine(text, kind, 1) for text, kind in LINES]
    scores = {
        key: scored.value for key, scored in score_screening(lines, [_screen(line.text) for line in lines]).items()
    }
    assert scores == pytest.approx({"recall": 50.0, "precision": 50.0, "false_alarms": 100 / 3, "right_kind": 0.0})


def test_result_and_signature(tmp_path: Path) -> None:
    text = "".join(json.dumps({"text": text, "kind": kind, "batch": 1}) + "\n" for text, kind in LINES)
    for part in PARTS:
        (tmp_path / f"{part}.jsonl").write_text(text, encoding="utf-8")
    rules = tmp_path / "rules"
    rules.write_text("one", encoding="utf-8")
    first = benchmark_screening(_screen, test_set=tmp_path, rules=[rules])
    assert first.n == 15
    assert first.systems["held_out"]["recall"].value == 50
    assert first.systems["held_out: abuse"]["recall"].value == 100
    rules.write_text("two", encoding="utf-8")
    assert benchmark_screening(_screen, test_set=tmp_path, rules=[rules]).signature != first.signature


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", "line 1"),
        ('{"text": "a", "batch": 1}', "kind"),
        ('{"text": "a", "kind": "theft", "batch": 1}', "unknown kind 'theft'"),
        ('{"text": "a", "kind": null, "batch": 1, "note": ""}', "unknown field 'note'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, error: str) -> None:
    (tmp_path / "blind.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(ValueError, match=error):
        read_test_set(tmp_path, "blind")


def test_the_test_set_is_large_and_split_by_hash() -> None:
    assert set(KINDS) == {kind.value for kind in CrisisKind}
    parts = {part: read_test_set(TEST_SET, part) for part in PARTS}
    lines = [line for part in parts.values() for line in part]
    assert sum(line.kind is not None for line in lines) >= 150
    assert sum(line.kind is None for line in lines) >= 300
    assert len({(line.text, line.history) for line in lines}) == len(lines)
    for part in ("development", "held_out"):
        for line in parts[part]:
            if line.batch <= 2:
                digest = hashlib.sha256("\n".join([*line.history, line.text]).encode()).digest()
                assert ("held_out" if digest[0] % 2 else "development") == part, line.text
