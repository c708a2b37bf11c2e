"""What the supporter reasoned, as words before the history.

The published systems let a language model write its reasoning before it answers (CARE, arXiv 2510.05122); here the
planner reasons, and the generator reads the conclusion as a prefix: plain words through its own tokenizer, for which a
pretrained backbone already knows what they mean. They are few, because the history makes room for them.

Training takes the corpus's own labels, of which parts may be unknown and are left out; realizing takes what a planner
concluded, which is complete. The labels are never wrong about the turn (its need follows from its own strategies), a
planner may be: the generator has not learned to doubt what it reads.
"""

import numpy as np

from corpus.reasoning import Reasoning, ReasoningLabels


def reasoning_words(reasoning: Reasoning | ReasoningLabels) -> str:
    """Reasoning in one short line, e.g. ``problem: job crisis, feels anxiety 4 of 5, needs to be heard, exploration``.

    Empty where nothing is known. How sure a planner was is not said.
    """
    feeling = [] if reasoning.emotion is None else [reasoning.emotion]
    if reasoning.intensity is not None:
        feeling.append(f"{reasoning.intensity} of 5")
    parts = [
        None if reasoning.context is None else f"problem: {reasoning.context}",
        f"feels {' '.join(feeling)}" if feeling else None,
        None if reasoning.need is None else f"needs {reasoning.need.label}",
        None if reasoning.stage is None else reasoning.stage.label.lower(),
    ]
    return ", ".join(part for part in parts if part is not None)


def with_prefix(turns: int, share: float, *, rng: np.random.Generator) -> np.ndarray:
    """Chooses the turns that are learned after a prefix.

    One network that sees both learns to answer with and without one.

    Args:
        turns: How many there are, N.
        share: Of them that carry a prefix, 0..1; their number is rounded to a whole one.
        rng: Chooses which.

    Returns:
        bool (N,).
    """
    chosen = np.zeros(turns, dtype=bool)
    chosen[rng.permutation(turns)[: round(share * turns)]] = True
    return chosen
