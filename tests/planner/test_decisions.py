import numpy as np

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import STOP
from planner.decisions import Decisions
from tests.planner.toy_task import observer


def test_decisions_of_one_dialogue_by_hand() -> None:
    dialogue = Dialogue(
        1,
        (
            Message(Role.SUPPORTER, "hi", Strategy.OTHERS),
            Message(Role.SEEKER, "hello"),
            Message(Role.SUPPORTER, "what is it", Strategy.QUESTION),
            Message(Role.SUPPORTER, "poor you", Strategy.REFLECTION),
            Message(Role.SEEKER, "yes"),
        ),
    )
    decisions = Decisions.collect([dialogue], observer=observer())
    assert decisions.utterances == 3
    expected: list[tuple[tuple[int, ...], int]] = [
        # the messages, in order
        ((), Strategy.OTHERS),
        ((), Strategy.QUESTION),
        ((Strategy.QUESTION,), Strategy.REFLECTION),
        # first turn: STOP after its message, as planned and as realized
        ((Strategy.OTHERS,), STOP),
        ((Strategy.OTHERS,), STOP),
        # second turn, nothing realized
        ((Strategy.QUESTION,), Strategy.REFLECTION),
        ((Strategy.QUESTION, Strategy.REFLECTION), STOP),
        # its first message realized, the second one planned
        ((Strategy.QUESTION, Strategy.REFLECTION), STOP),
        # both realized
        ((Strategy.QUESTION, Strategy.REFLECTION), STOP),
    ]
    codec = observer().codec
    found = list(zip(map(codec.plan, decisions.slots), decisions.decision.tolist(), strict=True))
    assert found == expected
    # The second message of the turn is decided once with the first one's text and once without.
    histories = observer().encode_histories([dialogue.messages[:3], dialogue.messages[:2]])
    assert np.array_equal(decisions.history[decisions.row[2]], histories[0])
    assert np.array_equal(decisions.history[decisions.row[5]], histories[1])


def test_full_plans_have_no_decision_left() -> None:
    messages = [Message(Role.SUPPORTER, f"m{number}", Strategy.INFORMATION) for number in range(5)]
    decisions = Decisions.collect([Dialogue(1, tuple(messages))], observer=observer())
    assert decisions.utterances == 5
    # Planned ahead: the second and third from none realized, the third from one realized; three are full.
    assert decisions.decision[5:].tolist() == [Strategy.INFORMATION] * 3
