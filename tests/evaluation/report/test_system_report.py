import re
from dataclasses import replace

import numpy as np
import pytest

from corpus.dialogue import Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from evaluation.generator.benchmark import scored_messages, scored_turns
from evaluation.planner.messages import benchmark_messages
from evaluation.planner.setup import BenchmarkSetup
from evaluation.planner.turns import benchmark_turns
from evaluation.report.figures import LearningCurve, Series
from evaluation.report.system_report import ReportData, SampleTurn, render_report
from planner.plan import Plan
from tests.evaluation.html_page import Page

EVIL = "<script>alert('x')</script>"
HEADINGS = ["Planner: next message", "Planner: whole turn", "Generator: texts", "Training", "Sample turns"]


@pytest.fixture()
def data(dialogues, question_planner, gold_planner, generator, make_planner, score) -> ReportData:
    own = make_planner("run-a", lambda plan: plan[:1])
    planners = [make_planner("random", lambda _: (Strategy.OTHERS,)), question_planner, gold_planner, own]
    options = {"split": "valid", "data": "tiny", "samples": 20}
    setup = BenchmarkSetup(planners=tuple(planners), **options)
    texts = tuple(
        score(generator, scored_messages(dialogues), source, name="run-g", **options) for source in ("oracle", "joint")
    )
    row = np.array([0.02, 0.5, 0.2, 0.1, 0.08, 0.05, 0.03, 0.02])
    sample = SampleTurn(
        dialogue=7,
        history=tuple(Message(Role.SEEKER, f"line {number}") for number in range(9)),
        gold=(Message(Role.SUPPORTER, "the gold words", Strategy.QUESTION),),
        plan=Plan((Strategy.RESTATEMENT, Strategy.OTHERS), np.stack([row, row]), "one-by-one"),
        realized=((Strategy.RESTATEMENT, "the first text"), (None, "the second text")),
    )
    return ReportData(
        title="A test",
        summary="What it is.",
        facts=(("Seed", "13"),),
        own=("run-a",),
        messages=benchmark_messages(setup, message_view(dialogues), rng=np.random.default_rng(0)),
        turns=benchmark_turns(setup, turn_view(dialogues), rng=np.random.default_rng(0)),
        texts=texts,
        curves=(LearningCurve("PPO", "steps", "LR, %", (Series("valid", [0, 1], [20.0, 21.0]),)),),
        samples=(sample,),
    )


def headings(text: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", text)


def test_full_page(data: ReportData):
    text = render_report(data)
    page = Page(text)
    assert headings(text) == [*HEADINGS, "How to read this"]
    for needed in (
        "run-a",
        "run-g, plan: oracle",
        "EmoDynamiX [P]",
        "Seed",
        "13",
        "Reported by others, not measured here",
    ):
        assert needed in page.texts
    assert page.texts.count("Reported by others, not measured here") == 3
    # Intervals, reliability, confusion, progress; intervals, lengths, progress; one training curve.
    assert page.count("svg") == 8
    for caption in ("F1 by strategy, %", "F1 by stage of the conversation, %, and all other metrics"):
        assert page.texts.count(caption) == 2
    assert data.messages.result.signature in text and data.turns.result.signature in text


def test_nothing_is_fetched_or_executed(data: ReportData):
    text = render_report(data)
    for tag, attributes in Page(text).tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert name not in ("src", "srcset", "action") and not name.startswith("on")
            if "href" in name:
                assert value.startswith("#")
            if not name.startswith("xmlns"):
                assert "://" not in (value or "")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "url(" not in style and "@import" not in style


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("messages", ["Planner: next message", "How to read this"]),
        ("turns", ["Planner: whole turn", "How to read this"]),
        ("texts", ["Generator: texts", "How to read this"]),
        ("curves", ["Training"]),
        ("samples", ["Sample turns"]),
    ],
)
def test_missing_parts_have_no_section(data: ReportData, part: str, found: list[str]):
    alone = ReportData(title="One part", own=data.own, **{part: getattr(data, part)})
    assert headings(render_report(alone)) == found


def test_empty_report_is_a_page():
    text = render_report(ReportData(title="Nothing yet"))
    assert Page(text).texts.count("Nothing yet") == 2  # title and heading
    assert headings(text) == []


def test_without_own_planner_there_are_tables_but_no_closer_look(data: ReportData):
    text = render_report(replace(data, own=()))
    assert "Confusion" not in text and "EmoDynamiX" in text and 'class="tile"' not in text


def test_every_text_is_escaped(data: ReportData, make_planner, dialogues):
    sample = replace(
        data.samples[0],
        history=(Message(Role.SEEKER, EVIL),),
        gold=(Message(Role.SUPPORTER, EVIL, Strategy.OTHERS),),
        plan=replace(data.samples[0].plan, mode=EVIL),
        realized=((Strategy.RESTATEMENT, EVIL),),
    )
    planners = [make_planner(EVIL, lambda plan: plan), make_planner("majority", lambda _: (Strategy.OTHERS,))]
    setup, rng = BenchmarkSetup(EVIL, "tiny", planners=tuple(planners), samples=5), np.random.default_rng(0)
    text = render_report(
        ReportData(
            title=EVIL,
            summary=EVIL,
            facts=((EVIL, EVIL),),
            own=(EVIL,),
            messages=benchmark_messages(setup, message_view(dialogues), rng=rng),
            turns=benchmark_turns(setup, turn_view(dialogues), rng=rng),
            texts=tuple(replace(one, result=replace(one.result, signature=EVIL)) for one in data.texts),
            curves=(LearningCurve(EVIL, EVIL, EVIL, (Series(EVIL, [0], [1.0]), Series("b", [0], [1.0]))),),
            samples=(sample,),
        )
    )
    assert "<script" not in text
    page = Page(text)
    assert page.count("script") == 0
    assert page.texts.count(EVIL) >= 8


def test_sample_shows_tail_plan_and_text(data: ReportData):
    text = render_report(ReportData(title="Samples", samples=data.samples))
    page = Page(text)
    assert "3 earlier messages not shown" in page.texts
    assert "line 2" not in page.texts and {"line 3", "line 8", "the gold words"} <= set(page.texts)
    assert {"the first text", "the second text", "Plan (one-by-one)"} <= set(page.texts)
    chosen = re.findall(r'class="choice chosen"><span>(.*?)</span>.*?<em>(.*?)</em>', text)
    # The second choice is none of the three likeliest, and is shown all the same.
    assert chosen == [("Restatement", "50 %"), ("Others", "2 %")]


def test_opening_turn_has_no_history(data: ReportData):
    text = render_report(ReportData(title="Samples", samples=(replace(data.samples[0], history=()),)))
    assert "The supporter opens the conversation." in text


def test_published_figures_stand_apart(data: ReportData):
    text = render_report(data)
    for block in re.findall(r"<table>.*?</table>", text, re.DOTALL):
        assert not ("run-a" in block and "EmoDynamiX" in block)
    assert "Differences to tfidf" not in text  # nothing was measured to compare with
    blocks = re.findall(r'<aside class="published">.*?</aside>', text, re.DOTALL)
    assert len(blocks) == 3 and not any("run-" in block for block in blocks)


def test_every_trained_planner_is_looked_at_and_means_say_so(data: ReportData, dialogues, make_planner):
    trained = [make_planner(name, lambda plan: plan) for name in ("fast", "fast", "best")]
    tfidf = make_planner("tfidf", lambda _: (Strategy.OTHERS,))
    setup = BenchmarkSetup("valid", "tiny", planners=(tfidf,), trained=tuple(trained), samples=20)
    messages = benchmark_messages(setup, message_view(dialogues), rng=np.random.default_rng(0))
    page = Page(render_report(ReportData(title="Runs", own=("fast", "best"), messages=messages)))
    assert sum(text.startswith("Confusion of ") for text in page.texts) == 2
    assert page.texts.count("fast (2 runs)") == 4  # main table, two further ones, differences
    assert "± 0.00" in page.texts and any(text.startswith("Differences to tfidf") for text in page.texts)


def test_refusals(data: ReportData, dialogues, generator, score):
    with pytest.raises(ValueError, match="no planner 'nobody' in the message results"):
        render_report(replace(data, own=("nobody",)))
    with pytest.raises(ValueError, match="no planner 'nobody' in the turn results"):
        render_report(replace(data, own=("nobody",), messages=None))
    other = score(generator, scored_turns(dialogues), name="run-g", samples=5)
    with pytest.raises(ValueError, match="not comparable"):
        render_report(replace(data, texts=(*data.texts, other)))
