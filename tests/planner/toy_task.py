"""A tiny world with a known optimum: the seeker's word decides what the supporter does; trainings that are killed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, SupporterMessage, Survey, Turn
from corpus.strategy import Strategy
from encoding.observation import Observer
from planner.checkpoint import Checkpoint
from planner.config import EnsembleConfig, PlannerConfig, PolicyConfig, PPOConfig
from tests.hash_encoder import HashEncoder

# What the supporter of the toy world answers to each seeker message.
ANSWERS: dict[str, tuple[Strategy, ...]] = {
    "hello there": (Strategy.OTHERS, Strategy.QUESTION),
    "my boss yelled at me": (Strategy.REFLECTION,),
    "what should i do": (Strategy.SUGGESTIONS, Strategy.AFFIRMATION),
    "thank you": (Strategy.OTHERS,),
}

SMALL = PlannerConfig(
    max_strategies=2,
    folds=2,
    window=2,
    ensemble=EnsembleConfig(
        words=30, networks=2, width=32, dropout=0.0, input_dropout=0.0, epochs=4, batch=32, rate=5e-3
    ),
    policy=PolicyConfig(width=8, epochs=3),
    ppo=PPOConfig(steps=256, envs=16, rollout=8, batch=64, epochs=2),
)


def changed(config: Any, **settings: Any) -> Any:
    """A configuration with other values; a nested field is written ``ppo__kl``."""
    for name, value in settings.items():
        part, _, leaf = name.partition("__")
        config = replace(config, **{part: replace(getattr(config, part), **{leaf: value}) if leaf else value})
    return config


def observer() -> Observer:
    return Observer(HashEncoder(), window=2)


def histories(items: Sequence[Turn] | Sequence[SupporterMessage]) -> list[tuple[Message, ...]]:
    """What a planner is given of turns or messages."""
    return [item.history for item in items]


def toy_dialogues(count: int, *, seed: int) -> tuple[Dialogue, ...]:
    """Conversations in which every seeker message gets its answer of :data:`ANSWERS`; two problems, two emotions."""
    rng = np.random.default_rng(seed)
    dialogues = []
    for number in range(1, count + 1):
        messages: list[Message] = []
        for text in rng.permutation(list(ANSWERS)):
            messages.append(Message(Role.SEEKER, str(text)))
            messages += [Message(Role.SUPPORTER, f"reply {s.name.lower()}", s) for s in ANSWERS[str(text)]]
        problem, emotion = (str(rng.choice(names)) for names in (["job crisis", "breakup"], ["anger", "fear"]))
        survey = Survey(initial_intensity=int(rng.integers(3, 6)), final_intensity=2)
        dialogues.append(Dialogue(number, tuple(messages), problem=problem, emotion=emotion, survey=survey))
    return tuple(dialogues)


@contextmanager
def killed_after(saves: int) -> Iterator[None]:
    """What is trained here dies right after its state was saved so many times."""
    save, left = Checkpoint.save, [saves]

    def save_and_die(self: Checkpoint, values: Any, *, tensors: Any) -> None:
        save(self, values, tensors=tensors)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "save", save_and_die)
        yield
