import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from env.seekers.retrieval.exchanges import Exchanges, last_run, mean_embeddings
from tests.seeker.supporter_corpus import HashTextEncoder

Q, A = Strategy.QUESTION, Strategy.AFFIRMATION


def seeker(text: str, feedback: int | None = None) -> Message:
    return Message(Role.SEEKER, text, feedback=feedback)


def supporter(text: str, strategy: Strategy) -> Message:
    return Message(Role.SUPPORTER, text, strategy=strategy)


DIALOGUE = Dialogue(
    1,
    (
        supporter("hello", Strategy.OTHERS),
        seeker("a b"),
        seeker("c"),
        supporter("why so", Q),
        supporter("fine", A),
        seeker("d e f", 4),
        seeker("g"),
        supporter("bye", Strategy.OTHERS),
    ),
    situation="s",
)


def test_exchanges_by_hand() -> None:
    exchanges = Exchanges.of([DIALOGUE], text_encoder=HashTextEncoder())
    assert exchanges.plans == ((Q, A), (Strategy.OTHERS,))  # the greeting answers nobody
    assert exchanges.place.tolist() == [1, 2]
    assert exchanges.supporter_texts == (("why so", "fine"), ("bye",))
    assert exchanges.replies == (("d e f", "g"), ())
    assert exchanges.stars.tolist() == [4, 0]
    assert exchanges.supporter_words.tolist() == [3, 1]
    assert exchanges.reply_words.tolist() == [4, 0]
    said = HashTextEncoder().encode(["a b", "c"])
    assert exchanges.before[0] == pytest.approx(said.mean(axis=0))
    assert not exchanges.after[1].any()


def test_no_exchange_is_an_error() -> None:
    with pytest.raises(ValueError, match="no exchange in 1 dialogues"):
        Exchanges.of([Dialogue(1, (seeker("x"),))], text_encoder=HashTextEncoder())


def test_last_run() -> None:
    assert last_run(DIALOGUE.messages[:3]) == ("a b", "c")
    assert last_run(DIALOGUE.messages) == ()


def test_means_of_empty_runs_are_zero() -> None:
    assert not np.any(mean_embeddings([(), ()], text_encoder=HashTextEncoder()))
