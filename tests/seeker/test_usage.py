import pytest

from language_models.chat.chat_model import Completion
from language_models.chat.record import Prices, Usage

COUNTED = Usage.of(Completion((0, 1), ("a", "b"), 1_000_000, 200_000))
UNCOUNTED = Usage.of(Completion((0,), ("a",), None, None))


def test_usage_adds_up_and_costs() -> None:
    total = COUNTED + COUNTED
    assert total == Usage(calls=2, answers=4, prompt_tokens=2_000_000, completion_tokens=400_000)
    assert total.cost(Prices(prompt=0.5, completion=10.0)) == pytest.approx(5.0)
    assert total.line(Prices(0.5, 10.0)) == "2 calls, 4 answers, 2,000,000 + 400,000 tokens, cost 5.0000"
    assert total.line(None) == "2 calls, 4 answers, 2,000,000 + 400,000 tokens"


def test_what_was_not_counted_is_said() -> None:
    assert (COUNTED + UNCOUNTED).line(None).endswith("tokens, at least: 1 calls came without token counts")


def test_prices_are_not_negative() -> None:
    with pytest.raises(ValueError, match="prices"):
        Prices(-1.0, 0.0)
