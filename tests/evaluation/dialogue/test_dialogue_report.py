"""What is shown of simulated conversations: page, terminal, JSON lines."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.strategy import Strategy
from env.conversation import DialogueRules
from evaluation.dialogue.benchmark import DialogueBenchmark, benchmark_dialogues
from evaluation.dialogue.policies import FixedPolicy
from evaluation.dialogue.report import render_dialogue_report
from evaluation.dialogue.rollout import roll_out
from evaluation.dialogue.tables import dialogue_text, exploit_text
from evaluation.dialogue.transcripts import transcript_turns, write_transcripts
from evaluation.dialogue.workers import WorkerPool
from evaluation.report.figures import curve_figure, flow_figure
from metrics.statistics.estimate import Estimate
from tests.env.dialogue_tasks import PROFILES, VarietySeeker
from tests.evaluation.dialogue.dialogue_worlds import VarietyWorld

PAIR = FixedPolicy(Strategy.QUESTION, Strategy.OTHERS)


@pytest.fixture(scope="module")
def benchmark() -> DialogueBenchmark:
    return benchmark_dialogues(
        VarietyWorld(), seeds=2, seed=3, split="valid", data="invented", workers=WorkerPool(), samples=20
    )


def test_turns_of_a_transcript() -> None:
    (played,) = roll_out(
        PROFILES[2:3], PAIR, seeker=VarietySeeker(), responder=None, rules=DialogueRules(),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    first, second = transcript_turns(played)
    assert (first.number, first.plan, first.feedback, first.intensity) == (1, (Strategy.QUESTION,), 5, 2.25)
    assert [message.text for message in first.supporter + first.seeker] == ["(Question)", "Answer 0 after 0 turns."]
    assert (second.number, second.plan, second.intensity) == (2, (Strategy.OTHERS,), 1.5)
    assert [message.text for message in second.supporter + second.seeker] == ["(Others)", "Answer 0 after 1 turns."]


def test_transcripts_are_the_first_run_of_every_policy(benchmark: DialogueBenchmark, tmp_path: Path) -> None:
    write_transcripts(tmp_path / "talks.jsonl", benchmark.played)
    lines = [json.loads(line) for line in (tmp_path / "talks.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 40 * 5
    assert lines[0] == {
        "policy": "gold replay",
        "dialogue": 1,
        "problem": "work",
        "emotion": "",
        "situation": "",
        "outcome": "success",
        "turns": 2,
        "opening": 2,
        "history": [
            {"role": "supporter", "text": "Hello!", "strategy": "Others"},
            {"role": "seeker", "text": "Line 0 of seeker 1."},
            {"role": "supporter", "text": "(Question)", "strategy": "Question"},
            {"role": "seeker", "text": lines[0]["history"][3]["text"], "feedback": 5},
            {"role": "supporter", "text": "(Affirmation and Reassurance)", "strategy": "Affirmation and Reassurance"},
            {"role": "supporter", "text": "(Providing Suggestions)", "strategy": "Providing Suggestions"},
            {"role": "seeker", "text": lines[0]["history"][6]["text"], "feedback": 5},
        ],
        "plans": [["Question"], ["Affirmation and Reassurance", "Providing Suggestions"]],
        "intensities": [3.0, 2.25, 1.5],
        "feedbacks": [5, 5],
        "exchanges": lines[0]["exchanges"],
    }


def test_page(benchmark: DialogueBenchmark, tmp_path: Path) -> None:
    hostile = replace(benchmark.world.profiles[0], situation="<script>alert(1)</script>")
    played = dict(benchmark.played)
    first = played["gold replay"][0][0]
    talk = replace(first, conversation=replace(first.conversation, profile=hostile))
    played["gold replay"] = ((talk, *played["gold replay"][0][1:]), played["gold replay"][1])
    page = render_dialogue_report(replace(benchmark, played=played), facts=(("data", "invented"),))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for text in (
        "5 seekers of the valid split; each policy talks to each of them in 2 runs, up to 6 supporter turns",
        "gold replay, dialogue 1: success after 2 turns",
        "Fixed rules that exploit this seeker",
        "Seekers with the problem: family (3)",
        "Difference to gold replay",
        benchmark.result.signature,
    ):
        assert text in page, text
    assert page.count('class="talk"') == 3
    assert page.count("<svg") == 4


def test_terminal(benchmark: DialogueBenchmark) -> None:
    text = dialogue_text(benchmark)
    for line in (
        "Success rate within k turns (SR@k), %",
        "Success rate by problem type, %",
        "Difference to gold replay",
    ):
        assert line in text
    assert "Question / Others is ahead of gold replay: SR +" in text
    assert benchmark.compared[:4] == ("gold replay", "shuffled gold", "random", "markov")
    assert len(benchmark.compared) == 5
    # Intensities before: 3, 4, 5, 2 and 4.
    assert re.search(r"gold replay +3\.60", text)
    honest = replace(benchmark, exploits=())
    first, *sooner = exploit_text(honest).splitlines()
    assert first.startswith("No fixed rule is ahead of the gold replay or a trained planner in success rate or inten")
    for line in sooner:
        assert re.fullmatch(r"  \S.* is faster than gold replay: AT -\d\.\d\d \[-\d\.\d\d, -\d\.\d\d\]", line)
    assert first.endswith("but some in average turns:" if sooner else "fall.")
    rest = replace(honest.world, policies=honest.world.policies[:4])
    assert exploit_text(replace(honest, world=rest)).startswith("No fixed rule was played")
    assert re.search(r"400 conversations with [\d,]+ supporter turns played in [\d.]+ s: [\d,]+ turns a second", text)


def test_own_planner_is_shown(benchmark: DialogueBenchmark) -> None:
    own = replace(benchmark, world=replace(benchmark.world, own=("markov",)))
    assert own.compared[:4] == ("markov", "gold replay", "shuffled gold", "random")
    assert "Strategies of markov by supporter turn, %" in dialogue_text(own)
    page = render_dialogue_report(own, facts=())
    assert page.count('class="talk"') == 6
    assert '<tr class="own">\n<th scope="row" class="name">markov' in page


def test_figures_say_what_they_are() -> None:
    curve = curve_figure({"a": [Estimate(1, 0, 2)] * 3}, first=1, title="Some title", y_label="points")
    assert curve.startswith("<svg")
    assert 'aria-label="Some title"' in curve
    assert "points" in curve
    flow = flow_figure({"a": np.eye(8)[:3] * 5}, title="Flow")
    assert "Restatement" in flow
    assert "100" in flow
