"""How histories, strategies and responses become token ids, and back; identical in training, scoring and decoding.

With ``e`` the end token and ``s`` the start token, the context of messages ``m1 m2 m3`` is ``m1 e m2 e m3``, cut on the
left to the longest history. The target is

- ``text e`` in variant ``vanilla``,
- ``[S] text e`` in ``strategy``,
- ``[S] text c`` in ``one-by-one`` where another message of the turn follows, ``[S] text e`` where none does, with ``c``
  the token ``[continue]``,
- ``[S1] text [S2] text e`` in ``all-in-one``.

An encoder-decoder reads the context in its encoder and ``s target`` in its decoder; a causal model reads
``context s target`` in one sequence. This is what the 2021 authors' second code feeds its models (its ``inputters`` and
``models``).

In variant ``vanilla`` nothing but content and order tells the speakers apart, as in the 2021 code, whose authors found
that role embeddings do not help. In the other variants every supporter message of the history begins with its
strategy's token, which marks the supporter; a supporter message without a known strategy carries no mark.

The planner's reasoning ``r`` becomes plain words before the history, ``r e m2 e m3``, for which a pretrained backbone
already knows what they mean (the published systems let a language model write its reasoning before it answers: CARE,
arXiv 2510.05122). They are never cut; the history gets the tokens that are left. Training takes the corpus's own
labels, of which parts may be unknown and are left out; realizing takes what a planner concluded, which is complete. The
labels are never wrong about the turn, a planner may be: the generator has not learned to doubt its reasoning.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from transformers import PreTrainedTokenizerBase

from corpus.dialogue import Dialogue, Message, Role, Turn, turn_view
from corpus.reasoning import Reasoning, ReasoningLabels, reasoning_labels
from corpus.strategy import Strategy
from generator.config import VARIANTS, LengthConfig
from generator.strategy_tokens import continue_id, strategy_ids
from language_models.families.family import Example
from language_models.settings import check_choice
from language_models.tokens import text_ids

Response = tuple[Strategy | None, str]

CACHED_TEXTS = 100_000  # distinct messages that stay tokenized; ESConv has about 36,000


class InputFormat:
    """Turns messages into token ids, and token ids into responses.

    Args:
        tokenizer: Of the backbone; with strategy tokens unless the variant is ``vanilla``, with the continue token in
            ``one-by-one``.
        variant: One of ``generator.config.VARIANTS``.
        lengths: Longest context and longest message of a target, both resolved. Older tokens of a context are cut off.
            Of a message the strategy token does not count, its end token does. What is longer is cut without an end
            token, as in the 2021 code: a cut is not an end. Only inside ``all-in-one`` a message that is cut is
            followed by the next strategy token, as if it ended there.
        with_reasoning: Whether the model learns to read reasoning before the history.

    Raises:
        ValueError: Unknown variant, lengths not resolved, or a tokenizer without the tokens the variant needs.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        variant: str,
        lengths: LengthConfig,
        with_reasoning: bool = False,
    ) -> None:
        check_choice("variant", variant, VARIANTS)
        if lengths.history_tokens is None or lengths.response_tokens is None:
            raise ValueError(f"history_tokens and response_tokens: expected numbers, got {lengths}")
        self.variant = variant
        self.lengths = lengths
        self.history_tokens, self.response_tokens = lengths.history_tokens, lengths.response_tokens
        self.with_reasoning = with_reasoning
        self.strategy_ids: list[int] = [] if variant == "vanilla" else strategy_ids(tokenizer)
        self.continuation: int | None = continue_id(tokenizer) if variant == "one-by-one" else None
        self.end: int = tokenizer.eos_token_id
        self._tokenizer = tokenizer
        # A message is part of the history of every later one; it is tokenized once.
        self._text_ids = lru_cache(maxsize=CACHED_TEXTS)(lambda text: tuple(text_ids(tokenizer, text)))

    def context(self, history: Sequence[Message], reasoning: Reasoning | ReasoningLabels | None = None) -> list[int]:
        """Token ids of a history after its reasoning, at most ``history_tokens``; empty without both.

        Raises:
            ValueError: Reasoning for a model that never reads any, or so much of it that no history is left.
        """
        prefix = self._prefix(reasoning)
        space = self.history_tokens - len(prefix)
        limit = self.lengths.history_messages
        latest = history if limit is None else history[-limit:]
        ids: list[int] = []
        for message in reversed(latest):  # newest first, so that a long dialogue costs no more than a short one
            strategy = message.strategy if self.strategy_ids else None
            mark = [] if strategy is None else [self.strategy_ids[strategy]]
            ids = [*mark, *self._text_ids(message.text), *([self.end] if ids else []), *ids]
            if len(ids) >= space:
                break
        return [*prefix, *ids[-space:]]

    def target(self, responses: Sequence[Response], *, follows: bool = False) -> list[int]:
        """Token ids of what is learned: one message, or in ``all-in-one`` the messages of a turn.

        Args:
            responses: (strategy, text) pairs; the strategies are not looked at in ``vanilla``.
            follows: Whether another message of the turn follows, which only ``one-by-one`` learns to say.

        Raises:
            ValueError: Not exactly one response where the variant is not ``all-in-one``, or a strategy is missing.
        """
        if not responses or (len(responses) > 1 and self.variant != "all-in-one"):
            raise ValueError(f"variant {self.variant} takes one response a time, got {len(responses)}")
        closing = self.continuation if follows and self.continuation is not None else self.end
        ids: list[int] = []
        for number, (strategy, text) in enumerate(responses, start=1):
            if self.strategy_ids:
                if strategy is None:
                    raise ValueError(f"variant {self.variant} needs a strategy for every response")
                ids.append(self.strategy_ids[strategy])
            last = [closing] if number == len(responses) else []
            ids += [*self._text_ids(text), *last][: self.response_tokens]
        return ids

    def responses(self, target: Sequence[int]) -> list[Response]:
        """The inverse of :meth:`target`: (strategy, text) pairs, the texts as people write them.

        Args:
            target: Token ids that begin with a strategy token (in ``vanilla`` with text) and end with what closes them.
        """
        strategy_of = {token: Strategy(index) for index, token in enumerate(self.strategy_ids)}
        parts: list[tuple[Strategy | None, list[int]]] = [] if strategy_of else [(None, [])]
        for token in target[:-1]:
            if token in strategy_of:
                parts.append((strategy_of[token], []))
            else:
                parts[-1][1].append(token)
        decode = self._tokenizer.decode
        return [
            (strategy, tidy(str(decode(text, skip_special_tokens=True, clean_up_tokenization_spaces=False))))
            for strategy, text in parts
        ]

    def turn_examples(
        self,
        history: Sequence[Message],
        responses: Sequence[Response],
        reasoning: Reasoning | ReasoningLabels | None = None,
    ) -> list[Example]:
        """The examples of one turn as it would be written: in ``all-in-one`` one, else one per message.

        The history of a message holds the earlier messages of its own turn; reasoning precedes every one.

        Raises:
            ValueError: As :meth:`context` and :meth:`target`.
        """
        if self.variant == "all-in-one":
            return [Example(self.context(history, reasoning), self.target(responses))]
        earlier = list(history)
        examples = []
        for number, (strategy, text) in enumerate(responses, start=1):
            target = self.target([(strategy, text)], follows=number < len(responses))
            examples.append(Example(self.context(earlier, reasoning), target))
            earlier.append(Message(Role.SUPPORTER, text, strategy))
        return examples

    def examples(
        self, dialogues: Sequence[Dialogue], *, reasoning_share: float = 0.0, rng: np.random.Generator | None = None
    ) -> list[Example]:
        """All examples of dialogues: one per supporter message, in ``all-in-one`` one per supporter turn.

        Args:
            reasoning_share: Of the turns, whose examples begin with the corpus's labels of reasoning, 0..1.
            rng: Chooses these turns; needed where the share is not 0.

        Raises:
            CorpusError: A supporter message has no strategy where the variant or the reasoning needs it.
            ValueError: A share without ``rng``, or for a model that never reads reasoning.
        """
        turns = turn_view(dialogues)
        if reasoning_share and rng is None:
            raise ValueError("a share of reasoning needs a random generator that chooses the turns")
        chosen = np.zeros(len(turns), bool) if rng is None else with_prefix(len(turns), reasoning_share, rng=rng)
        examples: list[Example] = []
        for turn, prefixed in zip(turns, chosen, strict=True):
            labels = reasoning_labels(turn) if prefixed else None
            examples += self.turn_examples(turn.history, self._responses(turn), labels)
        return examples

    def _responses(self, turn: Turn) -> list[Response]:
        """A corpus turn's pairs; strategies that the variant does not look at may be missing."""
        plan = turn.plan if self.strategy_ids else [message.strategy for message in turn.messages]
        return [(strategy, message.text) for strategy, message in zip(plan, turn.messages, strict=True)]

    def _prefix(self, reasoning: Reasoning | ReasoningLabels | None) -> list[int]:
        """Token ids of reasoning with the end token that closes it; none where nothing is known."""
        if reasoning is None:
            return []
        if not self.with_reasoning:
            raise ValueError("reasoning: this generator was trained without any (reasoning_share 0)")
        words = reasoning_words(reasoning)
        prefix = [*self._text_ids(words), self.end] if words else []
        if len(prefix) >= self.history_tokens:
            raise ValueError(
                f"history_tokens: got {self.history_tokens}, but the reasoning {words!r} takes {len(prefix)} "
                "and leaves nothing for the history"
            )
        return prefix


def reasoning_words(reasoning: Reasoning | ReasoningLabels) -> str:
    """Reasoning in one short line, e.g. ``problem: job crisis, feels anxiety 4 of 5, needs to be heard, exploration``.

    Empty where nothing is known. How sure a planner was is not said.
    """
    feeling = [] if reasoning.emotion is None else [reasoning.emotion]
    if reasoning.intensity is not None:
        feeling.append(f"{reasoning.intensity} of 5")
    parts = [
        None if reasoning.context is None else f"problem: {reasoning.context}",
        f"feels {' '.join(feeling)}" if feeling else None,
        None if reasoning.need is None else f"needs {reasoning.need.label}",
        None if reasoning.stage is None else reasoning.stage.label.lower(),
    ]
    return ", ".join(part for part in parts if part is not None)


def with_prefix(turns: int, share: float, *, rng: np.random.Generator) -> np.ndarray:
    """Chooses the turns that are learned after a prefix.

    One network that sees both learns to answer with and without one.

    Args:
        turns: How many there are, N.
        share: Of them that carry a prefix, 0..1; their number is rounded to a whole one.
        rng: Chooses which.

    Returns:
        bool (N,).
    """
    chosen = np.zeros(turns, dtype=bool)
    chosen[rng.permutation(turns)[: round(share * turns)]] = True
    return chosen


_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd]")  # control characters, halves of characters
_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?%)\]}])")
_SAD_FACE = re.compile(r"([:;])\s+\((?=\s|$)(?![^()]*\))")  # a bracket that nothing closes
_BEFORE_COLON = re.compile(r"\s+([:;])(?![-()DP])")  # but not the blank before a face: great :)
_AFTER_BRACKET = re.compile(r"(?<![:;])([(\[{])\s+")
_CONTRACTION = re.compile(r"(\w)\s*(['\u2019])\s*(s|t|m|re|ve|ll|d)\b", re.IGNORECASE)
_INNER_APOSTROPHE = re.compile(r"\b(o|y|ma)\s*(['\u2019])\s*(clock|all|am)\b", re.IGNORECASE)
_REPEATED_BLANKS = re.compile(r"\s+")
_SENTENCE_START = re.compile(r"(^|[.!?]\s+)([a-z])")
_PRONOUN = re.compile(r"\bi\b(?!\.\w)")


def tidy(text: str) -> str:
    """Spacing and case of a decoded text put right.

    BlenderBot_small writes ``i can ' t sleep . do you ?``, DialoGPT ``I can't sleep. Do you?``; both give the latter.
    Case is restored only where a text has no capital at all, as a lower-casing tokenizer leaves it. Outer blanks,
    control characters, and halves of characters that a cut left over, are gone.
    """
    text = _NO_TEXT.sub("", text)
    text = _REPEATED_BLANKS.sub(" ", text)
    text = _BEFORE_PUNCTUATION.sub(r"\1", text)
    text = _SAD_FACE.sub(r"\1(", text)
    text = _BEFORE_COLON.sub(r"\1", text)
    text = _AFTER_BRACKET.sub(r"\1", text)
    text = _CONTRACTION.sub(r"\1\2\3", text)
    text = _INNER_APOSTROPHE.sub(r"\1\2\3", text).strip()
    if text == text.lower():
        text = _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)
        text = _PRONOUN.sub("I", text)
    return text
