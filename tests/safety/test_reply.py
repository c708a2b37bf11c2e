"""The fixed reply is made from the helplines, which are data; a mistake in them is one line."""

from pathlib import Path

import pytest

from safety.reply import CRISIS_REPLY, crisis_reply, read_helplines

LINE = '[[{}]]\nwhere = "here"\ncontact = "12"\n'


def test_the_reply_says_what_the_program_is_and_names_every_helpline() -> None:
    for words in ("computer program", "cannot help in an emergency", "emergency number", "deserve to be believed"):
        assert words in CRISIS_REPLY
    helplines = read_helplines()
    for line in (*helplines.emergency, *helplines.talk, *helplines.abuse):
        assert line.contact in CRISIS_REPLY
        assert line.name in CRISIS_REPLY
    for pointer in ("findahelpline.com", "988", "116 123", "13 11 14", "112", "0800 1111"):
        assert pointer in CRISIS_REPLY


def test_helplines_of_another_country(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        "".join(map(LINE.format, ("emergency", "talk", "abuse"))).replace("[[talk]]", '[[talk]]\nname = "Us"')
    )
    reply = crisis_reply(read_helplines(file))
    assert "emergency number (12 here)" in reply
    assert "- here: Us, 12\n" in reply
    assert "988" not in reply


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LINE.format("talk"), "no helpline under 'emergency'"),
        (LINE.format("walk"), "unknown part 'walk'"),
        (LINE.format("talk").replace("contact", "number"), "talk 1: unknown field 'number'"),
        ('[[abuse]]\nwhere = "here"', "abuse 1: a helpline needs a place and a contact"),
        ("[[", "own.toml: "),
    ],
)
def test_wrong_helplines_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"own\.toml: ") as error:
        read_helplines(file)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
