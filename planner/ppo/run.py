"""PPO (stable-baselines3) on the policy network and its value head; nothing else is trained. Runs can be resumed."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from env.sb3 import BatchVecEnv
from planner.checkpoint import (
    Checkpoint,
    check_finite,
    module_tensors,
    optimizer_tensors,
    restore_module,
    restore_optimizer,
)
from planner.config import PPOConfig
from planner.policy.network import PolicyNetwork
from planner.policy.sb3_policies import AllInOnePolicy, OneByOnePolicy
from planner.ppo.checkpoint_selection import CheckpointSelection
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

PolicyClass = type[OneByOnePolicy] | type[AllInOnePolicy]

_ENVIRONMENT = "environment."
_CHECKPOINTS = 10  # validated at least, where there are as many rollouts


def run_ppo(
    network: PolicyNetwork,
    environment: BatchVecEnv,
    *,
    policy: PolicyClass,
    config: PPOConfig,
    refine_reasoning: bool,
    selection: CheckpointSelection,
    checkpoint: Checkpoint,
    log: TrainingLog,
    seed: int,
    watched: Mapping[str, Callable[[], float]] | None = None,
) -> None:
    """Trains the network in place; it ends with the weights of the selected checkpoint.

    Validated are the start and the policy after at least ten rollouts, as far apart as possible. State is saved after
    every rollout: a killed run resumes from there and, on a processor, ends alike (a GPU's own generator is not saved).

    Args:
        network: What PPO starts from, and keeps near to.
        policy: How it acts; fits the environment.
        refine_reasoning: Whether reasoning is trained too.
        log: Receives ``ppo/*`` curves by environment step.
        watched: Parts of the time: name -> seconds spent there so far; logged as ``ppo/NAME_share``.

    Raises:
        ValueError: A loss is not finite. The state saved last is that of the rollout before.
    """
    model = PPO(
        policy,
        environment,
        learning_rate=config.rate,
        n_steps=config.rollout,
        batch_size=min(config.batch, config.rollout * environment.num_envs),
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.kl,
        policy_kwargs={"network": network, "refine_reasoning": refine_reasoning},
        seed=seed,
        device=network.device,
    )
    callback = _RunCallback(config, selection=selection, checkpoint=checkpoint, log=log, watched=watched or {})
    done = callback.resume(model, environment)
    if not done:
        selection.validate(network, step=0)
    if done < config.steps:
        model.learn(config.steps - done, callback=callback, reset_num_timesteps=not done)
    selection.restore_best(network)


class _RunCallback(BaseCallback):
    """Has checkpoints validated, saves the state after every rollout, keeps curves and shows progress."""

    def __init__(
        self,
        config: PPOConfig,
        *,
        selection: CheckpointSelection,
        checkpoint: Checkpoint,
        log: TrainingLog,
        watched: Mapping[str, Callable[[], float]],
    ) -> None:
        super().__init__()
        self._config = config
        self._selection = selection
        self._checkpoint = checkpoint
        self._log = log
        self._watched = watched
        self._rollouts = 0
        self._episodes: list[dict[str, float]] = []  # that ended in this rollout
        self._began, self._resumed_at = time.perf_counter(), 0
        self._mark = self._began  # where the rollout or update at hand began
        self._acting = self._updating = 0.0  # seconds of rollouts and of updates
        self._progress = tqdm(total=config.steps, desc="ppo", unit="step")

    def _on_step(self) -> bool:
        self._episodes += [info["episode"] for info in self.locals["infos"] if "episode" in info]
        return True

    def _on_rollout_start(self) -> None:
        """Runs after the update of the rollout before, where this start has made one."""
        if self._acting:
            self._after_update()
        self._mark = time.perf_counter()

    def _on_rollout_end(self) -> None:
        self._rollouts += 1
        now = time.perf_counter()
        self._acting, self._mark = self._acting + now - self._mark, now
        names = {"r": "return", "l": "length"}
        for key in self._episodes[0] if self._episodes else ():
            mean = float(np.mean([episode[key] for episode in self._episodes]))
            self._log.add(f"ppo/train_{names.get(key, key)}", mean, step=self.num_timesteps)
        self._episodes = []
        self._progress.update(self.num_timesteps - self._progress.n)

    def _on_training_end(self) -> None:
        self._after_update()
        self._progress.close()

    def _after_update(self) -> None:
        self._updating += time.perf_counter() - self._mark
        model: Any = self.model
        # SB3 logs minus the mean of what it takes for the entropy: here the divergence from the start, per step.
        divergence = float(model.logger.name_to_value["train/entropy_loss"])
        check_finite(float(model.logger.name_to_value["train/loss"]), "ppo", step=self.num_timesteps)
        self._log.add("ppo/divergence", divergence, step=self.num_timesteps)
        rollouts = self._config.steps // (self._config.rollout * model.n_envs)
        if self._rollouts % max(1, rollouts // _CHECKPOINTS) == 0 or self.num_timesteps >= self._config.steps:
            self._selection.validate(model.policy.network, step=self.num_timesteps)
            self._progress.set_postfix(self._selection.progress())
        rate = (self.num_timesteps - self._resumed_at) / (time.perf_counter() - self._began)
        self._log.add("ppo/steps_per_second", rate, step=self.num_timesteps)
        for name, value in self._shares().items():
            self._log.add(f"ppo/{name}_share", value, step=self.num_timesteps)
        self._save()

    def _shares(self) -> dict[str, float]:
        """Where PPO's time goes, percent of rollouts and updates; validation and saving belong to neither."""
        model: Any = self.model
        seconds = {"policy": model.policy.seconds + self._updating, "environment": model.env.seconds}
        seconds |= {name: spent() for name, spent in self._watched.items()}
        busy = max(self._acting + self._updating, 1e-9)
        return {name: 100 * spent / busy for name, spent in seconds.items()}

    def _save(self) -> None:
        model: Any = self.model
        environment: BatchVecEnv = model.env
        state = environment.state()
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        self._log.save()
        values, tensors = self._selection.state()
        self._checkpoint.save(
            {
                "step": self.num_timesteps,
                "rollouts": self._rollouts,
                "updates": model._n_updates,
                **values,
                "environment": {name: value for name, value in state.items() if name not in arrays},
                "episode_starts": np.asarray(model._last_episode_starts).tolist(),
                "numpy_rng": _global_numpy_state(),
            },
            tensors=module_tensors(model.policy.network, prefix="network")
            | module_tensors(model.policy.reference, prefix="reference")
            | tensors
            | optimizer_tensors(model.policy.optimizer, prefix="optimizer")
            | {_ENVIRONMENT + name: torch.from_numpy(array) for name, array in arrays.items()}
            | {"torch_rng": torch.get_rng_state()},
        )

    def resume(self, model: PPO, environment: BatchVecEnv) -> int:
        """Puts a saved state back into model and environment; returns the environment steps done so far."""
        if not self._checkpoint.exists():
            return 0
        values, tensors = self._checkpoint.load()
        policy: Any = model.policy
        restore_module(policy.network, tensors, prefix="network")
        restore_module(policy.reference, tensors, prefix="reference")
        restore_optimizer(policy.optimizer, tensors, prefix="optimizer")
        self._selection.restore(values, tensors)
        self._rollouts = values["rollouts"]
        model.num_timesteps, model._n_updates = values["step"], values["updates"]
        arrays = {
            name.removeprefix(_ENVIRONMENT): tensor.numpy()
            for name, tensor in tensors.items()
            if name.startswith(_ENVIRONMENT)
        }
        model._last_obs = environment.restore({**values["environment"], **arrays})
        model._last_episode_starts = np.array(values["episode_starts"])
        torch.set_rng_state(tensors["torch_rng"])
        _restore_global_numpy_state(values["numpy_rng"])
        self._resumed_at = values["step"]
        self._progress.update(values["step"])
        logger.info("PPO resumes after %d steps", values["step"])
        return int(values["step"])


def _global_numpy_state() -> dict[str, Any]:
    """State of numpy's global generator, from which SB3's rollout buffer draws its permutations."""
    name, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    return {"name": name, "keys": np.asarray(keys).tolist(), "position": position, "gauss": [has_gauss, gauss]}


def _restore_global_numpy_state(state: dict[str, Any]) -> None:
    np.random.set_state((state["name"], np.array(state["keys"], np.uint32), state["position"], *state["gauss"]))  # noqa: NPY002
