"""``python -m chat``: a person talks with a trained system, in the terminal or on a web page, or compares two there."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from cli.command_line import run_command
from cli.machine import choose_device


@dataclasses.dataclass(frozen=True)
class Chat:
    """Talk with a trained planner and generator; with --web on a page, with --compare in a study of two systems."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Run folders of planner and generator, or one folder that holds both; a generator alone chooses strategies too."""
    web: bool = False
    """Serve a web page instead of the terminal."""
    compare: tuple[str, str] | None = None
    """Two systems, each NAME=RUN or NAME=RUN,RUN; participants talk with both and compare them. Needs --web."""
    study: Path = Path("study.sqlite")
    """File that stores what participants of --compare do; a study whose file exists is resumed."""
    country: str | None = None
    """Two-letter code, such as GB: fixed replies name the helplines of this country alone; by default those of all."""
    candidates: int = 1
    """Samples of every message, of which the best is shown, in so many times the time; more than 1 need --tagger."""
    tagger: Path | None = None
    """Run folder of train.py tagger, which chooses among --candidates."""
    host: str = "127.0.0.1"
    """Address of the page; any but the loopback address lets others in, without a password."""
    port: int = 7860
    """Port of the page (1 to 65535)."""
    seed: int = 0
    """Seed of everything random, such as the sampled texts (whole number from 0)."""
    device: str = "auto"
    """Where models compute: auto (a GPU where there is one), cpu, cuda, or cuda:NUMBER."""

    # Models and the page's library are imported where they are needed, so that help and mistakes answer at once.
    def start(self) -> None:
        """Loads the system or systems and opens the chat."""
        choose_device(self.device)
        if self.compare is not None:
            self._serve_study(self.compare)
            return
        from chat.system import load_system

        system = load_system(self.runs, country=self.country, candidates=self.candidates, tagger=self.tagger)
        if self.web:
            from chat.web.page import chat_page
            from chat.web.server import serve

            serve(chat_page(system, seed=self.seed), host=self.host, port=self.port)
        else:
            from chat.conversation import ChatSession
            from chat.terminal import Terminal, prompted_lines

            Terminal(ChatSession(system, seed=self.seed)).run(prompted_lines())

    def _serve_study(self, compare: tuple[str, str]) -> None:
        if not self.web or self.runs:
            raise ValueError(
                "--compare names both systems and needs --web: python -m chat --web --compare A=RUN,RUN B=RUN,RUN"
            )
        (first, first_runs), (second, second_runs) = map(_name_and_runs, compare)
        if first == second:
            raise ValueError(f"two systems named {first}, expected two names")
        from chat.system import load_system, system_runs
        from evaluation.human.study_file import StudyStore

        system_runs(first_runs), system_runs(second_runs)  # a wrong folder is found before anything is loaded
        store = StudyStore(self.study, systems=(first, second))
        systems = (
            load_system(first_runs, name=first, country=self.country),
            load_system(second_runs, name=second, country=self.country),
        )

        import numpy as np

        from chat.study.page import study_page
        from chat.study.study import Study
        from chat.web.server import serve

        # Who meets which system first is not seeded: a server that starts again must not repeat its order.
        study = Study(store, systems, rng=np.random.default_rng(), seed=self.seed)
        serve(study_page(study), host=self.host, port=self.port)


def _name_and_runs(text: str) -> tuple[str, list[Path]]:
    name, equals, runs = text.partition("=")
    if not (name.strip() and equals and runs):
        raise ValueError(f"{text!r}: expected NAME=RUN,RUN")
    return name.strip(), [Path(run) for run in runs.split(",")]


if __name__ == "__main__":
    run_command(Chat, sys.argv[1:], program="python -m chat")
