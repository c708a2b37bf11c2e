"""A person talks with a trained system, in the terminal or on a web page, or compares two systems there."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from chat.conversation import ChatSession
from chat.study.store import StudyStore
from chat.study.study import Study
from chat.system import System, load_system
from chat.terminal import Terminal, prompted_lines
from cli.command_line import run_command


@dataclasses.dataclass(frozen=True)
class Chat:
    """Talk with a trained planner and generator; with --web on a page, with --compare in a study of two systems."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Run folders of a planner and a generator in any order, or one that holds both; a generator alone plans itself."""
    web: bool = False
    """Serve a web page instead of the terminal."""
    compare: tuple[str, str] | None = None
    """Two systems, each NAME=RUN or NAME=RUN,RUN: participants talk with both and judge. Needs --web."""
    study: Path = Path("study.sqlite")
    """File that keeps what participants of --compare do; one that exists goes on."""
    host: str = "127.0.0.1"
    """Address of the web page; another than the loopback address lets others in, without a password."""
    port: int = 7860
    """Port of the web page."""
    seed: int = 0
    """Seed of the texts (whole number)."""

    def start(self) -> None:
        """Loads the system or systems and opens the chat."""
        if self.compare is not None:
            if not self.web or self.runs:
                raise ValueError(
                    "--compare names both systems and needs --web: python -m chat --web --compare A=RUN,RUN B=RUN,RUN"
                )
            self._serve_study(*(_named_system(text) for text in self.compare))
            return
        system = load_system(self.runs)
        if self.web:
            from chat.web.page import chat_page
            from chat.web.server import serve

            serve(chat_page(system, seed=self.seed), host=self.host, port=self.port)
        else:
            Terminal(ChatSession(system, seed=self.seed)).run(prompted_lines())

    def _serve_study(self, first: System, second: System) -> None:
        from chat.study.page import study_page
        from chat.web.server import serve

        if first.name == second.name:
            raise ValueError(f"two systems named {first.name}, expected two names")
        store = StudyStore(self.study, systems=(first.name, second.name))
        # Who meets which system first is not seeded: a server that starts again must not repeat its order.
        study = Study(store, (first, second), rng=np.random.default_rng(), seed=self.seed)
        serve(study_page(study), host=self.host, port=self.port)


def _named_system(text: str) -> System:
    name, mark, runs = text.partition("=")
    if not (name.strip() and mark and runs):
        raise ValueError(f"{text!r}: expected NAME=RUN,RUN")
    return load_system([Path(run) for run in runs.split(",")], name=name.strip())


COMMANDS = {"chat": Chat}

if __name__ == "__main__":
    run_command(COMMANDS, ["chat", *sys.argv[1:]], program="chat")
