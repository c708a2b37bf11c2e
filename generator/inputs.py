"""How histories, strategies and responses become token ids, and back; identical in training, scoring and decoding.

A context is laid out as the backbone's family has it (:mod:`language_models.layout`); it is followed by a target:

- ``text e`` in variant ``vanilla``,
- ``[S] text e`` in ``strategy``,
- ``[S] text c`` in ``one-by-one`` where another message of the turn follows, ``[S] text e`` where none does, with ``c``
  the token ``[continue]``,
- ``[S1] text [S2] text e`` in ``all-in-one``,

where ``e`` is the layout's end token. With messages joined by end tokens this is what the 2021 authors' second code
feeds its models (its ``inputters`` and ``models``). Nothing but content and order then tells the speakers apart in
variant ``vanilla``, as in that code, whose authors found that role embeddings do not help. In the other variants every
supporter message of the history begins with its strategy's token; one without a known strategy carries no mark.

A chat model learns from whole conversations: every message is read once and every supporter message learned once, after
all that was said before. In the history, too, a supporter message is closed by ``c`` where another of its turn follows
(``one-by-one``), and a supporter's turn is one message (``all-in-one``), so that contexts read as in training.

The planner's reasoning becomes plain words, for which a pretrained backbone already knows what they mean (the published
systems let a language model write its reasoning before it answers: CARE, arXiv 2510.05122). They come before the
history where messages are joined, right before the answer in a chat. They are never cut; the history gets the tokens
that are left. Training takes the corpus's own labels, of which parts may be unknown and are left out; realizing takes
what a planner concluded, which is complete. The labels are never wrong about the turn, a planner may be: the generator
has not learned to doubt its reasoning.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from corpus.dialogue import Dialogue, Message, Role, Turn, turn_view
from corpus.reasoning import Reasoning, ReasoningLabels, reasoning_labels
from corpus.strategy import Strategy
from generator.config import VARIANTS, LengthConfig
from generator.strategy_tokens import continue_id, strategy_ids
from language_models.backbone import Backbone
from language_models.families.family import Example
from language_models.layout import ChatTemplate, HistoryMessage
from language_models.settings import check_choice

Response = tuple[Strategy | None, str]


class InputFormat:
    """Turns messages into token ids, and token ids into responses.

    Args:
        backbone: Its tokenizer has strategy tokens unless the variant is ``vanilla``, and the continue token in
            ``one-by-one``.
        variant: One of ``generator.config.VARIANTS``.
        lengths: Longest context and longest message of a target, both resolved. Older tokens of a context are cut off,
            in a chat older messages. Of a message the strategy token does not count, its end token does. What is longer
            is cut without an end token, as in the 2021 code: a cut is not an end. Only inside ``all-in-one`` a message
            that is cut is followed by the next strategy token, as if it ended there.
        with_reasoning: Whether the model learns to read reasoning.

    Raises:
        ValueError: Unknown variant, lengths not resolved, or a tokenizer without the tokens the variant needs.
    """

    def __init__(
        self,
        backbone: Backbone,
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
        self.layout = backbone.layout
        self._tokenizer = backbone.tokenizer
        self.strategy_ids: list[int] = [] if variant == "vanilla" else strategy_ids(self._tokenizer)
        self.continuation: int | None = continue_id(self._tokenizer) if variant == "one-by-one" else None
        self.end = self.layout.end

    def context(
        self,
        history: Sequence[Message],
        reasoning: Reasoning | ReasoningLabels | None = None,
        *,
        strategy: Strategy | None = None,  # noqa: ARG002  told here by generator.prompting alone
    ) -> list[int]:
        """Token ids of a history with its reasoning, at most ``history_tokens``, and of what opens an answer.

        Args:
            strategy: Of the answer, which a token says that comes after the context.

        Raises:
            ValueError: Reasoning for a model that never reads any, or so much of it that no history is left.
        """
        limit = self.lengths.history_messages
        latest = history if limit is None else history[-limit:]
        messages = self._chat(latest, open_turn=True) if isinstance(self.layout, ChatTemplate) else self._joined(latest)
        return self.layout.context(messages, note=self._note(reasoning), longest=self.history_tokens)

    def _joined(self, history: Sequence[Message]) -> list[HistoryMessage]:
        return [HistoryMessage(message.role, self._marked(message), self.end) for message in history]

    def _chat(self, history: Sequence[Message], *, open_turn: bool) -> list[HistoryMessage]:
        """Messages as a chat has them; in an open turn the supporter goes on where it spoke last."""
        messages = []
        for role, group in groupby(history, key=lambda message: message.role):
            run = list(group)
            if role is Role.SUPPORTER and self.variant == "all-in-one":
                messages.append(HistoryMessage(role, [one for part in run for one in self._marked(part)], self.end))
                continue
            messages += [HistoryMessage(role, self._marked(message), self.end) for message in run]
            if role is Role.SUPPORTER and self.continuation is not None:
                open_end = open_turn and run[-1] is history[-1]
                for place in range(len(messages) - len(run), len(messages) - (0 if open_end else 1)):
                    messages[place] = messages[place]._replace(closing=self.continuation)
        return messages

    def _marked(self, message: Message) -> list[int]:
        """Token ids of a message of the history, after its strategy's token where it has one that is looked at."""
        strategy = message.strategy if self.strategy_ids and message.role is Role.SUPPORTER else None
        mark = [] if strategy is None else [self.strategy_ids[strategy]]
        return [*mark, *self.layout.text_ids(message.text)]

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
            ids += [*self.layout.text_ids(text), *last][: self.response_tokens]
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
            examples.append(Example(self.context(earlier, reasoning, strategy=strategy), target))
            earlier.append(Message(Role.SUPPORTER, text, strategy))
        return examples

    def examples(
        self, dialogues: Sequence[Dialogue], *, reasoning_share: float = 0.0, rng: np.random.Generator | None = None
    ) -> list[Example]:
        """All examples of dialogues: whole conversations for a chat model, else one per supporter message or turn.

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
        notes = [reasoning_labels(turn) if prefixed else None for turn, prefixed in zip(turns, chosen, strict=True)]
        examples: list[Example] = []
        if isinstance(self.layout, ChatTemplate):
            for dialogue in dialogues:
                count = len(turn_view([dialogue]))
                examples += self.conversation(dialogue, notes[:count])
                notes = notes[count:]
            return examples
        for turn, labels in zip(turns, notes, strict=True):
            examples += self.turn_examples(turn.history, self._responses(turn), labels)
        return examples

    def conversation(
        self, dialogue: Dialogue, notes: Sequence[Reasoning | ReasoningLabels | None] | None = None
    ) -> list[Example]:
        """A whole conversation as examples of a chat model, in which every supporter message is learned once.

        Args:
            dialogue: With a strategy for every supporter message where the variant needs one.
            notes: Reasoning before each supporter turn; ``None``: before none.

        Returns:
            One example where the conversation has at most ``history_tokens``; else more, each of which begins with the
            latest messages that fit into half of them and goes on from there.

        Raises:
            ValueError: The backbone is no chat model.
        """
        layout = self.layout
        if not isinstance(layout, ChatTemplate):
            raise ValueError("whole conversations are learned by chat models only")
        turns = turn_view([dialogue])
        blocks: list[tuple[list[int], list[bool]]] = []  # tokens of a block, and which of them are learned
        seen = 0
        for number, turn in enumerate(turns):
            read = self._chat(dialogue.messages[seen : len(turn.history)], open_turn=False)
            blocks += [_unlearned([one for part in layout.message(message) for one in part]) for message in read]
            note = layout.note(self._note(None if notes is None else notes[number]))
            if note:
                blocks.append(_unlearned(note))
            responses = self._responses(turn)
            parts = [responses] if self.variant == "all-in-one" else [[one] for one in responses]
            for place, part in enumerate(parts, start=1):
                target = self.target(part, follows=place < len(parts))
                cut = [] if target[-1] in (self.end, self.continuation) else [self.end]  # a cut is not an end
                before, after = layout.start, [*cut, *layout.after_end]
                learned = [False] * len(before) + [True] * len(target) + [False] * len(after)
                blocks.append(([*before, *target, *after], learned))
            seen = len(turn.history) + len(turn.messages)
        return list(self._packed(blocks))

    def _packed(self, blocks: Sequence[tuple[list[int], list[bool]]]) -> Iterator[Example]:
        """Blocks in sequences of at most ``history_tokens``; a later one repeats, unlearned, the end of the earlier."""
        assert isinstance(self.layout, ChatTemplate)
        begin = self.layout.begin
        ids: list[int] = []
        learned: list[bool] = []
        lengths: list[int] = []
        fresh = False
        for block, marks in blocks:
            if fresh and len(begin) + len(ids) + len(block) > self.history_tokens:
                yield Example(list(begin), ids, learned)
                while lengths and sum(lengths) > self.history_tokens // 2:
                    lengths.pop(0)
                kept = sum(lengths)
                ids, learned, fresh = ids[len(ids) - kept :], [False] * kept, False
            ids, learned, fresh = [*ids, *block], [*learned, *marks], fresh or any(marks)
            lengths.append(len(block))
        if fresh:
            yield Example(list(begin), ids, learned)

    def _responses(self, turn: Turn) -> list[Response]:
        """A corpus turn's pairs; strategies that the variant does not look at may be missing."""
        plan = turn.plan if self.strategy_ids else [message.strategy for message in turn.messages]
        return [(strategy, message.text) for strategy, message in zip(plan, turn.messages, strict=True)]

    def _note(self, reasoning: Reasoning | ReasoningLabels | None) -> list[int]:
        """Token ids of reasoning in words; none where nothing is known."""
        if reasoning is None:
            return []
        if not self.with_reasoning:
            raise ValueError("reasoning: this generator was trained without any (reasoning_share 0)")
        return list(self.layout.text_ids(reasoning_words(reasoning)))


def _unlearned(ids: list[int]) -> tuple[list[int], list[bool]]:
    return ids, [False] * len(ids)


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
