"""The web page of a comparison: two anonymous systems, the five questions. The page shows what the store holds.

The participant's token lives in the browser (address, after the ``#``, which is never sent on its own; and local
storage), everything else in the study's file. Names of systems, strategies and plans never reach the browser.

What the page of a study says. The questions ask, in our words, what those of the 2021 paper ask (section 6.4).
"""

from collections.abc import Callable, Iterator
from typing import Any

import gradio

from chat.conversation import MAX_CHARACTERS, NOTICE
from chat.study.session import MINIMUM_EXCHANGES, TIE, Session, StudyStep
from chat.study.study import Study
from chat.web.bubbles import conversation_html, safe
from chat.web.server import page

WELCOME = """You will talk with two computer programs, one after the other, about something that troubles you: real, \
and light enough to speak of today. Then you say which of them did better. It takes about 15 minutes.

What you write and answer is stored for this study, without your name; please write nothing that tells who you are. \
You may stop at any time by closing the page, and go on later with the same address."""
READABLE = "Other participants may read my two conversations, without my name, and judge them too."
INTENSITY_BEFORE = "How strong is the feeling that troubles you, right now?"
INTENSITY_AFTER = "When you are done with this conversation: how strong is the feeling now?"
INTENSITIES = [("1 weak", 1), ("2", 2), ("3", 3), ("4", 4), ("5 very strong", 5)]
ASK: dict[str, str] = {
    "fluency": "Fluency: whose messages read better and were easier to understand?",
    "identification": "Identification: who went deeper into the situation and saw better what the problem is?",
    "comforting": "Comforting: who was better at giving comfort?",
    "suggestion": "Suggestion: whose suggestions were more helpful?",
    "overall": "Overall: whose support would you choose?",
}
THANKS = "Thank you. Your answers are stored. You may close this page."
STOPPED = "The study ends here for you. Nothing else is asked; what matters now is that you are safe."


_VERDICTS = [("Supporter 1", "0"), ("Supporter 2", "1"), ("Tie", TIE)]
_RECALL = "() => [decodeURIComponent(location.hash.slice(1)) || localStorage.getItem('participant') || '']"
_KEEP = """(token) => {
if (token) { localStorage.setItem('participant', token); history.replaceState(null, '', '#' + token); }
else { localStorage.removeItem('participant'); history.replaceState(null, '', location.pathname); } }"""


def study_page(study: Study) -> gradio.Blocks:
    """The page of a study."""
    with page("Two supporters: a study") as blocks:
        gradio.HTML(f'<h2>Talk with two supporters</h2><p class="notice">{safe(NOTICE.strip())}</p>')
        token = gradio.Textbox(visible=False)
        with gradio.Column(visible=False, elem_id="welcome") as welcome:
            gradio.HTML(f'<p style="white-space: pre-line">{safe(WELCOME)}</p>')
            readable = gradio.Checkbox(label=READABLE, elem_id="readable")
            with gradio.Row():
                begin = gradio.Button("Begin", variant="primary", elem_id="begin")
                read_first = gradio.Button("Read and judge what others said", visible=False, elem_id="read")
        with gradio.Column(visible=False, elem_id="before") as before:
            intensity = gradio.Radio(INTENSITIES, label=INTENSITY_BEFORE, elem_id="intensity-before")
            go = gradio.Button("Continue", variant="primary", elem_id="continue")
        with gradio.Column(visible=False, elem_id="talking") as talking:
            heading = gradio.HTML("")
            talk = gradio.HTML("", elem_id="talk")
            with gradio.Row():
                text = gradio.Textbox(
                    show_label=False,
                    container=False,
                    placeholder="Your message",
                    max_length=MAX_CHARACTERS,
                    scale=5,
                    elem_id="message",
                )
                send = gradio.Button("Send", variant="primary", scale=1, min_width=80, elem_id="send")
            with gradio.Group(visible=False) as ending:
                intensity_after = gradio.Radio(INTENSITIES, label=INTENSITY_AFTER, elem_id="intensity-after")
                end = gradio.Button("End this conversation", elem_id="end")
        with gradio.Column(visible=False, elem_id="questions") as questions:
            with gradio.Row():
                told = [gradio.HTML("", elem_id=f"told-{place + 1}") for place in range(2)]
            asked = {
                question: gradio.Radio(_VERDICTS, label=words, elem_id=question) for question, words in ASK.items()
            }
            submit = gradio.Button("Submit", variant="primary", elem_id="submit")
        with gradio.Column(visible=False, elem_id="done") as done:
            gradio.HTML(f"<h3>{safe(THANKS)}</h3>")
            with gradio.Row():
                read_next = gradio.Button("Read and judge what others said", visible=False, elem_id="read-next")
                another = gradio.Button("Another person begins", elem_id="another")
        with gradio.Column(visible=False, elem_id="stopped") as stopped:
            gradio.HTML(f"<h3>{safe(STOPPED)}</h3>")
            last = gradio.HTML("", elem_id="last")
        problem = gradio.HTML("", elem_id="problem")
        stages = {
            StudyStep.NEW: welcome, StudyStep.BEFORE: before, StudyStep.FIRST: talking, StudyStep.SECOND: talking,
            StudyStep.QUESTIONS: questions, StudyStep.DONE: done, StudyStep.STOPPED: stopped,
        }  # fmt: skip
        shown = [token, problem, *dict.fromkeys(stages.values()), heading, talk, ending, last, *told, *asked.values()]
        shown += [read_first, read_next]

        def show(own: str, session: Session, *, said: str = "") -> dict[Any, Any]:
            """What every part of the page shows at this point of a session; parts left out stay as they are."""
            stage = session.stage
            updates: dict[Any, Any] = {column: gradio.update(visible=False) for column in stages.values()}
            updates[stages[stage]] = gradio.update(visible=True)
            updates |= {token: own, problem: f'<div class="problem" role="alert">{safe(said)}</div>' if said else ""}
            if stage in (StudyStep.FIRST, StudyStep.SECOND):
                updates |= {
                    heading: _heading(session),
                    talk: _talk(session),
                    ending: gradio.update(visible=_endable(session)),
                }
            elif stage is StudyStep.QUESTIONS:
                for place, (part, exchanges) in enumerate(
                    zip(told, study.conversations(session), strict=True), start=1
                ):
                    updates[part] = f"<h4>Supporter {place}</h4>" + conversation_html(exchanges, strategies=False)
                answers = session.answers or {}
                updates |= {
                    asked[question]: str(answers[question]) if question in answers else None for question in ASK
                }
            elif stage is StudyStep.STOPPED:
                updates[last] = conversation_html(session.conversations[max(0, len(session.intensities) - 1)][-1:])
            elif stage in (StudyStep.NEW, StudyStep.DONE):
                more = gradio.update(visible=study.next_pair(own) is not None)
                updates |= {read_first: more, read_next: more}
            return updates

        def step(action: Callable[..., Any]) -> Callable[..., dict[Any, Any]]:
            """An action on a token, then the page as the store now is, with what went wrong if something did."""

            def taken(own: str, *values: Any) -> dict[Any, Any]:
                try:
                    own = action(own, *values)
                    return show(own, study.session(own))
                except ValueError as error:
                    return show(own, study.session(own), said=str(error))

            return taken

        def open_page(own: str) -> dict[Any, Any]:
            session = study.resume(own)
            return show(own if session.order else "", session)

        def rate(own: str, value: int | None) -> str:
            study.rate(own, value if value is not None else 0)
            return own

        def hand_in(own: str, *verdicts: str | None) -> str:
            stored = study.session(own).answers or {}
            for question, verdict in zip(asked, verdicts, strict=True):
                # An answer given a moment ago may still be on its way.
                if verdict is not None and verdict != str(stored.get(question)):
                    study.answer(own, question, _meant(verdict))
            study.submit(own)
            return own

        def speak(own: str, words: str) -> Iterator[dict[Any, Any]]:
            try:
                for session in study.say(own, words):
                    yield {text: "", **show(own, session)}
            except ValueError as error:
                yield show(own, study.session(own), said=str(error))

        def judge(question: str) -> Callable[[str, str], Any]:
            def judged(own: str, verdict: str) -> Any:
                try:
                    study.answer(own, question, _meant(verdict))
                except ValueError as error:
                    return f'<div class="problem" role="alert">{safe(str(error))}</div>'
                return gradio.skip()

            return judged

        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        blocks.load(open_page, token, shown, js=_RECALL, **private).then(None, token, None, js=_KEEP)
        begin.click(
            step(lambda _, agreed: study.join(readable=bool(agreed))), [token, readable], shown, **private
        ).then(None, token, None, js=_KEEP)
        gradio.on([read_first.click, read_next.click], step(study.read), token, shown, **private).then(
            None, token, None, js=_KEEP
        )
        another.click(lambda: show("", study.session("")), None, shown, **private).then(None, token, None, js=_KEEP)
        go.click(step(rate), [token, intensity], [*shown, intensity], **private)
        gradio.on([send.click, text.submit], speak, [token, text], [*shown, text], trigger_mode="once", **private)
        end.click(step(rate), [token, intensity_after], shown, **private).then(
            lambda: None, None, intensity_after, **private
        )
        for question, radio in asked.items():
            radio.input(judge(question), [token, radio], problem, trigger_mode="multiple", **private)
        submit.click(step(hand_in), [token, *asked.values()], shown, **private)
    return blocks


def _meant(verdict: str) -> int | str:
    """A choice of the page as the study stores it."""
    return TIE if verdict == TIE else int(verdict)


def _heading(session: Session) -> str:
    missing = max(0, MINIMUM_EXCHANGES - len(session.current))
    hint = f"Please write at least {missing} more." if missing else "Go on as long as you like, or end it below."
    return f'<h3>Supporter {session.place + 1}</h3><p class="steps">Conversation {session.place + 1} of 2. {hint}</p>'


def _talk(session: Session) -> str:
    pending = session.pending.text if session.pending is not None else None
    return conversation_html(session.current, pending=pending, strategies=False, empty="Write what troubles you.")


def _endable(session: Session) -> bool:
    return session.long_enough and session.pending is None
