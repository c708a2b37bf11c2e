import json
from pathlib import Path

import pytest

from evaluation.generator.stored import read_evaluations
from evaluation.generator.system import TextSystem


def test_what_is_stored_comes_back(store, generator):
    run = store(generator, "gen", seeds=2)
    (stored,) = read_evaluations(run)
    assert stored.folder == run / "evaluations" / "valid-message-oracle"
    assert (stored.system.label, stored.system.seeds, stored.result.n) == ("gen, oracle", 2, 4)
    assert stored.fields["decoding"] == "greedy"
    assert [one.run for one in stored.responses] == [0] * 4 + [1] * 4
    first = stored.responses[0]
    assert (first.generation, first.loss.nats, first.loss_with_strategy.tokens) == (
        "a restatement or paraphrasing reply", 10.0, 6,
    )  # fmt: skip
    lines = (stored.folder / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [one.to_json() for one in stored.responses]
    assert read_evaluations(stored.folder)[0].result == stored.result  # the folder of one evaluation will do as well


def test_many_in_the_order_of_plan_sources(store, generator, question_planner):
    store(generator, "gen", source="planner", planner=question_planner)
    for source in ("random", "joint", "oracle"):
        store(generator, "gen", source=source)
    run = store(generator, "gen", source="joint", unit="turn", split="test")
    rows = [(one.system.unit, one.system.plan) for one in read_evaluations(run)]
    assert rows == [("message", plan) for plan in ("oracle", "joint", "random", "planner")] + [("turn", "joint")]
    assert [one.system.unit for one in read_evaluations(run, split="test")] == ["turn"]
    with pytest.raises(ValueError, match=r"gen: no stored evaluation, expected evaluations/train-\.\.\./result\.json"):
        read_evaluations(run, split="train")


def test_a_new_evaluation_replaces_the_old(store, generator):
    store(generator, "gen", seeds=3)
    (stored,) = read_evaluations(store(generator, "gen"))
    assert len(stored.responses) == 4


def _edited(run: Path, file: str, change) -> Path:
    path = run / "evaluations" / "valid-message-oracle" / file
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return run


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        (
            "responses.jsonl",
            lambda text: text[: text.rindex('{"run"')],
            r"responses\.jsonl: got 3 responses, expected 4",
        ),
        ("responses.jsonl", lambda text: text + "{", r"responses\.jsonl: line 5: no JSON"),
        (
            "responses.jsonl",
            lambda text: text.replace('"nats": 10.0', '"nats": -1', 1),
            r"responses\.jsonl: line 1: field 'loss': got .*, expected nats of 0 or more",
        ),
        (
            "responses.jsonl",
            lambda text: text.replace('"unit": 0', '"unit": "a"', 1),
            r"responses\.jsonl: line 1: field 'unit': got 'a'",
        ),
        (
            "responses.jsonl",
            lambda text: text.replace('"gold_strategies": ["Question"]', '"gold_strategies": []'),
            r"responses\.jsonl: line 3: field 'gold_strategies'",
        ),
        (
            "responses.jsonl",
            lambda text: text.replace('"strategies": ["Question"]', '"strategies": ["Quest"]', 1),
            r"responses\.jsonl: line 3: .*unknown strategy 'Quest'",
        ),
        ("result.json", lambda text: "{", r"result\.json: "),
        ("result.json", lambda text: text.replace('"setting"', '"sitting"'), r"result\.json: no evaluation of a"),
        ("result.json", lambda text: text.replace('"unit": "message"', '"unit": "word"'), r"result\.json: .*unit: got"),
    ],
)
def test_damaged_files_are_named(store, generator, file, change, complaint):
    run = _edited(store(generator, "gen"), file, change)
    with pytest.raises(ValueError, match=complaint) as caught:
        read_evaluations(run)
    assert "\n" not in str(caught.value)


def test_an_evaluation_without_its_result_is_none(store, generator):
    run = store(generator, "gen")
    (run / "evaluations" / "valid-message-oracle" / "result.json").unlink()
    with pytest.raises(ValueError, match="no stored evaluation"):
        read_evaluations(run)


@pytest.mark.parametrize("source", ["oracle", "joint", "random", "planner"])
def test_what_earlier_evaluations_say_of_their_system_is_understood(source):
    golden = Path(__file__).parents[2] / "data" / "golden" / f"metrics-generator-{source}.json"
    system = TextSystem(**json.loads(golden.read_text(encoding="utf-8"))["details"]["setting"])
    assert (system.generator, system.plan, system.variant) == ("generator", source, "strategy")
