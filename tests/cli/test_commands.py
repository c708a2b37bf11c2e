"""Every documented command, tiny: it runs, writes what it promises, and its mistakes are one line."""

import json
import sys
from pathlib import Path

import pytest

import cli.evaluate
import cli.train
from cli.command_line import run_command
from corpus.formats.official import write
from corpus.load import load_corpus
from corpus.strategy import LABELS
from safety.care import rules_alone
from tests.hash_encoder import HashEncoder

_SMALL_PLANNER = [
    "--folds", "2", "--ensemble.networks", "2", "--ensemble.width", "16", "--ensemble.words", "50",
    "--ensemble.epochs", "1", "--ppo.steps", "64",
    "--ppo.envs", "8", "--ppo.rollout", "4",
]  # fmt: skip
_SMALL_GENERATOR = [
    "--backbone", "tiny-blenderbot",
    "--tiny.width", "16", "--tiny.layers", "1", "--tiny.heads", "2", "--tiny.vocabulary", "300",
    "--optimisation.epochs", "1", "--lengths.history-tokens", "24", "--lengths.response-tokens", "10",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small data set and everything that training leaves for it."""
    folder = tmp_path_factory.mktemp("commands")
    data = folder / "data"
    data.mkdir()
    dialogues = load_corpus(None).split("train")
    write(data / "train.json", dialogues[:12])
    write(data / "valid.json", dialogues[12:16])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESC_CACHE", str(folder / "cache"))
        for module in ("planner.training", "planner.planner", "encoding.sentence_encoder"):
            patch.setattr(f"{module}.SentenceEncoder", HashEncoder)
        patch.setattr("safety.care.default_care", rules_alone)  # the detectors belong to the real encoder
        for mode in ("one-by-one", "all-in-one"):
            _train("planner", "--data", str(data), "--mode", mode, "--out", str(folder / mode), *_SMALL_PLANNER)
        for variant in ("strategy", "all-in-one", "vanilla"):
            out = str(folder / f"generator-{variant}")
            _train("generator", "--data", str(data), "--variant", variant, "--out", out, *_SMALL_GENERATOR)
        yield folder


def _train(*arguments: str) -> None:
    run_command(cli.train.COMMANDS, arguments, program="train.py")


def _evaluate(folder: Path, *arguments: str) -> dict:
    file = folder / "result.json"
    run_command(cli.evaluate.COMMANDS, [*arguments, "--json", str(file)], program="evaluate.py")
    return json.loads(file.read_text())


def test_run_folders_hold_what_is_needed(runs: Path) -> None:
    planner = {path.name for path in (runs / "one-by-one").iterdir()}
    assert {
        "config.json",
        "manifest.json",
        "metrics.json",
        "members.safetensors",
        "deliberation.safetensors",
        "planner.json",
        "tensorboard",
    } <= planner
    generator = {path.name for path in (runs / "generator-strategy").iterdir()}
    assert {"config.json", "manifest.json", "metrics.json", "model", "generator.json", "tensorboard"} <= generator
    for run in ("one-by-one", "generator-strategy"):
        assert not [path for path in (runs / run).rglob("*") if path.suffix in {".bin", ".pt", ".pkl", ".zip"}]
    config = json.loads((runs / "one-by-one" / "config.json").read_text())
    assert config["config"]["ensemble"]["networks"] == 2  # resolved: flag
    assert config["config"]["window"] == 3  # resolved: default


@pytest.mark.parametrize("protocol", ["message", "turn"])
def test_planners_beside_the_ladder(runs: Path, protocol: str) -> None:
    result = _evaluate(
        runs, "planner", "--data", str(runs / "data"), "--split", "valid", "--protocol", protocol,
        "--planner", str(runs / "one-by-one"), str(runs / "all-in-one"), "--html", str(runs / "page.html"),
    )  # fmt: skip
    assert "one-by-one" in (runs / "page.html").read_text(encoding="utf-8")
    assert list(result) == ["command", "protocol", "split", "n", "signature", "seconds", "systems", "details"]
    assert set(result["details"]["progress"]) == {"gold", "one-by-one", "all-in-one"}
    assert (result["command"], result["protocol"], result["split"]) == ("planner", protocol, "valid")
    ladder = ["random", "majority", "markov", "tfidf", "embedding", "gold"]
    assert list(result["systems"]) == [*ladder, "one-by-one", "all-in-one"]
    metric = "macro_f1" if protocol == "message" else "lr"
    for scores in result["systems"].values():
        assert set(scores[metric]) == {"value", "low", "high"}
        assert 0 <= scores[metric]["value"] <= 100
    if protocol == "turn":
        assert result["systems"]["gold"]["emr"]["value"] == 100


def test_heavy_exact_matches_make_plans_short_and_multi_strategy_ones_long(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data", str(runs / "data"), "--protocol", "turn", "--no-ladder", "--planner", str(runs / "one-by-one")]
    capsys.readouterr()
    result = _evaluate(runs, "planner", *where, "--exact-weight", "1000", "--columns", "lr", "emr")
    assert capsys.readouterr().out.strip().splitlines()[0].split() == ["system", "LR", "EMR"]
    assert result["systems"]["one-by-one, exact weight 1000"]["multi_rate"]["value"] == 0
    result = _evaluate(runs, "planner", *where, "--exact-weight", "0", "--multi-strategy-weight", "1000")
    assert result["systems"]["one-by-one, exact weight 0 + 1000"]["multi_rate"]["value"] == 100


@pytest.mark.parametrize(
    ("variant", "plan"),
    [
        *(("strategy", plan) for plan in ("oracle", "joint", "random", "planner")),
        *(("all-in-one", plan) for plan in ("joint", "planner")),
    ],
)
def test_generators_under_every_plan_source(runs: Path, variant: str, plan: str) -> None:
    planner = ["--planner", str(runs / "one-by-one")] if plan == "planner" else []
    generator = runs / f"generator-{variant}"
    result = _evaluate(
        runs, "generator", "--data", str(runs / "data"), "--generator", str(generator), "--plan", plan, *planner
    )
    unit = "message" if variant == "strategy" else "turn"
    name = f"valid-{unit}-{plan}" + ("-one-by-one" if planner else "")
    texts = generator / "evaluations" / name / "responses.jsonl"
    scores = result["systems"][f"generator-{variant}"]
    assert scores["ppl"]["value"] > 1
    assert scores["ppl_with_strategy"]["value"] > 1
    assert {"bleu_2", "rouge_l", "distinct_2", "distinct_2_esconv2021", "unigram_f1", "length"} <= set(scores)
    lines = [json.loads(line) for line in texts.read_text().splitlines()]
    assert len(lines) == result["n"]
    assert all(line["generation"] for line in lines)
    assert not any(f"[{label}]".lower() in line["generation"].lower() for line in lines for label in LABELS)


def test_vanilla_and_strategy_by_turn(runs: Path) -> None:
    where = ["--data", str(runs / "data"), "--generator"]
    assert _evaluate(runs, "generator", *where, str(runs / "generator-vanilla"))["n"] > 0
    by_turn = _evaluate(runs, "generator", *where, str(runs / "generator-strategy"), "--unit", "turn")
    assert "turns-not-first" in by_turn["signature"]


def test_generators_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = runs / "compared"
    where = ["--data", str(runs / "data"), "--seeds", "2", "--out", str(out / "vanilla"), "--generator"]
    _evaluate(runs, "generator", *where, str(runs / "generator-vanilla"), "--plan", "joint")
    where[5] = str(out / "strategy")
    for plan in ("oracle", "joint"):
        _evaluate(runs, "generator", *where, str(runs / "generator-strategy"), "--plan", plan)
    files = [f"--{kind}={out / f'table.{kind}'}" for kind in ("html", "latex", "text")]
    capsys.readouterr()
    result = _evaluate(runs, "compare", str(out / "vanilla"), str(out / "strategy"), *files)
    assert list(result["systems"]) == ["generator-vanilla", "generator-strategy, oracle", "generator-strategy, joint"]
    (table,) = result["details"]["tables"]
    assert table["reference"] == "generator-vanilla"
    assert set(table["differences"]) == {"generator-strategy, oracle", "generator-strategy, joint"}
    printed = capsys.readouterr().out
    assert "BlenderBot_small-90M Oracle" in printed and "18.61" in printed
    assert (out / "table.text").read_text(encoding="utf-8").strip() == printed.strip()
    assert (out / "table.html").is_file() and (out / "table.latex").is_file()
    one = str(out / "strategy" / "evaluations" / "valid-message-joint")
    assert list(_evaluate(runs, "compare", one)["systems"]) == ["generator-strategy, joint"]
    lines = f"{one}/responses.jsonl"
    scores = _evaluate(runs, "score", "--outputs", lines)["systems"]["hypotheses"]
    assert scores["bleu_2"]["value"] >= 0


def test_corpus_and_score(runs: Path) -> None:
    page, picture = runs / "corpus.html", runs / "progress.png"
    result = _evaluate(runs, "corpus", "--data", str(runs / "data"), "--html", str(page), "--figure", str(picture))
    assert list(result["systems"]) == ["train", "valid", "all"]
    assert result["systems"]["all"]["dialogues"]["value"] == result["details"]["sizes"]["dialogues"] == 16
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert picture.read_bytes().startswith(b"\x89PNG")
    for name, lines in (("h.txt", "i am here\nhow are you\n"), ("r.txt", "i am here\nwho are you\n")):
        (runs / name).write_text(lines)
    scores = _evaluate(runs, "score", "--hypotheses", str(runs / "h.txt"), "--references", str(runs / "r.txt"))
    assert scores["systems"]["hypotheses"]["bleu_1"]["value"] == pytest.approx(100 * 5 / 6)


def test_a_tagger_measures_adherence_beside_memorisation(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, tagger = str(runs / "data"), runs / "tagger"
    for _ in range(2):  # the second time it is shown
        _train("tagger", "--data", data, "--out", str(tagger))
        printed = capsys.readouterr().out
        assert "scoring" in printed and "choosing" in printed and "macro-F1" in printed and "finished" in printed
    assert {"tagger.json", "tagger.safetensors", "config.json", "manifest.json"} <= {
        one.name for one in tagger.iterdir()
    }
    valid = json.loads((tagger / "metrics.json").read_text())["valid"]
    assert set(valid) == {"scoring", "choosing"}
    for scores in valid.values():
        assert sum(map(sum, scores["confusion"])) == scores["n"]
        assert scores["accuracy"]["low"] <= scores["accuracy"]["value"] <= scores["accuracy"]["high"]
    where = ["--data", data, "--generator", str(runs / "generator-strategy"), "--out", str(runs / "tagged")]
    plain = _evaluate(runs, "generator", *where, "--encoder", "none")
    said = capsys.readouterr().out
    assert "skipped: Adherence, Adh. gold, Adh./gold (no --tagger RUN: train.py tagger makes one)" in said
    result = _evaluate(runs, "generator", *where, "--tagger", str(tagger), "--train-data", data)
    known = result["systems"]["generator-strategy"]
    assert not {"similarity", "adherence"} & set(plain["systems"]["generator-strategy"])
    assert {
        "ppl_word", "adherence", "adherence_gold", "adherence_ratio", "similarity", "repetition", "repetition_history",
        "retrieval_rank", "memorised_8grams", "memorised_8grams_gold", "memorised_messages",
    } <= set(known)  # fmt: skip
    assert all(field in result["signature"] for field in ("|encoder:", "|tagger:", "|training:"))
    stored = runs / "tagged" / "evaluations" / "valid-message-oracle"
    scored = ["--outputs", str(stored / "responses.jsonl"), "--tagger", str(tagger), "--train-data", data]
    again = _evaluate(runs, "score", *scored)["systems"]["hypotheses"]
    for metric in ("adherence", "adherence_ratio", "similarity", "repetition", "memorised_8grams"):
        assert again[metric]["value"] == known[metric]["value"]
    assert "adherence" in _evaluate(runs, "compare", str(runs / "tagged"))["systems"]["generator-strategy, oracle"]


def test_a_finished_run_is_not_trained_again(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (runs / "one-by-one" / "members.safetensors").stat().st_mtime_ns
    out = str(runs / "one-by-one")
    _train("planner", "--data", str(runs / "data"), "--mode", "one-by-one", "--out", out, *_SMALL_PLANNER)
    assert (runs / "one-by-one" / "members.safetensors").stat().st_mtime_ns == before
    assert "finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        ("evaluate", ["planner", "--data", "nowhere"], "nowhere: does not exist"),
        (
            "evaluate",
            ["planner", "--data", "{data}", "--split", "test"],
            "no split 'test', expected one of train, valid",
        ),
        ("evaluate", ["planner", "--planner", "nowhere"], "nowhere: no such run folder"),
        ("evaluate", ["planner", "--columns", "emr", "bleu"], "columns: unknown metric 'bleu', expected some of"),
        ("evaluate", ["generator", "--generator", "nowhere"], "nowhere: no finished generator run"),
        ("evaluate", ["generator", "--data", "{data}", "--generator", "{gen}", "--plan", "planner"], "needs a planner"),
        ("evaluate", ["score", "--hypotheses", "a", "--references", "b"], "cannot score"),
        ("evaluate", ["score", "--hypotheses", "a", "--references", "b", "--tagger", "no"], "no: no such run folder"),
        ("evaluate", ["score", "--hypotheses", "a"], "expected either --outputs FILE, or"),
        ("evaluate", ["generator", "--generator", "blenderbot"], "--out FOLDER says where"),
        ("evaluate", ["compare", "{data}"], "no stored evaluation"),
        ("train", ["planner", "--ensemble.dropout", "2"], "ensemble.dropout: got 2"),
        ("train", ["generator", "--data", "{data}", "--backbone", "nowhere", "--out", "{new}"], "nowhere"),
        ("train", ["planner", "--data", "{data}", "--out", "{gen}"], "holds another run"),
    ],
)
def test_mistakes_are_one_line(
    runs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no waiting for a network
    places = {"data": runs / "data", "gen": runs / "generator-strategy", "new": runs / "new"}
    filled = [argument.format(**places) for argument in arguments]
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        commands = sys.modules[f"cli.{program}"].COMMANDS
        run_command(commands, filled, program=f"{program}.py")
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"{program}.py")
    assert said in last


def test_cache_is_shown_and_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESC_CACHE", str(tmp_path))
    for name in ("embeddings/a.sqlite", "weights/smollm2/model.safetensors", "weights/.smollm2.partial/0.part", "mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(1000))
    assert _evaluate(tmp_path, "cache")["bytes"] == {"embeddings": 1000, "smollm2": 2000}
    assert "0.0 MB  smollm2" in capsys.readouterr().out
    assert _evaluate(tmp_path, "cache", "--empty", "smollm2")["emptied"] == ["smollm2"]
    assert _evaluate(tmp_path, "cache")["bytes"] == {"embeddings": 1000}
    with pytest.raises(SystemExit):
        _evaluate(tmp_path, "cache", "--empty", "smollm2")
    assert "nothing is named 'smollm2', expected all, embeddings" in capsys.readouterr().err
    _evaluate(tmp_path, "cache", "--empty", "all")
    assert _evaluate(tmp_path, "cache")["bytes"] == {}
    assert (tmp_path / "mine").is_file(), "what is not the program's stays"
