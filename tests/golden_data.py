"""Golden data: tiny trained runs and what they answered when they were made, which later code must answer too.

``python -m tests.golden_data`` makes them anew under ``tests/data/golden``; only a change that is meant to alter
answers calls for it. Everything that the tests compute goes through the functions of this file, and all command lines
stand in it.
"""

import contextlib
import dataclasses
import io
import json
import os
import re
import runpy
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus.dialogue import Dialogue, Message, message_view, turn_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from generator.realizer import Realizer
from planner.plan import Plan
from planner.planner import StrategyPlanner

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path("tests/data/golden")  # from the root, where the commands run: signatures and runs name no machine
PLANNERS = ("planner-quickstart", "planner-fast", "planner-all-in-one")
DIGITS = 6  # of stored numbers
HISTORIES = 30

# What is made smaller than the presets: folds (of 5), widths, words, steps. Kinds of members, mode, reasoning and
# decoding are the presets'; the last planner has what both lack: whole plans as actions, judges, weights of matches.
# What is so small learns at higher rates and for longer, so that its answers differ from history to history.
_SMALL_PLANNER = (
    "--ensemble.words 100 --ensemble.dropout 0.1 --policy.width 16 --policy.epochs 30 --policy.rate 5e-3 "
    "--ppo.envs 16 --ppo.rollout 8 --ppo.batch 64 --ppo.steps 512"
)
_SMALL_GENERATOR = (
    "--tiny.width 32 --tiny.layers 1 --tiny.heads 2 --tiny.vocabulary 600 --tiny.dropout 0 --lengths.history-tokens 24 "
    "--optimisation.learning-rate 6e-3 --optimisation.warmup-steps 200 --optimisation.epochs 100 "
    "--optimisation.evaluation-steps 100000"  # the last weights are kept
)
_TWO_FOLDS = "--folds 2 --ensemble.networks 2 --ensemble.width 8 --ensemble.rate 5e-3"
TRAINED = {
    "planner-quickstart": f"planner --preset quickstart {_TWO_FOLDS} {_SMALL_PLANNER}",
    "planner-fast": (
        f"planner --preset fast --ensemble.width 4 --ensemble.batch 32 --ensemble.rate 5e-3 {_SMALL_PLANNER}"
    ),
    "planner-all-in-one": (
        f"planner --preset quickstart --mode all-in-one --reasoning supervised {_TWO_FOLDS} "
        f"--stacking.trees 2 --decoding.exact-weight 0.25 --decoding.multi-strategy-weight 2 {_SMALL_PLANNER}"
    ),
    "generator": f"generator --preset quickstart-tiny {_SMALL_GENERATOR}",
    "seeker": "seeker --components 16",
}

_PLANNER_RUNS = " ".join(str(GOLDEN / name) for name in PLANNERS)
_GENERATOR = f"generator --generator {GOLDEN}/generator --out {{scratch}}"
_DIALOGUE = f"dialogue --seeker-run {GOLDEN}/seeker --seekers 4 --seeds 2 --max-turns 6"
EVALUATED = {
    "planner-message": f"planner --protocol message --planner {_PLANNER_RUNS}",
    "planner-turn": f"planner --protocol turn --planner {_PLANNER_RUNS}",
    "planner-weights": f"planner --protocol turn --no-ladder --planner {GOLDEN}/planner-fast --exact-weight 1",
    "generator-oracle": f"{_GENERATOR} --plan oracle",
    "generator-joint": f"{_GENERATOR} --plan joint --seeds 2 --encoder none",
    "generator-random": f"{_GENERATOR} --plan random --unit turn --encoder none",
    "generator-planner": f"{_GENERATOR} --plan planner --planner {GOLDEN}/planner-fast --encoder none",
    "score-lines": f"score --hypotheses {GOLDEN}/hypotheses.txt --references {GOLDEN}/references.txt --encoder none",
    "score-outputs": f"score --outputs {GOLDEN}/outputs.jsonl",
    "corpus": "corpus",
    "dialogue": f"{_DIALOGUE} --ladder short --planner {GOLDEN}/planner-quickstart {GOLDEN}/planner-all-in-one",
    "dialogue-texts": f"{_DIALOGUE} --ladder none --planner {GOLDEN}/planner-fast --generator {GOLDEN}/generator",
}
_TIMES = ("seconds", "speed", "latency", "per_second", "minutes")  # what no two calls share


def run_script(script: str, arguments: str) -> str:
    """Runs ``python SCRIPT ARGUMENTS`` in this process, from the root, and returns what it printed."""
    said = io.StringIO()
    given = sys.argv
    sys.argv = [script, *arguments.split()]
    try:
        with contextlib.chdir(ROOT), contextlib.redirect_stdout(said):
            runpy.run_path(str(ROOT / script), run_name="__main__")
    finally:
        sys.argv = given
    return said.getvalue()


def metrics(name: str, scratch: Path) -> dict[str, Any]:
    """What ``evaluate.py`` measures by the command line of this name, without anything timed."""
    file = scratch / f"{name}.json"
    command = EVALUATED[name].format(scratch=scratch / name)
    run_script("evaluate.py", f"{command} --json {file}")
    text = re.sub(r"nltk-[\d.]+", "nltk", file.read_text(encoding="utf-8"))  # signatures name the installed version
    # How many texts the screening would replace follows from its weights, which change on purpose.
    return _untimed({**(data := json.loads(text)), "systems": _unscreened(data["systems"])})


def plans(name: str) -> dict[str, Any]:
    """What the planner of this name answers on the golden histories, by every way of asking it."""
    planner = StrategyPlanner.load(ROOT / GOLDEN / name)
    dialogues = _dialogues()
    places = golden_places()
    histories = golden_histories()
    items = {(item.dialogue, item.index): item for item in message_view(dialogues)}
    turns = {(item.dialogue, item.start): item for item in turn_view(dialogues)}
    keys = [(dialogues[place], count) for place, count in places]
    spoken = [items[key].history for key in keys if key in items]
    drawn = planner.sampled_plans(histories, rng=np.random.default_rng(0))
    return {
        "mode": planner.mode,
        "plan": [_plan(planner.plan(history)) for history in histories],
        "plans": [_plan(plan) for plan in planner.plans([turns[key].history for key in keys if key in turns])],
        "drawn_plans": [_strategies(plan) for plan in drawn],
        "strategy_probabilities": _rounded(planner.strategy_probabilities(spoken)),
        "calibrated_probabilities": _rounded(planner.calibrated_probabilities(spoken)),
    }


def texts() -> dict[str, Any]:
    """What the generator writes greedily after the golden histories: by every planner, by one strategy, by its own."""
    run = ROOT / GOLDEN / "generator"
    greedy = dataclasses.replace(Realizer.load(run).decoding, top_k=1)
    realizer = Realizer.load(run, decoding=greedy, screened=False)
    histories = golden_histories()
    written: dict[str, Any] = {}
    for name in PLANNERS:
        planner = StrategyPlanner.load(ROOT / GOLDEN / name)
        written[name] = [_texts(realizer.realize(history, planner.plan(history).strategies)) for history in histories]
    question = (Strategy(0),)
    written["a question"] = [_texts(realizer.realize(history, question)) for history in histories]
    written["its own plans"] = [_texts(realizer.realize(history)) for history in histories]
    return written


def likelihoods() -> dict[str, Any]:
    """How unlikely the generator finds the supporter's true turns after the golden histories."""
    realizer = Realizer.load(ROOT / GOLDEN / "generator")
    turns = {(item.dialogue, item.start): item for item in turn_view(_dialogues())}
    places = [(_dialogues()[place], count) for place, count in golden_places()]
    asked = [turns[place] for place in places if place in turns]
    histories, gold = [turn.history for turn in asked], [turn.plan for turn in asked]
    spoken = [[message.text for message in turn.messages] for turn in asked]
    losses = realizer.negative_log_likelihood(histories, gold, spoken)
    return {
        "nats": _rounded(losses.nats),
        "tokens": losses.tokens.tolist(),
        "nats_with_strategies": _rounded(losses.nats + losses.apart_nats),
    }


def golden_places() -> list[tuple[int, int]]:
    """Which histories are golden: number of the dialogue in the sample, number of its messages before."""
    return [(place, count) for place, count in stored("histories.json")]


def golden_histories() -> list[tuple[Message, ...]]:
    """The golden histories themselves, out of the bundled sample."""
    dialogues = _dialogues()
    return [dialogues[place].messages[:count] for place, count in golden_places()]


def stored(name: str) -> Any:
    """The contents of a golden file."""
    return json.loads((ROOT / GOLDEN / name).read_text(encoding="utf-8"))


def differences(expected: Any, found: Any, *, tolerance: float = 1e-4, place: str = "") -> Iterator[str]:
    """Says where two JSON values differ, a line for each place; numbers may differ by the tolerance.

    The tolerance is absolute for numbers up to 1 and relative for larger ones. Everything else must be equal.
    """
    numbers = (int, float)
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() | found.keys():
            if key not in expected or key not in found:
                yield f"{place}/{key}: {'is new' if key in found else 'is missing'}"
            else:
                yield from differences(expected[key], found[key], tolerance=tolerance, place=f"{place}/{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{place}: has {len(found)} entries, expected {len(expected)}"
        for number, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(one, other, tolerance=tolerance, place=f"{place}/{number}")
    elif type(expected) in numbers and type(found) in numbers:
        if not abs(expected - found) <= tolerance * max(1.0, abs(expected)):
            yield f"{place}: is {found}, expected {expected}"
    elif expected != found or type(expected) is not type(found):
        yield f"{place}: is {found!r}, expected {expected!r}"


def _dialogues() -> list[Dialogue]:
    """All dialogues of the bundled sample, in the order of its file."""
    return sorted(load_corpus(None).split("all"), key=lambda dialogue: dialogue.number)


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "strategies": _strategies(plan),
        "probabilities": _rounded(plan.probabilities),
        "mode": plan.mode,
        "reasoning": None if plan.reasoning is None else _plain(dataclasses.asdict(plan.reasoning)),
        "printed": str(plan.reasoning),
    }


def _strategies(plan: Plan) -> list[str]:
    return [strategy.label for strategy in plan.strategies]


def _texts(responses: Sequence[Any]) -> list[list[str | None]]:
    return [[None if strategy is None else strategy.label, text] for strategy, text in responses]


def _rounded(values: np.ndarray) -> list[Any]:
    return np.round(values.astype(np.float64), DIGITS).tolist()


def _plain(value: Any) -> Any:
    """The same in JSON's types: members of enumerations become their numbers, real numbers are rounded."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS)
    return int(value) if isinstance(value, int) else value


def _unscreened(systems: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: one for key, one in scores.items() if key != "replaced_rate"} for name, scores in systems.items()
    }


def _untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untimed(item) for key, item in value.items() if not any(time in key for time in _TIMES)}
    return [_untimed(item) for item in value] if isinstance(value, list) else _plain(value)


def _choose_histories() -> list[tuple[int, int]]:
    """Spreads the histories over dialogues and lengths; a sixth of them end within a turn, a sixth after one."""
    rng = np.random.default_rng(0)
    dialogues = _dialogues()
    begun: list[tuple[int, int]] = []
    going_on: list[tuple[int, int]] = []
    over: list[tuple[int, int]] = []
    for place, dialogue in enumerate(dialogues):
        for turn in dialogue.turns():
            begun.append((place, turn.start))
            going_on += [(place, count) for count in range(turn.start + 1, turn.stop)]
            over.append((place, turn.stop))
    opening = [min(begun, key=lambda key: key[1]), max(begun, key=lambda key: key[1])]
    chosen = list(opening)
    begun = [key for key in begun if key[1] > 0]  # the empty history is one, whatever the dialogue
    sixth = HISTORIES // 6
    for of, wanted in ((going_on, 2 + sixth), (over, 2 + 2 * sixth), (begun, HISTORIES)):
        order = rng.permutation(len(of)).tolist()
        for number in order:
            used = [place for place, _ in chosen]
            if len(chosen) < wanted and of[number][0] not in used[2:]:
                chosen.append(of[number])
    return chosen


def _trim(run: Path) -> None:
    """Takes away what loading does not need, and where the sample lay."""
    for folder in ("tensorboard", "checkpoints", "cloned"):
        shutil.rmtree(run / folder, ignore_errors=True)
    path = run / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["corpus"]["source"] = "corpus/sample/sample.json"
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _write(name: str, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    (ROOT / GOLDEN / name).write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Trains what is not there, then writes down every answer."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ESC_CACHE"] = str(Path(scratch) / "cache")
        for name, command in TRAINED.items():
            if not (ROOT / GOLDEN / name / "metrics.json").is_file():
                print(run_script("train.py", f"{command} --seed 0 --out {GOLDEN / name}"))
                _trim(ROOT / GOLDEN / name)
        _write("histories.json", _choose_histories())
        for name in PLANNERS:
            _write(f"plans-{name}.json", plans(name))
        _write("texts.json", texts())
        _write("likelihoods.json", likelihoods())
        for name in EVALUATED:
            _write(f"metrics-{name}.json", metrics(name, Path(scratch)))


if __name__ == "__main__":
    main()
