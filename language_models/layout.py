"""How the messages of a conversation become one sequence of tokens, and what closes an answer.

There are two layouts. :class:`JoinedMessages` puts an end token between messages, as the 2021 authors' code does for
BlenderBot_small and DialoGPT. :class:`ChatTemplate` puts every message between the pieces of the tokenizer's own chat
template, which name the speaker: the seeker is its user, the supporter its assistant.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import jinja2
from transformers import PreTrainedTokenizerBase

from corpus.dialogue import Role

CACHED_TEXTS = 100_000  # distinct messages that stay tokenized; ESConv has about 36,000


class HistoryMessage(NamedTuple):
    """A message of the history as token ids.

    Attributes:
        role: Who wrote it.
        ids: Its mark and text.
        closing: Token id that closes it.
    """

    role: Role
    ids: Sequence[int]
    closing: int


def text_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of plain text, without start or end token.

    Line breaks and runs of blanks become one blank, as they carry no meaning in a chat message. Text that looks like
    a special token stays ordinary text; where a vocabulary has such a word as a token of its own (BlenderBot_small's
    ``__end__``) it is left out, so that no message can end or begin another.
    """
    ids = tokenizer(" ".join(text.split()), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return [token for token in ids if token not in special]


class Layout(ABC):
    """Builds contexts; after a context comes the answer, closed by ``end``.

    Args:
        tokenizer: Of the model.

    Attributes:
        end: Token id that closes an answer.
        start: Token ids at the end of every context, after which the answer begins.
    """

    end: int
    start: list[int]

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        # A message is part of the history of every later one; it is tokenized once.
        self.text_ids = lru_cache(maxsize=CACHED_TEXTS)(lambda text: tuple(text_ids(tokenizer, text)))

    @abstractmethod
    def context(self, history: Sequence[HistoryMessage], *, note: Sequence[int], longest: int) -> list[int]:
        """Token ids of a history, the oldest left out where there is no room, and of ``start``.

        Args:
            note: Token ids of words that the answer follows from, never cut; possibly none.
            longest: Most tokens of note and history; ``start`` is not counted.

        Raises:
            ValueError: The note leaves no room for any history.
        """

    def _room(self, taken: int, longest: int) -> int:
        if taken >= longest:
            raise ValueError(f"history_tokens: got {longest}, but the reasoning takes {taken} and leaves nothing")
        return longest - taken


class JoinedMessages(Layout):
    """``note e m2 e m3`` and the start token, with ``e`` the end token; cut on the left between any two tokens.

    Args:
        tokenizer: Its end token closes messages.
        start: Of an answer in the same sequence; none where a decoder of its own writes the answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, start: Sequence[int] = ()) -> None:
        super().__init__(tokenizer)
        self.end = int(tokenizer.eos_token_id)
        self.start = list(start)

    def context(self, history: Sequence[HistoryMessage], *, note: Sequence[int], longest: int) -> list[int]:
        """As :meth:`Layout.context`."""
        prefix = [*note, self.end] if note else []
        room = self._room(len(prefix), longest) if note else longest
        ids: list[int] = []
        for message in reversed(history):  # newest first, so that a long dialogue costs no more than a short one
            ids = [*message.ids, *([message.closing] if ids else []), *ids]
            if len(ids) >= room:
                break
        return [*prefix, *ids[-room:], *self.start]


class ChatTemplate(Layout):
    """Every message in its template's pieces, cut between messages; the note is a system message before the answer.

    The pieces are read off a rendered conversation of two speakers. They are joined without the template from then on,
    so that one speaker may write twice in a row, which many templates refuse.

    Args:
        tokenizer: With a chat template.
        system: The system message of every conversation. A template that knows none gets none.

    Raises:
        ValueError: The template fails, or does not tell the speakers apart.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, system: str) -> None:
        super().__init__(tokenizer)
        pieces = template_pieces(tokenizer, system)
        if pieces is None:
            raise ValueError("the tokenizer has no chat template that tells two speakers apart")
        self.begin = self._ids(pieces.begin)
        self.opening = {Role.SEEKER: self._ids(pieces.user), Role.SUPPORTER: self._ids(pieces.assistant)}
        self.seeker_closing = self._ids(pieces.user_end)
        self._system = (self._ids(pieces.system), self._ids(pieces.system_end))
        closing = self._ids(pieces.assistant_end) or [int(tokenizer.eos_token_id)]
        self.end, self.after_end = closing[0], closing[1:]
        self.start = self.opening[Role.SUPPORTER]

    def _ids(self, piece: str) -> list[int]:
        return list(self.tokenizer(piece, add_special_tokens=False)["input_ids"]) if piece else []

    def message(self, message: HistoryMessage) -> tuple[list[int], list[int], list[int]]:
        """What comes before a message's ids, the ids with their closing token, and what comes after."""
        opening, ids = self.opening[message.role], list(message.ids)
        if message.role is Role.SUPPORTER:
            return opening, [*ids, message.closing], self.after_end
        return opening, ids, self.seeker_closing

    def note(self, ids: Sequence[int]) -> list[int]:
        """A note as a message of its own; none where it is empty."""
        return [*self._system[0], *ids, *self._system[1]] if ids else []

    def context(self, history: Sequence[HistoryMessage], *, note: Sequence[int], longest: int) -> list[int]:
        """As :meth:`Layout.context`; of a message that alone is too long its end is left."""
        said = self.note(note)
        room = self._room(len(self.begin) + len(said), longest)
        blocks: list[list[int]] = []
        for message in reversed(history):
            before, ids, after = self.message(message)
            if (taken := len(before) + len(ids) + len(after)) > room:
                if not blocks and (left := room - len(before) - len(after)) > 0:
                    blocks.append([*before, *ids[-left:], *after])
                break
            blocks.append([*before, *ids, *after])
            room -= taken
        return [*self.begin, *(token for block in reversed(blocks) for token in block), *said, *self.start]


class TemplatePieces(NamedTuple):
    """A chat template's text around messages; empty where it has none.

    Attributes:
        begin: Before the first message, with the system message.
        user: Before a user's message; ``user_end`` comes after it. It is alike for ``assistant`` and ``system``.
    """

    begin: str
    user: str
    user_end: str
    assistant: str
    assistant_end: str
    system: str
    system_end: str


def template_pieces(tokenizer: PreTrainedTokenizerBase, system: str = "") -> TemplatePieces | None:
    """The pieces of a tokenizer's chat template; ``None`` where it has no template that tells two speakers apart."""
    if tokenizer.chat_template is None:
        return None
    first, second, third, fourth = words = ("Qfirst", "Qsecond", "Qthird", "Qfourth")
    turns = [{"role": ("user", "assistant")[n % 2], "content": word} for n, word in enumerate(words)]

    def rendered(messages: list[dict[str, str]], prompt: bool = False) -> str:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))

    try:
        told = [{"role": "system", "content": system}] if system else []
        try:
            whole = rendered([*told, *turns])
        except jinja2.TemplateError:  # no system messages: the template alone decides what comes first
            told, whole = [], rendered(turns)
        if system and system not in whole:
            told, whole = [], rendered(turns)
        prompt = rendered([*told, turns[0]], True).removeprefix(rendered([*told, turns[0]]))
    except jinja2.TemplateError:
        return None
    head, rest = whole.split(first)
    to_assistant, rest = rest.split(second)
    to_user, rest = rest.split(third)
    assistant_end = rest.split(fourth)[1]
    if to_assistant == to_user:  # as DialoGPT's: the end token alone, after everybody
        return None
    # A template without a prompt for the answer opens it with all that lies between the messages.
    assistant = prompt if prompt and to_assistant.endswith(prompt) else to_assistant
    user_end = to_assistant.removesuffix(assistant)
    user = to_user.removeprefix(assistant_end)
    begin = head.removesuffix(user)
    around = ("", "")
    if told and begin.count(system) == 1:
        before, after = begin.split(system)
        around = (before.removeprefix(tokenizer.bos_token or "") or before, after)
        if tokenizer.bos_token and user.startswith(tokenizer.bos_token):
            around = (before, after)  # in ChatML the start token opens every message
    return TemplatePieces(begin, user, user_end, assistant, assistant_end, *around)
