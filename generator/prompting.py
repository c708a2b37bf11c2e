"""A chat model without fine-tuning that is told the strategy and its definition in words, with or without examples.

This is a yardstick for what fine-tuning on ESConv adds. The system message names the task and the strategy of the
message to write; few-shot, three exchanges of training dialogues show it. The conversation follows as in training, the
seeker as the template's user, and without strategies of earlier messages.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus.dialogue import Dialogue, Message, Role, SupporterMessage, message_view
from corpus.reasoning import Reasoning, ReasoningLabels
from corpus.strategy import Strategy
from generator.config import LengthConfig
from generator.inputs import InputFormat
from generator.realizer import Realizer
from language_models.backbone import Backbone
from language_models.layout import ChatTemplate, text_ids

EXAMPLES = 3  # exchanges that show a strategy
_WORDS = (4, 40)  # words that each message of an example has: shorter ones show little, longer ones fill the prompt
_TASK = (
    "You are a peer supporter in a chat with a person who looks for emotional support. Write your next message to the "
    "person: one or two short sentences of plain text. Its strategy is {label}: {definition}."
)

ShownExchange = tuple[str, str]  # what the seeker said, what the supporter answered


def prompts(examples: dict[Strategy, list[ShownExchange]] | None = None) -> dict[Strategy, str]:
    """The system message of every strategy.

    Args:
        examples: Exchanges that show each strategy; ``None``: zero-shot.
    """
    told = {one: _TASK.format(label=one.label, definition=one.definition) for one in Strategy}
    for strategy, exchanges in (examples or {}).items():
        shown = "\n\n".join(f"Person: {seeker}\nYou: {supporter}" for seeker, supporter in exchanges)
        told[strategy] += f"\n\nExamples of this strategy from other chats:\n\n{shown}"
    return told


def choose_examples(train: Sequence[Dialogue], *, rng: np.random.Generator) -> dict[Strategy, list[ShownExchange]]:
    """Three exchanges for every strategy, each of another dialogue, with messages that are neither short nor long.

    Args:
        train: Dialogues that nothing is evaluated on.
        rng: Chooses.

    Raises:
        ValueError: The dialogues have no three such exchanges for a strategy.
        CorpusError: A supporter message lacks its strategy.
    """
    found: dict[Strategy, list[SupporterMessage]] = {strategy: [] for strategy in Strategy}
    for item in message_view(train):
        if item.history and item.history[-1].role is Role.SEEKER:
            texts = (item.history[-1].text, item.message.text)
            if all(_WORDS[0] <= len(text.split()) <= _WORDS[1] for text in texts):
                found[item.strategy].append(item)
    chosen: dict[Strategy, list[ShownExchange]] = {}
    for strategy, items in found.items():
        of_dialogue = {items[row].dialogue.number: items[row] for row in rng.permutation(len(items)).tolist()}
        if len(of_dialogue) < EXAMPLES:
            raise ValueError(
                f"few-shot: train has {len(of_dialogue)} dialogues with a fitting example of {strategy.label}, "
                f"expected {EXAMPLES}"
            )
        shown = list(of_dialogue.values())[:EXAMPLES]
        chosen[strategy] = [(_line(item.history[-1].text), _line(item.message.text)) for item in shown]
    return chosen


def _line(text: str) -> str:
    return " ".join(text.split())


class PromptedFormat(InputFormat):
    """Inputs of a chat model that is told its strategy in the system message, and has no token for it.

    It follows plans message by message, as variant ``strategy`` does, and chooses no strategy itself.

    Args:
        told: System message of every strategy.

    Attributes:
        name: ``zero-shot`` or the like, with a digest of the messages: what tells prompts apart.

    Raises:
        ValueError: The backbone is no chat model, or a system message holds one of its special tokens.
    """

    def __init__(self, backbone: Backbone, told: dict[Strategy, str], *, lengths: LengthConfig) -> None:
        super().__init__(backbone, variant="vanilla", lengths=lengths)
        self.variant = "strategy"  # by how it is asked; it has no strategy tokens
        if not isinstance(self.layout, ChatTemplate):
            raise ValueError("a model is told strategies in words only if its tokenizer has a chat template")
        for text in told.values():
            held = [token for token in backbone.tokenizer.all_special_tokens if token in text]
            if held:
                raise ValueError(f"an example holds {held[0]}, a special token of the model: choose another seed")
        self._layouts = {strategy: _told(backbone, text) for strategy, text in told.items()}
        self.digest = hashlib.sha256("\n".join(told[strategy] for strategy in Strategy).encode()).hexdigest()[:8]

    def context(
        self,
        history: Sequence[Message],
        reasoning: Reasoning | ReasoningLabels | None = None,
        *,
        strategy: Strategy | None = None,
    ) -> list[int]:
        """Token ids of the strategy's system message and of a history.

        Raises:
            ValueError: No strategy, or reasoning.
        """
        if strategy is None:
            raise ValueError("a prompted model follows plans: it does not choose strategies itself")
        note = self._note(reasoning)
        limit = self.lengths.history_messages
        latest = history if limit is None else history[-limit:]
        messages = self._chat(latest, open_turn=True)
        return self._layouts[strategy].context(messages, note=note, longest=self.history_tokens)


def _told(backbone: Backbone, text: str) -> ChatTemplate:
    """The layout whose conversations begin with the text, as a user's message where there are no system messages."""
    tokenizer = backbone.tokenizer
    layout = ChatTemplate(tokenizer, text)
    plain = ChatTemplate(tokenizer, "")
    if layout.begin == plain.begin:
        layout.begin = [*layout.begin, *layout.opening[Role.SEEKER], *text_ids(tokenizer, text), *layout.seeker_closing]
    return layout


def prompted_realizer(
    backbone: str | Path,
    *,
    examples: dict[Strategy, list[ShownExchange]] | None = None,
    like: str | Path | None = None,
    batch_size: int = 64,
    precision: str = "fp32",
) -> Realizer:
    """A chat model that is told its strategies; arguments and errors as :meth:`Realizer.pretrained`.

    Args:
        examples: Few-shot; ``None``: zero-shot.
    """
    bare = Realizer.pretrained(backbone, like=like, batch_size=batch_size, precision=precision)
    form = PromptedFormat(bare.backbone, prompts(examples), lengths=bare.form.lengths)
    return Realizer(bare.backbone, form, decoding=bare.decoding, batch_size=batch_size, precision=precision)
