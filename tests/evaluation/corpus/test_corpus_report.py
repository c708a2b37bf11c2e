import json
import re
from pathlib import Path

import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.load import load_corpus
from corpus.splits import Corpus
from corpus.strategy import Strategy
from evaluation.corpus.report import CorpusReport, report_corpus
from evaluation.report.tables import to_text
from evaluation.result import EvaluationResult
from tests.evaluation.html_page import Page

Q, AF = Strategy.QUESTION, Strategy.AFFIRMATION


def corpus(*, problem: str = "", stars: int | None = None, survey: Survey | None = None) -> Corpus:
    """Two splits of one small conversation each."""

    def dialogue(number: int) -> Dialogue:
        return Dialogue(
            number,
            (
                Message(Role.SEEKER, "my words are few", feedback=stars),
                Message(Role.SUPPORTER, "since when", Q),
                Message(Role.SUPPORTER, "that is hard to bear", AF),
                Message(Role.SEEKER, "yes", feedback=stars),
                Message(Role.SUPPORTER, "who helps you", Q),
                Message(Role.SEEKER, "nobody"),
            ),
            problem=problem,
            emotion=problem and "fear",
            survey=survey or Survey(),
        )

    return Corpus("toy", "toy.json", {"train": (dialogue(1),), "valid": (dialogue(2),)})


@pytest.fixture()
def full() -> CorpusReport:
    return report_corpus(corpus(problem="<b>job</b>", stars=4, survey=Survey(5, 2, 4, 4)), split="all")


@pytest.fixture()
def bare() -> CorpusReport:
    return report_corpus(corpus(), split="all")


def table(report: CorpusReport, title: str) -> list[list[str]]:
    """The cells of one table of the text."""
    lines = report.text().split(title + "\n", 1)[1].split("\n\n", 1)[0].splitlines()
    return [re.split(r"\s{2,}", line.strip()) for line in lines if set(line) - {"-", " "}]


def test_sizes_and_lengths(full: CorpusReport) -> None:
    rows = {row[0]: row[1:] for row in table(full, "Dialogues, messages, lengths")}
    assert rows["dialogues"] == ["2"]
    assert rows["messages"] == ["12", "6", "6"]
    assert rows["messages per dialogue"] == ["6.0", "3.0", "3.0"]
    assert rows["words per message"] == ["2.7", "3.3", "2.0"]  # (4 + 2 + 5 + 1 + 3 + 1) / 6, (2 + 5 + 3) / 3, 6 / 3


def test_turns_pairs_transitions(full: CorpusReport) -> None:
    assert ["two or more", "2", "50.0", "2", "50.0"] in table(full, "Lengths of the supporter's turns")
    assert table(full, "Most frequent pairs in a turn, and their order")[1] == [
        "Question → Affirmation",
        "2",
        "2",
        "0",
        "100.0",
    ]
    text = full.text()
    assert re.search(r"Question → Affirmation → Question\s+2  1,000.00", text)
    assert "These data carry no runs of 4 strategies." in text


def test_ratings_and_intensity(full: CorpusReport) -> None:
    assert ["4 (good)", "4", "100.0"] in table(full, "Feedback of the seekers, stars")
    assert table(full, "Feedback by phase of the conversation")[1][:3] == ["1/6", "2", "4.00"]
    assert "Mean 5.00 before, 2.00 after. Better in 100.0 %, the same in 0.0 %, worse in 0.0 %." in full.text()


def test_what_the_data_do_not_carry_is_said_in_a_line_each(bare: CorpusReport) -> None:
    for what in ("problem types", "emotion types", "feedback ratings", "emotion intensity"):
        assert f"These data carry no {what}." in bare.text()
        assert f"These data carry no {what}." in bare.html()


def test_partly_given(full: CorpusReport) -> None:
    given, lacking = corpus(problem="job"), corpus()
    mixed = Corpus("mixed", "mixed", {"train": given.splits["train"], "valid": lacking.splits["valid"]})
    assert "Given in 1 of 2 dialogues." in report_corpus(mixed, split="all").text()
    assert "Given in" not in full.text()


def test_an_unanswered_survey_is_no_unchanged_feeling() -> None:
    report = report_corpus(corpus(survey=Survey(3, 3)), split="all")
    assert "In 2 of the 2 without a change nothing else was rated afterwards" in report.text()


def test_every_split_has_a_row_and_the_analysis_is_of_the_one_asked_for(full: CorpusReport) -> None:
    assert list(full.result.systems) == ["train", "valid", "all"]
    assert [line.split()[:2] for line in to_text(full.overview()).splitlines()[2:]] == [
        ["train", "1"],
        ["valid", "1"],
        ["all", "2"],
    ]
    one = report_corpus(corpus(), split="valid")
    assert one.result.details["sizes"]["dialogues"] == 1
    assert one.name == "toy, valid"
    with pytest.raises(CorpusError, match="no split 'test'"):
        report_corpus(corpus(), split="test")


@pytest.mark.parametrize("name", ["full", "bare"])
def test_json_is_plain_and_read_back(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    report: CorpusReport = request.getfixturevalue(name)
    report.result.save(tmp_path / "corpus.json")
    data = json.loads((tmp_path / "corpus.json").read_text(encoding="utf-8"))
    assert data["command"] == "corpus"
    assert data["details"]["transitions"]["3"]["total"] == 2
    assert data["details"]["transitions"]["3"]["runs"][0]["permille"] == 1000
    assert data["details"]["turns"]["pairs"][0]["lopsidedness"] == 100
    assert set(data["details"]["phrases"]) == {strategy.label for strategy in Strategy}
    assert EvaluationResult.load(tmp_path / "corpus.json").details == data["details"]


@pytest.mark.parametrize("name", ["full", "bare"])
def test_the_page(name: str, request: pytest.FixtureRequest) -> None:
    report: CorpusReport = request.getfixturevalue(name)
    text = report.html()
    page = Page(text)
    assert (page.count("svg"), page.count("h2"), page.count("script")) == (1, 7, 0)
    assert not any(name.startswith("on") or name == "src" for _, attributes in page.tags for name in attributes)
    assert page.count("table") == sum(bool(one.rows) for section in report.sections() for one in section.tables)
    assert "<b>" not in text  # texts of the data are escaped
    assert "http" not in re.sub(r"xmlns(:xlink)?=\"[^\"]*\"|http-equiv", "", text)


def test_the_picture(full: CorpusReport, tmp_path: Path) -> None:
    full.save_figure(tmp_path / "progress.png")
    assert (tmp_path / "progress.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"progress\.jpg: expected a name that ends in \.png"):
        full.save_figure(tmp_path / "progress.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["progress.png"]


def test_only_a_seeker() -> None:
    silent = Corpus("silent", "silent", {"train": (Dialogue(1, (Message(Role.SEEKER, "anybody here"),)),)})
    report = report_corpus(silent, split="all")
    assert "These data carry no supporter turns." in report.text()
    assert "nan" not in to_text(report.overview())
    assert report.html()


@pytest.mark.real_data
def test_esconv_has_the_published_counts(esconv: Path) -> None:
    report = report_corpus(load_corpus(esconv), split="all")
    counts = {name: scores["dialogues"].value for name, scores in report.result.systems.items()}
    assert counts == {"train": 910, "valid": 195, "all": 1105}
    assert report.result.details["sizes"]["supporter_messages"] == 12759 + 2722
    assert sum(report.result.details["problems"].values()) == 1105
    assert "carry no" not in report.text()


@pytest.mark.real_data
def test_windows_carry_no_problems_and_no_ratings(shared: Path) -> None:
    corpus = load_corpus(shared / "data" / "esconv2021" / "devWithStrategy_short.tsv")
    text = report_corpus(corpus, split="all").text()
    for what in ("problem types", "emotion types", "feedback ratings", "emotion intensity"):
        assert f"These data carry no {what}." in text
