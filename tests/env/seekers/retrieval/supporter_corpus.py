"""An invented corpus in which variety helps: good supporters go from questions to advice, failed ones keep to one."""

import numpy as np

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.strategy import Strategy

_STAGES = (
    (Strategy.QUESTION, Strategy.RESTATEMENT),
    (Strategy.REFLECTION, Strategy.SELF_DISCLOSURE, Strategy.AFFIRMATION),
    (Strategy.SUGGESTIONS, Strategy.INFORMATION, Strategy.OTHERS),
)
_PROBLEMS = ("noise", "exam", "move")


def good_dialogue(number: int, rng: np.random.Generator, *, turns: int = 10) -> Dialogue:
    """Stages in order, many strategies, high ratings, a large fall."""
    plans = []
    for turn in range(turns):
        stage = _STAGES[min(2, 3 * turn // turns)]
        plan = [stage[int(rng.integers(len(stage)))]]
        if rng.random() < 0.2:
            plan.append(stage[int(rng.integers(len(stage)))])
        plans.append(tuple(plan))
    initial = int(rng.integers(3, 6))
    final = int(np.clip(rng.integers(1, 4), 1, initial - 1))
    return _dialogue(number, plans, Survey(initial, final, 5, 5), stars=(3, 4, 5, 5), rng=rng)


def failed_dialogue(number: int, rng: np.random.Generator) -> Dialogue:
    """One or two strategies, low ratings, no fall; some break off without a survey."""
    strategies = rng.choice(len(Strategy), 2, replace=False)
    plans = [(Strategy(int(strategies[int(rng.random() < 0.2)])),) for _ in range(int(rng.integers(3, 9)))]
    initial = int(rng.integers(3, 6))
    survey = Survey(initial) if rng.random() < 0.4 else Survey(initial, initial, 2, 2)
    return _dialogue(number, plans, survey, stars=(1, 2, 2, 3), rng=rng)


def corpus(*, good: int, failed: int, seed: int = 0) -> tuple[list[Dialogue], list[Dialogue]]:
    """Good and failed dialogues."""
    rng = np.random.default_rng(seed)
    return (
        [good_dialogue(number, rng) for number in range(1, good + 1)],
        [failed_dialogue(number, rng) for number in range(1, failed + 1)],
    )


def _dialogue(
    number: int, plans: list[tuple[Strategy, ...]], survey: Survey, *, stars: tuple[int, ...], rng: np.random.Generator
) -> Dialogue:
    problem = _PROBLEMS[number % len(_PROBLEMS)]
    messages = [Message(Role.SEEKER, f"the {problem} troubles me, case {number}")]
    for turn, plan in enumerate(plans):
        messages += [
            Message(Role.SUPPORTER, f"{strategy.label} about {problem} {turn} to {number}", strategy=strategy)
            for strategy in plan
        ]
        rating = stars[int(rng.integers(len(stars)))] if turn % 2 else None
        messages.append(Message(Role.SEEKER, f"answer {turn} of case {number} on {problem}", feedback=rating))
    return Dialogue(number, tuple(messages), problem, "anxiety", f"my {problem} in case {number}", survey=survey)
