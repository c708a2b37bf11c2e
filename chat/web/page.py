"""The web page on which a person talks with one system and sees its plans. Nothing is kept on the server."""

from collections.abc import Iterator
from typing import Any

import gradio

from chat.conversation import (
    MAX_CHARACTERS,
    MAX_STRATEGIES,
    NOTICE,
    ChatSession,
    Exchange,
    official_json,
    readable_text,
)
from chat.system import System
from chat.web.bubbles import conversation_html, plan_html, safe
from chat.web.server import page
from corpus.strategy import LABELS, Strategy

_EMPTY = "Write what is on your mind."
# The browser itself makes the file from the text: no path, no file on the server.
_DOWNLOAD = """(text) => { if (!text) return; const link = document.createElement('a');
link.href = URL.createObjectURL(new Blob([text], {type: 'text/plain'}));
link.download = 'conversation.%s'; link.click(); }"""


def chat_page(system: System, *, seed: int = 0) -> gradio.Blocks:
    """A page for one system.

    Args:
        system: Whom people talk with; each browser tab has its own conversation.
        seed: Of the texts.
    """

    def opened(said: tuple[Exchange, ...]) -> ChatSession:
        return ChatSession(system, seed=seed, exchanges=said)

    def say(text: str, labels: list[str], said: tuple[Exchange, ...]) -> Iterator[tuple[Any, ...]]:
        conversation = opened(said)
        strategies = [Strategy.parse(label) for label in labels] if labels else None
        try:
            message = conversation.accept(text)
            yield _talk(said, pending=message.text), gradio.skip(), "", gradio.skip(), said, ""
            conversation.answer(message, strategies=strategies)
        except ValueError as error:
            yield _talk(said), gradio.skip(), text, gradio.skip(), said, _problem(error)
            return
        now = tuple(conversation.exchanges)
        yield _talk(now), plan_html(now[-1]), "", [], now, ""

    def undo(said: tuple[Exchange, ...]) -> tuple[Any, ...]:
        conversation = opened(said)
        gone = conversation.undo()
        now = tuple(conversation.exchanges)
        return _talk(now), plan_html(now[-1] if now else None), gone.seeker.text if gone else "", [], now, ""

    def save(said: tuple[Exchange, ...], *, readable: bool) -> tuple[str, str]:
        try:
            return (readable_text if readable else official_json)(opened(said)), ""
        except ValueError as error:
            return "", _problem(error)

    with page("Emotional support: chat") as blocks:
        gradio.HTML(f'<h2>Talk with {safe(system.name)}</h2><p class="notice">{safe(NOTICE.strip())}</p>')
        said = gradio.State(())
        with gradio.Row():
            with gradio.Column(scale=3, min_width=340):
                talk = gradio.HTML(_talk(()), elem_id="talk")
                with gradio.Row():
                    text = gradio.Textbox(
                        show_label=False, container=False, placeholder="Your message", max_length=MAX_CHARACTERS,
                        scale=5, elem_id="message", autofocus=True,
                    )  # fmt: skip
                    send = gradio.Button("Send", variant="primary", scale=1, min_width=80, elem_id="send")
                problem = gradio.HTML("", elem_id="problem")
                with gradio.Row():
                    back = gradio.Button("Undo", size="sm", min_width=80, elem_id="undo")
                    fresh = gradio.Button("New conversation", size="sm", min_width=110)
                    save_json = gradio.Button("Save as JSON", size="sm", min_width=110, elem_id="save-json")
                    save_text = gradio.Button("Save as text", size="sm", min_width=110)
                choice = gradio.Dropdown(
                    list(LABELS), multiselect=True, max_choices=MAX_STRATEGIES, label="Strategies of the next reply",
                    info="In order; empty: the planner chooses.", visible=system.knows_strategies, elem_id="choice",
                )  # fmt: skip
            with gradio.Column(scale=2, min_width=320):
                gradio.HTML("<h3>Plan of the last reply</h3>")
                plan = gradio.HTML(plan_html(None), elem_id="plan")
        kept = gradio.Textbox(visible=False)
        shown = [talk, plan, text, choice, said, problem]
        own: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        gradio.on([send.click, text.submit], say, [text, choice, said], shown, trigger_mode="once", **own)
        back.click(undo, said, shown, **own)
        fresh.click(lambda: (_talk(()), plan_html(None), "", [], (), ""), None, shown, **own)
        for button, readable, suffix in ((save_json, False, "json"), (save_text, True, "txt")):
            event = button.click(
                lambda said, readable=readable: save(said, readable=readable), said, [kept, problem], **own
            )
            event.then(None, kept, None, js=_DOWNLOAD % suffix)
    return blocks


def _talk(said: tuple[Exchange, ...], *, pending: str | None = None) -> str:
    return conversation_html(said, pending=pending, empty=_EMPTY)


def _problem(error: ValueError) -> str:
    return f'<div class="problem" role="alert">{safe(str(error))}</div>'
