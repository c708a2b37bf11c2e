"""Everything that decides how a planner is trained. Field documentation is the command line's help.

Everything that decides how a planner is trained in conversations. Field documentation is the command line's help.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

Mode = Literal["one-by-one", "all-in-one"]
ReasoningMode = Literal["none", "supervised", "rl"]
Decoding = Literal["expected-lr", "most-probable"]


@dataclass(frozen=True)
class PlannerConfig:
    """Settings of planner training: encoding, members, readers, judges, deliberation, PPO, decoding."""

    mode: Mode = "one-by-one"
    """How PPO acts and is paid: one-by-one: a slot per step until STOP; all-in-one: a whole plan per action."""
    reasoning: ReasoningMode = "rl"
    """Cognitive reasoning before strategies: none; supervised: learned from annotations; rl: and refined by PPO."""
    encoder: str = "all-MiniLM-L6-v2"
    """Sentence encoder: a name, hub id or folder of a sentence-transformers model."""
    window: int = 3
    """Last messages of the history that are seen one by one (messages)."""
    max_strategies: int = 3
    """Longest plan (strategies, at most 4); evaluation never cuts gold plans."""
    folds: int = 5
    """Parts of the training dialogues; every part is kept from some members, which judge it as if it were new."""
    words: int = 1000
    """Vocabulary of the linear members on words: the most frequent words of the training messages."""
    members: int = 5
    """Networks with a hidden layer, a multiple of folds."""
    width: int = 256
    """Hidden units of each member."""
    dropout: float = 0.5
    """Share of hidden units dropped while cloning (0 to 1)."""
    input_dropout: float = 0.5
    """Share of history features dropped while cloning (0 to 1)."""
    cloning_epochs: int = 8
    """Passes of the members over the training decisions; the epoch of lowest validation loss is kept."""
    cloning_batch: int = 128
    """Decisions per cloning step and member."""
    cloning_rate: float = 5e-4
    """Peak learning rate of cloning (AdamW, one cycle)."""
    weight_decay: float = 0.1
    """Decoupled weight decay of cloning."""
    reader_epochs: int = 0
    """Passes of each fold's fine-tuned sentence encoder over the histories; 0: no readers."""
    reader_tokens: int = 112
    """Longest history a reader reads (tokens)."""
    reader_rate: float = 8e-5
    """Peak learning rate of a reader's top layer (AdamW; lower layers less)."""
    reader_frozen_layers: int = 2
    """Lowest layers of the readers that stay as they were pretrained."""
    reader_dropout: float = 0.3
    """Share of a reader's outputs dropped in training (0 to 1)."""
    judge_trees: int = 0
    """Trees in each fold's forest that judges histories by what members and readers believe of them; 0: no judges."""
    deliberation_width: int = 128
    """Hidden units of the network that PPO trains on top of the members' beliefs."""
    deliberation_epochs: int = 8
    """Passes of the deliberating network over the training decisions; the epoch of lowest validation loss is kept."""
    deliberation_rate: float = 3e-4
    """Peak learning rate of the deliberating network while cloning (AdamW, one cycle)."""
    ppo_steps: int = 200_000
    """Environment steps of PPO; 0 leaves the cloned planner as it is."""
    ppo_envs: int = 256
    """Parallel environments of PPO."""
    ppo_rollout: int = 32
    """Steps per environment between two PPO updates."""
    ppo_batch: int = 2048
    """Environment steps per PPO gradient step."""
    ppo_epochs: int = 4
    """Passes over each PPO rollout."""
    ppo_rate: float = 3e-4
    """Learning rate of PPO (Adam)."""
    ppo_kl: float = 1.0
    """Weight of the divergence from the cloned policy in PPO's objective (per nat)."""
    stop_reward: float = 0.2
    """Reward for a plan that stops where the gold plan does, beside the Levenshtein ratio of weight 1."""
    exact_reward: float = 0.0
    """Reward for a plan that equals the gold plan."""
    reasoning_reward: float = 0.1
    """Reward for each reasoning slot that is right (reasoning rl only)."""
    reward_balance: float = 0.0
    """How much more a turn pays if its first strategy is rare: frequency to the power of minus this (0 to 1)."""
    decoding: Decoding = "expected-lr"
    """Which plan is made: highest expected Levenshtein ratio (with exact_weight), or the most probable one."""
    exact_weight: float = 0.0
    """What an exact match counts beside the Levenshtein ratio in expected-lr decoding."""
    several_weight: float = 0.0
    """What an exact match counts in addition where the plan has several strategies, in expected-lr decoding."""

    def __post_init__(self) -> None:
        counts = ("window", "folds", "words", "members", "width", "cloning_epochs", "cloning_batch")
        later = ("deliberation_width", "deliberation_epochs", "ppo_envs", "ppo_rollout", "ppo_batch", "ppo_epochs")
        for name in (*counts, *later):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if self.folds < 2 or self.members % self.folds:
            raise ValueError(
                f"folds, members: got {self.folds}, {self.members}, expected at least 2 folds and a multiple of them"
            )
        if self.reader_tokens < 32:
            raise ValueError(f"reader_tokens: got {self.reader_tokens}, expected at least 32")
        for name in ("dropout", "input_dropout", "reader_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 to below 1")
        rewards = ("stop_reward", "exact_reward", "reasoning_reward", "reward_balance")
        weights = ("ppo_kl", "weight_decay", "exact_weight", "several_weight")
        for name in ("ppo_steps", "reader_epochs", "reader_frozen_layers", "judge_trees", *rewards, *weights):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 or more")
        for name in ("cloning_rate", "reader_rate", "deliberation_rate", "ppo_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected more than 0")
        if min(self.ppo_batch, self.ppo_envs * self.ppo_rollout) < 2:
            raise ValueError("ppo_batch and ppo_envs * ppo_rollout: expected at least 2, advantages are normalised")


@dataclass(frozen=True)
class DialogueConfig:
    """Settings of PPO in the dialogue environments, and of how its candidates are judged."""

    steps: int = 400_000
    """Environment steps of PPO: choices of a reasoning slot, a strategy or STOP (one-by-one), whole turns (all-in-one);
    at least 1."""
    envs: int = 256
    """Conversations side by side."""
    rollout: int = 64
    """Steps per conversation between two PPO updates."""
    batch: int = 4096
    """Steps per PPO gradient step."""
    epochs: int = 4
    """Passes over each PPO rollout."""
    rate: float = 1e-3
    """Learning rate of PPO (Adam)."""
    kl: float = 0.05
    """Weight of the divergence from the starting policy in PPO's objective (per nat and choice)."""
    gamma: float = 0.995
    """Discount per step (above 0 to 1)."""
    gae_lambda: float = 0.98
    """Lambda of generalised advantage estimation (0 to 1)."""
    max_turns: int = 10
    """Supporter turns after which a conversation is cut off."""
    kept_apart: int = 128
    """Training seekers that PPO never meets: conversations with them choose among its candidates."""
    trials: int = 4
    """Conversations of each candidate with each seeker kept apart."""
    f1_loss: float = 2.0
    """How much message macro-F1 on training turns, by members that never saw them, a candidate may lose (points)."""
    highest_bias: float = 0.6
    """Largest preference bias B of a candidate's plans in conversations; no candidate is kept where all are above."""
    least_entropy: float = 0.8
    """Least entropy of a candidate's strategies in conversations, as share of the start's (0 to 1)."""

    def __post_init__(self) -> None:
        for name in ("steps", "envs", "rollout", "batch", "epochs", "max_turns", "kept_apart", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if min(self.batch, self.envs * self.rollout) < 2:
            raise ValueError("batch and envs * rollout: expected at least 2, advantages are normalised")
        if not 0 < self.rate < inf:
            raise ValueError(f"rate: got {self.rate}, expected more than 0")
        for name in ("kl", "f1_loss", "highest_bias"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 or more")
        if not 0 < self.gamma <= 1:
            raise ValueError(f"gamma: got {self.gamma}, expected above 0 to 1")
        for name in ("gae_lambda", "least_entropy"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 to 1")
