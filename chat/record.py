"""A conversation on disk: in the official schema, so that every tool for corpora reads it, or as text for people."""

import json
from collections.abc import Sequence
from pathlib import Path

from chat.conversation import Conversation, Exchange
from chat.notice import NOTICE
from corpus.dialogue import Dialogue
from corpus.official_format import to_record
from corpus.strategy import LABELS
from corpus.whole_file import write_whole

SUFFIXES = (".json", ".txt")


def save(conversation: Conversation, path: Path) -> None:
    """Writes a conversation: ``.json`` as :func:`official_json`, ``.txt`` as :func:`readable_text`.

    Raises:
        ValueError: Nothing was said yet, another suffix, the file exists, or the schema cannot hold it.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if path.exists():
        raise ValueError(f"{path}: exists already, choose another name")
    write_whole(path, official_json(conversation) if path.suffix == ".json" else readable_text(conversation))


def official_json(conversation: Conversation) -> str:
    """The schema of ``ESConv.json``: an array with this one dialogue.

    Two fields are added, which readers pass over: ``system``, and ``crisis`` where the screening marked it.

    Raises:
        ValueError: Nothing was said yet, or a message has no strategy (a generator that knows none), which the schema
            demands.
    """
    _demand(conversation)
    record = to_record(Dialogue(1, tuple(conversation.history))) | {"system": conversation.system.name}
    if conversation.crisis is not None:
        record["crisis"] = conversation.crisis.value
    return json.dumps([record], ensure_ascii=False, indent=1) + "\n"


def readable_text(conversation: Conversation) -> str:
    """Everything that was said, with plans and the reasons for them.

    Raises:
        ValueError: Nothing was said yet.
    """
    _demand(conversation)
    head = [f"Conversation with {conversation.system.name}", *NOTICE.strip().splitlines(), ""]
    if conversation.crisis is not None:
        head.append(f"Marked by the crisis screening: {conversation.crisis.value}\n")
    return (
        "\n".join([*head, *(line for exchange in conversation.exchanges for line in exchange_lines(exchange))]) + "\n"
    )


def exchange_lines(exchange: Exchange) -> list[str]:
    """The lines of one exchange."""
    return [f"you: {exchange.seeker.text}", *plan_lines(exchange), *reply_lines(exchange), ""]


def reply_lines(exchange: Exchange) -> list[str]:
    """What the supporter said, with its strategies."""
    marks = [
        "" if reply.strategy is None or exchange.crisis else f" [{reply.strategy.label}]" for reply in exchange.replies
    ]
    return [f"supporter{mark}: {reply.text}" for mark, reply in zip(marks, exchange.replies, strict=True)]


def plan_lines(exchange: Exchange, *, shown: int = 3) -> list[str]:
    """How the turn came about: each planned strategy with the likeliest alternatives, and the planner's reasons."""
    if exchange.crisis is not None:
        return [f"    crisis screening: {exchange.crisis.value}; a fixed text instead of the model's"]
    if exchange.chosen is not None:
        return ["    plan, chosen by hand: " + " -> ".join(strategy.label for strategy in exchange.chosen)]
    if exchange.plan is None:
        return ["    plan: the generator's own"]
    lines = [f"    plan ({exchange.plan.mode}): {exchange.plan}"]
    for place, row in enumerate(exchange.plan.probabilities, start=1):
        lines.append(f"      {place}. " + ", ".join(f"{label} {share:.0%}" for label, share in likeliest(row)[:shown]))
    if exchange.plan.reasoning is not None:
        lines += [f"    {line}" for line in str(exchange.plan.reasoning).splitlines()]
    return lines


def likeliest(row: Sequence[float]) -> list[tuple[str, float]]:
    """Labels with their probabilities, the likeliest first. ``row``: the eight strategies' probabilities."""
    return sorted(zip(LABELS, map(float, row), strict=True), key=lambda pair: -pair[1])


def _demand(conversation: Conversation) -> None:
    if not conversation.exchanges:
        raise ValueError("nothing to save yet")
