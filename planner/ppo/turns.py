"""PPO in the turn environments: from the cloned policy towards plans that match the annotated turns.

PPO trains the policy network with its value head; the base models stay as they are. The annotated plan does not depend
on what the planner does, so the task is a contextual bandit whose reward is known for every plan.
"""

from dataclasses import replace
from pathlib import Path

from env.environments import SupportVectorEnv
from env.sb3 import BatchVecEnv
from env.turns import TurnProcess, TurnTask
from planner.checkpoint import Checkpoint
from planner.config import Mode, PlannerConfig
from planner.policy.network import PolicyNetwork
from planner.policy.sb3_policies import AllInOnePolicy, OneByOnePolicy
from planner.ppo.checkpoint_selection import CheckpointSelection, Scores, Validate
from planner.ppo.run import PolicyClass, run_ppo
from planner.training_log import TrainingLog

_POLICIES: dict[Mode, PolicyClass] = {"one-by-one": OneByOnePolicy, "all-in-one": AllInOnePolicy}
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
    """Trains the network in place with SB3's PPO in the turn environment, towards plans that match gold turns.

    Selected is the checkpoint of highest validation LR among those whose message macro-F1 stays within 0.5 points of
    the start's.

    Args:
        network: The cloned policy; ends with the weights of the selected checkpoint.
        task: Training turns; the observation of each is its out-of-fold predictions.
        validate: Scores a policy on validation data; must give ``lr`` and ``macro_f1``.
        seed: Seeds the environments and the policy's samples.
        log: Receives ``ppo/*`` curves by environment step.
    """
    reward = config.reward if config.reasoning == "rl" else replace(config.reward, reasoning=0.0)
    process = TurnProcess(task, episodes=config.ppo.envs, mode=config.mode, reward=reward)
    run_ppo(
        network,
        BatchVecEnv(SupportVectorEnv(process), seed=seed),
        policy=_POLICIES[config.mode],
        config=config.ppo,
        refine_reasoning=config.reasoning != "supervised",
        selection=CheckpointSelection(validate, objective="lr", allowed=_holds_macro_f1, log=log),
        checkpoint=Checkpoint(folder),
        log=log,
        seed=seed,
    )


def _holds_macro_f1(scores: Scores, start: Scores) -> bool:
    return scores["macro_f1"] >= start["macro_f1"] - _ALLOWED_F1_LOSS
