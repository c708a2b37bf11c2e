"""What calls to a chat model used: calls, answers, tokens, and the cost where prices are known."""

from dataclasses import dataclass

from seeker.chat_model import Completion


@dataclass(frozen=True)
class Prices:
    """What a model's tokens cost, in any one currency.

    Attributes:
        prompt: Per million tokens read.
        completion: Per million tokens written.
    """

    prompt: float
    completion: float

    def __post_init__(self) -> None:
        if not (self.prompt >= 0 and self.completion >= 0):
            raise ValueError(f"prices: got {self.prompt} and {self.completion}, expected numbers from 0")


@dataclass(frozen=True)
class Usage:
    """Counts that add up.

    Attributes:
        calls: Answered calls. Calls that failed are not in it, though a provider may charge one that timed out.
        answers: Texts in them; one call may bring several.
        prompt_tokens: Tokens read, as the model reported them.
        completion_tokens: Tokens written, as the model reported them.
        uncounted: Calls whose tokens the model did not report: the tokens, and the cost, are at least what is shown.
    """

    calls: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0

    @classmethod
    def of(cls, completion: Completion) -> "Usage":
        """The usage of one answered call."""
        return cls(
            calls=1,
            answers=len(completion.texts),
            prompt_tokens=completion.prompt_tokens or 0,
            completion_tokens=completion.completion_tokens or 0,
            uncounted=int(completion.prompt_tokens is None or completion.completion_tokens is None),
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.answers + other.answers,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.uncounted + other.uncounted,
        )

    def cost(self, prices: Prices) -> float:
        """In the prices' currency; a lower bound where calls are uncounted."""
        return (self.prompt_tokens * prices.prompt + self.completion_tokens * prices.completion) / 1e6

    def line(self, prices: Prices | None) -> str:
        """For people: ``3 calls, 12 answers, 1,200 + 40 tokens``, with the cost where there are prices."""
        tokens = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        said = f"{self.calls:,} calls, {self.answers:,} answers, {tokens}"
        if prices is not None:
            said += f", cost {self.cost(prices):.4f}"
        if self.uncounted:
            said += f", at least: {self.uncounted:,} calls came without token counts"
        return said
