"""Everything that decides how a planner is trained. Field documentation is the command line's help."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["one-by-one", "all-in-one"]
Decoding = Literal["expected-lr", "most-probable"]


@dataclass(frozen=True)
class PlannerConfig:
    """Settings of planner training: encoding, network, cloning, PPO, decoding."""

    mode: Mode = "one-by-one"
    """How PPO acts and is paid: one-by-one: a strategy per step until STOP; all-in-one: a whole plan per action."""
    encoder: str = "all-MiniLM-L6-v2"
    """Sentence encoder: a name, hub id or folder of a sentence-transformers model."""
    window: int = 3
    """Last messages of the history that are seen one by one (messages)."""
    max_strategies: int = 3
    """Longest plan (strategies, at most 4); evaluation never cuts gold plans."""
    words: int = 1000
    """Vocabulary of the linear member on words: the most frequent words of the training messages."""
    members: int = 5
    """Networks with a hidden layer whose probabilities are averaged."""
    width: int = 256
    """Hidden units of each member."""
    dropout: float = 0.5
    """Share of hidden units dropped while cloning (0 to 1)."""
    input_dropout: float = 0.5
    """Share of history features dropped while cloning (0 to 1)."""
    cloning_epochs: int = 8
    """Passes over the training decisions by behaviour cloning; the epoch of lowest validation loss is kept."""
    cloning_batch: int = 128
    """Decisions per cloning step and member."""
    cloning_rate: float = 5e-4
    """Peak learning rate of cloning (AdamW, one cycle)."""
    weight_decay: float = 0.1
    """Decoupled weight decay of cloning."""
    ppo_steps: int = 40_000
    """Environment steps of PPO; 0 leaves the cloned planner as it is."""
    ppo_envs: int = 64
    """Parallel environments of PPO."""
    ppo_rollout: int = 32
    """Steps per environment between two PPO updates."""
    ppo_batch: int = 512
    """Environment steps per PPO gradient step."""
    ppo_epochs: int = 4
    """Passes over each PPO rollout."""
    ppo_rate: float = 1e-4
    """Learning rate of PPO (Adam)."""
    ppo_kl: float = 1.0
    """Weight of the divergence from the cloned policy in PPO's objective (per nat)."""
    stop_reward: float = 0.2
    """Reward for a plan that stops where the gold plan does, beside the Levenshtein ratio of weight 1."""
    decoding: Decoding = "expected-lr"
    """Which plan is made: highest expected Levenshtein ratio, or the most probable one."""

    def __post_init__(self) -> None:
        counts = ("window", "words", "members", "width", "cloning_epochs", "cloning_batch")
        for name in (*counts, "ppo_envs", "ppo_rollout", "ppo_batch", "ppo_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected at least 1")
        for name in ("dropout", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 to below 1")
        for name in ("ppo_steps", "ppo_kl", "weight_decay", "stop_reward"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 or more")
        for name in ("cloning_rate", "ppo_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected more than 0")
        if min(self.ppo_batch, self.ppo_envs * self.ppo_rollout) < 2:
            raise ValueError("ppo_batch and ppo_envs * ppo_rollout: expected at least 2, advantages are normalised")
