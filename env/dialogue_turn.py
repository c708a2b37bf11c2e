"""One supporter turn in many conversations: the texts are written, the seekers answer, the histories grow."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from env.seeker import HIGHEST_INTENSITY, LOWEST_INTENSITY, Conversation, Responder, Seeker, SeekerReply


def take_turn(
    conversations: Sequence[Conversation],
    plans: Sequence[tuple[Strategy, ...]],
    *,
    seeker: Seeker,
    responder: Responder | None,
    rng: np.random.Generator,
) -> list[SeekerReply]:
    """Lets every supporter carry out its plan and every seeker answer; adds both to the conversations.

    A supporter with an empty plan says nothing: the seeker is not asked, feels as before and rates nothing, the turn
    counts. (Planners always plan something; an agent in an environment need not.)

    Args:
        conversations: B different conversations; they are changed.
        plans: What each supporter does. Length: B.
        seeker: Answers.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        rng: Makes every random choice.

    Returns:
        The replies; of a turn without a plan one without messages. Length: B.

    Raises:
        ValueError: Seeker or responder break their contract.
    """
    speaking = [number for number, plan in enumerate(plans) if plan]
    asked, planned = [conversations[number] for number in speaking], [plans[number] for number in speaking]
    texts: Sequence[tuple[str, ...] | None] = [None] * len(asked)
    if responder is not None and asked:
        texts = responder.texts([conversation.history for conversation in asked], planned, rng=rng)
        _check_texts(texts, planned, by="the responder")
    answers = seeker.replies(asked, planned, texts, rng=rng) if asked else []
    _check_texts([answer.supporter for answer in answers], planned, by=f"seeker {seeker.name}")
    replies = [
        SeekerReply((), feedback=0, intensity=conversation.intensities[-1], gives_up=False, supporter=())
        for conversation in conversations
    ]
    for number, answer in zip(speaking, answers, strict=True):
        replies[number] = answer
    for conversation, plan, reply in zip(conversations, plans, replies, strict=True):
        _add(conversation, plan, reply, name=seeker.name)
    return replies


def _add(conversation: Conversation, plan: tuple[Strategy, ...], reply: SeekerReply, *, name: str) -> None:
    if plan and not reply.messages:
        raise ValueError(f"seeker {name}: an answer without a message, expected at least one")
    if not LOWEST_INTENSITY <= reply.intensity <= HIGHEST_INTENSITY:
        raise ValueError(f"seeker {name}: intensity {reply.intensity}, expected 1 to 5")
    conversation.history += [
        Message(Role.SUPPORTER, text, strategy=strategy) for text, strategy in zip(reply.supporter, plan, strict=True)
    ]
    # As in the corpus, the rating stands at the first message after what it rates.
    conversation.history += [
        Message(Role.SEEKER, text, feedback=reply.feedback or None if number == 0 else None)
        for number, text in enumerate(reply.messages)
    ]
    conversation.plans.append(plan)
    conversation.intensities.append(reply.intensity)
    conversation.feedbacks.append(reply.feedback)


def _check_texts(texts: Sequence[tuple[str, ...] | None], plans: Sequence[tuple[Strategy, ...]], *, by: str) -> None:
    if len(texts) != len(plans):
        raise ValueError(f"{by}: {len(texts)} answers to {len(plans)} plans, expected one for each")
    for written, plan in zip(texts, plans, strict=True):
        if written is None or len(written) != len(plan):
            raise ValueError(
                f"{by}: {0 if written is None else len(written)} texts for a plan of {len(plan)} strategies"
            )
