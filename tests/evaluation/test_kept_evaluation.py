import json
from pathlib import Path

import pytest

from evaluation.generator.stored import read_evaluations


def test_what_is_kept_comes_back(keep, generator):
    run = keep(generator, "gen", seeds=2)
    (kept,) = read_evaluations(run)
    assert kept.folder == run / "evaluations" / "valid-message-oracle"
    assert (kept.setting.row, kept.setting.seeds, kept.result.n) == ("gen, oracle", 2, 4)
    assert kept.fields["decoding"] == "greedy"
    assert [one.run for one in kept.responses] == [0] * 4 + [1] * 4
    first = kept.responses[0]
    assert (first.generation, first.loss.nats, first.loss_with_strategy.tokens) == (
        "a restatement or paraphrasing reply", 10.0, 6,
    )  # fmt: skip
    lines = (kept.folder / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [one.to_json() for one in kept.responses]
    assert read_evaluations(kept.folder)[0].result == kept.result  # the folder of one evaluation will do as well


def test_many_in_the_order_of_plan_sources(keep, generator, question_planner):
    keep(generator, "gen", source="planner", planner=question_planner)
    for source in ("random", "joint", "oracle"):
        keep(generator, "gen", source=source)
    run = keep(generator, "gen", source="joint", unit="turn", split="test")
    rows = [(one.setting.unit, one.setting.plan) for one in read_evaluations(run)]
    assert rows == [("message", plan) for plan in ("oracle", "joint", "random", "planner")] + [("turn", "joint")]
    assert [one.setting.unit for one in read_evaluations(run, split="test")] == ["turn"]
    with pytest.raises(ValueError, match=r"gen: no kept evaluation, expected evaluations/train-\.\.\./result\.json"):
        read_evaluations(run, split="train")


def test_a_new_evaluation_replaces_the_old(keep, generator):
    keep(generator, "gen", seeds=3)
    (kept,) = read_evaluations(keep(generator, "gen"))
    assert len(kept.responses) == 4


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
def test_damaged_files_are_named(keep, generator, file, change, complaint):
    run = _edited(keep(generator, "gen"), file, change)
    with pytest.raises(ValueError, match=complaint) as caught:
        read_evaluations(run)
    assert "\n" not in str(caught.value)


def test_an_evaluation_without_its_result_is_none(keep, generator):
    run = keep(generator, "gen")
    (run / "evaluations" / "valid-message-oracle" / "result.json").unlink()
    with pytest.raises(ValueError, match="no kept evaluation"):
        read_evaluations(run)
