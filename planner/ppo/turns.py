"""PPO in the turn environments: from the cloned planner towards plans that match whole gold turns."""

from pathlib import Path

from env.environments import SupportVectorEnv
from env.rewards import RewardWeights
from env.sb3 import BatchVecEnv
from env.turns import TurnProcess, TurnTask
from planner.checkpoint import Checkpoint
from planner.config import Mode, PlannerConfig
from planner.policy.network import PolicyNetwork
from planner.policy.sb3_policies import AllInOnePolicy, OneByOnePolicy
from planner.ppo.checkpoint_selection import CheckpointSelection, Scores, Validate
from planner.ppo.run import PolicyClass, PPOSettings, run_ppo
from planner.training_log import TrainingLog

_POLICIES: dict[Mode, PolicyClass] = {
    "one-by-one": OneByOnePolicy,
    "all-in-one": AllInOnePolicy,
}
# How much message macro-F1 (points) PPO may give up for LR: without a limit it collapses to frequent strategies.
_ALLOWED_F1_LOSS = 0.5


def improve_by_ppo(
    network: PolicyNetwork,
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
    reward = RewardWeights(
        stop=config.stop_reward,
        exact=config.exact_reward,
        reasoning=config.reasoning_reward if config.reasoning == "rl" else 0.0,
        balance=config.reward_balance,
    )
    process = TurnProcess(task, episodes=config.ppo_envs, mode=config.mode, reward=reward)
    environment = BatchVecEnv(SupportVectorEnv(process), seed=seed)
    settings = PPOSettings(
        policy=_POLICIES[config.mode],
        refine_reasoning=config.reasoning != "supervised",
        steps=config.ppo_steps,
        rollout=config.ppo_rollout,
        batch=config.ppo_batch,
        epochs=config.ppo_epochs,
        rate=config.ppo_rate,
        kl=config.ppo_kl,
        gamma=1.0,  # a turn has a few steps and its return is the plan's score: nothing to discount
    )
    run_ppo(
        network,
        environment,
        settings=settings,
        candidates=CheckpointSelection(validate, objective="lr", allowed=_keeps_macro_f1, log=log),
        checkpoint=Checkpoint(folder),
        log=log,
        seed=seed,
    )


def _keeps_macro_f1(scores: Scores, start: Scores) -> bool:
    return scores["macro_f1"] >= start["macro_f1"] - _ALLOWED_F1_LOSS
