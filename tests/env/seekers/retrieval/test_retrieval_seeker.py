"""The retrieval seeker keeps its promises, and the ladder: no constant or alternating policy beats gold plans."""

import dataclasses
from itertools import permutations

import numpy as np
import pytest

from corpus.dialogue import Role
from corpus.strategy import Strategy
from env.conversation import Conversation, DialogueRules, seeker_profiles
from env.seekers.retrieval.config import SeekerConfig
from env.seekers.retrieval.models import fit_seeker
from env.seekers.retrieval.seeker import RetrievalSeeker, SeekerMemory, millionths
from evaluation.dialogue.policies import DialoguePolicy, FixedPolicy, ReplayPolicy, gold_plans
from evaluation.dialogue.rollout import PlayedConversation, roll_out
from tests.env.seekers.retrieval.supporter_corpus import corpus
from tests.hash_encoder import HashEncoder

TRAIN, FAILED = corpus(good=80, failed=25)
VALID, _ = corpus(good=40, failed=0, seed=5)
PROFILES = seeker_profiles(VALID)
GOLD = ReplayPolicy(gold_plans(VALID, max_strategies=3), shuffled=False)


@pytest.fixture(scope="module")
def seeker() -> RetrievalSeeker:
    models = fit_seeker(TRAIN, FAILED, text_encoder=HashEncoder(), config=SeekerConfig(components=6, folds=2))
    return RetrievalSeeker(models, TRAIN, text_encoder=HashEncoder())


def play(seeker: RetrievalSeeker, policy: DialoguePolicy, *, seed: int = 0) -> list[PlayedConversation]:
    """One conversation with every profile."""
    rng = np.random.default_rng(seed)
    return roll_out(PROFILES, policy, seeker=seeker, responder=None, rules=DialogueRules(), rng=rng)


def test_the_ladder_holds(seeker: RetrievalSeeker) -> None:
    def rate(policy: DialoguePolicy) -> float:
        return float(np.mean([one.scored().success for seed in range(2) for one in play(seeker, policy, seed=seed)]))

    best = rate(GOLD)
    assert best > 0.4
    for cycle in [*((strategy,) for strategy in Strategy), *permutations(Strategy, 2)]:
        assert rate(FixedPolicy(*cycle)) < best, cycle


def test_replies_are_training_messages_never_twice_from_one_dialogue_in_a_row(seeker: RetrievalSeeker) -> None:
    said = {message.text for dialogue in TRAIN for message in dialogue.messages if message.role is Role.SEEKER}
    for conversation in (one.conversation for one in play(seeker, FixedPolicy(Strategy.QUESTION))):
        found = conversation.exchanges[2::3]
        assert len(found) == len(set(found)) == len(conversation.plans)
        owners = seeker._exchanges.dialogue[found]
        assert (owners[1:] != owners[:-1]).all()
        answers = [m.text for m in conversation.history[1:] if m.role is Role.SEEKER]
        assert set(answers) <= said


def test_plan_agreement(seeker: RetrievalSeeker) -> None:
    single = [
        (plan, seeker._exchanges.plans[row])
        for conversation in (one.conversation for one in play(seeker, GOLD))
        for plan, row in zip(conversation.plans, conversation.exchanges[2::3], strict=True)
        if len(plan) == 1
    ]
    assert np.mean([plan[0] in other for plan, other in single]) > 0.95


def test_same_seed_same_conversations_and_another_seed_others(seeker: RetrievalSeeker) -> None:
    first, again, other = ([one.conversation.history for one in play(seeker, GOLD, seed=seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_conversation_continues_alike_in_another_seeker_of_the_same_fit(seeker: RetrievalSeeker) -> None:
    twin = RetrievalSeeker(seeker.models, TRAIN, text_encoder=HashEncoder())
    conversation = play(seeker, GOLD)[0].conversation
    copies = [dataclasses.replace(conversation, exchanges=list(conversation.exchanges)) for _ in range(2)]
    plan = (Strategy.QUESTION,)
    answers = [
        who.replies([copy], [plan], [None], rng=np.random.default_rng(4))[0]
        for who, copy in zip((seeker, twin), copies, strict=True)
    ]
    assert answers[0] == answers[1]


def test_written_texts_stay_and_stand_ins_fit_the_plan(seeker: RetrievalSeeker) -> None:
    conversations = [Conversation.start(profile) for profile in PROFILES[:2]]
    plan = (Strategy.QUESTION, Strategy.SUGGESTIONS)
    written, own = seeker.replies(conversations, [plan, plan], [("one", "two"), None], rng=np.random.default_rng(0))
    assert written.supporter == ("one", "two")
    assert [text.split(" about ")[0] for text in own.supporter] == [strategy.label for strategy in plan]
    assert 1 <= own.intensity <= 5


def test_what_is_written_is_answered(seeker: RetrievalSeeker) -> None:
    """Replies come from exchanges whose supporter said the like; without texts from any in which the plan agrees."""
    plan, text = (Strategy.QUESTION,), ("When do you study?",)
    said = seeker.models.projection(HashEncoder().encode(list(text)))[0]
    likeness = seeker._view.supporter @ said
    likeness /= np.linalg.norm(seeker._view.supporter, axis=1) * np.linalg.norm(said)

    def mean_likeness(written: tuple[str, ...] | None) -> float:
        conversations = [Conversation.start(profile) for profile in PROFILES]
        seeker.replies(conversations, [plan] * len(PROFILES), [written] * len(PROFILES), rng=np.random.default_rng(0))
        return float(np.mean([likeness[one.exchanges[2]] for one in conversations]))

    assert mean_likeness(text) > mean_likeness(None) + 0.2


def test_models_of_other_data_are_refused(seeker: RetrievalSeeker) -> None:
    with pytest.raises(ValueError, match="fitted on other training dialogues"):
        RetrievalSeeker(seeker.models, TRAIN[1:], text_encoder=HashEncoder())
    stranger = HashEncoder()
    stranger.fingerprint = "another"
    with pytest.raises(ValueError, match="another version of the text encoder"):
        RetrievalSeeker(seeker.models, TRAIN, text_encoder=stranger)


def test_nobody_to_answer(seeker: RetrievalSeeker) -> None:
    assert seeker.replies([], [], [], rng=np.random.default_rng(0)) == []


def test_memory_by_hand() -> None:
    memory = SeekerMemory.read(
        [[], [1_500_000, -250_000, 7, 4_000_000, -1_000_000, 9, 3_000_000, 500_000], [1_000_000, 0, 3, 5_000_000, 0]]
    )
    assert np.isnan(memory.receptiveness[0])
    assert memory.receptiveness[1:].tolist() == [1.5, 1.0]
    assert memory.generosity[1:].tolist() == [-0.25, 0.0]
    assert memory.exchanges.tolist() == [[-1, -1], [7, 9], [3, -1]]
    assert memory.stars.tolist() == [0, 7, 5]
    assert memory.typicality.tolist() == [0, -0.5, 0]
    assert memory.turns.tolist() == [0, 2, 1]
    assert memory.last_exchange.tolist() == [-1, 9, 3]


def test_nothing_remembered_yet() -> None:
    memory = SeekerMemory.read([[], []])
    assert memory.last_exchange.tolist() == [-1, -1]
    assert memory.exchanges.shape == (2, 0)


def test_another_seekers_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="the memory of another kind of seeker"):
        SeekerMemory.read([[1, 2, 3]])


def test_millionths() -> None:
    assert millionths(np.array([0.25, -1.0])) == [250_000, -1_000_000]
