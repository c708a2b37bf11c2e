"""Settings of planner training: in turns (:class:`PlannerConfig`) and in whole dialogues (:class:`DialogueConfig`).

The documentation of a field is its help on the command line, where nested fields have dotted names (``--ppo.kl``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from env.actions import Mode
from env.rewards import DialogueRewardWeights, RewardWeights
from language_models.settings import check_number

ReasoningMode = Literal["none", "supervised", "rl"]
DecodingRule = Literal["expected-lr", "most-probable"]


def _check(part: str, config: object, names: str, **limits: float) -> None:
    """Refuses values of some fields, named with a space between, by :func:`language_models.settings.check_number`."""
    for name in names.split():
        check_number(f"{part}.{name}" if part else name, getattr(config, name), **limits)


@dataclass(frozen=True)
class EnsembleConfig:
    """The ensemble of base models: networks and linear models on sentence embeddings, linear models on words."""

    models: tuple[str, ...] = ("linear-embedding", "linear-words", "networks")
    """Kinds of base models, in the order of training; planner/base_models has a module for each."""
    words: int = 1000
    """Vocabulary of the linear models on words: the most frequent words of the training messages."""
    networks: int = 5
    """Networks with one hidden layer; a multiple of --folds."""
    width: int = 256
    """Hidden units of each network."""
    dropout: float = 0.5
    """Share of hidden units dropped in training (0 to below 1)."""
    input_dropout: float = 0.5
    """Share of history features dropped in training (0 to below 1)."""
    epochs: int = 8
    """Passes of the networks over the training decisions; the epoch of lowest validation loss is selected."""
    batch: int = 128
    """Decisions per gradient step and network."""
    rate: float = 5e-4
    """Peak learning rate of the networks (AdamW, one cycle)."""
    weight_decay: float = 0.1
    """Decoupled weight decay of AdamW (0 or more)."""

    def __post_init__(self) -> None:
        _check("ensemble", self, "words networks width epochs batch", least=1)
        _check("ensemble", self, "dropout input_dropout", least=0, below=1)
        _check("ensemble", self, "rate", above=0)
        _check("ensemble", self, "weight_decay", least=0)


@dataclass(frozen=True)
class FineTuningConfig:
    """Fine-tuning of the sentence encoder on strategies, once for each fold."""

    epochs: int | None = None
    """Passes of each fold's encoder over the training histories; None: no encoder is fine-tuned."""
    tokens: int = 112
    """Longest history that the encoder reads (tokens, at least 32)."""
    rate: float = 8e-5
    """Peak learning rate of the top layer (AdamW; lower layers less)."""
    frozen_layers: int = 2
    """Number of lowest layers whose pretrained weights are not changed."""
    dropout: float = 0.3
    """Share of an encoder's outputs dropped in training (0 to below 1)."""

    def __post_init__(self) -> None:
        _check("fine_tuning", self, "epochs", least=1)
        _check("fine_tuning", self, "tokens", least=32)
        _check("fine_tuning", self, "rate", above=0)
        _check("fine_tuning", self, "frozen_layers", least=0)
        _check("fine_tuning", self, "dropout", least=0, below=1)


@dataclass(frozen=True)
class StackingConfig:
    """Stacking: trees on top of the predictions of ensemble and fine-tuned encoders."""

    trees: int | None = None
    """Trees in each fold's forest; None: no stacking."""

    def __post_init__(self) -> None:
        _check("stacking", self, "trees", least=1)


@dataclass(frozen=True)
class PolicyConfig:
    """The policy network, which PPO trains, and its behaviour cloning."""

    width: int = 128
    """Hidden units of the policy network."""
    epochs: int = 8
    """Passes of behaviour cloning over the training decisions; the epoch of lowest validation loss is selected."""
    rate: float = 3e-4
    """Peak learning rate of behaviour cloning (AdamW, one cycle)."""

    def __post_init__(self) -> None:
        _check("policy", self, "width epochs", least=1)
        _check("policy", self, "rate", above=0)


@dataclass(frozen=True)
class PPOConfig:
    """Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347)."""

    steps: int = 200_000
    """Environment steps in all; train.py planner also takes 0, which leaves the cloned policy as it is."""
    envs: int = 256
    """Environments that are stepped together."""
    rollout: int = 32
    """Steps per environment between two updates."""
    batch: int = 2048
    """Environment steps per gradient step."""
    epochs: int = 4
    """Passes over each rollout (all steps between two updates)."""
    rate: float = 3e-4
    """Learning rate (Adam)."""
    clip: float = 0.2
    """Clip range of the probability ratio of new to old policy, on either side of 1 (above 0)."""
    kl: float = 1.0
    """Weight of the KL divergence from the starting policy in the objective (per nat, 0 or more)."""
    gamma: float = 1.0
    """Discount per step (above 0 to 1)."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation (0 to 1; Schulman et al. 2016, arXiv 1506.02438)."""

    def __post_init__(self) -> None:
        _check("ppo", self, "steps kl", least=0)
        _check("ppo", self, "envs rollout batch epochs", least=1)
        _check("ppo", self, "rate clip", above=0)
        _check("ppo", self, "gamma", above=0, most=1)
        _check("ppo", self, "gae_lambda", least=0, most=1)
        if min(self.batch, self.envs * self.rollout) < 2:
            raise ValueError("ppo.batch, ppo.envs * ppo.rollout: expected at least 2, advantages are normalised")


@dataclass(frozen=True)
class PlanDecodingConfig:
    """How one plan is taken from the distribution over plans."""

    rule: DecodingRule = "expected-lr"
    """expected-lr: plan of highest expected Levenshtein ratio (minimum Bayes risk); most-probable: likeliest plan."""
    exact_weight: float = 0.0
    """With rule expected-lr: weight of an exact match beside the Levenshtein ratio (0 or more)."""
    multi_strategy_weight: float = 0.0
    """With rule expected-lr: additional weight of an exact match of two or more strategies (0 or more)."""

    def __post_init__(self) -> None:
        _check("decoding", self, "exact_weight multi_strategy_weight", least=0)


@dataclass(frozen=True)
class PlannerConfig:
    """Settings of planner training in turns."""

    mode: Mode = "one-by-one"
    """What one action of PPO is: one-by-one: one reasoning slot, strategy or STOP; all-in-one: a whole plan."""
    reasoning: ReasoningMode = "rl"
    """Explicit reasoning before the plan: none; supervised: learned from annotations; rl: then refined by PPO."""
    encoder: str = "all-MiniLM-L6-v2"
    """Sentence encoder: name, hub id or folder of a sentence-transformers model."""
    window: int = 3
    """Number of last messages of the history that are encoded one by one."""
    max_strategies: int = 3
    """Longest plan that is made (strategies, 1 to 4); evaluation never shortens annotated plans."""
    folds: int = 5
    """Parts of the training dialogues (2 or more); base models trained without a part predict it (out of fold)."""
    ensemble: EnsembleConfig = field(default_factory=EnsembleConfig)
    fine_tuning: FineTuningConfig = field(default_factory=FineTuningConfig)
    stacking: StackingConfig = field(default_factory=StackingConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    reward: RewardWeights = field(default_factory=RewardWeights)
    decoding: PlanDecodingConfig = field(default_factory=PlanDecodingConfig)

    def __post_init__(self) -> None:
        _check("", self, "window", least=1)
        _check("", self, "max_strategies", least=1, most=4)
        _check("", self, "folds", least=2)
        if self.ensemble.networks % self.folds:
            raise ValueError(
                f"ensemble.networks: got {self.ensemble.networks}, expected a multiple of the {self.folds} folds"
            )


@dataclass(frozen=True)
class SelectionConfig:
    """How a checkpoint of PPO is selected: by success in dialogues with held-out seekers, within limits."""

    seekers: int = 128
    """Training seekers that PPO never meets; dialogues with them select the checkpoint (1 or more)."""
    trials: int = 4
    """Dialogues of each checkpoint with each held-out seeker."""
    f1_loss: float = 2.0
    """Most macro-F1 (message protocol, out of fold, points) that a checkpoint may lose against the start."""
    highest_bias: float = 0.6
    """Largest preference bias B of a checkpoint in dialogues; where all exceed it, the start is selected."""
    least_entropy: float = 0.8
    """Least entropy of a checkpoint's strategies in dialogues, as a share of the start's (0 to 1)."""

    def __post_init__(self) -> None:
        _check("selection", self, "seekers trials", least=1)
        _check("selection", self, "f1_loss highest_bias", least=0)
        _check("selection", self, "least_entropy", least=0, most=1)


def _dialogue_ppo() -> PPOConfig:
    return PPOConfig(
        steps=400_000, rollout=64, batch=4096, rate=1e-3, kl=0.05, gamma=0.995, gae_lambda=0.98
    )  # a step is a choice of a reasoning slot, a strategy or STOP (one-by-one), or a whole turn (all-in-one)


@dataclass(frozen=True)
class DialogueConfig:
    """Settings of planner training in dialogues with a simulated seeker."""

    max_turns: int = 10
    """Supporter turns after which a dialogue is cut off."""
    ppo: PPOConfig = field(default_factory=_dialogue_ppo)
    reward: DialogueRewardWeights = field(default_factory=DialogueRewardWeights)
    selection: SelectionConfig = field(default_factory=SelectionConfig)

    def __post_init__(self) -> None:
        _check("", self, "max_turns", least=1)
        _check("ppo", self.ppo, "steps", least=1)


# Earlier, flat names -> today's. The two configurations had no name in common.
RENAMED: dict[str, str] = {
    **{name: f"ensemble.{name}" for name in ("words", "width", "dropout", "input_dropout", "weight_decay")},
    "members": "ensemble.networks",
    **{f"cloning_{name}": f"ensemble.{name}" for name in ("epochs", "batch", "rate")},
    **{f"reader_{name}": f"fine_tuning.{name}" for name in ("epochs", "tokens", "rate", "frozen_layers", "dropout")},
    "judge_trees": "stacking.trees",
    **{f"deliberation_{name}": f"policy.{name}" for name in ("width", "epochs", "rate")},
    **{f"ppo_{name}": f"ppo.{name}" for name in ("steps", "envs", "rollout", "batch", "epochs", "rate", "kl")},
    **{f"{name}_reward": f"reward.{name}" for name in ("stop", "exact", "reasoning")},
    "reward_balance": "reward.balance",
    "decoding": "decoding.rule",
    "exact_weight": "decoding.exact_weight",
    "several_weight": "decoding.multi_strategy_weight",
    **{name: f"ppo.{name}" for name in ("steps", "envs", "rollout", "batch", "epochs", "rate", "kl")},
    **{name: f"ppo.{name}" for name in ("gamma", "gae_lambda")},
    "kept_apart": "selection.seekers",
    **{name: f"selection.{name}" for name in ("trials", "f1_loss", "highest_bias", "least_entropy")},
}
_NONE_WAS_0 = ("fine_tuning.epochs", "stacking.trees")


def upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an earlier, flat ``config.json`` or preset as today's nested ones; nested ones stay as they are.

    Args:
        values: By field; unknown fields are passed on, for the caller to refuse.
    """
    nested: dict[str, Any] = {}
    for name, value in values.items():
        if name not in RENAMED or isinstance(value, Mapping):
            nested[name] = {**nested.get(name, {}), **value} if isinstance(value, Mapping) else value
            continue
        part, _, leaf = RENAMED[name].partition(".")
        given = None if RENAMED[name] in _NONE_WAS_0 and value == 0 else value
        nested[part] = {**nested.get(part, {}), leaf: given}
    return nested
