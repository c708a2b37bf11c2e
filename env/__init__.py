"""Gymnasium environments over real turns and over whole conversations, and their rewards.

Importing the package registers the ids.
"""

import gymnasium

ONE_BY_ONE = "EmotionalSupport/OneByOne-v0"
ALL_IN_ONE = "EmotionalSupport/AllInOne-v0"
DIALOGUE_ONE_BY_ONE = "EmotionalSupport/DialogueOneByOne-v0"
DIALOGUE_ALL_IN_ONE = "EmotionalSupport/DialogueAllInOne-v0"

for _id, _kind, _mode in (
    (ONE_BY_ONE, "turn", "one-by-one"),
    (ALL_IN_ONE, "turn", "all-in-one"),
    (DIALOGUE_ONE_BY_ONE, "dialogue", "one-by-one"),
    (DIALOGUE_ALL_IN_ONE, "dialogue", "all-in-one"),
):
    gymnasium.register(
        _id,
        entry_point=f"env.defaults:{_kind}_env",
        vector_entry_point=f"env.defaults:{_kind}_vector_env",
        kwargs={"mode": _mode},
    )
