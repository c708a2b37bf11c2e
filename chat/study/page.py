"""The web page of a study: two anonymous systems, then the five questions. It shows what the study's file holds.

The participant's token is in the browser (in the address after the ``#``, which browsers do not send, and in local
storage); everything else is in the study's file. Names of systems, strategies and plans never reach the browser. The
questions ask in our words what those of the 2021 paper ask (Liu et al., section 6.4).
"""

from collections.abc import Callable, Iterator
from typing import Any

import gradio

from chat.conversation import MAX_CHARACTERS, NOTICE
from chat.study.study import Study, exchanges
from chat.system import check_complete
from chat.web.bubbles import conversation_html, problem_html, safe
from chat.web.page import SHOW_HELP
from chat.web.server import PRIVATE, page
from evaluation.human.participant import MINIMUM_EXCHANGES, TIE, ParticipantState, StudyStep
from safety.helplines import Helplines

WELCOME = """You will talk with two computer programs, one after the other, about something that troubles you: real, \
and light enough to speak of today. Then you say which of them did better. It takes about 15 minutes.

What you write and answer is stored for this study, without your name; please write nothing that tells who you are. \
You may stop at any time by closing the page, and continue later at the same address."""
READABLE = "Other participants may read my two conversations, without my name, and compare them too."
RATE_OTHERS = "Compare conversations of others"
INTENSITY_BEFORE = "How strong is the feeling that troubles you, right now?"
INTENSITY_AFTER = "When you are done with this conversation: how strong is the feeling now?"
INTENSITIES = [("1 weak", 1), ("2", 2), ("3", 3), ("4", 4), ("5 very strong", 5)]
QUESTION_TEXTS: dict[str, str] = {
    "fluency": "Fluency: whose messages read better and were easier to understand?",
    "identification": "Identification: who went deeper into the situation and saw better what the problem is?",
    "comforting": "Comforting: who was better at giving comfort?",
    "suggestion": "Suggestion: whose suggestions were more helpful?",
    "overall": "Overall: whose support would you choose?",
}
THANKS = "Thank you. Your answers are stored. You may close this page."
STOPPED = "The study ends here for you. Nothing else is asked; what matters now is that you are safe."

_VERDICTS = [("Supporter 1", "0"), ("Supporter 2", "1"), ("Tie", TIE)]
# The two scripts that the page runs: find the token in the browser, and put it there (or forget it).
_FIND_TOKEN = "() => [decodeURIComponent(location.hash.slice(1)) || localStorage.getItem('participant') || '']"
_STORE_TOKEN = """(token) => {
if (token) { localStorage.setItem('participant', token); history.replaceState(null, '', '#' + token); }
else { localStorage.removeItem('participant'); history.replaceState(null, '', location.pathname); } }"""


def study_page(study: Study) -> gradio.Blocks:
    """The page of a study.

    Raises:
        ValueError: The care of a system lacks a detector.
    """
    check_complete(*study.systems)
    helplines = study.systems[0].care.helplines
    with page("Two supporters: a study") as blocks:
        gradio.HTML(f'<h2>Talk with two supporters</h2><p class="notice">{safe(NOTICE.strip())}</p>')
        token = gradio.Textbox(visible=False)
        with gradio.Column(visible=False, elem_id="welcome") as welcome:
            gradio.HTML(f'<p class="welcome">{safe(WELCOME)}</p>')
            readable = gradio.Checkbox(label=READABLE, elem_id="readable")
            with gradio.Row():
                begin = gradio.Button("Begin", variant="primary", elem_id="begin")
                rate_first = gradio.Button(RATE_OTHERS, visible=False, elem_id="read")
        with gradio.Column(visible=False, elem_id="before") as before:
            intensity = gradio.Radio(INTENSITIES, label=INTENSITY_BEFORE, elem_id="intensity-before")
            start = gradio.Button("Continue", variant="primary", elem_id="continue")
        with gradio.Column(visible=False, elem_id="talking") as talking:
            heading = gradio.HTML("")
            talk = gradio.HTML("", elem_id="talk")
            with gradio.Row():
                text = gradio.Textbox(
                    show_label=False, container=False, placeholder="Your message", max_length=MAX_CHARACTERS,
                    scale=5, elem_id="message",
                )  # fmt: skip
                send = gradio.Button("Send", variant="primary", scale=1, min_width=80, elem_id="send")
            with gradio.Group(visible=False) as ending:
                intensity_after = gradio.Radio(INTENSITIES, label=INTENSITY_AFTER, elem_id="intensity-after")
                end = gradio.Button("End this conversation", elem_id="end")
        with gradio.Column(visible=False, elem_id="questions") as questions:
            both = []
            with gradio.Row():
                for place in (1, 2):
                    with gradio.Column(min_width=320):
                        both.append(gradio.HTML("", elem_id=f"conversation-{place}"))
            choices = {
                question: gradio.Radio(_VERDICTS, label=words, elem_id=question)
                for question, words in QUESTION_TEXTS.items()
            }
            submit = gradio.Button("Submit", variant="primary", elem_id="submit")
        with gradio.Column(visible=False, elem_id="done") as done:
            gradio.HTML(f"<h3>{safe(THANKS)}</h3>")
            with gradio.Row():
                rate_next = gradio.Button(RATE_OTHERS, visible=False, elem_id="read-next")
                another = gradio.Button("Another person begins", elem_id="another")
        with gradio.Column(visible=False, elem_id="stopped") as stopped:
            gradio.HTML(f"<h3>{safe(STOPPED)}</h3>")
            last = gradio.HTML("", elem_id="last")
        problem = gradio.HTML("", elem_id="problem")
        columns = {
            StudyStep.NEW: welcome, StudyStep.BEFORE: before, StudyStep.FIRST: talking, StudyStep.SECOND: talking,
            StudyStep.QUESTIONS: questions, StudyStep.DONE: done, StudyStep.STOPPED: stopped,
        }  # fmt: skip
        shown = [token, problem, *dict.fromkeys(columns.values()), heading, talk, ending, last, *both]
        shown += [*choices.values(), rate_first, rate_next, readable, intensity]

        def show(own: str, state: ParticipantState, *, error: str = "") -> dict[Any, Any]:
            """What each part of the page shows in this state; parts that are left out stay as they are."""
            updates: dict[Any, Any] = {column: gradio.update(visible=False) for column in columns.values()}
            updates[columns[state.step]] = gradio.update(visible=True)
            updates |= {token: own, problem: problem_html(error)}
            if state.step in (StudyStep.FIRST, StudyStep.SECOND):
                endable = state.long_enough and state.pending is None
                updates |= {
                    heading: _heading(state),
                    talk: _talk(state, helplines),
                    ending: gradio.update(visible=endable),
                }
            elif state.step is StudyStep.QUESTIONS:
                for place, part in enumerate(both):
                    bubbles = conversation_html(
                        study.conversations(state)[place], helplines=helplines, strategies=False
                    )
                    updates[part] = f"<h4>Supporter {place + 1}</h4>{bubbles}"
                answers = state.answers or {}
                updates |= {one: str(answers[name]) if name in answers else None for name, one in choices.items()}
            elif state.step is StudyStep.STOPPED:
                updates[last] = conversation_html(exchanges(state.current), helplines=helplines, strategies=False)
            elif state.step in (StudyStep.NEW, StudyStep.DONE):
                more = gradio.update(visible=study.next_pair(own) is not None)
                updates |= {rate_first: more, rate_next: more, readable: False, intensity: None}
            return updates

        def step(action: Callable[..., str]) -> Callable[..., dict[Any, Any]]:
            """Takes a step of the study, then shows the state in the file, and the error if the step was refused."""

            def take(own: str, *values: Any) -> dict[Any, Any]:
                try:
                    own = action(own, *values)
                    return show(own, study.state(own))
                except ValueError as error:
                    return show(own, study.state(own), error=str(error))

            return take

        def open_page(own: str) -> dict[Any, Any]:
            state = study.resume(own)
            return show(own if state.order else "", state)

        def rate(own: str, value: int | None) -> str:
            study.rate(own, value if value is not None else 0)
            return own

        def submit_all(own: str, *verdicts: str | None) -> str:
            stored = study.state(own).answers or {}
            for question, verdict in zip(choices, verdicts, strict=True):
                # An answer that was given a moment ago may not have arrived yet.
                if verdict is not None and verdict != str(stored.get(question)):
                    study.answer(own, question, _verdict(verdict))
            study.submit(own)
            return own

        def say(own: str, words: str) -> Iterator[dict[Any, Any]]:
            try:
                for state in study.say(own, words):
                    yield {text: "", **show(own, state)}
            except ValueError as error:
                yield show(own, study.state(own), error=str(error))

        def answer(question: str) -> Callable[[str, str], Any]:
            def store(own: str, verdict: str) -> Any:
                try:
                    study.answer(own, question, _verdict(verdict))
                except ValueError as error:
                    return problem_html(str(error))
                return gradio.skip()

            return store

        def store_token(event: Any) -> None:
            event.then(None, token, None, js=_STORE_TOKEN)

        store_token(blocks.load(open_page, token, shown, js=_FIND_TOKEN, **PRIVATE))
        store_token(
            begin.click(step(lambda _, agreed: study.join(readable=bool(agreed))), [token, readable], shown, **PRIVATE)
        )
        rate_others = [rate_first.click, rate_next.click]
        store_token(gradio.on(rate_others, step(study.join_as_rater), token, shown, **PRIVATE))
        store_token(another.click(lambda: show("", study.state("")), None, shown, **PRIVATE))
        start.click(step(rate), [token, intensity], shown, **PRIVATE)
        said = gradio.on([send.click, text.submit], say, [token, text], [*shown, text], trigger_mode="once", **PRIVATE)
        said.then(None, None, None, js=SHOW_HELP)
        ended = end.click(step(rate), [token, intensity_after], shown, **PRIVATE)
        ended.then(lambda: None, None, intensity_after, **PRIVATE)
        for question, radio in choices.items():
            radio.input(answer(question), [token, radio], problem, trigger_mode="multiple", **PRIVATE)
        submit.click(step(submit_all), [token, *choices.values()], shown, **PRIVATE)
    return blocks


def _verdict(value: str) -> int | str:
    """A choice on the page as the study stores it."""
    return TIE if value == TIE else int(value)


def _heading(state: ParticipantState) -> str:
    missing = max(0, MINIMUM_EXCHANGES - len(state.current))
    hint = f"Please write at least {missing} more." if missing else "Talk as long as you like, or end it below."
    return f'<h3>Supporter {state.place + 1}</h3><p class="steps">Conversation {state.place + 1} of 2. {hint}</p>'


def _talk(state: ParticipantState, helplines: Helplines) -> str:
    return conversation_html(
        exchanges(state.current),
        helplines=helplines,
        pending=state.pending.text if state.pending is not None else None,
        strategies=False,
        empty="Write what troubles you.",
    )
