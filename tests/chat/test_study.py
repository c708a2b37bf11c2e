"""A study from the first step to its file: order, resumed servers, two tabs, raters, and what is refused."""

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from chat.conversation import ChatSession
from chat.study.study import Study, exchanges
from evaluation.human.comparison import Preference
from evaluation.human.participant import (
    MINIMUM_EXCHANGES,
    TIE,
    ParticipantState,
    StudyStep,
    participant_state,
    read_study,
)
from evaluation.human.study_file import Event, StudyStore, participant_of, read_events
from evaluation.published import QUESTIONS
from safety.reply import CRISIS_REPLY
from safety.rules import CrisisKind
from safety.screening import Level
from tests.chat.fake_system import ALARM, WORRY, fake_system


def open_study(folder: Path, *, seed: int = 0, words: str = "") -> Study:
    """A study of two systems that can be told apart by their words; opening it again is a server that starts again."""
    systems = (fake_system("alpha", words=words or "A"), fake_system("beta", words=words or "B"))
    store = StudyStore(folder / "study.sqlite", systems=("alpha", "beta"))
    return Study(store, systems, rng=np.random.default_rng(seed))


def talk(study: Study, token: str, times: int = MINIMUM_EXCHANGES) -> ParticipantState:
    for number in range(times):
        *_, state = study.say(token, f"message {number}")
    return state


def take_part(
    study: Study, *, better: str, intensities: tuple[int, int, int] = (5, 3, 4), readable: bool = True
) -> str:
    """A whole participation that prefers one system on every question but one, where it is a tie."""
    token = study.join(readable=readable)
    study.rate(token, intensities[0])
    for intensity in intensities[1:]:
        talk(study, token)
        study.rate(token, intensity)
    answer_all(study, token, better=better)
    return token


def answer_all(study: Study, token: str, *, better: str) -> None:
    place = study.state(token).order.index(("alpha", "beta").index(better))
    for question in QUESTIONS:
        study.answer(token, question, 1 - place)
        study.answer(token, question, TIE if question == "fluency" else place)  # minds may change
    study.submit(token)


def test_from_start_to_end(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    assert study.state(token).step is StudyStep.BEFORE
    first = study.rate(token, 4)
    assert first.step is StudyStep.FIRST
    state = talk(study, token)
    words = {exchange.replies[0].text[0] for exchange in state.current}
    assert words == {"AB"[state.order[0]]}, "one system, the one that the order says"
    state = study.rate(token, 3)
    assert (state.step, state.current) == (StudyStep.SECOND, ())
    state = talk(study, token)
    assert state.current[0].replies[0].text[0] == "AB"[state.order[1]]
    state = study.rate(token, 2)
    assert state.step is StudyStep.QUESTIONS
    answer_all(study, token, better="beta")
    assert study.state(token).step is StudyStep.DONE
    found = read_study(tmp_path / "study.sqlite")
    assert found.systems == ("alpha", "beta")
    assert found.answers[0].verdicts["overall"] is Preference.LOSE
    assert found.answers[0].verdicts["fluency"] is Preference.TIE
    before_and_after = [(4, 3), (3, 2)]
    assert [found.intensities[("alpha", "beta")[system]][0] for system in state.order] == before_and_after


def test_order_is_random_and_verdicts_follow_the_system(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    tokens = [take_part(study, better="alpha") for _ in range(4)]
    assert {study.state(token).order for token in tokens} == {(0, 1), (1, 0)}
    found = read_study(tmp_path / "study.sqlite")
    assert [one.verdicts["overall"] for one in found.answers] == [Preference.WIN] * 4
    assert found.started == 4


def test_a_server_killed_between_message_and_reply(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    study.rate(token, 4)
    talk(study, token, 2)
    steps = study.say(token, "are you there?")
    waiting = next(steps)
    assert waiting.pending is not None
    del steps  # the server dies here
    again = open_study(tmp_path, seed=1)
    assert again.state(token).pending == waiting.pending
    state = again.resume(token)
    assert (len(state.current), state.pending) == (3, None)
    assert again.resume(token) == state, "answered once"
    # The same reply as if nothing had happened: texts depend on participant and place alone.
    seed = ChatSession(study.systems[0], exchanges=exchanges(state.current[:2]))
    assert state.current[2].seeker.text == "are you there?"
    assert seed.answer(state.current[2].seeker).replies[0].strategy == state.current[2].replies[0].strategy


def test_a_closed_tab_blocks_nobody(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    study.rate(token, 4)
    steps = study.say(token, "first tab")
    next(steps)  # and never asks again, but is still referred to
    assert len(study.resume(token).current) == 1
    *_, state = study.say(token, "second tab")
    assert len(state.current) == 2
    assert len(next(steps).current) == 2


def test_two_tabs_and_two_people_at_once(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    tokens = [study.join(), study.join()]
    for token in tokens:
        study.rate(token, 3)
    failures: list[BaseException] = []

    def chat(token: str, name: str) -> None:
        try:
            for number in range(5):
                list(study.say(token, f"{name} {number}"))
        except ValueError as error:
            failures.append(error)

    threads = [threading.Thread(target=chat, args=(token, name)) for token in tokens for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for token in tokens:
        state = study.state(token)
        assert state.pending is None
        said = [exchange.seeker.text for exchange in state.current]
        assert set(said) <= {f"{name} {number}" for name in ("left", "right") for number in range(5)}
        assert len(said) == len(set(said))


def test_a_crisis_ends_the_study_for_this_person(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    study.rate(token, 5)
    *_, state = study.say(token, ALARM)
    assert state.step is StudyStep.STOPPED
    assert state.current[-1].replies[0].text == CRISIS_REPLY.strip()
    assert open_study(tmp_path).state(token).step is StudyStep.STOPPED
    for step in (lambda: list(study.say(token, "hello")), lambda: study.rate(token, 1), lambda: study.submit(token)):
        with pytest.raises(ValueError, match="this step is over"):
            step()
    found = read_study(tmp_path / "study.sqlite")
    assert (found.stopped, found.answers) == (1, ())
    _, events = read_events(tmp_path / "study.sqlite")
    (own,) = events.values()
    assert own[-1].content["crisis"] == CrisisKind.SUICIDE.value


def test_a_worried_message_is_stored_counted_and_followed_by_the_study(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    study.rate(token, 5)
    *_, state = study.say(token, WORRY)
    assert state.step is StudyStep.FIRST
    assert state.current[-1].screening.level is Level.WORRIED
    assert "suicide?" in state.current[-1].replies[0].text
    again = open_study(tmp_path)
    assert again.state(token).current[-1].screening.kind is CrisisKind.SUICIDE
    found = read_study(tmp_path / "study.sqlite")
    assert (found.worried, found.stopped) == (1, 0)
    *_, state = again.say(token, WORRY)
    assert state.step is StudyStep.STOPPED, "two in a row"
    found = read_study(tmp_path / "study.sqlite")
    assert (found.worried, found.stopped) == (1, 1)


def test_replaced_texts_are_stored_and_counted(tmp_path: Path) -> None:
    study = open_study(tmp_path, words="unsafe")
    token = study.join()
    study.rate(token, 5)
    *_, state = study.say(token, "hello")
    assert state.current[-1].replaced == 1
    assert "unsafe" not in state.current[-1].replies[0].text
    assert read_study(tmp_path / "study.sqlite").replaced == 1


def test_nothing_out_of_turn(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    stranger = study.state("made up")
    assert (stranger.step, stranger.events) == (StudyStep.NEW, 0)
    token = study.join()
    for value in (0, 6, True, "3"):
        with pytest.raises(ValueError, match="from 1 to 5"):
            study.rate(token, value)  # type: ignore[arg-type]
    study.rate(token, 3)
    talk(study, token, MINIMUM_EXCHANGES - 1)
    with pytest.raises(ValueError, match="talk a little longer"):
        study.rate(token, 3)
    with pytest.raises(ValueError, match="this step is over"):
        study.answer(token, "overall", 0)
    with pytest.raises(ValueError, match="empty"):
        list(study.say(token, "  "))
    talk(study, token, 1), study.rate(token, 3), talk(study, token), study.rate(token, 3)
    for question, verdict in (("overall", 2), ("overall", "alpha"), ("beauty", 0)):
        with pytest.raises(ValueError, match="expected 0, 1 or tie"):
            study.answer(token, question, verdict)
    study.answer(token, "overall", 0)
    with pytest.raises(ValueError, match="all five"):
        study.submit(token)


def test_raters_judge_pairs_of_others(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    secret = take_part(study, better="alpha", readable=False)
    assert study.next_pair("stranger") is None
    writer = take_part(study, better="alpha")
    pair = participant_of(writer)
    assert study.next_pair(writer) is None, "nobody reads their own"
    rater = study.join_as_rater(secret)
    state = study.state(rater)
    assert (state.step, state.pair) == (StudyStep.QUESTIONS, pair)
    shown = study.conversations(state)
    assert [exchanges[0].replies[0].text[0] for exchanges in shown] == ["AB"[system] for system in state.order]
    answer_all(study, rater, better="beta")
    assert study.next_pair(rater) is None, "nobody reads a pair twice"
    with pytest.raises(ValueError, match="nothing to read"):
        study.join_as_rater(rater)
    other = study.join_as_rater("stranger")
    answer_all(study, other, better="alpha")
    found = read_study(tmp_path / "study.sqlite")
    assert [one.pair for one in found.answers].count(pair) == 3
    assert found.started == 2, "raters did not talk"


def test_damaged_events_are_named(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    study.join()
    with sqlite3.connect(tmp_path / "study.sqlite") as connection:
        connection.execute(
            "INSERT INTO event (participant, number, at, kind, content) VALUES ('x', 0, '', 'reply', '{}')"
        )
    with pytest.raises(ValueError, match="participant x: event 1 of a participant, 'reply'"):
        read_study(tmp_path / "study.sqlite")
    with pytest.raises(ValueError, match="event 1"):
        participant_state([Event("dance", {})])
