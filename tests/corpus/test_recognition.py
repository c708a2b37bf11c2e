from pathlib import Path

import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.formats import official as official_format
from corpus.formats import reformatted as reformatted_format
from corpus.formats.detection import read_dialogues
from corpus.strategy import Strategy

DIALOGUE = Dialogue(
    1, (Message(Role.SEEKER, "I cannot sleep"), Message(Role.SUPPORTER, "Since when?", strategy=Strategy.QUESTION))
)


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a.tsv", "a"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\n\n  "])
def test_the_name_does_not_matter(tmp_path: Path, name: str, mark: str) -> None:
    path = tmp_path / name
    windows = "1.0 0 0 I cannot sleep  EOS 1.0 1 1 [Questions] Since when?\n"
    for write in (
        lambda: official_format.write(path, [DIALOGUE]),
        lambda: reformatted_format.write(path, [DIALOGUE]),
        lambda: path.write_text(windows, encoding="utf-8"),
    ):
        write()
        path.write_text(mark + path.read_text(encoding="utf-8"), encoding="utf-8")
        assert read_dialogues(path) == (DIALOGUE,)


def test_reformatted_records_may_stand_in_an_array(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    reformatted_format.write(path, [DIALOGUE, DIALOGUE])
    path.write_text("[" + path.read_text(encoding="utf-8").strip().replace("\n", ",") + "]", encoding="utf-8")
    assert [dialogue.messages for dialogue in read_dialogues(path)] == [DIALOGUE.messages] * 2
