"""A conversation written down: as lines for the terminal, as text for people, or in ESConv's schema for programs."""

import json
from collections.abc import Sequence
from pathlib import Path

from chat.conversation import NOTICE, ChatSession, Exchange
from corpus.dialogue import Dialogue
from corpus.files import write_whole
from corpus.formats.official import to_record
from corpus.strategy import LABELS

SUFFIXES = (".json", ".txt")


def save(conversation: ChatSession, path: Path) -> None:
    """Writes a conversation: ``.json`` as :func:`official_json`, ``.txt`` as :func:`readable_text`.

    Raises:
        ValueError: Nothing was said yet, another suffix, the file exists, or the schema cannot hold it.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if path.exists():
        raise ValueError(f"{path}: exists already, choose another name")
    write_whole(path, official_json(conversation) if path.suffix == ".json" else readable_text(conversation))


def official_json(conversation: ChatSession) -> str:
    """The schema of ``ESConv.json``, which every tool for such corpora takes: an array with this one dialogue.

    Fields are added that such tools pass over: ``system``; where the screening found something, ``screening`` (for each
    message of the person: level and kind, or null) and ``crisis`` (the kind of the first urgent one); and ``replaced``
    where fixed sentences took the place of texts that must not be said.

    Raises:
        ValueError: Nothing was said yet, or a message has no strategy (the generator knows none), which the schema
            demands.
    """
    _check_not_empty(conversation)
    record = to_record(Dialogue(1, tuple(conversation.history))) | {"system": conversation.system.name}
    found = [exchange.screening for exchange in conversation.exchanges]
    if any(one.level is not None for one in found):
        record["screening"] = [None if one.level is None else {"level": one.level, "kind": one.kind} for one in found]
    if conversation.crisis is not None:
        record["crisis"] = conversation.crisis.value
    if replaced := sum(exchange.replaced for exchange in conversation.exchanges):
        record["replaced"] = replaced
    return json.dumps([record], ensure_ascii=False, indent=1) + "\n"


def readable_text(conversation: ChatSession) -> str:
    """All that was said, with plans and the reasoning behind them.

    Raises:
        ValueError: Nothing was said yet.
    """
    _check_not_empty(conversation)
    lines = [f"Conversation with {conversation.system.name}", *NOTICE.splitlines(), ""]
    if conversation.crisis is not None:
        lines.append(f"Marked by the crisis screening: {conversation.crisis.value}\n")
    for exchange in conversation.exchanges:
        lines += [f"you: {exchange.seeker.text}", *plan_lines(exchange), *reply_lines(exchange), ""]
    return "\n".join(lines) + "\n"


def reply_lines(exchange: Exchange) -> list[str]:
    """What the supporter said, each message with its strategy."""
    fixed = exchange.screening.level is not None
    labels = ["" if reply.strategy is None or fixed else f" [{reply.strategy.label}]" for reply in exchange.replies]
    return [f"supporter{label}: {reply.text}" for label, reply in zip(labels, exchange.replies, strict=True)]


def plan_lines(exchange: Exchange, *, shown: int = 3) -> list[str]:
    """How the turn came about: each planned strategy with the likeliest alternatives, and the reasoning."""
    if (level := exchange.screening.level) is not None:
        return [f"    crisis screening: {level.value}, {exchange.screening.kind}; a fixed text instead of the model's"]
    lines = [f"    texts replaced by fixed sentences: {exchange.replaced}"] if exchange.replaced else []
    if exchange.chosen is not None:
        return ["    plan, chosen by hand: " + " -> ".join(strategy.label for strategy in exchange.chosen), *lines]
    if exchange.plan is None:
        return ["    plan: the generator's own", *lines]
    lines.insert(0, f"    plan ({exchange.plan.mode}): {exchange.plan}")
    for place, row in enumerate(exchange.plan.probabilities, start=1):
        lines.append(f"      {place}. " + ", ".join(f"{label} {share:.0%}" for label, share in likeliest(row)[:shown]))
    if exchange.plan.reasoning is not None:
        lines += [f"    {line}" for line in str(exchange.plan.reasoning).splitlines()]
    return lines


def likeliest(row: Sequence[float]) -> list[tuple[str, float]]:
    """Labels with their probabilities, the likeliest first. ``row``: the eight strategies' probabilities."""
    return sorted(zip(LABELS, map(float, row), strict=True), key=lambda pair: -pair[1])


def _check_not_empty(conversation: ChatSession) -> None:
    if not conversation.exchanges:
        raise ValueError("nothing to save yet")
