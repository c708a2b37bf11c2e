import random
from pathlib import Path

import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.formats.detection import read_dialogues
from corpus.splits import Corpus, official_split


def numbered(count: int) -> list[Dialogue]:
    return [Dialogue(number, (Message(Role.SEEKER, f"line {number}"),)) for number in range(1, count + 1)]


def numbers(dialogues: tuple[Dialogue, ...]) -> list[int]:
    return [dialogue.number for dialogue in dialogues]


def test_rule_on_twenty_dialogues() -> None:
    # random.seed(13) and random.shuffle on 1..20 give this order; 15 % of 20 are 3
    order = [20, 7, 16, 17, 1, 19, 18, 15, 2, 13, 3, 12, 11, 4, 14, 5, 8, 6, 10, 9]
    splits = official_split(numbered(20))
    assert list(splits) == ["train", "valid", "test"]
    assert numbers(splits["valid"]) == order[:3]
    assert numbers(splits["test"]) == order[3:6]
    assert numbers(splits["train"]) == order[6:]


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


def test_a_missing_split_names_the_source_and_what_there_is() -> None:
    corpus = Corpus("mine", "data/mine.json", {"train": tuple(numbered(2))})
    with pytest.raises(CorpusError) as caught:
        corpus.split("test")
    assert str(caught.value) == "data/mine.json: no split 'test', expected one of train, all"


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
