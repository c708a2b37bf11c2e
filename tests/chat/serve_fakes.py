"""Serves both pages with fake systems, as a process that a test can kill: FILE CHAT_PORT STUDY_PORT, from the root."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from chat.study.page import study_page
from chat.study.study import Study
from chat.system import System
from chat.web.page import chat_page
from chat.web.server import serve
from corpus.dialogue import Message
from corpus.strategy import Strategy
from evaluation.human.study_file import StudyStore
from tests.chat.fake_system import SLOW, FakeGenerator, FakePlanner
from tests.safety.word_detectors import word_care

MINUTE = 60


class _SlowGenerator(FakeGenerator):
    """Needs a minute for one message, so that the server can be killed in between; not after it was started again."""

    again = False

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> list[tuple[Strategy | None, str]]:
        if history[-1].text == SLOW and not self.again:
            time.sleep(MINUTE)
        return super().realize(history, strategies, rng=rng)


def _system(name: str, words: str) -> System:
    return System(name, _SlowGenerator(words=words), FakePlanner(), word_care())


if __name__ == "__main__":
    file, chat_port, study_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    _SlowGenerator.again = file.exists()
    serve(chat_page(_system("fake", "You said: <b>bold</b>")), port=chat_port, wait=False)
    systems = (_system("alpha", "A"), _system("beta", "B"))
    store = StudyStore(file, systems=("alpha", "beta"))
    serve(study_page(Study(store, systems, rng=np.random.default_rng())), port=study_port)
