"""The web page on which a person talks with one system and sees its plans. Nothing is stored on the server."""

from collections.abc import Iterator
from typing import Any

import gradio

from chat.conversation import MAX_CHARACTERS, MAX_STRATEGIES, NOTICE, ChatSession, Exchange
from chat.system import System, check_complete
from chat.transcript import official_json, readable_text
from chat.web.bubbles import conversation_html, plan_html, problem_html, safe
from chat.web.server import PRIVATE, page
from corpus.strategy import LABELS, Strategy

_EMPTY = "Write what is on your mind."
# After the first urgent message the page goes to the helplines, wherever it was scrolled to.
SHOW_HELP = "() => document.querySelector('.help.new')?.scrollIntoView({block: 'start'})"
# The browser itself makes the file from the text: no path and no file on the server.
_DOWNLOAD = """(text) => { if (!text) return; const link = document.createElement('a');
link.href = URL.createObjectURL(new Blob([text], {type: 'text/plain'}));
link.download = 'conversation.%s'; link.click(); }"""


def chat_page(system: System, *, seed: int = 0) -> gradio.Blocks:
    """A page for one system; each browser tab has its own conversation. ``seed``: of the texts.

    Raises:
        ValueError: The system's care lacks a detector.
    """
    check_complete(system)

    def session(exchanges: tuple[Exchange, ...]) -> ChatSession:
        return ChatSession(system, seed=seed, exchanges=exchanges)

    def talk_html(exchanges: tuple[Exchange, ...], *, pending: str | None = None) -> str:
        return conversation_html(exchanges, helplines=system.care.helplines, pending=pending, empty=_EMPTY)

    def say(text: str, labels: list[str], exchanges: tuple[Exchange, ...]) -> Iterator[tuple[Any, ...]]:
        conversation = session(exchanges)
        strategies = [Strategy.parse(label) for label in labels] if labels else None
        try:
            message = conversation.accept(text)
            yield talk_html(exchanges, pending=message.text), gradio.skip(), "", gradio.skip(), exchanges, ""
            conversation.answer(message, strategies=strategies)
        except ValueError as error:
            yield talk_html(exchanges), gradio.skip(), text, gradio.skip(), exchanges, problem_html(str(error))
            return
        now = tuple(conversation.exchanges)
        yield talk_html(now), plan_html(now[-1]), "", [], now, ""

    def undo(exchanges: tuple[Exchange, ...]) -> tuple[Any, ...]:
        conversation = session(exchanges)
        taken_back = conversation.undo()
        now = tuple(conversation.exchanges)
        text = taken_back.seeker.text if taken_back else ""
        return talk_html(now), plan_html(now[-1] if now else None), text, [], now, ""

    def start_again() -> tuple[Any, ...]:
        return talk_html(()), plan_html(None), "", [], (), ""

    def save(exchanges: tuple[Exchange, ...], *, readable: bool) -> tuple[str, str]:
        try:
            return (readable_text if readable else official_json)(session(exchanges)), ""
        except ValueError as error:
            return "", problem_html(str(error))

    with page("Emotional support: chat") as blocks:
        gradio.HTML(f'<h2>Talk with {safe(system.name)}</h2><p class="notice">{safe(NOTICE)}</p>')
        exchanges = gradio.State(())
        with gradio.Row():
            with gradio.Column(scale=3, min_width=340):
                talk = gradio.HTML(talk_html(()), elem_id="talk")
                with gradio.Row():
                    text = gradio.Textbox(
                        show_label=False, container=False, placeholder="Your message", max_length=MAX_CHARACTERS,
                        scale=5, elem_id="message", autofocus=True,
                    )  # fmt: skip
                    send = gradio.Button("Send", variant="primary", scale=1, min_width=80, elem_id="send")
                problem = gradio.HTML("", elem_id="problem")
                with gradio.Row():
                    back = gradio.Button("Undo", size="sm", min_width=110, elem_id="undo")
                    fresh = gradio.Button("New conversation", size="sm", min_width=110)
                    save_json = gradio.Button("Save as JSON", size="sm", min_width=110, elem_id="save-json")
                    save_text = gradio.Button("Save as text", size="sm", min_width=110)
                choice = gradio.Dropdown(
                    list(LABELS), multiselect=True, max_choices=MAX_STRATEGIES, label="Strategies of the next reply",
                    info="In order; empty: the system chooses.", visible=system.knows_strategies, elem_id="choice",
                )  # fmt: skip
            with gradio.Column(scale=2, min_width=320):
                gradio.HTML("<h3>Plan of the last reply</h3>")
                plan = gradio.HTML(plan_html(None), elem_id="plan")
        saved = gradio.Textbox(visible=False)
        shown = [talk, plan, text, choice, exchanges, problem]
        said = gradio.on(
            [send.click, text.submit], say, [text, choice, exchanges], shown, trigger_mode="once", **PRIVATE
        )
        said.then(None, None, None, js=SHOW_HELP)
        back.click(undo, exchanges, shown, **PRIVATE)
        fresh.click(start_again, None, shown, **PRIVATE)
        for button, readable, suffix in ((save_json, False, "json"), (save_text, True, "txt")):
            event = button.click(
                lambda exchanges, readable=readable: save(exchanges, readable=readable),
                exchanges,
                [saved, problem],
                **PRIVATE,
            )
            event.then(None, saved, None, js=_DOWNLOAD % suffix)
    return blocks
