"""How a history, strategies and a response become token ids; identical in training, perplexity and decoding.

With ``e`` the end token and ``s`` the start token, the context of messages ``m1 m2 m3`` is ``m1 e m2 e m3``, cut on the
left to the longest history. The target is ``text e`` (vanilla), ``[S] text e`` (strategy) or ``[S1] text [S2] text e``
(all-in-one). An encoder-decoder reads the context in its encoder and ``s target`` in its decoder; a decoder-only model
reads ``context s target`` in one sequence. This is what the 2021 authors' second code feeds its models (its
``inputters`` and ``models``), the two end tokens of DialoGPT included, of which the second is its start token.

Speakers: nothing but content and order tells them apart in variant ``vanilla``, as in the 2021 code, whose authors
found that role embeddings do not help. In the other variants every supporter message of the history begins with its
strategy's token, which marks the supporter; a supporter message without a known strategy carries no mark.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from corpus.dialogue import Dialogue, Message, message_view, turn_view
from corpus.strategy import Strategy
from generator.config import VARIANTS
from generator.strategy_tokens import strategy_ids, text_ids

CACHED_TEXTS = 100_000  # distinct messages kept tokenized; ESConv has about 36,000


class Example(NamedTuple):
    """One training or scoring example.

    Attributes:
        context: Token ids of the history; empty where the supporter opens a dialogue.
        target: Token ids that are learned: strategy tokens, text, end token.
    """

    context: list[int]
    target: list[int]


class InputFormat:
    """Turns messages into token ids.

    Args:
        tokenizer: Of the backbone; with strategy tokens unless the variant is ``vanilla``.
        variant: ``vanilla``, ``strategy`` or ``all-in-one``.
        max_history_tokens: Longest context in tokens; older tokens are cut off.
        max_response_tokens: Longest message of a target in tokens, strategy token not counted, end token counted.
            What is longer is cut without an end token, as in the 2021 code: a cut is not an end.
        max_history_messages: Longest context in messages; 0: no limit.

    Raises:
        ValueError: Unknown variant, lengths too small, or a tokenizer without the strategy tokens it needs.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        variant: str,
        max_history_tokens: int,
        max_response_tokens: int,
        max_history_messages: int = 0,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant: got {variant!r}, expected one of {', '.join(VARIANTS)}")
        if max_history_tokens < 1 or max_response_tokens < 2 or max_history_messages < 0:
            raise ValueError("expected max_history_tokens >= 1, max_response_tokens >= 2, max_history_messages >= 0")
        self.variant = variant
        self.max_history_tokens = max_history_tokens
        self.max_response_tokens = max_response_tokens
        self.max_history_messages = max_history_messages
        self.strategy_ids: list[int] = [] if variant == "vanilla" else strategy_ids(tokenizer)
        self.start: int = tokenizer.bos_token_id
        self.end: int = tokenizer.eos_token_id
        # A message stands in the history of every later one; it is tokenized once.
        self._text_ids = lru_cache(maxsize=CACHED_TEXTS)(lambda text: tuple(text_ids(tokenizer, text)))

    def context(self, history: Sequence[Message]) -> list[int]:
        """Token ids of a history, at most ``max_history_tokens``; empty for an empty history."""
        kept = history[-self.max_history_messages :] if self.max_history_messages else history
        ids: list[int] = []
        for message in reversed(kept):  # newest first, so that a long dialogue costs no more than what is kept
            strategy = message.strategy if self.strategy_ids else None
            mark = [] if strategy is None else [self.strategy_ids[strategy]]
            ids = [*mark, *self._text_ids(message.text), *([self.end] if ids else []), *ids]
            if len(ids) >= self.max_history_tokens:
                break
        return ids[-self.max_history_tokens :]

    def target(self, responses: Sequence[tuple[Strategy | None, str]]) -> list[int]:
        """Token ids of what is learned: one message, or in ``all-in-one`` the messages of a turn.

        Args:
            responses: (strategy, text) pairs; the strategies are not looked at in ``vanilla``.

        Raises:
            ValueError: Not exactly one response where the variant is not ``all-in-one``, or a strategy is missing.
        """
        if not responses or (len(responses) > 1 and self.variant != "all-in-one"):
            raise ValueError(f"variant {self.variant} takes one response a time, got {len(responses)}")
        ids: list[int] = []
        for number, (strategy, text) in enumerate(responses, start=1):
            if self.strategy_ids:
                if strategy is None:
                    raise ValueError(f"variant {self.variant} needs a strategy for every response")
                ids.append(self.strategy_ids[strategy])
            last = [self.end] if number == len(responses) else []
            ids += [*self._text_ids(text), *last][: self.max_response_tokens]
        return ids

    def examples(self, dialogues: Sequence[Dialogue]) -> list[Example]:
        """All examples of dialogues: one per supporter message, in ``all-in-one`` one per supporter turn.

        The history of a message holds the earlier messages of its own turn, as One-by-One realization sees them.

        Raises:
            CorpusError: A supporter message has no strategy where the variant needs it.
        """
        if self.variant == "all-in-one":
            return [
                Example(
                    self.context(turn.history),
                    self.target([(s, m.text) for s, m in zip(turn.plan, turn.messages, strict=True)]),
                )
                for turn in turn_view(list(dialogues))
            ]
        return [
            Example(
                self.context(one.history),
                self.target([(one.strategy if self.strategy_ids else None, one.message.text)]),
            )
            for one in message_view(list(dialogues))
        ]
