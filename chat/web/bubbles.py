"""Conversations, plans and problems as HTML. Every text that a person or a model wrote goes through :func:`safe`."""

import html
import re
from collections.abc import Sequence

from chat.conversation import Exchange
from chat.transcript import likeliest
from planner.plan import Plan
from safety.helplines import Helpline, Helplines
from safety.screening import Level

# Beyond HTML's own: characters that have a meaning in page templates.
_TEMPLATE_CHARACTERS = {ord(character): f"&#{ord(character)};" for character in "${}`\\"}


def safe(text: str) -> str:
    """Text as text: it never becomes markup, a template or an address."""
    return html.escape(text, quote=True).translate(_TEMPLATE_CHARACTERS)


def problem_html(problem: str) -> str:
    """A refused input in one line; nothing where there is no problem."""
    return f'<div class="problem" role="alert">{safe(problem)}</div>' if problem else ""


def conversation_html(
    exchanges: Sequence[Exchange],
    *,
    helplines: Helplines,
    pending: str | None = None,
    strategies: bool = True,
    empty: str = "",
) -> str:
    """A conversation as bubbles, the newest at the bottom.

    After an urgent message the helplines stand above it as links, so that they are what the page begins with, and the
    conversation is shown at its full height: what was said before stays, and nobody has to scroll inside it.

    Args:
        helplines: What the fixed replies name; their numbers and addresses are links there.
        pending: A message whose reply is being written.
        strategies: Whether the supporter's strategies are shown; not where they could give a system away.
        empty: Shown before the first message.
    """
    urgent = [exchange for exchange in exchanges if exchange.screening.level is Level.URGENT]
    bubbles = [
        bubble for exchange in exchanges for bubble in _exchange(exchange, strategies=strategies, helplines=helplines)
    ]
    if pending is not None:
        bubbles += [_bubble("seeker", pending), '<div class="bubble supporter typing" aria-label="writing">…</div>']
    if not bubbles:
        bubbles = [f'<div class="nothing">{safe(empty)}</div>']
    # The style lays it out from the bottom up, so that the newest is in view without a script. Assistive software still
    # goes from top to bottom.
    height = " whole" if urgent else ""
    region = 'role="log" aria-label="Conversation" aria-live="polite" tabindex="0"'
    talk = f'<div class="talk{height}" {region}><div>{"".join(bubbles)}</div></div>'
    return _help(helplines, new=urgent == [exchanges[-1]]) + talk if urgent else talk


def plan_html(exchange: Exchange | None) -> str:
    """How the last reply came about: each planned strategy with its distribution, and the reasoning."""
    if exchange is None:
        return (
            '<div class="plan"><p class="faint">Once you have written, the supporter\'s plan is shown here.</p></div>'
        )
    if exchange.screening.level is not None:
        return '<div class="plan"><p>A fixed message was given instead of a model\'s text.</p></div>'
    plan = exchange.plan
    if plan is None:
        by = "you" if exchange.chosen is not None else "the generator itself"
        names = " → ".join(safe(reply.strategy.label) for reply in exchange.replies if reply.strategy is not None)
        return f'<div class="plan"><p class="route">{names}</p><p class="faint">chosen by {by}</p></div>'
    route = " → ".join(safe(strategy.label) for strategy in plan.strategies)
    reasoning = ""
    if plan.reasoning is not None:
        lines = "".join(f"<p>{safe(line)}</p>" for line in str(plan.reasoning).splitlines())
        reasoning = f'<section class="reasons"><h4>Reasoning</h4>{lines}</section>'
    messages = "".join(_bars(plan, place) for place in range(len(plan.strategies)))
    return f'<div class="plan"><p class="route">{route}</p>{reasoning}{messages}</div>'


def _bars(plan: Plan, place: int) -> str:
    """One planned message: eight bars, the likeliest strategy first, the chosen one marked."""
    chosen = plan.strategies[place].label
    bars = "".join(
        f'<div class="bar{" chosen" if label == chosen else ""}"><span class="name">{safe(label)}</span>'
        f'<span class="track"><span class="fill" style="width:{share:.1%}"></span></span>'
        f'<span class="share">{share:.0%}</span></div>'
        for label, share in likeliest(plan.probabilities[place])
    )
    return f"<section><h4>Message {place + 1}</h4>{bars}</section>"


def _help(helplines: Helplines, *, new: bool) -> str:
    """The helplines as links, the emergency numbers first; ``new``: the page shall scroll to them."""
    parts = [
        ("Danger at this moment", helplines.emergency),
        ("Talk with somebody, free and confidential", helplines.talk),
        ("If somebody hurts, threatens or controls you", helplines.abuse),
    ]
    shown = "".join(
        f"<h4>{safe(title)}</h4><ul>{''.join(map(_help_line, lines))}</ul>" for title, lines in parts if lines
    )
    return f'<section class="help{" new" if new else ""}" role="alert" aria-label="Help">{shown}</section>'


def _help_line(line: Helpline) -> str:
    about = ", ".join(filter(None, (line.where, line.whom)))
    return f'<li>{_link(line)} <span title="{safe(str(line))}">{safe(about)}</span></li>'


def _link(line: Helpline) -> str:
    target = "" if line.number else ' target="_blank" rel="noopener noreferrer"'
    return f'<a href="{safe(line.link)}"{target}>{safe(line.contact.removeprefix("https://"))}</a>'


def _linked(text: str, helplines: Helplines) -> str:
    """A fixed text with its numbers and addresses as links."""
    links = {line.contact: _link(line) for line in helplines.all()}
    contacts = "|".join(re.escape(one) for one in sorted(links, key=len, reverse=True))
    parts = re.split(rf"(?<![\w-])({contacts})(?![\w-])", text)
    return "".join(links[part] if place % 2 else safe(part) for place, part in enumerate(parts))


def _exchange(exchange: Exchange, *, strategies: bool, helplines: Helplines) -> list[str]:
    bubbles = [_bubble("seeker", exchange.seeker.text)]
    level = exchange.screening.level
    for reply in exchange.replies:
        if level is not None:
            kind = "supporter crisis" if level is Level.URGENT else "supporter worried"
            bubbles.append(
                f'<div class="bubble {kind}"><span class="words">{_linked(reply.text, helplines)}</span></div>'
            )
        else:
            label = reply.strategy.label if strategies and reply.strategy is not None else ""
            bubbles.append(_bubble("supporter", reply.text, label=label))
    return bubbles


def _bubble(kind: str, text: str, *, label: str = "") -> str:
    chip = f'<span class="chip">{safe(label)}</span>' if label else ""
    return f'<div class="bubble {kind}">{chip}<span class="words">{safe(text)}</span></div>'
