import logging
from pathlib import Path

import pytest

from corpus import load
from corpus.analysis.statistics import corpus_statistics
from corpus.dialogue import Dialogue, Message, Role
from corpus.formats import official as official_format
from corpus.formats import reformatted as reformatted_format
from corpus.formats.detection import read_dialogues
from corpus.load import load_corpus
from corpus.splits import official_split
from corpus.strategy import Strategy


def dialogues(count: int) -> tuple[Dialogue, ...]:
    return tuple(
        Dialogue(
            number,
            (
                Message(Role.SEEKER, f"line {number}"),
                Message(Role.SUPPORTER, "yes", strategy=Strategy.AFFIRMATION),
            ),
        )
        for number in range(1, count + 1)
    )


def test_a_file_is_split_by_the_official_rule_and_says_where_it_is_not_the_official_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mine.json"
    for write in (official_format.write, reformatted_format.write):
        write(path, dialogues(20))
        with caplog.at_level(logging.WARNING):
            corpus = load_corpus(path)
        assert (corpus.name, corpus.source) == ("mine", str(path))
        assert corpus.splits == official_split(dialogues(20))
        assert caplog.messages == [
            f"{path}: the official rule splits 20 dialogues, not ESConv's 1300: this is not the official split"
        ]
        caplog.clear()


def test_a_file_of_1300_dialogues_is_split_without_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    official_format.write(tmp_path / "ESConv.json", dialogues(1300))
    with caplog.at_level(logging.WARNING):
        corpus = load_corpus(tmp_path / "ESConv.json")
    assert [len(corpus.split(name)) for name in ("train", "valid", "test", "all")] == [910, 195, 195, 1300]
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.txt", "train"),
        ("valid.jsonl", "valid"),
        ("val.json", "valid"),
        ("dev.txt", "valid"),
        ("test.json", "test"),
        ("devWithStrategy_short.tsv", "valid"),
    ],
)
def test_a_file_named_like_a_split_is_that_split(tmp_path: Path, name: str, split: str) -> None:
    reformatted_format.write(tmp_path / name, dialogues(20))
    assert load_corpus(tmp_path / name).splits == {split: dialogues(20)}
    assert load_corpus(str(tmp_path)).splits == {split: dialogues(20)}


def test_a_directory_keeps_its_splits_and_leaves_other_files_alone(tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    directory.mkdir()
    official_format.write(directory / "test.json", dialogues(3))
    reformatted_format.write(directory / "train.txt", dialogues(9))
    windows = "1.0 0 0 line 1 EOS 1.0 1 1 [Affirmation and Reassurance] yes\n"
    (directory / "devWithStrategy_short.tsv").write_text(windows, encoding="utf-8")
    for other in ("ESConv.json", "mytrain.txt", "train.txt.bak", "train.csv"):
        (directory / other).write_text("not read", encoding="utf-8")
    corpus = load_corpus(directory)
    assert (corpus.name, corpus.source) == ("mine", str(directory))
    assert list(corpus.splits) == ["train", "valid", "test"]
    assert corpus.splits == {"train": dialogues(9), "valid": dialogues(1), "test": dialogues(3)}


def test_bundled_sample() -> None:
    if not load.SAMPLE.exists():
        pytest.skip(f"no bundled sample: {load.SAMPLE}")
    corpus = load_corpus()
    everything = corpus.split("all")
    assert corpus.name == "sample"
    assert corpus.splits == official_split(read_dialogues(load.SAMPLE))
    assert len(everything) >= 60
    assert all(count > 0 for count in corpus_statistics(everything).strategies.values())
    assert all(14 <= len(dialogue.messages) <= 30 for dialogue in everything)


@pytest.mark.real_data
def test_the_real_directory_uses_its_split_files_only(esconv: Path) -> None:
    corpus = load_corpus(esconv)
    assert {name: len(part) for name, part in corpus.splits.items() if name != "test"} == {"train": 910, "valid": 195}


@pytest.mark.real_data
def test_the_real_2021_directory_is_valid_only(shared: Path) -> None:
    corpus = load_corpus(shared / "data" / "esconv2021")
    assert list(corpus.splits) == ["valid"]
    assert len(corpus.split("valid")) == 194
