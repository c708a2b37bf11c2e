import json
import math

import numpy as np
import pytest

from evaluation.differences import Differences, difference_table, differences_json, differences_to_reference
from evaluation.report.tables import to_text
from metrics.statistics.estimate import Difference
from metrics.strategy.scores import message_tally

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
