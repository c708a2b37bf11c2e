"""Gymnasium environments over real turns and over whole conversations, and their rewards.

Importing the package registers the ids.
"""

import gymnasium

ONE_BY_ONE = "EmotionalSupport/OneByOne-v0"
ALL_IN_ONE = "EmotionalSupport/AllInOne-v0"
DIALOGUE_ONE_BY_ONE = "EmotionalSupport/DialogueOneByOne-v0"
DIALOGUE_ALL_IN_ONE = "EmotionalSupport/DialogueAllInOne-v0"

gymnasium.register(
    ONE_BY_ONE,
    entry_point="env.turn_env:OneByOneEnv",
    vector_entry_point="env.turn_env:OneByOneVectorEnv",
)
gymnasium.register(
    ALL_IN_ONE,
    entry_point="env.turn_env:AllInOneEnv",
    vector_entry_point="env.turn_env:AllInOneVectorEnv",
)
gymnasium.register(
    DIALOGUE_ONE_BY_ONE,
    entry_point="env.dialogue_env:DialogueOneByOneEnv",
    vector_entry_point="env.dialogue_env:DialogueOneByOneVectorEnv",
)
gymnasium.register(
    DIALOGUE_ALL_IN_ONE,
    entry_point="env.dialogue_env:DialogueAllInOneEnv",
    vector_entry_point="env.dialogue_env:DialogueAllInOneVectorEnv",
)
