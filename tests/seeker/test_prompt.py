import re

import pytest

from corpus.strategy import LABELS
from env.seekers.prompted.critic import CriticAnswer, parse_verdict
from env.seekers.prompted.prompt import load_prompt


@pytest.mark.parametrize("name", ["reply", "verdict", "intensity"])
def test_prompts_are_versioned_and_hashed(name: str) -> None:
    assert re.fullmatch(r"[1-9]\d*\.[0-9a-f]{8}", load_prompt(name).mark)


def test_fields_must_fit() -> None:
    with pytest.raises(ValueError, match=r"'beginning_after_greeting': has the fields \['greeting'\], got \['name'\]"):
        load_prompt("reply").fill("beginning_after_greeting", name="Ann")


def test_the_critics_sentences_are_what_its_parser_reads() -> None:
    sentences = load_prompt("verdict").tables["sentences"]
    assert {parse_verdict(sentence) for sentence in sentences.values()} == set(CriticAnswer)
    assert all(parse_verdict(sentences[verdict]) is verdict for verdict in CriticAnswer)


def test_every_strategy_has_a_stand_in() -> None:
    assert list(load_prompt("reply").tables["stand_ins"]) == list(LABELS)
