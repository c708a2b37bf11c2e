"""Conversations and plans as HTML. Everything that somebody or some model wrote goes through :func:`safe`."""

import html
from collections.abc import Sequence

from chat.conversation import Exchange, likeliest
from corpus.dialogue import Message
from planner.plan import Plan

# Beyond HTML's own: characters that page templates give a meaning to.
_TEMPLATES = {ord(character): f"&#{ord(character)};" for character in "${}`\\"}


def safe(text: str) -> str:
    """Text as text: no markup, no template, no address is ever made of it."""
    return html.escape(text, quote=True).translate(_TEMPLATES)


def conversation_html(
    exchanges: Sequence[Exchange], *, pending: str | None = None, strategies: bool = True, empty: str = ""
) -> str:
    """A conversation as bubbles, the newest at the bottom.

    Args:
        exchanges: What was said.
        pending: A message whose reply is being written.
        strategies: Whether the supporter's strategies are shown; not where they could give a system away.
        empty: Shown before the first message.
    """
    bubbles = [part for exchange in exchanges for part in _exchange(exchange, strategies=strategies)]
    if pending is not None:
        bubbles += [_bubble("seeker", pending), '<div class="bubble supporter typing" aria-label="writing">…</div>']
    if not bubbles:
        bubbles = [f'<div class="nothing">{safe(empty)}</div>']
    # Laid out from the bottom up, so that the newest is in view without a script; read in order by screen readers.
    return f'<div class="talk" role="log" aria-live="polite"><div>{"".join(bubbles)}</div></div>'


def plan_html(exchange: Exchange | None) -> str:
    """How the last reply came about: each planned strategy with its distribution, and the planner's reasons."""
    if exchange is None:
        return (
            '<div class="plan"><p class="faint">Here stands what the supporter plans, once you have written.</p></div>'
        )
    if exchange.crisis is not None:
        return '<div class="plan"><p>A fixed message was given instead of a model\'s text.</p></div>'
    if exchange.plan is None:
        by = "you" if exchange.chosen is not None else "the generator itself"
        names = " → ".join(safe(reply.strategy.label) for reply in exchange.replies if reply.strategy is not None)
        return f'<div class="plan"><p class="route">{names}</p><p class="faint">chosen by {by}</p></div>'
    plan = exchange.plan
    route = " → ".join(safe(strategy.label) for strategy in plan.strategies)
    steps = "".join(_step(plan, place) for place in range(len(plan.strategies)))
    reasons = ""
    if exchange.plan.reasoning is not None:
        lines = "".join(f"<p>{safe(line)}</p>" for line in str(exchange.plan.reasoning).splitlines())
        reasons = f'<section class="reasons"><h4>Reasoning</h4>{lines}</section>'
    return f'<div class="plan"><p class="route">{route}</p>{reasons}{steps}</div>'


def _step(plan: Plan, place: int) -> str:
    """One planned strategy: eight bars, the likeliest first, the chosen one marked."""
    chosen = plan.strategies[place].label
    bars = "".join(
        f'<div class="bar{" chosen" if label == chosen else ""}"><span class="name">{safe(label)}</span>'
        f'<span class="track"><span class="fill" style="width:{share:.1%}"></span></span>'
        f'<span class="share">{share:.0%}</span></div>'
        for label, share in likeliest(plan.probabilities[place])
    )
    return f"<section><h4>Message {place + 1}</h4>{bars}</section>"


def _exchange(exchange: Exchange, *, strategies: bool) -> list[str]:
    parts = [_bubble("seeker", exchange.seeker.text)]
    for reply in exchange.replies:
        kind = "supporter crisis" if exchange.crisis is not None else "supporter"
        parts.append(_bubble(kind, reply.text, label=_label(reply) if strategies and exchange.crisis is None else ""))
    return parts


def _bubble(kind: str, text: str, *, label: str = "") -> str:
    chip = f'<span class="chip">{safe(label)}</span>' if label else ""
    return f'<div class="bubble {kind}">{chip}<span class="words">{safe(text)}</span></div>'


def _label(reply: Message) -> str:
    return "" if reply.strategy is None else reply.strategy.label
