"""Writes turns: which requests a variant makes of the decoder, and how its tokens become texts.

Decoded tokens as people write them: the same spacing and case whatever the backbone's tokenizer does to text.
"""

import re
from collections.abc import Sequence
from functools import cached_property

from corpus.dialogue import Message, Role
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from generator.inputs import InputFormat
from language_models.backbone import Backbone
from language_models.decoding.constraints import Vocabulary
from language_models.decoding.decoder import Request, decode
from language_models.settings import DecodingConfig

_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd]")  # control characters, halves of characters
_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?%)\]}])")
_SAD_FACE = re.compile(r"([:;])\s+\((?=\s|$)(?![^()]*\))")  # a bracket that nothing closes
_BEFORE_COLON = re.compile(r"\s+([:;])(?![-()DP])")  # but a face keeps its blank: great :)
_AFTER_BRACKET = re.compile(r"(?<![:;])([(\[{])\s+")
_CONTRACTION = re.compile(r"(\w)\s*(['\u2019])\s*(s|t|m|re|ve|ll|d)\b", re.IGNORECASE)
_INNER_APOSTROPHE = re.compile(r"\b(o|y|ma)\s*(['\u2019])\s*(clock|all|am)\b", re.IGNORECASE)
_REPEATED_BLANKS = re.compile(r"\s+")
_SENTENCE_START = re.compile(r"(^|[.!?]\s+)([a-z])")
_PRONOUN = re.compile(r"\bi\b(?!\.\w)")


def tidy(text: str) -> str:
    """Spacing and case of a decoded text put right.

    BlenderBot_small writes ``i can ' t sleep . do you ?``, DialoGPT ``I can't sleep. Do you?``; both give the latter.
    Case is restored only where a text has no capital at all, as a lower-casing tokenizer leaves it.

    Args:
        text: Decoded text without special tokens.

    Returns:
        The text without outer blanks; control characters, and halves of characters that a cut left over, are gone.
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


Response = tuple[Strategy | None, str]


class TurnWriter:
    """Writes many turns side by side: in one pass (``all-in-one``, ``vanilla``), or message by message.

    Args:
        backbone: Trained model and tokenizer.
        form: Inputs it was trained with.
        decoding: Sampling settings.
        batch_size: Texts written side by side.
        precision: ``bf16`` or ``fp32``.
    """

    def __init__(
        self, backbone: Backbone, form: InputFormat, *, decoding: DecodingConfig, batch_size: int, precision: str
    ) -> None:
        self.backbone = backbone
        self.form = form
        self.decoding = decoding
        self.batch_size = batch_size
        self.precision = precision

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Token ids by what they do in a turn; to look at every token of a vocabulary takes a while."""
        return Vocabulary(self.backbone, self.form.strategy_ids, continuation=self.form.continuation)

    def write(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        reasoning: Sequence[Reasoning | None],
        *,
        seed: int,
    ) -> list[list[Response]]:
        """Writes the next turn after every history; ``vanilla`` does not look at the plans.

        Args:
            histories: Messages before the turn, N.
            plans: Strategies of every turn, at least one, or ``None``: the model chooses.
            reasoning: What stands before every history.
            seed: Of all texts; each has its own random numbers from it.

        Returns:
            (strategy, text) pairs of every turn.
        """
        if self.form.variant in ("strategy", "one-by-one"):
            return self._message_by_message(histories, plans, reasoning, seed=seed)
        requests = [
            self._request(history, plan if self.form.strategy_ids else None, thought, key=(seed, index, 0))
            for index, (history, plan, thought) in enumerate(zip(histories, plans, reasoning, strict=True))
        ]
        return [self._responses(ids) for ids in self._decode(requests)]

    def _message_by_message(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        reasoning: Sequence[Reasoning | None],
        *,
        seed: int,
    ) -> list[list[Response]]:
        """A message of every turn at a time, each read by the next, until plan or model ends the turn."""
        turns: list[list[Response]] = [[] for _ in plans]
        due = list(range(len(plans)))
        while due:
            requests = []
            for index in due:
                plan, number = plans[index], len(turns[index])
                earlier = [Message(Role.SUPPORTER, text, strategy) for strategy, text in turns[index]]
                requests.append(
                    self._request(
                        [*histories[index], *earlier],
                        None if plan is None else [plan[number]],
                        reasoning[index],
                        key=(seed, index, number),
                        closing=self._closing(plan, number),
                    )
                )
            written = self._decode(requests)
            for index, ids in zip(due, written, strict=True):
                turns[index] += self._responses(ids)
            due = [
                index for index, ids in zip(due, written, strict=True) if self._follows(ids, plans[index], turns[index])
            ]
        return turns

    def _closing(self, plan: Sequence[Strategy] | None, number: int) -> tuple[int, ...]:
        """What may close the message of this number (from 0): the plan's decision, the model's, or at last the end."""
        if self.form.continuation is None:
            return (self.form.end,)
        if plan is not None:
            return (self.form.end if number + 1 == len(plan) else self.form.continuation,)
        return (self.form.end,) if number + 1 == self.decoding.max_messages else (self.form.end, self.form.continuation)

    def _follows(self, ids: Sequence[int], plan: Sequence[Strategy] | None, turn: Sequence[Response]) -> bool:
        """Whether another message follows what was written; variant ``strategy`` writes one where it has no plan."""
        return len(turn) < len(plan) if plan is not None else ids[-1] == self.form.continuation

    def _request(
        self,
        history: Sequence[Message],
        plan: Sequence[Strategy] | None,
        reasoning: Reasoning | None,
        *,
        key: tuple[int, ...],
        closing: tuple[int, ...] = (),
    ) -> Request:
        tokens = None if plan is None else tuple(self.form.strategy_ids[strategy] for strategy in plan)
        return Request(self.form.context(history, reasoning), tokens, key, closing or (self.form.end,))

    def _decode(self, requests: Sequence[Request]) -> list[list[int]]:
        return decode(
            self.backbone,
            requests,
            vocabulary=self.vocabulary,
            free_messages=self.decoding.max_messages if self.form.variant == "all-in-one" else 1,
            config=self.decoding,
            batch_size=self.batch_size,
            precision=self.precision,
        )

    def _responses(self, ids: Sequence[int]) -> list[Response]:
        """Splits what was written at its strategy tokens and decodes the texts."""
        strategy_of = {token: Strategy(index) for index, token in enumerate(self.form.strategy_ids)}
        parts: list[tuple[Strategy | None, list[int]]] = [] if strategy_of else [(None, [])]
        for token in ids[:-1]:  # the last token closed it
            if token in strategy_of:
                parts.append((strategy_of[token], []))
            else:
                parts[-1][1].append(token)
        decode_ids = self.backbone.tokenizer.decode
        return [
            (strategy, tidy(str(decode_ids(text, skip_special_tokens=True, clean_up_tokenization_spaces=False))))
            for strategy, text in parts
        ]
