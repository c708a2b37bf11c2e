"""A metric is added by one module: it is found, scored with its interval, and has a name for tables."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import metrics.strategy
import metrics.text
from metrics.metric import Metric, all_metrics
from metrics.statistics.bootstrap import tally_values
from metrics.strategy.scores import plan_tally
from metrics.text.scores import score_text

TEXT_MODULE = '''
"""Share of responses that ask something."""
from metrics.metric import Metric, percent

METRICS = (
    Metric(
        "asks", "Asks", "responses with a question mark, %", better="", protocols=("text",),
        statistics=lambda hypothesis, reference: ["?" in hypothesis], formula=percent,
    ),
)
'''
STRATEGY_MODULE = '''
"""Share of turns whose first strategy is right."""
from metrics.metric import Metric, percent

METRICS = (
    Metric(
        "first_right", "First", "turns whose first strategy is right, %", protocols=("turn",),
        statistics=lambda gold, predicted: [gold[:1] == predicted[:1]], formula=percent,
    ),
)
'''


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Adds a module to one of the two folders for the time of a test."""
    added = []

    def module(package: object, name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        added.append(f"{package.__name__}.{name}")

    yield module
    for name in added:
        sys.modules.pop(name, None)


def test_a_text_metric_is_one_module(add) -> None:
    add(metrics.text, "asks", TEXT_MODULE)
    scores = score_text(["why?", "no.", "oh?", "ah"], ["a"] * 4, [1, 1, 2, 3], rng=np.random.default_rng(0), samples=50)
    assert scores["asks"].value == 50.0
    assert scores["asks"].low < 50.0 < scores["asks"].high
    assert all_metrics()["asks"].label == "Asks"


def test_a_strategy_metric_is_one_module(add) -> None:
    add(metrics.strategy, "first_right", STRATEGY_MODULE)
    tally = plan_tally([(0,), (1, 2), (3,)], [(0, 5), (2, 1), ()], [1, 1, 2])
    assert tally_values(tally)["first_right"] == pytest.approx(100 / 3)
    assert all_metrics()["first_right"].meaning == "turns whose first strategy is right, %"


def test_two_metrics_of_one_name_are_refused(add) -> None:
    add(metrics.text, "again", TEXT_MODULE.replace('"asks"', '"rouge_l"'))
    with pytest.raises(ValueError, match="metric rouge_l: two modules have one of this name"):
        all_metrics()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"better": "more"}, "better is 'more', expected 'higher', 'lower' or ''"),
        ({"protocols": ("texts",)}, r"protocols \('texts',\), expected some of message, turn, text, dialogue"),
        ({"protocols": ()}, "protocols"),
        ({"formula": np.sum}, "statistics and formula, expected both or neither"),
    ],
)
def test_a_metric_checks_itself(wrong: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"metric mine: {complaint}"):
        Metric("mine", "Mine", "mine, %", **{"protocols": ("text",), **wrong})


def test_names_of_all_metrics_load_without_heavy_libraries() -> None:
    script = "import sys; from metrics.metric import all_metrics; all_metrics(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"numpy", "metrics.text.bleu", "metrics.strategy.plans"} <= set(loaded)
    assert not {"nltk", "sklearn", "scipy.stats", "scipy.special", "torch"} & set(loaded)
