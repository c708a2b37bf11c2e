import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from chat.conversation import ChatSession
from chat.study.session import MINIMUM_EXCHANGES, TIE, Session, StudyStep, fold, read_study
from chat.study.store import Event, StudyStore, participant_of, read_events
from chat.study.study import Study
from evaluation.human import Preference
from evaluation.published import QUESTIONS
from safety.reply import CRISIS_REPLY
from safety.screening import CrisisKind
from tests.chat.fake_system import fake_system


def open_study(folder: Path, *, seed: int = 0) -> Study:
    """A study of two systems that can be told apart by their words; opening it again is a server that starts again."""
    systems = (fake_system("alpha", words="A"), fake_system("beta", words="B"))
    store = StudyStore(folder / "study.sqlite", systems=("alpha", "beta"))
    return Study(store, systems, rng=np.random.default_rng(seed))


def talk(study: Study, token: str, times: int = MINIMUM_EXCHANGES) -> Session:
    for number in range(times):
        *_, session = study.say(token, f"message {number}")
    return session


def take_part(
    study: Study, *, better: str, intensities: tuple[int, int, int] = (5, 3, 4), readable: bool = True
) -> str:
    """A whole participation that prefers one system on every question but one, where it is a tie."""
    token = study.join(readable=readable)
    study.rate(token, intensities[0])
    for intensity in intensities[1:]:
        talk(study, token)
        study.rate(token, intensity)
    judge(study, token, better=better)
    return token


def judge(study: Study, token: str, *, better: str) -> None:
    place = study.session(token).order.index(("alpha", "beta").index(better))
    for question in QUESTIONS:
        study.answer(token, question, 1 - place)
        study.answer(token, question, TIE if question == "fluency" else place)  # minds may change
    study.submit(token)


def test_from_start_to_end(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    assert study.session(token).stage is StudyStep.BEFORE
    first = study.rate(token, 4)
    assert first.stage is StudyStep.FIRST
    session = talk(study, token)
    words = {exchange.replies[0].text[0] for exchange in session.current}
    assert words == {"AB"[session.order[0]]}, "one system, the one that the order says"
    session = study.rate(token, 3)
    assert (session.stage, session.current) == (StudyStep.SECOND, ())
    session = talk(study, token)
    assert session.current[0].replies[0].text[0] == "AB"[session.order[1]]
    session = study.rate(token, 2)
    assert session.stage is StudyStep.QUESTIONS
    judge(study, token, better="beta")
    assert study.session(token).stage is StudyStep.DONE
    found = read_study(tmp_path / "study.sqlite")
    assert found.systems == ("alpha", "beta")
    assert found.judgements[0].verdicts["overall"] is Preference.LOSE
    assert found.judgements[0].verdicts["fluency"] is Preference.TIE
    before_and_after = [(4, 3), (3, 2)]
    assert [found.intensities[("alpha", "beta")[system]][0] for system in session.order] == before_and_after


def test_order_is_random_and_verdicts_follow_the_system(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    tokens = [take_part(study, better="alpha") for _ in range(6)]
    assert {study.session(token).order for token in tokens} == {(0, 1), (1, 0)}
    found = read_study(tmp_path / "study.sqlite")
    assert [one.verdicts["overall"] for one in found.judgements] == [Preference.WIN] * 6
    assert found.started == 6


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
    assert again.session(token).pending == waiting.pending
    session = again.resume(token)
    assert (len(session.current), session.pending) == (3, None)
    assert again.resume(token) == session, "answered once"
    # The same reply as if nothing had happened: texts depend on participant and place alone.
    seed = ChatSession(study.systems[0], exchanges=session.current[:2])
    assert session.current[2].seeker.text == "are you there?"
    assert seed.answer(session.current[2].seeker).replies[0].strategy == session.current[2].replies[0].strategy


def test_a_closed_tab_blocks_nobody(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    token = study.join()
    study.rate(token, 4)
    steps = study.say(token, "first tab")
    next(steps)  # and never asks again, but is still referred to
    assert len(study.resume(token).current) == 1
    *_, session = study.say(token, "second tab")
    assert len(session.current) == 2
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
        session = study.session(token)
        assert session.pending is None
        said = [exchange.seeker.text for exchange in session.current]
        assert set(said) <= {f"{name} {number}" for name in ("left", "right") for number in range(5)}
        assert len(said) == len(set(said))


def test_a_crisis_ends_the_study_for_this_person(tmp_path: Path, easy_screening: CrisisKind) -> None:
    study = open_study(tmp_path)
    token = study.join()
    study.rate(token, 5)
    *_, session = study.say(token, "ALARM")
    assert session.stage is StudyStep.STOPPED
    assert session.current[-1].replies[0].text == CRISIS_REPLY.strip()
    assert open_study(tmp_path).session(token).stage is StudyStep.STOPPED
    for step in (lambda: list(study.say(token, "hello")), lambda: study.rate(token, 1), lambda: study.submit(token)):
        with pytest.raises(ValueError, match="this step is over"):
            step()
    found = read_study(tmp_path / "study.sqlite")
    assert (found.stopped, found.judgements) == (1, ())
    _, events = read_events(tmp_path / "study.sqlite")
    (own,) = events.values()
    assert own[-1].content["crisis"] == easy_screening.value


def test_nothing_out_of_turn(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    stranger = study.session("made up")
    assert (stranger.stage, stranger.events) == (StudyStep.NEW, 0)
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


def test_readers_judge_pairs_of_others(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    secret = take_part(study, better="alpha", readable=False)
    assert study.next_pair("stranger") is None
    writer = take_part(study, better="alpha")
    pair = participant_of(writer)
    assert study.next_pair(writer) is None, "nobody reads their own"
    reader = study.read(secret)
    session = study.session(reader)
    assert (session.stage, session.pair) == (StudyStep.QUESTIONS, pair)
    shown = study.conversations(session)
    assert [exchanges[0].replies[0].text[0] for exchanges in shown] == ["AB"[system] for system in session.order]
    judge(study, reader, better="beta")
    assert study.next_pair(reader) is None, "nobody reads a pair twice"
    with pytest.raises(ValueError, match="nothing to read"):
        study.read(reader)
    other = study.read("stranger")
    judge(study, other, better="alpha")
    found = read_study(tmp_path / "study.sqlite")
    assert [one.pair for one in found.judgements].count(pair) == 3
    assert found.started == 2, "readers did not talk"


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
        fold([Event("dance", {})])
