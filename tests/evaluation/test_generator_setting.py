import pytest

from evaluation.generator.setting import GeneratorSetting, default_unit, plan_source

OPTIONS = {"generator": "gen", "backbone": "blenderbot", "fine_tuned": True, "unit": "message"}


def setting(variant: str = "strategy", plan: str = "oracle", **options: object) -> GeneratorSetting:
    return GeneratorSetting(**{**OPTIONS, "variant": variant, "plan": plan, **options})


@pytest.mark.parametrize(
    ("one", "folder", "row"),
    [
        (setting(), "valid-message-oracle", "gen, oracle"),
        (setting(plan="joint", unit="turn"), "valid-turn-joint", "gen, joint"),
        (setting("vanilla", "none"), "valid-message-none", "gen"),
        (setting("vanilla", "none", fine_tuned=False), "valid-message-none", "gen, no fine-tuning"),
        (setting(plan="planner", planner="best"), "valid-message-planner-best", "gen, plan best"),
        (
            setting("one-by-one", "planner", planner="best", reasoning=True, unit="turn"),
            "valid-turn-planner-best-reasoning",
            "gen, plan best + reasoning",
        ),
        (
            setting(plan="joint", planner="best", reasoning=True),
            "valid-message-joint-best-reasoning",
            "gen, joint + reasoning of best",
        ),
        (
            setting("vanilla", "none", planner="best, exact weight 1", reasoning=True),
            "valid-message-none-best-exact-weight-1-reasoning",
            "gen, reasoning of best, exact weight 1",
        ),
    ],
)
def test_names_tell_settings_apart(one: GeneratorSetting, folder: str, row: str):
    assert (one.folder("valid"), one.row) == (folder, row)


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
        ({"reasoning": True}, "reasoning needs a planner to come from: --planner RUN"),
        ({"planner": "best"}, "plan source 'oracle' takes no planner, got best"),
    ],
)
def test_what_cannot_be_asked(options: dict, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        setting(**options)


def test_a_vanilla_generator_follows_no_plan():
    assert plan_source("vanilla", None) == plan_source("vanilla", "joint") == "none"
    assert (plan_source("strategy", None), plan_source("all-in-one", "joint")) == ("oracle", "joint")
    with pytest.raises(ValueError, match="variant vanilla knows no strategies and follows no plan: --plan oracle"):
        plan_source("vanilla", "oracle")


def test_default_units():
    assert [default_unit(variant) for variant in ("vanilla", "strategy", "all-in-one", "one-by-one")] == [
        "message", "message", "turn", "turn",
    ]  # fmt: skip
