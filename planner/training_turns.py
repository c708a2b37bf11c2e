"""The training turns of a baseline, or one clear error where there are none."""

from collections.abc import Sequence

from corpus.dialogue import Dialogue, Turn, turn_view


def training_turns(train: Sequence[Dialogue], *, name: str) -> list[Turn]:
    """Every supporter turn of the training dialogues, in order.

    Args:
        train: Training dialogues.
        name: Who wants to learn; named in the error.

    Raises:
        ValueError: There is no supporter turn to learn from.
    """
    turns = turn_view(list(train))
    if not turns:
        raise ValueError(f"{name}: no supporter turn to learn from in {len(train)} training dialogues")
    return turns
