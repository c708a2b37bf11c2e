"""The quality filter as a command: counts, files, human labels, and the search for thresholds."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cli.evaluate
from cli.command_line import run_command
from corpus.analysis.quality import Approval, Thresholds
from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.formats.official import write
from corpus.strategy import Strategy
from evaluation.corpus.quality import CRITERIA, FilteredCorpus, filter_conversations, write_assessments
from evaluation.corpus.threshold_search import read_human_labels


def conversation(number: int, survey: Survey, *, ratings: tuple[int, ...] = (), seeker_words: int = 6) -> Dialogue:
    said = " ".join(["word"] * seeker_words)
    messages = (
        Message(Role.SEEKER, said),
        Message(Role.SUPPORTER, "one two three four five six seven eight", strategy=Strategy.QUESTION),
        *(Message(Role.SEEKER, said, feedback=rating) for rating in ratings),
    )
    return Dialogue(number, messages, survey=survey)


NO_ANSWERS = Survey(4, 4)
CONVERSATIONS = (
    conversation(1, Survey(4, 3, 3, 4)),  # approved
    conversation(2, Survey(4, 4, 2, 4)),  # rejected: improvement, empathy
    conversation(3, Survey(4, 3, 3, 4), seeker_words=5),  # rejected: seeker_words
    conversation(4, NO_ANSWERS, ratings=(5, 5)),  # approved by the ratings
    conversation(5, NO_ANSWERS, ratings=(5,)),  # unknown
    conversation(6, Survey(4, None, None, 1)),  # unknown: improvement and empathy
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "talks.json"
    write(path, CONVERSATIONS)
    return path


def found(data: Path, labels: Path | None = None, **thresholds: Any) -> FilteredCorpus:
    return filter_conversations(data, thresholds=Thresholds(**thresholds), labels=labels, rng=np.random.default_rng(0))


def labels_file(data: Path, labels: dict[int, str]) -> Path:
    path = data.with_name("labels.csv")
    path.write_text("dialogue,label\n" + "".join(f"{number},{label}\n" for number, label in labels.items()))
    return path


def test_counts_by_approval_reason_and_missing_field(data: Path) -> None:
    result = found(data).result
    details = result.details
    assert details["conversations"] == {"approved": 2, "rejected": 2, "unknown": 2}
    assert details["survey"] == {
        "answered": {"approved": 1, "rejected": 2, "unknown": 1},
        "not answered": {"approved": 1, "rejected": 0, "unknown": 1},
    }
    assert details["reasons"] == {
        "improvement": {"failed": 1, "missing": 1},
        "supporter_words": {"failed": 0, "missing": 0},
        "empathy": {"failed": 1, "missing": 1},
        "relevance": {"failed": 1, "missing": 0},
        "last_ratings": {"failed": 0, "missing": 1},
        "seeker_words": {"failed": 1, "missing": 0},
        "detail": {"failed": 0, "missing": 0},
    }
    missing = {name: sum(counts.values()) for name, counts in details["missing"].items()}
    assert missing == {
        "improvement": 1, "supporter_words": 0, "empathy": 3, "relevance": 2, "last_ratings": 5, "seeker_words": 0,
        "detail": 6,
    }  # fmt: skip
    shares = {name: estimate.value for name, estimate in result.systems["thresholds as given"].items()}
    assert shares == pytest.approx({f"{name}_percent": 100 / 3 for name in ("approved", "rejected", "unknown")})
    assert result.n == 6
    assert (
        "improvement-1,supporter_words-8,empathy-3,relevance-4,seeker_words-6,detail-not-required" in result.signature
    )


def test_console_tables(data: Path) -> None:
    lines = [line.split() for line in found(data).text.splitlines()]
    assert ["not", "answered", "2", "1", "0", "1"] in lines
    assert ["all", "6", "2", "2", "2"] in lines
    assert ["improvement", "1", "1"] in lines  # too low once, missing once
    assert ["last_ratings", "5", "1", "2", "2"] in lines
    assert ["detail", "(not", "required)", "6", "2", "2", "2"] in lines
    assert ["detail", "6", "0", "2", "4"] in [line.split() for line in found(data, detail=3).text.splitlines()]


def test_nothing_to_complain_about(tmp_path: Path) -> None:
    path = tmp_path / "good.json"
    write(path, [conversation(1, Survey(4, 3, 3, 4, supporter_relevance=5), ratings=(5, 5))])
    text = found(path).text
    assert "Every conversation was approved." in text
    assert "No field is missing." in text


def test_rows_as_csv_and_as_json_lines(data: Path, tmp_path: Path) -> None:
    judgements = found(data).assessments
    for name in ("rows.csv", "rows.jsonl"):
        write_assessments(tmp_path / name, judgements)
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["label"] for row in table] == [row["label"] for row in lines]
    assert list(table[0]) == list(lines[0]) == ["dialogue", "label", "reasons", "missing", "survey", *CRITERIA]
    assert table[1] == {
        "dialogue": "2", "label": "rejected", "reasons": "improvement 0 below 1; empathy 2 below 3", "missing": "",
        "survey": "yes", "improvement": "0", "supporter_words": "8", "empathy": "2", "relevance": "4",
        "last_ratings": "", "seeker_words": "6", "detail": "",
    }  # fmt: skip
    assert lines[5]["missing"] == ["improvement", "empathy"]
    assert (lines[5]["improvement"], lines[5]["relevance"], lines[4]["survey"]) == (None, 1, False)
    with pytest.raises(ValueError, match=r"rows\.txt: expected a name that ends in \.csv or \.jsonl"):
        write_assessments(tmp_path / "rows.txt", judgements)


def test_corrected_rows_are_human_labels(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_assessments(path, found(data).assessments)
    path.write_text(path.read_text(encoding="utf-8").replace("unknown", "approved"), encoding="utf-8")
    assert read_human_labels(path, numbers=range(1, 7)) == {1: True, 2: False, 3: False, 4: True, 5: True, 6: True}


def test_labels_that_lower_thresholds_explain(data: Path) -> None:
    """People approved what has short messages by the seeker: the search lowers that threshold and nothing else."""
    labels = labels_file(data, {1: "approved", 2: "rejected", 3: "approved", 4: "approved"})
    filtered = found(data, labels)
    search = filtered.result.details["search"]
    assert search["thresholds"] == {**filtered.result.details["thresholds"], "seeker_words": 4}
    assert (search["kappa"], search["labelled"], search["human_approved"]) == (1, 4, 3)
    given = filtered.result.systems["thresholds as given"]["kappa"]
    assert given.value == pytest.approx(0.5)  # 3 of 4 agree; chance (3 * 2 + 1 * 2) / 16
    assert filtered.result.systems["thresholds found"]["kappa"].value == 1
    assert "as given  0.500" in filtered.text
    assert "best      1.000" in filtered.text
    assert "optimistic" in filtered.text
    assert filtered.result.systems["thresholds found"]["approved_percent"].value == 50


def test_errors_name_the_file(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"labels\.csv: all human labels are the same"):
        found(data, labels_file(data, {1: "approved", 2: "approved"}))
    with pytest.raises(CorpusError, match=r"labels\.csv: line 2: field 'dialogue': no dialogue '7'"):
        found(data, labels_file(data, {7: "approved"}))
    with pytest.raises(CorpusError, match=r"none\.json: cannot be read"):
        found(tmp_path / "none.json")


def start(*arguments: str) -> None:
    run_command(cli.evaluate.COMMANDS, ["filter", *arguments], program="evaluate.py")


def test_the_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, page = tmp_path / "rows.csv", tmp_path / "result.json"
    labels = labels_file(data, {1: "approved", 2: "rejected", 3: "approved", 4: "approved"})
    start("--data", str(data), "--out", str(rows), "--json", str(page), "--labels", str(labels), "--seeker-words", "5")
    said = capsys.readouterr().out
    assert "optimistic" in said
    assert "seeker_words-5" in said
    assert len(rows.read_text(encoding="utf-8").splitlines()) == 7
    assert json.loads(page.read_text(encoding="utf-8"))["details"]["conversations"]["approved"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "rows.txt"], "rows.txt: expected a name that ends in .csv or .jsonl"),
        (["--empathy", "6"], "empathy: got 6, expected 1 to 5"),
        (["--improvement", "half"], "half"),
        (["--labels", "no-such-file.csv"], "no-such-file.csv: cannot be read"),
    ],
)
def test_wrong_input_is_one_line(
    data: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        start("--data", str(data), *arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "answered", "not_answered", "reasons"),
    [
        (
            "ESConv-trainvalid.json",
            {"approved": 967, "rejected": 7, "unknown": 0},
            {"approved": 57, "rejected": 74, "unknown": 0},
            {"supporter_words": 1, "relevance": 1, "last_ratings": 73, "seeker_words": 7},
        ),
        (
            "FailedESConv.json",
            {"approved": 13, "rejected": 129, "unknown": 0},
            {"approved": 0, "rejected": 54, "unknown": 0},
            {
                "improvement": 79, "supporter_words": 36, "empathy": 78, "relevance": 92, "last_ratings": 54,
                "seeker_words": 53,
            },
        ),
    ],
)  # fmt: skip
def test_the_real_conversations(
    esconv: Path, name: str, answered: dict[str, int], not_answered: dict[str, int], reasons: dict[str, int]
) -> None:
    details = found(esconv / name).result.details
    assert details["survey"] == {"answered": answered, "not answered": not_answered}
    assert {name: counts["failed"] for name, counts in details["reasons"].items() if counts["failed"]} == reasons
    assert not any(counts["missing"] for counts in details["reasons"].values())
    if name.startswith("Failed"):  # whoever passes there felt no better, and met everything else
        passed = [one for one in found(esconv / name).assessments if one.approval is Approval.APPROVE]
        assert all([key for key, kept in one.outcomes.items() if kept < 1] == ["improvement"] for one in passed)
    required = found(esconv / name, detail=1).result.details["conversations"]
    if name.startswith("ESConv"):  # a field that nobody gave, required: nothing passes
        assert required["approved"] == 0
