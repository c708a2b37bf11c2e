"""The three stages of support, and the stage each strategy serves first.

Source: Liu et al., ACL 2021, section 3: their framework of emotional support, made from Hill's Helping Skills Theory
(exploration, insight, action; Hill 2009, "Helping Skills") with comforting in the place of insight. A strategy may
serve in several stages - a question may comfort; what stands here is the primary one. *Others* (greetings, thanks,
small talk) serves none and is left out of all scoring by stage.
"""

from enum import IntEnum

from corpus.strategy import Strategy


class Stage(IntEnum):
    """What a supporter is about. The value is the index everywhere (0..2), in the order of a conversation."""

    EXPLORATION = 0
    COMFORTING = 1
    ACTION = 2

    @property
    def label(self) -> str:
        """Name for people."""
        return self.name.capitalize()


def stage_of(strategy: Strategy) -> Stage | None:
    """The primary stage of a strategy; ``None`` for *Others*, which belongs to none."""
    return _PRIMARY.get(strategy)


_PRIMARY: dict[Strategy, Stage] = {
    Strategy.QUESTION: Stage.EXPLORATION,
    Strategy.RESTATEMENT: Stage.EXPLORATION,
    Strategy.REFLECTION: Stage.COMFORTING,
    Strategy.SELF_DISCLOSURE: Stage.COMFORTING,
    Strategy.AFFIRMATION: Stage.COMFORTING,
    Strategy.SUGGESTIONS: Stage.ACTION,
    Strategy.INFORMATION: Stage.ACTION,
}
