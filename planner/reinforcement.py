"""PPO in the turn environments: from the cloned planner towards plans that match whole gold turns."""

import copy
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from env.turn_task import TurnTask
from env.turn_vector_env import AllInOneVectorEnv, OneByOneVectorEnv
from planner.checkpoint import Checkpoint, module_tensors, optimizer_tensors, restore_module, restore_optimizer
from planner.config import PlannerConfig
from planner.deliberation import DeliberationNetwork
from planner.policy import AllInOnePolicy, OneByOnePolicy
from planner.sb3_vec_env import TurnVecEnv
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

_PARTS = {
    "one-by-one": (OneByOneVectorEnv, OneByOnePolicy),
    "all-in-one": (AllInOneVectorEnv, AllInOnePolicy),
}
# Validation scores of a planner in training: name -> value. The one called "lr" is maximised.
Validate = Callable[[DeliberationNetwork], dict[str, float]]
# How much message macro-F1 (points) PPO may give up for LR: without a limit it collapses to frequent strategies.
_ALLOWED_F1_LOSS = 0.5


def improve_by_ppo(
    network: DeliberationNetwork,
    task: TurnTask,
    *,
    config: PlannerConfig,
    validate: Validate,
    seed: int,
    folder: Path,
    log: TrainingLog,
) -> None:
    """Trains the network in place with SB3's PPO; keeps the checkpoint of highest validation LR.

    Candidates are the start and the policy at ten or more moments after it, as long as message macro-F1 stays within
    0.5 points of the start's. State is saved after every rollout: a killed run goes on from there and ends alike.

    Args:
        network: The cloned planner; ends with the best candidate's weights.
        task: Training turns; what stands before each is the members' cross-fitted beliefs.
        config: Settings of PPO.
        validate: Scores a candidate on validation data; must give ``lr`` and ``macro_f1``.
        seed: Seeds the environments and the policy's draws.
        folder: Where the state is kept.
        log: Receives ``ppo/*`` curves by environment step.
    """
    environment_class, policy_class = _PARTS[config.mode]
    refine = config.reasoning == "rl"
    environment = TurnVecEnv(
        environment_class(
            config.ppo_envs,
            task=task,
            stop=config.stop_reward,
            exact=config.exact_reward,
            reasoning=config.reasoning_reward if refine else 0.0,
            balance=config.reward_balance,
        ),
        seed=seed,
    )
    model = PPO(
        policy_class,
        environment,
        learning_rate=config.ppo_rate,
        n_steps=config.ppo_rollout,
        batch_size=min(config.ppo_batch, config.ppo_rollout * config.ppo_envs),
        n_epochs=config.ppo_epochs,
        gamma=1.0,  # a turn has a few steps and its return is the plan's score: nothing to discount
        ent_coef=config.ppo_kl,
        policy_kwargs={"network": network, "refine_reasoning": config.reasoning != "supervised"},
        seed=seed,
        device=network.device,
    )
    keeper = _Keeper(config=config, validate=validate, checkpoint=Checkpoint(folder), log=log)
    done = keeper.resume(model, environment)
    if not done:
        keeper.consider(network, step=0)
    if done < config.ppo_steps:
        model.learn(config.ppo_steps - done, callback=keeper, reset_num_timesteps=not done)
    network.load_state_dict(keeper.best)


class _Keeper(BaseCallback):
    """Validates, keeps the best, saves the state after every rollout and shows progress."""

    def __init__(self, *, config: PlannerConfig, validate: Validate, checkpoint: Checkpoint, log: TrainingLog) -> None:
        super().__init__()
        self._config = config
        self._validate = validate
        self._checkpoint = checkpoint
        self._log = log
        rollouts = max(1, config.ppo_steps // (config.ppo_envs * config.ppo_rollout))
        self._every = max(1, rollouts // 10)
        self._rollouts = 0
        self._began, self._resumed_at = time.perf_counter(), 0
        self._mark = self._began  # where the rollout or update at hand began
        self._acting = self._updating = 0.0  # seconds of rollouts and of updates
        self._progress = tqdm(total=config.ppo_steps, desc="ppo", unit="step")
        self.best: dict[str, torch.Tensor] = {}
        self.best_scores: dict[str, float] = {}
        self.start_scores: dict[str, float] = {}

    def consider(self, network: DeliberationNetwork, *, step: int) -> None:
        """Validates a candidate and keeps it if it is the best allowed one."""
        scores = self._validate(network)
        for name, value in scores.items():
            self._log.add(f"ppo/valid_{name}", value, step=step)
        if not self.start_scores:
            self.start_scores = scores
        allowed = scores["macro_f1"] >= self.start_scores["macro_f1"] - _ALLOWED_F1_LOSS
        if not self.best or (allowed and scores["lr"] > self.best_scores["lr"]):
            self.best, self.best_scores = copy.deepcopy(network.state_dict()), scores
        self._progress.set_postfix(lr=f"{scores['lr']:.2f}", best=f"{self.best_scores['lr']:.2f}")

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        """Runs after the update of the rollout before; nothing is saved before the first."""
        if self.num_timesteps and self._rollouts:
            self._after_update()
        self._mark = time.perf_counter()

    def _on_rollout_end(self) -> None:
        self._rollouts += 1
        now = time.perf_counter()
        self._acting, self._mark = self._acting + now - self._mark, now
        returns = [episode["r"] for episode in self.model.ep_info_buffer or []]
        if returns:
            self._log.add("ppo/train_return", float(np.mean(returns)), step=self.num_timesteps)
        self._progress.update(self.num_timesteps - self._progress.n)

    def _on_training_end(self) -> None:
        self._after_update()
        self._progress.close()

    def _after_update(self) -> None:
        self._updating += time.perf_counter() - self._mark
        if self._rollouts % self._every == 0 or self.num_timesteps >= self._config.ppo_steps:
            policy: Any = self.model.policy
            self.consider(policy.network, step=self.num_timesteps)
        rate = (self.num_timesteps - self._resumed_at) / (time.perf_counter() - self._began)
        self._log.add("ppo/steps_per_second", rate, step=self.num_timesteps)
        for name, value in self._shares().items():
            self._log.add(f"ppo/{name}", value, step=self.num_timesteps)
        self._save()

    def _shares(self) -> dict[str, float]:
        """Where PPO's time goes, percent of rollouts and updates; validation and saving stand outside of both."""
        model: Any = self.model
        busy = max(self._acting + self._updating, 1e-9)
        policy = model.policy.seconds + self._updating
        return {"policy_share": 100 * policy / busy, "environment_share": 100 * model.env.seconds / busy}

    def _save(self) -> None:
        model: Any = self.model
        environment: TurnVecEnv = model.env
        state = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in environment.state().items()
        }
        self._log.save()
        self._checkpoint.save(
            {
                "step": self.num_timesteps,
                "rollouts": self._rollouts,
                "updates": model._n_updates,
                "best_scores": self.best_scores,
                "start_scores": self.start_scores,
                "environment": state,
                "episode_starts": np.asarray(model._last_episode_starts).tolist(),
                "numpy_rng": _global_numpy_state(),
            },
            tensors=module_tensors(model.policy.network, prefix="network")
            | module_tensors(model.policy.reference, prefix="reference")
            | {f"best.{name}": tensor for name, tensor in self.best.items()}
            | optimizer_tensors(model.policy.optimizer, prefix="optimizer")
            | {"torch_rng": torch.get_rng_state()},
        )

    def resume(self, model: PPO, environment: TurnVecEnv) -> int:
        """Puts a saved state back into model and environment; returns the environment steps done so far."""
        if not self._checkpoint.exists():
            return 0
        values, tensors = self._checkpoint.load()
        policy: Any = model.policy
        restore_module(policy.network, tensors, prefix="network")
        restore_module(policy.reference, tensors, prefix="reference")
        restore_optimizer(policy.optimizer, tensors, prefix="optimizer")
        self.best = {name.removeprefix("best."): t for name, t in tensors.items() if name.startswith("best.")}
        self.best_scores, self.start_scores = values["best_scores"], values["start_scores"]
        self._rollouts = values["rollouts"]
        model.num_timesteps, model._n_updates = values["step"], values["updates"]
        model._last_obs = environment.restore(values["environment"])
        model._last_episode_starts = np.array(values["episode_starts"])
        torch.set_rng_state(tensors["torch_rng"])
        _restore_global_numpy_state(values["numpy_rng"])
        self._resumed_at = values["step"]
        self._progress.update(values["step"])
        logger.info("PPO goes on after %d steps", values["step"])
        return int(values["step"])


def _global_numpy_state() -> dict[str, Any]:
    """State of numpy's global generator, from which SB3's rollout buffer draws its permutations."""
    name, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    return {"name": name, "keys": np.asarray(keys).tolist(), "position": position, "gauss": [has_gauss, gauss]}


def _restore_global_numpy_state(state: dict[str, Any]) -> None:
    np.random.set_state((state["name"], np.array(state["keys"], np.uint32), state["position"], *state["gauss"]))  # noqa: NPY002
