"""Signatures: one readable line, and different wherever the figures may differ."""

import pytest

from metrics.statistics.estimate import signature
from metrics.strategy.scores import message_signature, plan_signature
from metrics.text.scores import text_signature


def test_fields_keep_their_order() -> None:
    assert signature("demo", case="lower", beta=1.2) == "protocol:demo|case:lower|beta:1.2|version:1"


@pytest.mark.parametrize("value", ["", "a|b", "a:b", "a\nb"])
def test_characters_of_the_line_itself_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="signature field 'name'"):
        signature("demo", name=value)


def test_signatures_of_the_protocols_differ_and_name_the_resampling() -> None:
    lines = [message_signature(), plan_signature(), text_signature()]
    assert len(set(lines)) == 3
    assert all("bootstrap:dialogue-1000" in line for line in lines)
    assert "bootstrap:line-50" in text_signature(unit="line", samples=50)
    assert "decoding:greedy" in text_signature(decoding="greedy")
    assert "entropy:bits" in message_signature()
    assert "entropy:bits" in plan_signature()
