"""What a reader reads: the newest messages, never too many tokens, who speaks and how."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from planner.base_models.fine_tuned_encoder import HistoryTokens
from tests.planner.toy_encoder import ToyTokenizer


def _read(history: list[Message], *, tokens: int = 112) -> str:
    tokenizer = ToyTokenizer(100_000)
    (row,) = HistoryTokens(tokenizer, tokens=tokens).rows([history])
    assert len(row) <= tokens
    return tokenizer.words(row)


_SEEKER = Message(Role.SEEKER, "i feel low")
_QUESTION = Message(Role.SUPPORTER, "why is that ?", Strategy.QUESTION)
_TYPED = Message(Role.SUPPORTER, "tell me more")


def test_speakers_strategies_and_length_by_hand() -> None:
    assert _read([_SEEKER, _QUESTION, _SEEKER]) == (
        "[CLS] 3 messages [SEP] seeker : i feel low [SEP] supporter question : why is that ? [SEP] "
        "seeker : i feel low [SEP]"
    )
    assert _read([_TYPED]) == "[CLS] 1 messages [SEP] supporter : tell me more [SEP]"
    assert _read([]) == "[CLS] 0 messages [SEP]"
    reflection = Message(Role.SUPPORTER, "ah", Strategy.REFLECTION)
    assert "supporter reflection of feelings : ah [SEP]" in _read([reflection])


def test_only_the_last_messages_are_read_and_the_count_is_capped() -> None:
    history = [Message(Role.SEEKER, f"word{number}") for number in range(50)]
    read = _read(history)
    assert read.startswith("[CLS] 40 messages [SEP] seeker : word43 [SEP]")
    assert read.endswith("seeker : word49 [SEP]")
    assert read.count("seeker") == 7


def test_what_is_cut_is_the_oldest() -> None:
    """6 tokens are kept for the frame, the newest message needs 6; 16 of an older one would be a scrap."""
    words = [f"w{number}" for number in range(20)]
    history = [Message(Role.SEEKER, " ".join(words)), Message(Role.SEEKER, "x y z")]
    assert _read(history, tokens=28) == "[CLS] 2 messages [SEP] seeker : x y z [SEP]"
    # With room for 17 of its 23 tokens, an older message is worth keeping: who spoke and its end.
    cut, whole = " ".join(words[-14:]), " ".join(words)
    assert _read(history, tokens=29) == f"[CLS] 2 messages [SEP] seeker : {cut} [SEP] seeker : x y z [SEP]"
    assert _read(history, tokens=35) == f"[CLS] 2 messages [SEP] seeker : {whole} [SEP] seeker : x y z [SEP]"


def test_of_a_newest_message_that_is_too_long_the_end_is_read() -> None:
    words = [f"w{number}" for number in range(40)]
    read = _read([_SEEKER, Message(Role.SEEKER, " ".join(words))], tokens=32)
    assert read == " ".join(["[CLS] 2 messages [SEP] seeker :", *words[-23:], "[SEP]"])


_messages = st.lists(
    st.builds(
        lambda seeker, length, word: Message(
            Role.SEEKER if seeker else Role.SUPPORTER,
            " ".join([f"w{word}"] * length),
            None if seeker else Strategy(word),
        ),
        st.booleans(),
        st.integers(1, 40),
        st.integers(0, 7),
    ),
    max_size=12,
)


@given(_messages, st.integers(32, 60))
def test_rows_are_never_too_long_and_end_with_the_newest_words(history: list[Message], tokens: int) -> None:
    read = _read(history, tokens=tokens)
    assert read.startswith(f"[CLS] {len(history)} messages [SEP]")
    if history:
        newest = history[-1].text.split()  # 12: the frame, and who spoke
        assert read.endswith(" ".join([*newest[-(tokens - 12) :], "[SEP]"]))


def test_batches_are_filled_up_and_masked() -> None:
    reading = HistoryTokens(ToyTokenizer(), tokens=16)
    ids, mask = reading.batch([[1, 5, 2], [1, 2]])
    assert ids.tolist() == [[1, 5, 2], [1, 2, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert ids.dtype == mask.dtype == torch.int64


@pytest.mark.parametrize("text", ["once", "once more"])
def test_a_message_is_tokenised_once(text: str) -> None:
    calls: list[str] = []

    class Counting(ToyTokenizer):
        def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
            calls.append(text)
            return super().__call__(text, add_special_tokens=add_special_tokens)

    reading = HistoryTokens(Counting(), tokens=16)
    message = Message(Role.SEEKER, text)
    first, second = reading.rows([[message], [message]])
    assert first == second
    assert calls.count(f"seeker : {text}") == 1
