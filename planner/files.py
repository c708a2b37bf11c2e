"""A planner's run folder: settings as JSON, a lexicon, and weights as safetensors; nothing is pickled.

File names, JSON keys and names of tensors are those of the first version, so that every run folder loads. They are
translated here and nowhere else.
"""

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from corpus.files import replace_whole, write_whole
from corpus.strategy import Strategy
from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from encoding.sentence_encoder import SentenceEncoder
from encoding.tfidf import TfidfEncoder
from env.rewards import DialogueRewardWeights
from planner.base_models.ensemble import Ensemble, EnsembleShape
from planner.base_models.fine_tuned_encoder import FineTunedEncoders
from planner.base_models.predictions import PredictionLayout
from planner.base_models.stacking import Stacking
from planner.config import Mode, PlanDecodingConfig, ReasoningMode, upgraded
from planner.plan_distribution import PlanSpace
from planner.policy.network import PolicyNetwork

SETTINGS = "planner.json"
STACKING = "judges.safetensors"
_ENSEMBLE = "members.safetensors"
_POLICY = "deliberation.safetensors"
_FINE_TUNED = "readers.safetensors"
_LEXICON = "lexicon.json"

# Names of the ensemble's tensors: here -> in the file.
_TENSORS = {
    "models.networks.": "",
    "models.linear-embedding.weight": "linear_meaning",
    "models.linear-words.weight": "linear_words",
}
_CONSTANTS = ("meaning_columns", "words_columns", "gain")  # older files hold what follows from the shape
# Keys of planner.json: here -> in the file.
_KEYS = {"policy_width": "deliberation_width", "fine_tuned": "readers", "stacking": "judges"}
_SHAPE_KEYS = {"embedding": "meaning", "networks": "members"}


@dataclass(frozen=True)
class FineTunedEncoderSettings:
    """Sizes of the fine-tuned encoders.

    Attributes:
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
        encoder: Name or path of the sentence encoder.
        encoder_fingerprint: Digest of the encoder the weights belong to.
        window: W of the observer.
        max_strategies: K, longest plan.
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        fine_tuned: Sizes of the fine-tuned encoders; ``None`` without any.
        stacking: Whether there are trees on top of the predictions.
        decoding: How a plan is taken from the distribution over plans.
        offsets: Additive class offsets of the message protocol, 8 numbers.
    """

    mode: Mode
    reasoning_mode: ReasoningMode
    encoder: str
    encoder_fingerprint: str
    window: int
    max_strategies: int
    shape: EnsembleShape
    policy_width: int
    reasoning: ReasoningCodec | None = None
    fine_tuned: FineTunedEncoderSettings | None = None
    stacking: bool = False
    decoding: PlanDecodingConfig = field(default_factory=PlanDecodingConfig)
    offsets: tuple[float, ...] = (0.0,) * len(Strategy)

    @property
    def layout(self) -> PredictionLayout:
        """Of the planner's predictions."""
        space = PlanSpace(PlanCodec(self.max_strategies))
        return PredictionLayout(space=space, reasoning=self.reasoning, fine_tuned=self.fine_tuned is not None)

    def to_json(self) -> dict[str, Any]:
        """The contents of ``planner.json``."""
        values = asdict(self)
        return {
            **{_KEYS.get(name, name): value for name, value in values.items()},
            "reasoning": self.reasoning and self.reasoning.to_json(),
            "shape": {_SHAPE_KEYS.get(name, name): value for name, value in values["shape"].items()},
            "decoding": self.decoding.rule,
            "exact_weight": self.decoding.exact_weight,
            "several_weight": self.decoding.multi_strategy_weight,
        }

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> "PlannerSettings":
        """Reads what :meth:`to_json` gave, in this version or an earlier one."""
        values = {**written}
        shape = {**values.pop("shape")}
        for names, found in ((_KEYS, values), (_SHAPE_KEYS, shape)):
            found |= {here: found.pop(there) for here, there in names.items() if there in found}
        if "models" in shape:
            shape["models"] = tuple(shape["models"])
        reasoning, fine_tuned = values.pop("reasoning"), values.pop("fine_tuned")
        decoding = PlanDecodingConfig(
            rule=values.pop("decoding"),
            exact_weight=values.pop("exact_weight"),
            multi_strategy_weight=values.pop("several_weight", 0.0),
        )
        return cls(
            **{**values, "offsets": tuple(values["offsets"])},
            shape=EnsembleShape(**shape),
            reasoning=None if reasoning is None else ReasoningCodec.from_json(reasoning),
            fine_tuned=None if fine_tuned is None else FineTunedEncoderSettings(**fine_tuned),
            decoding=decoding,
        )


@dataclass(frozen=True)
class PlannerParts:
    """What is loaded at once, without a sentence encoder.

    Attributes:
        words: The lexical half of the observer's text encoder.
        stacking: Trees on top of the predictions; ``None`` without stacking.
    """

    settings: PlannerSettings
    ensemble: Ensemble
    policy: PolicyNetwork
    words: TfidfEncoder
    stacking: Stacking | None = None

    def with_settings(self, **changes: Any) -> "PlannerParts":
        """The same parts with other settings."""
        return replace(self, settings=replace(self.settings, **changes))

    def save(self, run: Path) -> None:
        """Writes everything into a run folder; the settings last."""
        _save(run / _ENSEMBLE, {_in_file(name): tensor for name, tensor in self.ensemble.state_dict().items()})
        _save(run / _POLICY, self.policy.state_dict())
        self.words.save(run / _LEXICON)
        if self.stacking is not None:
            self.stacking.save(run / STACKING)
        write_whole(run / SETTINGS, json.dumps(self.settings.to_json(), indent=2) + "\n")

    @classmethod
    def load(cls, run: Path) -> "PlannerParts":
        """Loads a run folder.

        Raises:
            ValueError: No planner there, or a damaged one.
        """
        if not (run / SETTINGS).is_file() or not (run / _ENSEMBLE).is_file():
            raise ValueError(f"{run}: no trained planner, expected {SETTINGS} and {_ENSEMBLE}")
        try:
            settings = PlannerSettings.from_json(json.loads((run / SETTINGS).read_text(encoding="utf-8")))
            ensemble = Ensemble(settings.shape).eval()
            stored = {name: tensor for name, tensor in load_file(run / _ENSEMBLE).items() if name not in _CONSTANTS}
            own = {_in_file(name): name for name in ensemble.state_dict()}
            ensemble.load_state_dict({own.get(name, name): tensor for name, tensor in stored.items()})
            policy = PolicyNetwork(settings.layout, width=settings.policy_width, dropout=0.0)
            policy.load_state_dict(load_file(run / _POLICY))
            words = TfidfEncoder.load(run / _LEXICON)
            stacking = None
            if settings.stacking:
                stacking = Stacking.load(run / STACKING, settings.layout, folds=settings.shape.folds)
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, SafetensorError) as error:
            reason = " ".join(str(error).split())  # torch writes a line per tensor
            raise ValueError(f"{run}: damaged planner ({type(error).__name__}: {reason})") from error
        return cls(settings, ensemble, policy, words, stacking)


def dialogue_reward(run: Path) -> DialogueRewardWeights | None:
    """The weights under which a planner was trained in dialogues; ``None`` where it was not.

    Raises:
        ValueError: The run's configuration is damaged.
    """
    path = run / "config.json"
    if not path.is_file():
        return None
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        if written.get("command") != "dialogue":
            return None
        return DialogueRewardWeights(**upgraded(written["config"]).get("reward", {}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({type(error).__name__}: {error})") from error


def save_fine_tuned(run: Path, fine_tuned: FineTunedEncoders) -> None:
    """Writes fine-tuned encoders into a run folder, which shares them with the planners in its folders."""
    fine_tuned.save(run / _FINE_TUNED)


def load_fine_tuned(run: Path, encoder: SentenceEncoder, settings: FineTunedEncoderSettings) -> FineTunedEncoders:
    """Loads the fine-tuned encoders of a run folder, or of the one around it.

    Raises:
        ValueError: There are none, or others.
    """
    return FineTunedEncoders.load(_fine_tuned(run), encoder, **asdict(settings))


def copy_fine_tuned(start: Path, out: Path) -> None:
    """Copies a run's fine-tuned encoders, where it has any: a run folder holds everything needed to use it."""
    if (source := _fine_tuned(start)).is_file():
        with replace_whole(out / _FINE_TUNED) as path:
            shutil.copyfile(source, path)


def _fine_tuned(run: Path) -> Path:
    return (run if (run / _FINE_TUNED).is_file() else run.parent) / _FINE_TUNED


def _in_file(name: str) -> str:
    for here, there in _TENSORS.items():
        if name.startswith(here):
            return there + name.removeprefix(here)
    return name


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    with replace_whole(path) as temporary:
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary)
