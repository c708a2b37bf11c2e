"""Two processes that train together, are killed, and resume; run by tests/generator/test_processes.py.

They meet through the environment variables that torchrun and accelerate set. Forked from one parent, which imported
everything once; that saves half of the time two launched processes take.
"""

import dataclasses
import json
import multiprocessing
import os
import socket
import sys
from pathlib import Path

import language_models.trainer
from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from generator.config import GeneratorConfig, LengthConfig
from generator.training import GeneratorTraining, train_generator
from language_models.settings import OptimisationConfig, TinyModelConfig
from language_models.trainer import ResponseTrainer

PROCESSES = 2

CONFIG = GeneratorConfig(
    backbone="tiny-blenderbot",
    lengths=LengthConfig(history_tokens=24, response_tokens=12),
    optimisation=OptimisationConfig(
        epochs=2.0, learning_rate=1e-2, warmup_steps=2, evaluation_steps=3, precision="fp32"
    ),
    tiny=TinyModelConfig(width=16, layers=1, heads=2, vocabulary=300, dropout=0.0),
)
SEED = 3
KILLED_AT = 5  # in which of a process's training steps


def dialogues() -> list[Dialogue]:
    """Seven dialogues of different lengths; their 21 examples leave the last step of an epoch short."""
    words = ("rain", "sun", "work", "sleep", "tea", "talk", "walk")
    made = []
    for number, word in enumerate(words):
        messages = []
        for index in range(3):
            messages.append(Message(Role.SEEKER, " ".join([f"I think of {word}"] * (number % 3 + index + 1))))
            strategy = Strategy((number + index) % len(Strategy))
            messages.append(Message(Role.SUPPORTER, " and ".join([f"try {word}"] * (number % 2 + 1)) + ".", strategy))
        made.append(Dialogue(number + 1, tuple(messages)))
    return made


def train(out: Path, *, processes: int, backbone: str = "tiny-blenderbot", accumulation: int = 1) -> GeneratorTraining:
    """One training whose optimizer steps see eight examples, however many processes share them."""
    optimisation = dataclasses.replace(
        CONFIG.optimisation, batch_size=8 // processes // accumulation, accumulation_steps=accumulation
    )
    config = dataclasses.replace(CONFIG, backbone=backbone, optimisation=optimisation)
    data = dialogues()
    return train_generator(config, train=data, valid=data[:3], out=out, seed=SEED)


class KilledError(Exception):
    """Stands in for the end of a process."""


def work(rank: int, out: Path, address: dict[str, str]) -> None:
    """All trainings of one process; leaves ``process-RANK.json`` with its steps and the files it wrote."""
    os.environ |= address | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    language_models.trainer.LOGGED_STEPS = 1  # the loss of every step
    written: set[str] = set()

    def watch(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str) and set(arguments[1] or "") & set("wax+"):
            path = Path(arguments[0])
            if path.is_relative_to(out):
                written.add(path.name)

    sys.addaudithook(watch)
    train(out / "whole", processes=PROCESSES)
    train(out / "accumulated", processes=PROCESSES, backbone="tiny-dialogpt", accumulation=2)

    real, steps = ResponseTrainer.training_step, 0

    def dies(self: ResponseTrainer, *args: object, **options: object) -> object:
        nonlocal steps
        steps += 1
        if steps == KILLED_AT:
            raise KilledError
        return real(self, *args, **options)

    ResponseTrainer.training_step = dies
    killed = False
    try:
        train(out / "cut", processes=PROCESSES)
    except KilledError:
        killed = True
    train(out / "cut", processes=PROCESSES)
    report = {"killed": killed, "steps": steps, "written": sorted(written)}
    (out / f"process-{rank}.json").write_text(json.dumps(report))


def main(out: Path) -> int:
    """Starts the processes; the number of those that failed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(PROCESSES)}
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=work, args=(rank, out, address)) for rank in range(PROCESSES)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    return sum(one.exitcode != 0 for one in started)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
