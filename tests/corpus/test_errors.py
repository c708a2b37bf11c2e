import pytest

from corpus.errors import CorpusError, located


def test_names_every_place_that_is_known_in_order() -> None:
    error = CorpusError("got 6, expected 5", path="a.json", line=9, dialogue=3, message=7, field="speaker")
    assert str(error) == "a.json: line 9: dialogue 3: message 7: field 'speaker': got 6, expected 5"
    assert str(CorpusError("got 6, expected 5")) == "got 6, expected 5"


def test_places_are_added_outward_and_never_overwritten() -> None:
    with (
        pytest.raises(CorpusError) as caught,
        located(path="outer.json", dialogue=9),
        located(dialogue=2),
        located(message=4, line=8),
    ):
        raise CorpusError("wrong", field="text", message=1)
    assert str(caught.value) == "outer.json: line 8: dialogue 2: message 1: field 'text': wrong"


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(ZeroDivisionError), located(path="a.json"):
        _ = 1 // 0
