import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.analysis.phrases import SIGNIFICANT, distinctive_phrases, log_odds_z, phrases
from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy

Q, OT = Strategy.QUESTION, Strategy.OTHERS


def toy(questions: str, others: str) -> list[Dialogue]:
    """One message of each strategy, and a seeker whose words must not count."""
    return [
        Dialogue(
            1,
            (
                Message(Role.SUPPORTER, questions.strip(), Q),
                Message(Role.SEEKER, "why why why"),
                Message(Role.SUPPORTER, others.strip(), OT),
            ),
        )
    ]


def test_words_and_pairs_of_a_message() -> None:
    text = "Well, it's HARD—really hard; isn’t it? Self-care (a_b) 2 much"
    assert phrases(text, words=1) == [
        "well",
        "it's",
        "hard",
        "really",
        "hard",
        "isn't",
        "it",
        "self-care",
        "a",
        "b",
        "2",
        "much",
    ]
    assert phrases(text, words=2) == ["it's hard", "really hard", "isn't it", "a b", "2 much"]
    assert phrases("...", words=1) == phrases("one", words=2) == []


def test_log_odds_by_hand() -> None:
    """Group 0 says the first word 8 times and the second twice, group 1 the other way round; prior = both together."""
    z = log_odds_z(np.array([[8.0, 2.0], [2.0, 8.0]]), np.array([10.0, 10.0]))
    delta = math.log(18 / 12) - math.log(12 / 18)
    expected = delta / math.sqrt(1 / 18 + 1 / 12)
    assert z == pytest.approx(np.array([[expected, -expected], [-expected, expected]]))
    assert expected == pytest.approx(2.176, abs=1e-3)


def test_distinctive_phrases_by_hand() -> None:
    found = distinctive_phrases(toy("why " * 8 + "so so", "why why " + "so " * 8), top=10)
    assert list(found) == list(Strategy)
    single = {phrase.text: phrase for phrase in found[Q] if " " not in phrase.text}
    assert set(single) == {"why"}
    assert single["why"].count == 8
    assert single["why"].z == pytest.approx(2.176, abs=1e-3)
    assert all(found[strategy] == () for strategy in Strategy if strategy not in (Q, OT))


def test_one_word_more_often_than_another_but_alike_everywhere_is_not_distinctive() -> None:
    assert distinctive_phrases(toy("why so so so", "why so so so"), top=10)[Q] == ()
    assert distinctive_phrases([], top=10)[Q] == ()


def test_the_top_ones_by_falling_z() -> None:
    dialogues = toy("how " * 40 + "when " * 20 + "well", "thanks " * 40 + "bye " * 20 + "well")
    everything = distinctive_phrases(dialogues, top=100)[Q]
    assert [phrase.z for phrase in everything] == sorted((phrase.z for phrase in everything), reverse=True)
    assert all(phrase.z > SIGNIFICANT for phrase in everything)
    assert "well" not in {phrase.text for phrase in everything}
    assert distinctive_phrases(dialogues, top=1)[Q] == everything[:1]


@given(counts=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=6))
def test_two_groups_are_mirror_images(counts: list[tuple[int, int]]) -> None:
    table = np.array(counts, dtype=float).T  # (2, V)
    z = log_odds_z(table, table.sum(axis=0) + 1)
    assert z[0] == pytest.approx(-z[1])
    assert np.isfinite(z).all()


@pytest.mark.parametrize(
    ("counts", "prior", "said"),
    [
        (np.ones((2, 3)), np.ones(2), "shape"),
        (np.ones((2, 1)), np.ones(1), "at least two"),
        (np.ones((2, 2)), np.array([1.0, 0.0]), "not above 0"),
    ],
)
def test_wrong_input(counts: np.ndarray, prior: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        log_odds_z(counts, prior)
