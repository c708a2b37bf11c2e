"""The fixed replies at both levels of the screening, made from the helplines.

They are written for a person who reads them in a bad moment: short sentences, help first, no blame, no diagnosis, no
promise that a program cannot keep, and words that fit whoever is in danger, the writer or somebody else.

- :func:`crisis_reply` takes the place of a model's text when a message is urgent.
- :func:`short_reply` answers what is written after it: the numbers and one sentence, not the whole message again.
- :func:`worried_reply` asks directly and warmly about safety, and names helplines in one line.
"""

from collections.abc import Sequence

from safety.helplines import Helpline, Helplines, read_helplines
from safety.rules import CrisisKind

_CRISIS = """\
If anybody is in danger at this moment, call your local emergency number: {emergency}. Or go to the nearest \
emergency department.

Thank you for saying this. It sounds as if you, or somebody you care about, may be in danger or in great pain. \
It matters, it is nobody's shame, and nobody has to carry it alone. I am only a computer program, made for research: \
I cannot help in an emergency, and nobody reads along here. But there are people who can help, right now.

To talk with somebody, free and confidential:
{talk}

If somebody hurts, threatens or controls you, it is not your fault, and you deserve to be believed. If they may look \
at this device, use another one.{abuse}

If you fear that you could hurt somebody, put distance between you, and anything that could be a weapon, and call one \
of these lines or the emergency number: they talk with you about that too.

If you can, tell one person you trust. This program will not go on chatting about this; if it misunderstood you, I am \
sorry, and you can begin a new conversation."""

_SHORT = """\
Please call one of these now, because I am only a program and people can help you: {emergency} in an emergency; to \
talk, {talk}."""

# Questions about safety. Each is one that the rules understand a short answer to ("yes", "sometimes").
QUESTIONS: dict[CrisisKind, tuple[str, ...]] = {
    CrisisKind.SUICIDE: (
        "Thank you for telling me how hard it is. I would like to ask you directly, because it matters: are you "
        "having thoughts of suicide?",
        "I hear how much you are carrying. When it gets this heavy, do you think about ending your life?",
    ),
    CrisisKind.SELF_HARM: (
        "Thank you for trusting me with this. I would like to ask you directly: have you been hurting yourself, or do "
        "you feel close to it?",
        "That sounds very painful. Do you feel that you might harm yourself today?",
    ),
    CrisisKind.HARM_TO_OTHERS: (
        "I can hear how strong this is. I would like to ask you directly: are you afraid that you could hurt somebody?",
        "Thank you for being open about this. Do you have thoughts of hurting someone?",
    ),
    CrisisKind.ABUSE: (
        "Thank you for telling me; none of this is your fault. I would like to ask you directly: is somebody hurting "
        "you, or are you afraid of them?",
        "I am concerned about you. Has anybody threatened you or hurt you?",
    ),
    CrisisKind.SOMEBODY_ELSE: (
        "It is good that you look out for them. I would like to ask you directly: do you fear that they are thinking "
        "of suicide, or are in danger in another way?",
        "You sound worried about somebody. Do you think that they are in danger right now?",
    ),
}
_HELP = "You can also talk with a person, free and confidential: {}."


def crisis_reply(helplines: Helplines) -> str:
    """The fixed message of an urgent moment, with these helplines in it."""
    return _CRISIS.format(
        emergency=_in_words(helplines.emergency),
        talk="\n".join(f"- {line}" for line in helplines.talk),
        abuse="".join(f"\n- {line}" for line in helplines.abuse),
    )


def short_reply(helplines: Helplines) -> str:
    """What answers messages after the fixed one: the numbers and one sentence."""
    return _SHORT.format(emergency=_in_words(helplines.emergency), talk=_in_words(helplines.talk))


def worried_reply(kind: CrisisKind, helplines: Helplines, *, asked: int = 0) -> str:
    """A question about safety, and one line with helplines below it.

    Args:
        asked: How often such a question was asked before in the conversation; the list is gone through in turn.
    """
    questions = QUESTIONS[kind]
    lines = (*helplines.talk, *helplines.abuse) if kind is CrisisKind.ABUSE else helplines.talk
    return f"{questions[asked % len(questions)]}\n{_HELP.format(_in_words(lines))}"


def _in_words(lines: Sequence[Helpline]) -> str:
    """The lines that are for everybody, in one line of text."""
    return ", ".join(f"{line.contact} ({line.where})" for line in lines if not line.whom)


CRISIS_REPLY = crisis_reply(read_helplines())
"""The fixed message with all helplines of this package."""
