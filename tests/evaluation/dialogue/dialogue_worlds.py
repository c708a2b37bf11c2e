"""An invented world that worker processes can make: five seekers, a seeker model that likes variety, a few policies."""

from dataclasses import dataclass

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.strategy import Strategy
from env.conversation import DialogueRules, seeker_profiles
from evaluation.dialogue.policies import MarkovPolicy, RandomPolicy, ReplayPolicy, fixed_policies, gold_plans
from evaluation.dialogue.rollout import DialogueWorld
from planner.baselines.markov import MarkovPlanner
from tests.env.dialogue_tasks import VarietySeeker

PLANS = {  # supporter turns after the seeker's first message
    1: ((0,), (4, 5)),
    2: ((0, 1), (0,), (7,)),
    3: ((3,), (0,), (3,), (1,), (6, 7)),
    4: ((5,),),
    6: ((0,), (2,), (4,), (5,), (7,), (6,), (0,), (3,), (1,), (2,), (7,), (7,)),
}


def dialogue(number: int, plans: tuple[tuple[int, ...], ...]) -> Dialogue:
    """An invented dialogue: a greeting, then the seeker and the plans in turn."""
    messages = [Message(Role.SUPPORTER, "Hello!", strategy=Strategy.OTHERS)]
    for turn, plan in enumerate(plans):
        messages.append(Message(Role.SEEKER, f"Line {turn} of seeker {number}."))
        messages += [Message(Role.SUPPORTER, f"I do {one}.", strategy=Strategy(one)) for one in plan]
    survey = Survey(initial_intensity=2 + number % 4)
    return Dialogue(number, tuple(messages), problem="work" if number % 2 else "Family", survey=survey)


DIALOGUES = tuple(dialogue(number, plans) for number, plans in PLANS.items())


@dataclass(frozen=True)
class VarietyWorld:
    """Recipe of the invented world."""

    max_turns: int = 6
    phrases: int = 3
    constants: bool = True

    def open(self) -> DialogueWorld:
        golds = gold_plans(DIALOGUES, max_strategies=3)
        return DialogueWorld(
            profiles=tuple(seeker_profiles(DIALOGUES)),
            seekers=(VarietySeeker(self.phrases),),
            policies=(
                ReplayPolicy(golds, shuffled=False),
                ReplayPolicy(golds, shuffled=True),
                RandomPolicy(max_strategies=3),
                MarkovPolicy(MarkovPlanner(DIALOGUES, max_strategies=3), max_strategies=3),
                *(fixed_policies() if self.constants else ()),
            ),
            rules=DialogueRules(max_turns=self.max_turns),
        )
