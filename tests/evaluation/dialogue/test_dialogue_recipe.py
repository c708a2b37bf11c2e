"""The command's world, made of the bundled sample, with a language model that follows a script."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cli.evaluate.dialogue import EvaluateDialogue
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.observation import Observer
from env.conversation import Conversation, seeker_profiles
from env.seekers.prompted.critic import CriticConfig
from env.seekers.prompted.settings import ModelSettings
from env.seekers.retrieval.seeker import RetrievalSeeker
from evaluation.dialogue.benchmark import benchmark_dialogues
from evaluation.dialogue.critic import score_with_critic
from evaluation.dialogue.recipe import CorpusRecipe, GeneratorResponder, SeekerChoice, sample_profiles
from evaluation.dialogue.rollout import open_world
from evaluation.dialogue.workers import WorkerPool
from language_models.chat.chat_model import ChatRequest, Completion
from tests.evaluation.conftest import EchoGenerator
from tests.evaluation.dialogue.dialogue_worlds import VarietyWorld
from tests.hash_encoder import HashEncoder

DIALOGUES = load_corpus(None).split("valid")


class ScriptedChat:
    """Reads one star less of intensity the longer a conversation is; every third verdict cannot be read.

    What it is asked for shows in the limit of tokens: 8 for an intensity, 32 for a verdict, else a reply.
    """

    name = "scripted"
    calls = 0

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Completion]]:
        for number, request in enumerate(requests):
            type(self).calls += 1
            said = request.messages[-1].content
            intensity = max(1, 5 - said.count("Supporter:"))
            texts = {
                8: [str(intensity)] * len(request.samples),
                32: ["Hm." if sample % 3 == 2 else "Yes, solved." for sample in request.samples],
            }.get(request.max_tokens, [f"I hear you ({request.seed})."] * len(request.samples))
            yield number, Completion(request.samples, tuple(texts), 10, 2)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedChat]:
    monkeypatch.setattr("evaluation.dialogue.recipe.open_chat", lambda settings: ScriptedChat())
    open_world.cache_clear()
    ScriptedChat.calls = 0
    return ScriptedChat


def recipe(record: Path, **settings: Any) -> CorpusRecipe:
    usual = {
        "data": None, "split": "valid", "planners": (), "generator": None, "seekers": 3, "runs": 2, "seed": 5,
        "ladder": "short", "seeker": SeekerChoice("model", model=ModelSettings(model="scripted"), record=record),
    }  # fmt: skip
    return CorpusRecipe(**{**usual, **settings})


def test_profiles_are_drawn_in_order() -> None:
    every = seeker_profiles(DIALOGUES)
    assert sample_profiles(DIALOGUES, number=len(every) + 5, rng=np.random.default_rng(0)) == tuple(every)
    drawn = sample_profiles(DIALOGUES, number=3, rng=np.random.default_rng(0))
    assert len(drawn) == 3
    assert [every.index(one) for one in drawn] == sorted(every.index(one) for one in drawn)
    assert drawn != sample_profiles(DIALOGUES, number=3, rng=np.random.default_rng(1))


def test_a_world_of_the_corpus(chat: type[ScriptedChat], tmp_path: Path) -> None:
    world = recipe(tmp_path / "record", ladder="full", max_turns=4).open()
    assert [policy.name for policy in world.policies][:5] == [
        "gold replay", "shuffled gold", "random", "markov", "always Question",
    ]  # fmt: skip
    assert len(world.policies) == 40
    assert (len(world.profiles), len(world.seekers), world.rules.max_turns) == (3, 2, 4)
    gold = world.policies[0].plans([Conversation.start(one) for one in world.profiles], rng=np.random.default_rng(0))
    by_number = {dialogue.number: dialogue for dialogue in DIALOGUES}
    for profile, plan in zip(world.profiles, gold, strict=True):
        turns = by_number[profile.dialogue].turns()
        assert plan == next(turn.plan for turn in turns if turn.history == profile.opening)[:3]


@pytest.mark.parametrize(("planned", "longest"), [(2, 3), (4, 4)])
def test_the_ladder_plans_as_long_as_a_planner(
    chat: type[ScriptedChat], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planned: int, longest: int
) -> None:
    observer = Observer(HashEncoder(), max_strategies=planned)
    planner = SimpleNamespace(name="own", observer=observer)
    monkeypatch.setattr("evaluation.dialogue.recipe.StrategyPlanner.load", lambda _: planner)
    world = recipe(tmp_path / "record", planners=(tmp_path / "own",)).open()
    (random,) = [policy for policy in world.policies if policy.name == "random"]
    many = [Conversation.start(world.profiles[0])] * 3000
    assert max(map(len, random.plans(many, rng=np.random.default_rng(0)))) == longest


def test_language_model_and_critic(chat: type[ScriptedChat], tmp_path: Path) -> None:
    one = recipe(tmp_path / "record")

    def play() -> Any:
        open_world.cache_clear()
        return benchmark_dialogues(one, seeds=2, seed=5, split="valid", data="sample", workers=WorkerPool(), samples=20)

    benchmark = play()
    texts = [[m.text for m in run[0].conversation.history[-1:]] for run in benchmark.played["gold replay"]]
    assert texts == [["I hear you (5)."], ["I hear you (6)."]]  # each run draws its own answers
    verdicts = score_with_critic(benchmark, config=CriticConfig(samples=3), seed=0, samples=20)
    scores = verdicts.scores["markov"]
    assert (scores["critic_success_rate"].value, scores["critic_score"].value) == (100, 1)
    assert verdicts.unscored["markov"] == 0
    assert "critic: 12 of 36 answers were no verdict" in verdicts.text()  # 4 policies, 3 seekers, per run
    silent = score_with_critic(benchmark, config=CriticConfig(samples=1, max_tokens=8), seed=0, samples=20)
    assert np.isnan(silent.scores["markov"]["critic_score"].value)  # "5" is no verdict, and never becomes a score
    assert silent.unscored["markov"] == 6
    assert json.dumps(silent.to_json(), allow_nan=False)
    assert (silent.answers, silent.unparsable) == (4 * 3 * 2, 4 * 3 * 2)
    assert re.search(r"intensity: 0 of [1-9]\d* answers were no number", silent.text())
    assert re.search(r"scripted: \d+ calls, \d+ answers, \d+ \+ \d+ tokens", silent.to_json()["used"][-1])

    calls = chat.calls
    assert play().played == benchmark.played
    assert chat.calls == calls  # all from the record


def test_retrieval_seeker_is_fitted_or_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESC_CACHE", str(tmp_path))
    monkeypatch.setattr("evaluation.dialogue.recipe.SentenceEncoder", HashEncoder)
    train = load_corpus(None).split("train")
    (fitted,) = SeekerChoice().open(train, runs=2, seed=0)
    assert isinstance(fitted, RetrievalSeeker)
    (tmp_path / "run").mkdir()
    fitted.models.save(tmp_path / "run")
    talks = []
    for choice in (SeekerChoice(), SeekerChoice(run=tmp_path / "run")):
        benchmark = benchmark_dialogues(
            recipe(tmp_path, seeker=choice, max_turns=3), seeds=1, seed=5, split="valid", data="sample",
            workers=WorkerPool(), samples=5,
        )  # fmt: skip
        assert "|seeker:retrieval=train=" in benchmark.result.signature
        talks.append(benchmark.played)
    assert talks[0] == talks[1]
    with pytest.raises(ValueError, match="no fitted seeker there"):
        SeekerChoice(run=tmp_path).open(train, runs=1, seed=0)


def test_the_critic_needs_a_model() -> None:
    benchmark = benchmark_dialogues(
        VarietyWorld(constants=False), seeds=1, seed=0, split="valid", data="x", workers=WorkerPool(), samples=5
    )
    with pytest.raises(ValueError, match="seeker variety: the critic is a language model, expected the seeker to be"):
        score_with_critic(benchmark, config=CriticConfig(), seed=0)


def test_the_generator_speaks() -> None:
    responder = GeneratorResponder(EchoGenerator())  # type: ignore[arg-type]
    plans = [(Strategy.QUESTION, Strategy.OTHERS), (Strategy.OTHERS,)]
    texts = responder.texts([[], []], plans, rng=np.random.default_rng(0))
    assert texts == [("a question reply", "a others reply"), ("a others reply",)]
    with pytest.raises(ValueError, match="of variant vanilla and follows no plan"):
        GeneratorResponder(EchoGenerator("vanilla"))  # type: ignore[arg-type]


def command(tmp_path: Path, **settings: Any) -> EvaluateDialogue:
    usual = {
        "seeker": "model", "record": tmp_path / "record", "chat": ModelSettings(model="scripted"), "seekers": 3,
        "seeds": 1, "ladder": "short", "json": tmp_path / "result.json", "html": tmp_path / "page.html",
        "transcripts": tmp_path / "talks.jsonl",
    }  # fmt: skip
    return EvaluateDialogue(**{**usual, **settings})


def test_command(chat: type[ScriptedChat], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path).start()
    printed = capsys.readouterr().out
    for text in (
        "gold replay",
        "Success rate by problem type",
        "The critic on the conversations as they ended",
        "scripted:",
        "seeds:1|seed:0",
    ):
        assert text in printed, text
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert (result["protocol"], result["n"]) == ("dialogue", 3)
    assert result["details"]["critic"]["unscored"] == dict.fromkeys(result["systems"], 0)
    assert "data:sample-" in result["signature"]
    assert len((tmp_path / "talks.jsonl").read_text("utf-8").splitlines()) == 4 * 3
    assert "Conversations to read" in (tmp_path / "page.html").read_text("utf-8")


def test_command_with_a_generator_shows_strategies_alone_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESC_CACHE", str(tmp_path))
    monkeypatch.setattr("evaluation.dialogue.recipe.SentenceEncoder", HashEncoder)
    monkeypatch.setattr("evaluation.dialogue.recipe.load_writer", lambda run: EchoGenerator())
    settings = {"seeker": "retrieval", "record": None, "chat": ModelSettings()}
    open_world.cache_clear()
    command(tmp_path, generator=tmp_path / "gen", **settings).start()
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / "result.json").read_text("utf-8"))
    talks = [json.loads(line) for line in (tmp_path / "talks.jsonl").read_text("utf-8").splitlines()]
    texts = {m["text"] for talk in talks for m in talk["history"][talk["opening"] :] if m["role"] == "supporter"}
    assert texts <= {f"a {strategy.label.lower()} reply" for strategy in Strategy}
    assert "|responder:gen|" in result["signature"]
    assert "|responder:none|" in result["details"]["strategies_alone"]["signature"]
    assert printed.count("turns a second") == 2
    assert "The same without texts: the seeker reacts to strategies alone" in printed
    assert "The same without texts" in (tmp_path / "page.html").read_text("utf-8")
    command(tmp_path, **settings).start()
    alone = json.loads((tmp_path / "result.json").read_text("utf-8"))
    for key in ("signature", "systems"):
        assert result["details"]["strategies_alone"][key] == alone[key]
    assert result["systems"] != alone["systems"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": "2"}, "workers: got 2; the record of a language model is for one process"),
        ({"record": None}, "seeker model: expected --record"),
        ({"seeker": "retrieval"}, "seeker retrieval: --model and --record are for --seeker model"),
        ({"seeker_run": Path("x")}, "seeker model: --seeker-run is for --seeker retrieval"),
        ({"ladder": "none"}, "nothing to play: expected --planner, or a ladder"),
        ({"seekers": 0}, "seekers: got 0, expected at least 1"),
        ({"seeds": 0}, "seeds: got 0, expected at least 1"),
        ({"workers": "many"}, "workers: got 'many', expected a number, ray"),
    ],
)
def test_mistakes_are_one_line(
    chat: type[ScriptedChat], tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(command(tmp_path), **settings).start()
