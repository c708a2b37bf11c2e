"""The screening benchmark: hand-counted shares with exact intervals, parts by kind and manner, lists of mistakes."""

from pathlib import Path

import pytest

from evaluation.result import EvaluationResult
from evaluation.screening import evaluate_lines, mistakes, screen_lines, screen_replies
from safety.lines import LabelledLine, Side
from tests.safety.word_detectors import word_care

LINES = [
    LabelledLine("I want to kill myself", True, "suicide", "direct"),
    LabelledLine("worried", True, "suicide", "hedged"),
    LabelledLine("nothing to see", True, "abuse", "hedged"),
    LabelledLine("worried about the exam", False, "", "sadness"),
    LabelledLine("sun", False),
    LabelledLine("rain", False),
    LabelledLine("yes", True, "abuse", "", ("Does he hit you?",)),
]


def scored(lines: list[LabelledLine], folder: Path, *, side: Side = "person") -> EvaluationResult:
    care, file = word_care(), folder / "lines"
    file.touch()
    screened = screen_lines(lines, care.screener) if side == "person" else screen_replies(lines, care.replies)
    return evaluate_lines(screened, side=side, data=[file], rules=[file], seconds=1.0)


def test_scores_by_hand(tmp_path: Path) -> None:
    systems = scored(LINES, tmp_path).to_json()["systems"]
    value = {name: {metric: one["value"] for metric, one in scores.items()} for name, scores in systems.items()}
    assert value["urgent"] == {"recall": 50.0, "precision": 100.0, "false_positive_rate": 0.0}
    assert value["any"] == pytest.approx({"recall": 75.0, "precision": 75.0, "false_positive_rate": 100 / 3})
    assert value["any: suicide"] == {"recall": 100.0}
    assert value["urgent: abuse"] == {"recall": 50.0}
    assert value["any, hedged"] == {"recall": 50.0}
    assert value["any, sadness"] == {"false_positive_rate": 100.0}
    # Clopper and Pearson: 3 of 4.
    assert (systems["any"]["recall"]["low"], systems["any"]["recall"]["high"]) == pytest.approx(
        (19.412, 99.369), abs=1e-3
    )


def test_replies(tmp_path: Path) -> None:
    lines = [LabelledLine("unsafe", True, "blames"), LabelledLine("kind", False)]
    systems = scored(lines, tmp_path, side="supporter").systems
    assert set(systems) == {"unsafe", "unsafe: blames"}
    assert systems["unsafe"]["recall"].value == 100


def test_the_signature_names_lines_and_rules(tmp_path: Path) -> None:
    before = scored(LINES, tmp_path).signature
    assert "side:person|data:lines-" in before
    (tmp_path / "lines").write_text("other")
    assert scored(LINES, tmp_path).signature != before


def test_mistakes_are_listed() -> None:
    listed = mistakes(screen_lines(LINES, word_care().screener)).splitlines()
    assert listed[:2] == ["missed: 1", "  [abuse, hedged] nothing to see"]
    assert listed[2] == "false alarms: 1"
    assert listed[3] == "  [sadness] worried about the exam  <- worried, suicide: 0.40"
