"""Results as JSON and as tables; names of metrics; paired differences to a reference."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.differences import Differences, difference_table, differences_json, differences_to_reference
from evaluation.metric_columns import COLUMNS, METRIC_NAMES, text_columns
from evaluation.report.tables import to_text
from evaluation.result import EvaluationResult, measured_table
from metrics.statistics.estimate import Difference, Estimate
from metrics.strategy.scores import message_tally

NUMBERS = st.floats(allow_infinity=False, allow_nan=True)
ESTIMATES = st.builds(Estimate, NUMBERS, NUMBERS, NUMBERS) | st.builds(
    Estimate, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(2, 9)
)
SYSTEMS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.dictionaries(st.sampled_from(["accuracy", "own_metric"]), ESTIMATES),
    max_size=3,
)


def make(systems: dict, protocol: str = "message") -> EvaluationResult:
    return EvaluationResult("planner", protocol, "valid", 5, f"protocol:{protocol}|version:1", 1.25, systems)


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


@given(SYSTEMS)
def test_json_round_trip(systems: dict):
    result = make(systems)
    text = json.dumps(result.to_json(), allow_nan=False)  # no NaN, which is no JSON
    back = EvaluationResult.from_json(json.loads(text))
    assert list(back.systems) == list(systems)
    for name, scores in systems.items():
        for metric, estimate in scores.items():
            other = back.systems[name][metric]
            assert same(other.value, estimate.value) and same(other.low, estimate.low)
            assert same(other.high, estimate.high) and same(other.spread, estimate.spread)
            assert other.runs == estimate.runs
    assert (back.command, back.protocol, back.split, back.n, back.seconds) == ("planner", "message", "valid", 5, 1.25)


def test_json_has_the_shape_of_the_command_line():
    data = make(
        {"random": {"accuracy": Estimate(12.5, 10.0, 15.0), "emr_multi": Estimate(math.nan, math.nan, math.nan)}}
    )
    assert data.to_json() == {
        "command": "planner",
        "protocol": "message",
        "split": "valid",
        "n": 5,
        "signature": "protocol:message|version:1",
        "seconds": 1.25,
        "systems": {
            "random": {
                "accuracy": {"value": 12.5, "low": 10.0, "high": 15.0},
                "emr_multi": {"value": None, "low": None, "high": None},
            }
        },
    }


def test_details_are_kept_where_there_are_any():
    result = dataclasses.replace(make({}), details={"confusion": {"run": [[1.0, 0.0], [0.0, 1.0]]}})
    assert EvaluationResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert "details" not in make({}).to_json()


def test_means_over_runs_show_their_spread():
    runs = {"accuracy": Estimate(12.25, 9.0, 15.5, 0.75, 5), "macro_f1": Estimate(2, math.nan, math.nan, 0.5, 5)}
    table = make({"one": {"accuracy": Estimate(1, 0, 2)}, "fast": runs}).table(["accuracy", "macro_f1"])
    assert to_text(table).split("\n")[2:] == [
        "one                     1.00 [0.00, 2.00]            –",
        "fast (5 runs)  12.25 [9.00, 15.50] ± 0.75  2.00 ± 0.50",
    ]


def test_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "new" / "result.json"
    make({}).save(path)
    assert EvaluationResult.load(path) == make({})
    before = path.read_text(encoding="utf-8")

    def no_rename(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", no_rename)
    with pytest.raises(OSError, match="disk full"):
        make({"random": {}}).save(path)
    assert path.read_text(encoding="utf-8") == before
    assert [one.name for one in path.parent.iterdir()] == ["result.json"]  # no temporary file is left


@pytest.mark.parametrize("text", ["not json", "[]", "{}", '{"command": "planner"}'])
def test_wrong_file_is_named_in_one_line(tmp_path: Path, text: str):
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.json: ") as error:
        EvaluationResult.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("systems", ['{"a": {"accuracy": 3}}', '{"a": {"accuracy": {"value": 3}}}', '{"a": 1}', "[]"])
def test_wrong_scores_are_named_too(tmp_path: Path, systems: str):
    path = tmp_path / "broken.json"
    text = json.dumps(make({}).to_json()).replace('"systems": {}', f'"systems": {systems}')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.json: "):
        EvaluationResult.load(path)


def test_a_row_for_every_system_and_a_dash_where_nothing_was_measured():
    systems = {
        "random": {"accuracy": Estimate(12.25, 9.0, 15.5), "decisions_per_second": Estimate(12345.6, 12000.0, 13000.0)},
        "a-run": {"accuracy": Estimate(math.nan, math.nan, math.nan)},
    }
    assert to_text(make(systems).table(["decisions_per_second", "accuracy"])).split("\n") == [
        "system              Decisions/s             Accuracy",
        "------  -----------------------  -------------------",
        "random  12,346 [12,000, 13,000]  12.25 [9.00, 15.50]",
        "a-run                         –                    –",
    ]


def test_table_shows_usual_columns_that_exist():
    table = make({"random": {"own_metric": Estimate(1, 1, 1), "macro_f1": Estimate(2, math.nan, math.nan)}}).table()
    assert [column.label for column in table.columns] == ["system", "macro-F1"]
    assert table.columns[1].better == "higher" and table.columns[1].meaning.endswith("%")
    assert (table.rows[0].cells[1].text, table.rows[0].cells[1].interval) == ("2.00", "")  # no interval, no brackets


def test_best_value_is_marked_without_random_and_gold():
    def estimate(value: float) -> Estimate:
        return Estimate(value, value - 1, value + 1)

    systems = {
        "random": {"macro_f1": estimate(90), "preference_bias": estimate(0.1), "entropy": estimate(3)},
        "markov": {"macro_f1": estimate(20), "preference_bias": estimate(0.5), "entropy": estimate(2)},
        "run": {"macro_f1": estimate(25), "preference_bias": estimate(0.7), "entropy": estimate(1)},
        "gold": {"macro_f1": Estimate(100, 100, 100), "preference_bias": estimate(0), "entropy": estimate(2)},
    }
    table = measured_table(systems, columns=("macro_f1", "ald", "preference_bias", "entropy"), own=("run",))
    assert [column.label for column in table.columns] == ["system", "macro-F1", "Bias B", "Entropy"]
    assert [row.kind for row in table.rows] == ["", "", "own", "gold"]
    best = {(row.cells[0].text, place) for row in table.rows for place, cell in enumerate(row.cells) if cell.best}
    assert best == {("run", 1), ("markov", 2)}
    assert table.rows[3].cells[1].interval == ""  # an interval without width is not shown
    assert table.rows[1].cells[1].interval == "[19.00, 21.00]"


# The keys of the JSON, by hand from the design.
KEYS = set(
    " ".join(
        (
            "accuracy macro_f1 weighted_f1 preference_bias entropy",
            "emr lr lr_indel ald set_f1 emr_single emr_multi multi_rate",
            "ppl ppl_mean bleu_1 bleu_2 bleu_3 bleu_4 rouge_l extrema average greedy distinct_1 distinct_2 distinct_3",
            "distinct_1_esconv2021 distinct_2_esconv2021 distinct_3_esconv2021 unigram_f1 length",
            "f1_question f1_restatement f1_reflection f1_self_disclosure f1_affirmation f1_suggestions f1_information",
            "f1_others f1_exploration f1_comforting f1_action ece progress_tv",
            "success_rate average_turns intensity_drop decisions_per_second latency_ms_p50 latency_ms_p95",
        )
    ).split()
)


def test_every_metric_of_the_json_has_a_name_and_no_two_share_a_label():
    assert set(METRIC_NAMES) >= KEYS
    labels = [name.label for name in METRIC_NAMES.values()]
    assert len(set(labels)) == len(labels)


def test_columns_are_known_metrics_of_the_protocols():
    assert set(COLUMNS) == {"message", "turn", "text", "dialogue"}
    assert all(metric in METRIC_NAMES for row in COLUMNS.values() for metric in row)


def test_lower_is_better_exactly_where_it_is():
    lower = {key for key, name in METRIC_NAMES.items() if name.better == "lower"}
    assert lower == {
        "preference_bias", "ald", "ppl", "ppl_mean", "ppl_word", "ppl_with_strategy", "ppl_mean_with_strategy",
        "retrieval_rank", "repetition", "repetition_history", "memorised_8grams", "memorised_messages",
        "average_turns", "gave_up_rate", "latency_ms_p50", "latency_ms_p95",
        "latency_new_ms_p50", "latency_new_ms_p95", "ece", "progress_tv", "replaced_rate",
    }  # fmt: skip


DIALOGUE = np.repeat(np.arange(20), 3)
GOLD = np.tile([0, 1, 2], 20)


def test_trained_planners_against_tfidf() -> None:
    tallies = {
        "tfidf": message_tally(GOLD, np.zeros(60, dtype=np.int64), DIALOGUE),
        "gold": message_tally(GOLD, GOLD, DIALOGUE),
        "run": message_tally(GOLD, np.tile([0, 1, 1], 20), DIALOGUE),
    }
    how = {"metrics": ["accuracy"], "seed": 0, "samples": 50}
    found = differences_to_reference(tallies, ["run"], reference="tfidf", **how).systems
    assert list(found) == ["run"] and list(found["run"]) == ["accuracy"]
    assert found["run"]["accuracy"].value == pytest.approx(100 / 3)  # two of three against one of three
    against_gold = differences_to_reference(tallies, ["run", "gold"], reference="gold", **how)
    assert against_gold.reference == "gold" and list(against_gold.systems) == ["run"], "not against itself"
    assert against_gold.systems["run"]["accuracy"].value == pytest.approx(-100 / 3)
    tallies.pop("tfidf")
    assert differences_to_reference(tallies, ["run"], reference="tfidf", **how).systems == {}


def test_a_star_where_the_interval_leaves_zero_out() -> None:
    nan = math.nan
    scores = {
        "ahead": {"lr": Difference(1.5, 0.5, 2.5, 0.01)},
        "even": {"lr": Difference(0.5, -0.5, 1.5, 0.4)},
        "behind": {"lr": Difference(-1.5, -2.5, -0.5, 0.01)},
        "unknown": {"lr": Difference(nan, nan, nan, nan)},
    }
    assert to_text(difference_table(scores)).split("\n") == [
        "system                     LR",
        "-------  ---------------------",
        "ahead    +1.50 [+0.50, +2.50]*",
        "even     +0.50 [-0.50, +1.50]",
        "behind   -1.50 [-2.50, -0.50]*",
        "unknown                     –",
    ]
    plain = json.loads(json.dumps(differences_json(Differences("tfidf", scores)), allow_nan=False))
    assert plain["ahead"]["lr"] == {"value": 1.5, "low": 0.5, "high": 2.5, "p": 0.01}
    assert plain["unknown"]["lr"]["value"] is None


def test_every_text_metric_has_a_column_or_is_a_variant_of_one():
    listed = (
        "ppl", "ppl_word", "bleu_1", "bleu_2", "bleu_4", "rouge_l", "bertscore", "distinct_1", "distinct_2",
        "unigram_f1", "length",
    )  # fmt: skip
    of_more_than_texts = (
        "adherence", "adherence_gold", "adherence_ratio", "memorised_8grams", "memorised_8grams_gold",
        "memorised_messages", "memorised_messages_gold", "repetition", "repetition_history", "retrieval_rank",
        "similarity",
    )  # fmt: skip
    assert text_columns(*listed) == (*listed, *of_more_than_texts)
    assert text_columns("rouge_l")[0] == "rouge_l"
    assert set(text_columns("rouge_l")) == {*listed, *of_more_than_texts}
