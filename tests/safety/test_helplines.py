"""Helplines are data; a mistake in them is one line, and a country is chosen by its code."""

from pathlib import Path

import pytest

from safety.helplines import Helpline, read_helplines

LINE = '[[{}]]\ncountry = []\nwhere = "here"\nnumber = "12 3"\n'
ALL = "".join(map(LINE.format, ("emergency", "talk", "abuse")))


def test_every_helpline_can_be_dialled_or_opened() -> None:
    helplines = read_helplines()
    assert len(helplines.all()) >= 15
    for line in helplines.all():
        assert line.link.startswith(("tel:", "https://"))
        assert " " not in line.link
        assert line.contact in str(line)
        assert not line.verified or (line.source and line.checked)


def test_helplines_of_one_country() -> None:
    british = read_helplines().of("GB")
    contacts = [line.contact for line in british.all()]
    assert "999" in contacts
    assert "116 123" in contacts
    assert "https://findahelpline.com" in contacts
    assert not {"911", "988", "000"} & set(contacts)
    with pytest.raises(ValueError, match="country: got 'UK', expected one of AT, AU"):
        read_helplines().of("UK")


def test_a_line_in_words() -> None:
    line = Helpline((), "here", whom="children", name="Us", number="1-2 3", how="text", hours="at night")
    assert (str(line), line.link) == ("here, children: Us, text 1-2 3 (at night)", "tel:123")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LINE.format("talk"), "no helpline under 'emergency'"),
        (LINE.format("walk"), "unknown part 'walk'"),
        (ALL.replace("number", "phone", 1), "emergency 1: unknown field 'phone'"),
        (ALL.replace('"12 3"', '"call us"'), "emergency 1: number: got 'call us'"),
        (ALL.replace("[]", '["usa"]'), "emergency 1: country: got 'usa'"),
        (ALL.replace("country = []", 'country = "US"'), "emergency 1: country: expected a list"),
        (ALL.replace("number = ", 'url = "http://a.org"\n# '), "emergency 1: url: got 'http://a.org'"),
        (ALL.replace("number = ", "# "), "emergency 1: number, url: expected one"),
        (ALL.replace("where", "verified = true\nwhere"), "emergency 1: verified: needs source"),
        (ALL.replace('"here"', "7"), "emergency 1: where: got 7"),
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
