"""What a planner's run folder holds: settings as JSON, a lexicon, and weights as safetensors; nothing is pickled."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from corpus.files import replace_whole, write_whole
from corpus.strategy import Strategy
from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from encoding.tfidf import TfidfEncoder
from planner.base_models.ensemble import EnsembleNetwork, EnsembleShape
from planner.base_models.predictions import PredictionLayout
from planner.base_models.stacking import Stacking
from planner.config import DecodingRule, Mode, ReasoningMode
from planner.policy.network import PolicyNetwork
from planner.policy.plan_space import PlanSpace

_SETTINGS = "planner.json"
_MEMBERS = "members.safetensors"
_DELIBERATION = "deliberation.safetensors"
_LEXICON = "lexicon.json"
JUDGES = "judges.safetensors"
READERS = "readers.safetensors"


@dataclass(frozen=True)
class FineTunedEncoderSettings:
    """How the readers read.

    Attributes:
        folds: Number of readers.
        tokens: Longest history (tokens).
        frozen_layers: Lowest layers that are the pretrained ones.
    """

    folds: int
    tokens: int
    frozen_layers: int


@dataclass(frozen=True)
class PlannerSettings:
    """What a run folder says beside the weights.

    Attributes:
        mode: ``one-by-one`` or ``all-in-one``.
        reasoning_mode: ``none``, ``supervised`` or ``rl``.
        decoding: How a plan is chosen.
        exact_weight: What an exact match counts in choosing it.
        encoder: Name or path of the sentence encoder.
        encoder_fingerprint: Digest of the encoder the weights belong to.
        window: W of the observer.
        max_strategies: K, longest plan.
        shape: Sizes of the members.
        deliberation_width: Hidden units of the deliberating network.
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        readers: How the readers read; ``None`` without readers.
        offsets: Additive offsets of the message protocol's decision, 8 numbers.
        several_weight: What an exact match counts in addition where the plan has several strategies.
        judges: Whether judges have a say.
    """

    mode: Mode
    reasoning_mode: ReasoningMode
    decoding: DecodingRule
    exact_weight: float
    encoder: str
    encoder_fingerprint: str
    window: int
    max_strategies: int
    shape: EnsembleShape
    deliberation_width: int
    reasoning: ReasoningCodec | None
    readers: FineTunedEncoderSettings | None
    offsets: tuple[float, ...] = (0.0,) * len(Strategy)
    several_weight: float = 0.0
    judges: bool = False

    @property
    def layout(self) -> PredictionLayout:
        """Where things stand in the planner's beliefs."""
        space = PlanSpace(PlanCodec(self.max_strategies))
        return PredictionLayout(space=space, reasoning=self.reasoning, readers=self.readers is not None)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "reasoning": self.reasoning and self.reasoning.to_json()}

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> "PlannerSettings":
        """Reads what :meth:`to_json` wrote."""
        reasoning, readers = written["reasoning"], written["readers"]
        return cls(
            **{
                **written,
                "shape": EnsembleShape(**written["shape"]),
                "reasoning": None if reasoning is None else ReasoningCodec.from_json(reasoning),
                "readers": None if readers is None else FineTunedEncoderSettings(**readers),
                "offsets": tuple(written["offsets"]),
            }
        )


@dataclass(frozen=True)
class PlannerParts:
    """What is loaded at once, without an encoder.

    Attributes:
        settings: How to decide.
        members: Trained members.
        deliberation: The trained network on top of them.
        words: The lexical half of the observer's text_encoder.
        judges: Trees on top of what members and readers believe; ``None`` without judges.
    """

    settings: PlannerSettings
    members: EnsembleNetwork
    deliberation: PolicyNetwork
    words: TfidfEncoder
    judges: Stacking | None = None

    def save(self, run: Path) -> None:
        """Writes everything into a run folder; the settings last."""
        for name, module in ((_MEMBERS, self.members), (_DELIBERATION, self.deliberation)):
            _save_module(run / name, module)
        self.words.save(run / _LEXICON)
        if self.judges is not None:
            self.judges.save(run / JUDGES)
        write_whole(run / _SETTINGS, json.dumps(self.settings.to_json(), indent=2) + "\n")

    @classmethod
    def load(cls, run: Path) -> "PlannerParts":
        """Reads a run folder.

        Raises:
            ValueError: No planner there, or a damaged one.
        """
        if not (run / _SETTINGS).is_file() or not (run / _MEMBERS).is_file():
            raise ValueError(f"{run}: no trained planner, expected {_SETTINGS} and {_MEMBERS}")
        try:
            settings = PlannerSettings.from_json(json.loads((run / _SETTINGS).read_text(encoding="utf-8")))
            members = EnsembleNetwork(settings.shape, dropout=0.0, input_dropout=0.0)
            members.load_state_dict(load_file(run / _MEMBERS))
            deliberation = PolicyNetwork(settings.layout, width=settings.deliberation_width, dropout=0.0)
            deliberation.load_state_dict(load_file(run / _DELIBERATION))
            words = TfidfEncoder.load(run / _LEXICON)
            judges = None
            if settings.judges:
                judges = Stacking.load(run / JUDGES, settings.layout, folds=settings.shape.folds)
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, SafetensorError) as error:
            reason = " ".join(str(error).split())  # torch writes a line per tensor
            raise ValueError(f"{run}: damaged planner ({type(error).__name__}: {reason})") from error
        return cls(settings, members, deliberation, words, judges)


def _save_module(path: Path, module: nn.Module) -> None:
    with replace_whole(path) as temporary:
        save_file({name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}, temporary)
