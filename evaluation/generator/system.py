"""A system whose texts are scored: a generator under one plan source, its names in folders and tables, and its loading.

Systems of Liu et al., ACL 2021, section 6: one generator gives the rows Oracle, Joint and Random.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from corpus.dialogue import Dialogue
from corpus.strategy import Strategy
from evaluation.plan_source import PLAN_SOURCES
from generator.choosing import SampleChooser
from generator.files import SUMMARY, read_summary
from generator.prompting import PromptedFormat, ShownExchange, choose_examples, prompted_realizer
from generator.realizer import Realizer
from generator.turn_writer import TurnWriter, load_writer
from language_models.backbone import pretrained_names
from language_models.precision import default_device, resolve_precision
from language_models.settings import check_number

UNITS = ("message", "turn")
NO_PLAN = "none"  # plan source of a generator without strategies
WHOLE_TURNS = ("all-in-one", "one-by-one")  # variants that choose themselves how many messages a turn has


@dataclass(frozen=True)
class TextSystem:
    """One generator under one plan source.

    Attributes:
        generator: Its name: that of the run folder.
        variant: ``vanilla``, ``strategy``, ``all-in-one`` or ``one-by-one``.
        backbone: What it was trained from, e.g. ``blenderbot``; ``tiny-...`` began with random weights.
        fine_tuned: Whether it was trained on dialogues at all.
        unit: ``message`` or ``turn``: what is written and compared.
        plan: Plan source: ``oracle``, ``joint``, ``random``, ``planner``; ``none`` of a generator without strategies.
        planner: Name of the planner that made plans or reasoning; empty without one.
        reasoning: Whether its reasoning was given as prefix.
        seeds: Sampling runs.
        history: Longest history in messages; ``None``: as in training.
        items: How many messages or turns of a split are scored; ``None``: all.
        prompt: How a model without fine-tuning is told its strategies: ``zero-shot`` or ``few-shot`` with a digest of
            the words; ``None`` for every other.
        candidates: Samples of every message, of which the best is taken; ``None``: one is written.
        chooser: What takes it: the tagger's digest and the weights.

    Raises:
        ValueError: Fields that do not go together; names them.
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
    history: int | None = None
    items: int | None = None
    prompt: str | None = None
    candidates: int | None = None
    chooser: str | None = None

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
            raise ValueError("plan source 'planner' needs a planner: --planner RUN")
        if self.reasoning and not self.planner:
            raise ValueError("--reasoning needs a planner: --planner RUN")
        if self.planner and self.plan != "planner" and not self.reasoning:
            raise ValueError(f"plan source {self.plan!r} takes no planner, got {self.planner}")

    def folder(self, split: str) -> str:
        """Name of the folder that stores its evaluation on a split, e.g. ``valid-turn-planner-best-reasoning``."""
        planner = [self.planner.replace("/", "-").replace(" ", "-").replace(",", "")] if self.planner else []
        parts = {
            "reasoning": self.reasoning,
            self._prompt: self.prompt,
            f"best-of-{self.candidates}": self.candidates,
            f"history{self.history}": self.history,
            f"items{self.items}": self.items,
        }
        return "-".join([split, self.unit, self.plan, *planner, *(name for name, given in parts.items() if given)])

    @property
    def condition(self) -> str:
        """Plan source, reasoning and history, for tables beside the generator's name; empty of a fine-tuned Vanilla."""
        history = "" if self.history is None else f"{self.history} messages"
        return ", ".join(part for part in (self._asked, history) if part)

    @property
    def _asked(self) -> str:
        if self.plan == NO_PLAN:
            source = "" if self.fine_tuned else "no fine-tuning"
        else:
            source = f"plan {self.planner}" if self.plan == "planner" else self.plan
        if self.reasoning:
            reasoning = "reasoning" if self.plan == "planner" else f"reasoning of {self.planner}"
            source = f"{source} + {reasoning}" if source else reasoning
        best = "" if self.candidates is None else f"best of {self.candidates}"
        return ", ".join(part for part in (source, self._prompt, best) if part)

    @property
    def _prompt(self) -> str:
        """The kind of prompt without its digest."""
        return (self.prompt or "").rpartition("-")[0]

    @property
    def label(self) -> str:
        """Name of its row in a table."""
        return f"{self.generator}, {self.condition}" if self.condition else self.generator


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator with what an evaluation says of it.

    Attributes:
        folder: Where its evaluations are stored.
        backbone: What it was trained from.
        fine_tuned: Whether it was trained on dialogues at all.
        history: Longest history in messages that it reads; ``None``: as in training.
        prompt: As in :class:`TextSystem`.
        chooser: What takes the best of several samples, if anything does.
    """

    realizer: TurnWriter
    name: str
    folder: Path
    backbone: str
    fine_tuned: bool
    history: int | None = None
    prompt: str | None = None
    chooser: SampleChooser | None = None

    def system(
        self,
        *,
        plan: str | None = None,
        unit: str | None = None,
        planner: str = "",
        reasoning: bool = False,
        seeds: int = 1,
        items: int | None = None,
    ) -> TextSystem:
        """The generator as a system.

        Args:
            plan: Plan source; ``None``: ``oracle``, of a vanilla generator ``none``.
            unit: ``message`` or ``turn``; ``None``: turns for a variant that writes whole turns, else messages.

        Raises:
            ValueError: A generator without strategies is asked to follow plans, or as :class:`TextSystem`.
        """
        variant = self.realizer.variant
        if variant == "vanilla" and plan not in (None, "joint"):
            raise ValueError(
                f"variant vanilla knows no strategies and follows no plan: --plan {plan} needs another variant"
            )
        if self.prompt and plan == "joint":
            raise ValueError(
                "a prompted model is told its strategies and chooses none: --plan joint needs a trained one"
            )
        return TextSystem(
            generator=self.name,
            variant=variant,
            backbone=self.backbone,
            fine_tuned=self.fine_tuned,
            unit=unit or ("turn" if variant in WHOLE_TURNS else "message"),
            plan=NO_PLAN if variant == "vanilla" else plan or "oracle",
            planner=planner,
            reasoning=reasoning,
            seeds=seeds,
            history=self.history,
            items=items,
            prompt=self.prompt,
            candidates=None if self.chooser is None else self.chooser.candidates,
            chooser=None if self.chooser is None else str(self.chooser),
        )


@dataclass(frozen=True)
class Prompting:
    """How a model without fine-tuning is told strategies.

    Attributes:
        kind: ``zero-shot`` or ``few-shot``.
        examples: Exchanges of each strategy; ``None``: zero-shot.
    """

    kind: str
    examples: dict[Strategy, list[ShownExchange]] | None = None

    @classmethod
    def of(cls, kind: str, train: Sequence[Dialogue], *, rng: np.random.Generator) -> "Prompting":
        """With examples out of training dialogues where it is few-shot."""
        return cls(kind, choose_examples(train, rng=rng) if kind == "few-shot" else None)


def load_generator(
    where: str,
    *,
    out: Path | None,
    like: Path | None = None,
    batch_size: int = 64,
    precision: str = "fp32",
    history_messages: int | None = None,
    prompting: Prompting | None = None,
    chooser: SampleChooser | None = None,
) -> LoadedGenerator:
    """Loads a generator.

    Args:
        where: Run folder; or ``blenderbot``, ``dialogpt``, a hub id, or a folder made by ``save_pretrained``, which are
            taken without fine-tuning.
        out: Folder for its evaluations; by default its run folder. A backbone has none and needs it.
        like: Run whose lengths and sampling settings a backbone takes; a run has its own.
        precision: ``bf16``, ``fp32``, or ``auto``: ``bf16`` where the hardware multiplies it natively.
        history_messages: Longest history it reads; ``None``: as in training.
        prompting: How a backbone is told strategies; ``None``: not, it is evaluated as ``vanilla``.
        chooser: Takes the best of several samples of every message.

    Raises:
        ValueError: A batch size or history below 1, neither kind of generator, a backbone without ``out``, a run with
            ``like`` or ``prompting``, a retrieval generator with a chooser, or weights that cannot be loaded.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    check_number("history_messages", history_messages, least=1)
    precision = resolve_precision(precision, default_device())
    folder = Path(where)
    if (folder / SUMMARY).is_file():
        if like is not None:
            raise ValueError(
                f"--like is for a backbone without fine-tuning: the run {where} has lengths and decoding of its own"
            )
        if prompting is not None:
            raise ValueError(f"--prompted is for a backbone without fine-tuning: the run {where} has strategy tokens")
        backbone = str(read_summary(folder).config["backbone"])
        writer = load_writer(folder, batch_size=batch_size, precision=precision, chooser=chooser)
        _limit_history(writer, history_messages)
        return LoadedGenerator(
            writer, folder.resolve().name, out or folder, backbone, True, history_messages, chooser=chooser
        )
    named = where in pretrained_names() or (
        not folder.exists() and where.count("/") == 1 and not where.startswith((".", "~", "/"))
    )
    if not named and not _is_backbone(folder):
        raise ValueError(
            f"{where}: no finished generator run, expected {SUMMARY} in it; nor a pretrained backbone: "
            f"{', '.join(pretrained_names())}, a hub id (owner/name), or a folder made by save_pretrained"
        )
    if out is None:
        raise ValueError(f"{where} is a backbone and no run folder: --out FOLDER says where its evaluation is stored")
    prompt = None
    if prompting is None:
        realizer = Realizer.pretrained(where, like=like, batch_size=batch_size, precision=precision)
    else:
        realizer = prompted_realizer(
            where, examples=prompting.examples, like=like, batch_size=batch_size, precision=precision
        )
        assert isinstance(realizer.form, PromptedFormat)
        prompt = f"{prompting.kind}-{realizer.form.digest}"
    realizer.chooser = chooser
    _limit_history(realizer, history_messages)
    return LoadedGenerator(realizer, out.resolve().name, out, where, False, history_messages, prompt, chooser)


def _limit_history(writer: TurnWriter, messages: int | None) -> None:
    if messages is None:
        return
    if not isinstance(writer, Realizer):
        raise ValueError("--history-messages: a retrieval generator reads whole histories")
    writer.form.lengths = replace(writer.form.lengths, history_messages=messages)


def _is_backbone(folder: Path) -> bool:
    """Whether a folder looks like one of ``save_pretrained``: a run folder's config.json names no kind of model."""
    try:
        return "model_type" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
