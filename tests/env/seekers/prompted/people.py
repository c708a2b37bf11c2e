"""Invented seekers and what was said with them."""

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from env.conversation import SeekerProfile


def seeker_says(text: str) -> Message:
    return Message(Role.SEEKER, text)


def supporter_says(text: str, strategy: Strategy = Strategy.QUESTION) -> Message:
    return Message(Role.SUPPORTER, text, strategy=strategy)


def profile(dialogue: int = 1, *, greeting: bool = False) -> SeekerProfile:
    opening = (seeker_says("My bakery lost its oven."), seeker_says("I do not know what to do."))
    if greeting:
        opening = (supporter_says("Hello, how are you?", Strategy.OTHERS), *opening)
    return SeekerProfile(
        dialogue=dialogue,
        problem="job crisis",
        emotion="anxiety",
        situation=f"The oven of bakery number {dialogue} broke {{yesterday}}.",
        intensity=4,
        opening=opening,
    )
