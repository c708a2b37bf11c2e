import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from evaluation.generator import system as system_module
from evaluation.generator.system import LoadedGenerator, TextSystem, load_generator

OPTIONS = {"generator": "gen", "backbone": "blenderbot", "fine_tuned": True, "unit": "message"}


def system(variant: str = "strategy", plan: str = "oracle", **options: object) -> TextSystem:
    return TextSystem(**{**OPTIONS, "variant": variant, "plan": plan, **options})


@pytest.mark.parametrize(
    ("one", "folder", "row"),
    [
        (system(), "valid-message-oracle", "gen, oracle"),
        (system(plan="joint", unit="turn"), "valid-turn-joint", "gen, joint"),
        (system("vanilla", "none"), "valid-message-none", "gen"),
        (system("vanilla", "none", fine_tuned=False), "valid-message-none", "gen, no fine-tuning"),
        (system(plan="planner", planner="best"), "valid-message-planner-best", "gen, plan best"),
        (
            system("one-by-one", "planner", planner="best", reasoning=True, unit="turn"),
            "valid-turn-planner-best-reasoning",
            "gen, plan best + reasoning",
        ),
        (
            system(plan="joint", planner="best", reasoning=True),
            "valid-message-joint-best-reasoning",
            "gen, joint + reasoning of best",
        ),
        (
            system("vanilla", "none", planner="best, exact weight 1", reasoning=True),
            "valid-message-none-best-exact-weight-1-reasoning",
            "gen, reasoning of best, exact weight 1",
        ),
    ],
)
def test_names_tell_systems_apart(one: TextSystem, folder: str, row: str):
    assert (one.folder("valid"), one.label) == (folder, row)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"unit": "word"}, "unit: got 'word'"),
        ({"plan": "guess"}, "unknown plan source 'guess'"),
        ({"seeds": 0}, "seeds: got 0, expected at least 1"),
        ({"variant": "vanilla"}, "variant vanilla does not go with the plan source 'oracle'"),
        ({"variant": "all-in-one"}, "variant all-in-one writes whole turns and is scored by them: --unit turn"),
        ({"variant": "one-by-one", "plan": "joint"}, "variant one-by-one writes whole turns"),
        ({"plan": "planner"}, "plan source 'planner' needs a planner"),
        ({"reasoning": True}, "--reasoning needs a planner: --planner RUN"),
        ({"planner": "best"}, "plan source 'oracle' takes no planner, got best"),
    ],
)
def test_what_cannot_be_asked(options: dict, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        system(**options)


def test_prompts_and_candidates_tell_systems_apart():
    told = system(fine_tuned=False, prompt="few-shot-0a1b2c3d")
    best = system(candidates=8, chooser="0a1b2c3d-s1-i1-r2")
    assert (told.folder("valid"), best.folder("valid")) == (
        "valid-message-oracle-few-shot",
        "valid-message-oracle-best-of-8",
    )
    assert (told.label, best.label) == ("gen, oracle, few-shot", "gen, oracle, best of 8")


def test_a_prompted_model_chooses_no_strategies():
    prompted = LoadedGenerator(
        SimpleNamespace(variant="strategy"), "g", Path("g"), "smollm2", False, prompt="zero-shot-0"
    )
    assert prompted.system().plan == "oracle"
    with pytest.raises(ValueError, match="a prompted model is told its strategies"):
        prompted.system(plan="joint")


def loaded(variant: str) -> LoadedGenerator:
    return LoadedGenerator(SimpleNamespace(variant=variant), "gen", Path("gen"), "blenderbot", True)


def test_a_vanilla_generator_follows_no_plan():
    assert loaded("vanilla").system().plan == loaded("vanilla").system(plan="joint").plan == "none"
    assert (loaded("strategy").system().plan, loaded("all-in-one").system(plan="joint").plan) == ("oracle", "joint")
    with pytest.raises(ValueError, match="variant vanilla knows no strategies and follows no plan: --plan oracle"):
        loaded("vanilla").system(plan="oracle")


def test_the_unit_is_the_turn_where_the_variant_writes_turns():
    units = {variant: loaded(variant).system().unit for variant in ("vanilla", "strategy", "all-in-one", "one-by-one")}
    assert units == {"vanilla": "message", "strategy": "message", "all-in-one": "turn", "one-by-one": "turn"}
    assert loaded("strategy").system(unit="turn").unit == "turn"


@pytest.fixture()
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was asked to be loaded; nothing is."""
    asked: list[tuple[str, str]] = []

    def load(where: Path, *, batch_size: int, precision: str, **_: object) -> SimpleNamespace:
        asked.append(("run", str(where)))
        return SimpleNamespace(batch_size=batch_size, precision=precision)

    def pretrained(where: str, *, like: Path | None, batch_size: int, precision: str) -> SimpleNamespace:
        asked.append(("bare", where if like is None else f"{where} like {like}"))
        return SimpleNamespace(batch_size=batch_size, precision=precision)

    fake = SimpleNamespace(load=load, pretrained=pretrained)
    monkeypatch.setattr(system_module, "Realizer", fake)
    monkeypatch.setattr(system_module, "load_writer", load)
    monkeypatch.setattr(
        system_module, "read_summary", lambda folder: SimpleNamespace(config={"backbone": "tiny-blenderbot"})
    )
    return asked


def test_a_run(tmp_path: Path, loads):
    (tmp_path / "gen").mkdir()
    (tmp_path / "gen" / "generator.json").write_text("{}")
    found = load_generator(str(tmp_path / "gen"), out=None)
    assert (found.name, found.folder, found.backbone, found.fine_tuned) == (
        "gen", tmp_path / "gen", "tiny-blenderbot", True,
    )  # fmt: skip
    assert load_generator(str(tmp_path / "gen"), out=tmp_path / "else").folder == tmp_path / "else"
    assert loads == [("run", str(tmp_path / "gen"))] * 2
    with pytest.raises(ValueError, match=r"--like is for a backbone without fine-tuning: the run .*gen has lengths"):
        load_generator(str(tmp_path / "gen"), out=None, like=tmp_path)


def test_backbones_without_fine_tuning(tmp_path: Path, loads):
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    for where in ("blenderbot", "facebook/blenderbot_small-90M", str(weights)):
        found = load_generator(where, out=tmp_path / "bare")
        assert (found.name, found.folder, found.backbone, found.fine_tuned) == (
            "bare", tmp_path / "bare", where, False,
        )  # fmt: skip
    assert [kind for kind, _ in loads] == ["bare"] * 3
    load_generator("dialogpt", out=tmp_path / "bare", like=tmp_path / "run")
    assert loads[-1] == ("bare", f"dialogpt like {tmp_path / 'run'}")
    with pytest.raises(ValueError, match="dialogpt is a backbone and no run folder: --out FOLDER says"):
        load_generator("dialogpt", out=None)


def test_batch_size_and_precision(tmp_path: Path, loads, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "generator.json").write_text("{}")
    for where in (str(tmp_path), "dialogpt"):
        realizer = load_generator(where, out=tmp_path).realizer
        assert (realizer.batch_size, realizer.precision) == (64, "fp32")
        realizer = load_generator(where, out=tmp_path, batch_size=8, precision="bf16").realizer
        assert (realizer.batch_size, realizer.precision) == (8, "bf16")
        monkeypatch.setattr(system_module, "resolve_precision", lambda asked, _: {"auto": "bf16"}.get(asked, asked))
        assert load_generator(where, out=tmp_path, precision="auto").realizer.precision == "bf16"
        with pytest.raises(ValueError, match="batch_size: got 0, expected at least 1"):
            load_generator(where, out=tmp_path, batch_size=0)


def test_neither(tmp_path: Path, loads):
    (tmp_path / "config.json").write_text(json.dumps({"config": {"backbone": "gpt2"}}))  # a run that never finished
    for where in ("nowhere", str(tmp_path), "./no/where"):
        with pytest.raises(ValueError, match=f"{where}: no finished generator run, expected generator.json in it; nor"):
            load_generator(where, out=tmp_path)
    assert loads == []
