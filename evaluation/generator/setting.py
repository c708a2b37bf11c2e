"""How a generator was asked to write in one evaluation: its name in folders and tables, and what cannot be asked."""

from dataclasses import dataclass

from evaluation.plan_source import PLAN_SOURCES

UNITS = ("message", "turn")
NO_PLAN = "none"  # plan source of a generator without strategies
WHOLE_TURNS = ("all-in-one", "one-by-one")  # variants that choose themselves how many messages a turn has


@dataclass(frozen=True)
class GeneratorSetting:
    """One generator under one plan source.

    Attributes:
        generator: Its name: that of the run folder.
        variant: ``vanilla``, ``strategy``, ``all-in-one`` or ``one-by-one``.
        backbone: What it was trained from, e.g. ``blenderbot``; ``tiny-...`` began with random weights.
        fine_tuned: Whether it was trained on dialogues at all.
        unit: ``message`` or ``turn``: what is written and compared.
        plan: ``oracle``, ``joint``, ``random``, ``planner``; ``none`` of a generator without strategies.
        planner: Name of the planner that made plans or reasoning; empty without one.
        reasoning: Whether its reasoning was given as prefix.
        seeds: How often the texts were sampled.
    """

    generator: str
    variant: str
    backbone: str
    fine_tuned: bool
    unit: str
    plan: str
    planner: str = ""
    reasoning: bool = False
    seeds: int = 1

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit: got {self.unit!r}, expected one of {', '.join(UNITS)}")
        if self.plan not in (*PLAN_SOURCES, NO_PLAN):
            raise ValueError(f"unknown plan source {self.plan!r}, expected one of {', '.join(PLAN_SOURCES)}")
        if self.seeds < 1:
            raise ValueError(f"seeds: got {self.seeds}, expected at least 1")
        if (self.plan == NO_PLAN) != (self.variant == "vanilla"):
            raise ValueError(f"variant {self.variant} does not go with the plan source {self.plan!r}")
        if self.unit == "message" and self.variant in WHOLE_TURNS:
            raise ValueError(f"variant {self.variant} writes whole turns and is scored by them: --unit turn")
        if self.plan == "planner" and not self.planner:
            raise ValueError("plan source 'planner' needs a planner")
        if self.reasoning and not self.planner:
            raise ValueError("reasoning needs a planner to come from: --planner RUN")
        if self.planner and self.plan != "planner" and not self.reasoning:
            raise ValueError(f"plan source {self.plan!r} takes no planner, got {self.planner}")

    def folder(self, split: str) -> str:
        """Name of the folder an evaluation on a split is kept in, e.g. ``valid-turn-planner-best-reasoning``."""
        planner = [self.planner.replace("/", "-").replace(" ", "-").replace(",", "")] if self.planner else []
        return "-".join([split, self.unit, self.plan, *planner, *(["reasoning"] if self.reasoning else [])])

    @property
    def manner(self) -> str:
        """How it was asked, for tables beside the generator's name; empty where there is nothing to say."""
        if self.plan == NO_PLAN:
            source = "" if self.fine_tuned else "no fine-tuning"
        else:
            source = f"plan {self.planner}" if self.plan == "planner" else self.plan
        if not self.reasoning:
            return source
        reasoning = "reasoning" if self.plan == "planner" else f"reasoning of {self.planner}"
        return f"{source} + {reasoning}" if source else reasoning

    @property
    def row(self) -> str:
        """Name of a row in a table of several settings."""
        return f"{self.generator}, {self.manner}" if self.manner else self.generator


def plan_source(variant: str, asked: str | None) -> str:
    """The plan source of a generator.

    Args:
        variant: Its variant.
        asked: What was asked for; ``None``: ``oracle``, or of a generator without strategies what it does anyway.

    Raises:
        ValueError: A generator without strategies is asked to follow plans.
    """
    if variant != "vanilla":
        return asked or "oracle"
    if asked not in (None, "joint"):
        raise ValueError(
            f"variant vanilla knows no strategies and follows no plan: --plan {asked} needs another variant"
        )
    return NO_PLAN


def default_unit(variant: str) -> str:
    """Whole turns for a variant that writes them, else single messages."""
    return "turn" if variant in WHOLE_TURNS else "message"
