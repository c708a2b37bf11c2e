"""Everything that decides how a planner is trained in conversations. Field documentation is the command line's help."""

from dataclasses import dataclass
from math import inf


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
