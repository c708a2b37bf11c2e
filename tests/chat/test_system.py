"""Systems from run folders: real, tiny trained runs answer, and nothing that a person writes reaches the disk."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from chat.conversation import ChatSession
from chat.study.study import exchanges
from chat.system import System, check_complete, load_system, system_runs
from chat.transcript import official_json
from chat.web.page import chat_page
from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.observation import turn_prefix
from evaluation.human.participant import participant_state, reply_event
from evaluation.human.study_file import Event
from generator.realizer import Realizer
from planner.planner import StrategyPlanner
from safety.care import rules_alone
from safety.screening import CALM
from tests.chat.fake_system import fake_system

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
PLANNER, GENERATOR = GOLDEN / "planner-quickstart", GOLDEN / "generator"


@pytest.fixture(scope="module")
def system() -> System:
    return load_system([GENERATOR, PLANNER])


def test_planner_and_generator_are_found_in_any_order_or_in_one_folder(tmp_path: Path) -> None:
    assert system_runs([PLANNER, GENERATOR]) == system_runs([GENERATOR, PLANNER]) == (PLANNER, GENERATOR)
    for part in ("planner", "generator"):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{part}.json").touch()
    assert system_runs([tmp_path]) == (tmp_path / "planner", tmp_path / "generator")
    assert system_runs([tmp_path / "generator"]) == (None, tmp_path / "generator")


def test_wrong_folders_are_refused(tmp_path: Path) -> None:
    for folders, said in (
        ([], "no generator given"),
        ([PLANNER], "no generator given"),
        ([tmp_path / "missing"], "missing: no finished run"),
        ([PLANNER, GENERATOR, GENERATOR], "two runs of one kind"),
    ):
        with pytest.raises(ValueError, match=said):
            system_runs(folders)


def test_trained_runs_plan_and_write(system: System) -> None:
    assert system.name == "generator+planner-quickstart"
    assert isinstance(system.planner, StrategyPlanner)
    assert isinstance(system.generator, Realizer)
    conversation = ChatSession(system)
    exchange = conversation.say("I failed my exam and I cannot tell my parents.")
    assert exchange.plan is not None
    assert exchange.plan.strategies == tuple(reply.strategy for reply in exchange.replies)
    assert exchange.plan.reasoning is not None
    np.testing.assert_allclose(exchange.plan.probabilities.sum(axis=1), 1, atol=1e-5)
    chosen = conversation.say("What now?", strategies=[Strategy.QUESTION, Strategy.SUGGESTIONS])
    assert [reply.strategy for reply in chosen.replies] == [Strategy.QUESTION, Strategy.SUGGESTIONS]
    assert all(reply.text for reply in (*exchange.replies, *chosen.replies))


def test_a_generator_alone_chooses_its_strategies() -> None:
    alone = load_system([GENERATOR], name="joint")
    assert (alone.name, alone.planner) == ("joint", None)
    exchange = ChatSession(alone).say("I failed my exam.")
    assert exchange.plan is None
    assert all(isinstance(reply.strategy, Strategy) for reply in exchange.replies)


def test_what_a_person_writes_is_not_in_the_embedding_cache(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "cache"))
    private = "Nobody may find this sentence again."
    for each in (system, load_system([PLANNER, GENERATOR])):
        ChatSession(each).say(private)
    assert list(tmp_path.rglob("*")) == []


def test_a_page_needs_both_parts_of_both_screenings() -> None:
    check_complete(fake_system())
    with pytest.raises(ValueError, match="needs the learned screening too"):
        chat_page(fake_system(care=rules_alone()))


def test_helplines_of_one_country_and_an_encoder_loaded_once(system: System) -> None:
    british = load_system([GENERATOR], country="GB")
    assert [line.contact for line in british.care.helplines.emergency] == ["999"]
    assert system.care.complete
    with pytest.raises(ValueError, match="country: got 'XX'"):
        load_system([GENERATOR], country="XX")


def test_a_damaged_planner_is_refused_in_one_line(tmp_path: Path) -> None:
    run = shutil.copytree(PLANNER, tmp_path / "planner")
    (run / "planner.json").write_text("{}")
    with pytest.raises(ValueError, match="planner: damaged planner"):
        load_system([run, GENERATOR])


def test_the_prefix_in_the_middle_of_a_turn(system: System) -> None:
    """A turn may be continued after a message whose strategy nobody knows, and taken back."""
    assert isinstance(system.planner, StrategyPlanner)
    conversation = ChatSession(system)
    conversation.say("I failed my exam.", strategies=[Strategy.QUESTION, Strategy.REFLECTION])
    whole = conversation.history  # what the planner is asked with when the supporter wants to add something
    typed = [*whole, Message(Role.SUPPORTER, "Take your time.")]
    unknown = [*whole[:-1], dataclasses.replace(whole[-1], strategy=None)]
    for history, prefix in (
        (whole, (Strategy.QUESTION, Strategy.REFLECTION)),
        (typed, (Strategy.QUESTION, Strategy.REFLECTION)),
        (unknown, (Strategy.QUESTION,)),
        ([*whole, Message(Role.SEEKER, "And now?")], ()),
    ):
        assert turn_prefix(history) == prefix
        assert len(prefix) + len(system.planner.plan(history).strategies) <= 3
    conversation.undo()
    assert turn_prefix(conversation.history) == ()


def test_a_conversation_without_strategies_is_stored_loaded_and_planned_further(system: System) -> None:
    vanilla = fake_system(variant="vanilla", planned=False)
    before = ChatSession(vanilla).say("I failed my exam.")
    events = [Event("joined", {"order": [0, 1]}), Event("intensity", {"value": 4})]
    events += [Event("seeker", {"text": before.seeker.text})]
    stored = reply_event(before.replies, screening=CALM, plan=None, seconds=0.1)
    events += [Event(stored.kind, json.loads(json.dumps(stored.content)))]
    loaded = exchanges(participant_state(events).current)
    assert loaded == (before,)
    assert loaded[0].replies[0].strategy is None
    conversation = ChatSession(system, exchanges=loaded)
    assert turn_prefix(conversation.history) == ()
    assert conversation.say("What now?").plan is not None
    with pytest.raises(ValueError, match="expected a strategy on every supporter message"):
        official_json(conversation)
