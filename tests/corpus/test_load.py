"""Loading of every corpus: files, directories of splits, the hub, the sample; the official split and the digest."""

import logging
import random
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from corpus import load
from corpus.analysis.statistics import corpus_statistics
from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.formats import official as official_format
from corpus.formats.detection import read_dialogues
from corpus.load import load_corpus
from corpus.splits import Corpus, official_split
from corpus.strategy import Strategy
from tests.corpus.good_records import write_reformatted


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
    for write in (official_format.write, write_reformatted):
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
    write_reformatted(tmp_path / name, dialogues(20))
    assert load_corpus(tmp_path / name).splits == {split: dialogues(20)}
    assert load_corpus(str(tmp_path)).splits == {split: dialogues(20)}


def test_a_directory_keeps_its_splits_and_leaves_other_files_alone(tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    directory.mkdir()
    official_format.write(directory / "test.json", dialogues(3))
    write_reformatted(directory / "train.txt", dialogues(9))
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


def numbered(count: int) -> list[Dialogue]:
    return [Dialogue(number, (Message(Role.SEEKER, f"line {number}"),)) for number in range(1, count + 1)]


def numbers(dialogues: tuple[Dialogue, ...]) -> list[int]:
    return [dialogue.number for dialogue in dialogues]


def test_rule_is_the_authors_three_lines_and_leaves_the_global_generator_alone() -> None:
    order = list(range(1, 1301))
    random.seed(13)
    random.shuffle(order)
    random.seed(5)
    state = random.getstate()
    splits = official_split(numbered(1300))
    assert random.getstate() == state
    assert {name: len(part) for name, part in splits.items()} == {"train": 910, "valid": 195, "test": 195}
    assert numbers(splits["valid"]) == order[:195]
    assert numbers(splits["test"]) == order[195:390]
    assert numbers(splits["train"]) == order[390:]


def test_splits_are_a_partition_and_empty_ones_are_absent() -> None:
    for count in (1, 6, 7, 13, 196):
        splits = official_split(numbered(count))
        assert sorted(number for part in splits.values() for number in numbers(part)) == list(range(1, count + 1))
        assert ("valid" in splits) == (count >= 7)


def test_corpus_gives_one_split_or_all_in_order() -> None:
    corpus = Corpus("mine", "here", official_split(numbered(20)))
    assert corpus.split("valid") == corpus.splits["valid"]
    assert corpus.split("all") == corpus.split("train") + corpus.split("valid") + corpus.split("test")


@pytest.mark.parametrize("names", [[], ["dev"], ["valid", "train"]])
def test_splits_have_the_known_names_in_order(names: list[str]) -> None:
    with pytest.raises(CorpusError, match="expected train, valid, test"):
        Corpus("mine", "here", {name: tuple(numbered(1)) for name in names})


def test_fingerprint_depends_on_contents_and_order_not_on_numbers() -> None:
    def fingerprint(*dialogues: Dialogue) -> str:
        return Corpus("mine", "here", {"train": dialogues}).digest("train")

    hello, bye = Message(Role.SEEKER, "hello"), Message(Role.SEEKER, "bye")
    first, second = Dialogue(1, (hello,)), Dialogue(2, (bye,))
    assert len(fingerprint(first)) == 64
    assert fingerprint(first, second) == fingerprint(Dialogue(8, (hello,)), Dialogue(9, (bye,)))
    others = [
        fingerprint(first, second),
        fingerprint(second, first),
        fingerprint(first),
        fingerprint(Dialogue(1, (hello, bye))),
        fingerprint(Dialogue(1, (hello,), survey=Survey(initial_intensity=3))),
    ]
    assert len(set(others)) == len(others)


@pytest.mark.real_data
def test_the_rule_reproduces_the_real_train_and_valid_files_in_order(esconv: Path) -> None:
    """The official file without its test dialogues: the rule on 1,300 positions says which they were."""
    present = read_dialogues(esconv / "ESConv-trainvalid.json")
    positions = official_split(numbered(1300))
    absent = set(numbers(positions["test"]))
    kept = [number for number in range(1, 1301) if number not in absent]
    dialogue_at = dict(zip(kept, present, strict=True))
    for name in ("train", "valid"):
        by_rule = tuple(dialogue_at[number] for number in numbers(positions[name]))
        from_file = read_dialogues(esconv / f"{name}.txt")
        rule, file = Corpus("rule", "", {name: by_rule}), Corpus("file", "", {name: from_file})
        assert [dialogue.messages for dialogue in by_rule] == [dialogue.messages for dialogue in from_file]
        assert rule.digest(name) == file.digest(name)  # situations, problems, emotions, ratings too


DIALOGUE = Dialogue(1, (Message(Role.SEEKER, "hello"),))


def test_the_three_files_are_downloaded_and_kept_as_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def download(*, repo_id: str, filename: str, repo_type: str) -> str:
        asked.append((repo_id, filename, repo_type))
        path = tmp_path / filename
        write_reformatted(path, [DIALOGUE] * len(asked))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    corpus = load_corpus("thu-coai/esconv")
    assert asked == [("thu-coai/esconv", f"{name}.txt", "dataset") for name in ("train", "valid", "test")]
    assert {name: len(part) for name, part in corpus.splits.items()} == {"train": 1, "valid": 2, "test": 3}
    assert (corpus.name, corpus.source) == ("thu-coai/esconv", "thu-coai/esconv")


def test_without_network_one_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(**_: str) -> str:
        raise LocalEntryNotFoundError("no connection\nand nothing cached")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(CorpusError) as caught:
        load_corpus("thu-coai/esconv")
    assert str(caught.value) == (
        "thu-coai/esconv: cannot be downloaded (LocalEntryNotFoundError: no connection and nothing cached); connect to "
        "the network, or download train.txt, valid.txt and test.txt from "
        "https://huggingface.co/datasets/thu-coai/esconv and give their directory instead"
    )


def test_a_local_path_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    directory = Path("thu-coai/esconv")
    directory.mkdir(parents=True)
    write_reformatted(directory / "train.txt", [DIALOGUE])
    assert load_corpus("thu-coai/esconv").splits == {"train": (DIALOGUE,)}
