"""The eight support strategies with every spelling of their names, and the three stages that they serve.

Sources: Liu et al., "Towards Emotional Support Dialog Systems", ACL 2021, sections 3 and 3.2 and Table 3; their stages
are those of Hill's Helping Skills (2009: exploration, insight, action) with comforting in the place of insight.
"""

from enum import IntEnum

from corpus.errors import CorpusError


class Strategy(IntEnum):
    """What a supporter's message does. The value is the class index everywhere (0..7), the label is for people."""

    QUESTION = 0
    RESTATEMENT = 1
    REFLECTION = 2
    SELF_DISCLOSURE = 3
    AFFIRMATION = 4
    SUGGESTIONS = 5
    INFORMATION = 6
    OTHERS = 7

    @property
    def label(self) -> str:
        """Canonical name, as in the official ``ESConv.json``."""
        return LABELS[self]

    @property
    def definition(self) -> str:
        """What a supporter does who uses it, as one clause in the imperative."""
        return DEFINITIONS[self]

    @property
    def short_label(self) -> str:
        """One word, for axes and headings; its first three letters tell the strategies apart too."""
        return self.name.capitalize().replace("_", "-")

    @classmethod
    def parse(cls, text: object) -> "Strategy":
        """Reads a label in any known spelling; case, surrounding blanks and square brackets do not matter.

        Raises:
            CorpusError: The label is unknown. Never a default: a wrong label must not become ``Others``.
        """
        if isinstance(text, str):
            key = text.strip().removeprefix("[").removesuffix("]").strip().lower()
            if key in _BY_SPELLING:
                return _BY_SPELLING[key]
        raise CorpusError(f"unknown strategy {text!r}, expected one of {', '.join(LABELS)}", field="strategy")


LABELS: tuple[str, ...] = (
    "Question",
    "Restatement or Paraphrasing",
    "Reflection of feelings",
    "Self-disclosure",
    "Affirmation and Reassurance",
    "Providing Suggestions",
    "Information",
    "Others",
)

# The definitions in the appendix of Liu et al. (ACL 2021), in other words.
DEFINITIONS: tuple[str, ...] = (
    "ask about the problem, so that the person can say more clearly what they are facing",
    "say in your own, fewer words what the person has just told you, so that they see their situation more clearly",
    "name and describe the feelings that the person shows",
    "tell of a similar experience or feeling of your own, to show that you understand",
    "point out the person's strengths and efforts, reassure and encourage them",
    "suggest what the person could do about it, without telling them what they must do",
    "give useful facts, opinions, sources of help, or the answer to a question",
    "exchange greetings, thanks or other friendly words that ask, comfort and advise nothing",
)

# Spellings of FailedESConv.json and of the 2021 release's tables and windows, beside the canonical ones.
ALIASES: dict[str, Strategy] = {
    "Questions": Strategy.QUESTION,
    "Restatement": Strategy.RESTATEMENT,
    "Approval and Reassurance": Strategy.AFFIRMATION,
    "Direct Guidance": Strategy.SUGGESTIONS,
    "Other": Strategy.OTHERS,
}

_BY_SPELLING: dict[str, Strategy] = {label.lower(): Strategy(index) for index, label in enumerate(LABELS)} | {
    alias.lower(): strategy for alias, strategy in ALIASES.items()
}

# Supporter messages per strategy in the 1,300 dialogues of ESConv, from the data's own README: the distribution
# that the paper's Random baseline draws from (ACL 2021, section 6.1).
ESCONV_COUNTS: dict[Strategy, int] = {
    Strategy.QUESTION: 3801,
    Strategy.RESTATEMENT: 1089,
    Strategy.REFLECTION: 1436,
    Strategy.SELF_DISCLOSURE: 1713,
    Strategy.AFFIRMATION: 2827,
    Strategy.SUGGESTIONS: 2954,
    Strategy.INFORMATION: 1215,
    Strategy.OTHERS: 3341,
}


class Stage(IntEnum):
    """What a supporter is about. The value is the index everywhere (0..2), in the order of the 2021 framework.

    Nothing enforces that order: no planner, reward or constraint asks for it. Conversations of ESConv go back and forth
    between stages, and stages are reported (F1 by stage, transitions, the planner's reasoning).
    """

    EXPLORATION = 0
    COMFORTING = 1
    ACTION = 2

    @property
    def label(self) -> str:
        """Name for people."""
        return self.name.capitalize()


def stage_of(strategy: Strategy) -> Stage | None:
    """The stage that a strategy serves first (a question may comfort, too).

    ``None`` for *Others* (greetings, thanks, small talk), which serves none and is left out of all scores by stage.
    """
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
