"""The labels of reasoning against tables worked by hand, and the sentences they print as."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from corpus.dialogue import Dialogue, Message, Role, Survey, Turn, turn_view
from corpus.errors import CorpusError
from corpus.load import load_corpus
from corpus.reasoning import Need, Reasoning, intensity_at, need_at, need_of, reasoning_labels, stage_at
from corpus.strategy import Stage, Strategy
from tests.corpus.random_dialogues import corpora

QUESTION, RESTATEMENT, REFLECTION, DISCLOSURE, AFFIRMATION, SUGGESTIONS, INFORMATION, OTHERS = Strategy


def dialogue(
    *plans: Sequence[Strategy], survey: Survey | None = None, problem: str = "", emotion: str = ""
) -> Dialogue:
    """A seeker message, then a turn of these strategies, and so on; an empty plan gives a seeker message alone."""
    messages = []
    for plan in plans:
        messages.append(Message(Role.SEEKER, "well"))
        messages += [Message(Role.SUPPORTER, "I see", strategy) for strategy in plan]
    return Dialogue(1, tuple(messages), problem=problem, emotion=emotion, survey=survey or Survey())


def middle(*plans: Sequence[Strategy]) -> Turn:
    """The second of three turns."""
    return turn_view([dialogue(*plans)])[1]


@pytest.mark.parametrize(
    ("plan", "need"),
    [
        ((QUESTION,), Need.HEARD),
        ((RESTATEMENT,), Need.HEARD),
        ((REFLECTION,), Need.UNDERSTAND),
        ((DISCLOSURE,), Need.UNDERSTAND),
        ((AFFIRMATION,), Need.REASSURED),
        ((SUGGESTIONS,), Need.ACT),
        ((INFORMATION,), Need.ACT),
        ((OTHERS, OTHERS), None),
        ((), None),
        ((OTHERS, AFFIRMATION, QUESTION), Need.REASSURED),  # the first that is not Others
        ((QUESTION, SUGGESTIONS, SUGGESTIONS), Need.HEARD),  # the first, not the majority
    ],
)
def test_need_by_hand(plan: tuple[Strategy, ...], need: Need | None) -> None:
    assert need_of(plan) is need


def test_need_of_a_turn_of_nothing_but_others_is_that_of_the_nearest() -> None:
    turns = turn_view(
        [dialogue([OTHERS], [OTHERS, AFFIRMATION], [OTHERS], [OTHERS], [INFORMATION], [OTHERS], [OTHERS])]
    )
    assert [need_at(turn) for turn in turns] == [  # the next that answers any, else the last before
        *(Need.REASSURED, Need.REASSURED, Need.ACT, Need.ACT, Need.ACT, Need.ACT, Need.ACT),
    ]
    assert need_at(turn_view([dialogue([OTHERS], [OTHERS])])[0]) is None


@pytest.mark.parametrize(
    ("before", "this", "after", "stage"),
    [
        ([QUESTION], [QUESTION], [AFFIRMATION], Stage.EXPLORATION),
        ([QUESTION], [SUGGESTIONS], [INFORMATION], Stage.ACTION),
        ([AFFIRMATION, REFLECTION], [QUESTION], [SUGGESTIONS], Stage.COMFORTING),  # messages are counted, not turns
        ([QUESTION], [AFFIRMATION], [SUGGESTIONS], Stage.COMFORTING),  # three tied: this turn's own
        ([QUESTION], [OTHERS], [SUGGESTIONS], Stage.EXPLORATION),  # tied, nothing of its own: the earliest
        ([SUGGESTIONS], [OTHERS], [AFFIRMATION], Stage.COMFORTING),
        ([SUGGESTIONS], [OTHERS, SUGGESTIONS, QUESTION], [QUESTION], Stage.ACTION),  # its own first staged strategy
        ([AFFIRMATION] * 2, [QUESTION], [SUGGESTIONS] * 2, Stage.COMFORTING),  # its own is not among the tied
        ([OTHERS], [OTHERS], [OTHERS], None),
        ([OTHERS], [OTHERS], [SUGGESTIONS], Stage.ACTION),
    ],
)
def test_stage_by_hand(
    before: list[Strategy], this: list[Strategy], after: list[Strategy], stage: Stage | None
) -> None:
    assert stage_at(middle(before, this, after)) is stage


def test_stage_at_the_ends_of_a_dialogue_and_no_farther_than_one_turn() -> None:
    turns = turn_view([dialogue([SUGGESTIONS] * 5, [], [OTHERS], [QUESTION], [], [AFFIRMATION, REFLECTION])])
    assert [stage_at(turn) for turn in turns] == [Stage.ACTION, Stage.ACTION, Stage.COMFORTING, Stage.COMFORTING]
    (alone,) = turn_view([Dialogue(1, (Message(Role.SUPPORTER, "Hello", QUESTION),))])
    assert stage_at(alone) is Stage.EXPLORATION


@pytest.mark.parametrize(
    ("initial", "final", "expected"),
    [
        # Ten messages, turns at 1, 3, 5, 7, 9.
        (5, 1, [5, 4, 3, 2, 1]),  # 4.6, 3.8, 3.0, 2.2, 1.4
        (5, 5, [5, 5, 5, 5, 5]),
        (4, 3, [4, 4, 4, 3, 3]),  # 3.9, 3.7, 3.5 (half up), 3.3, 3.1
        (2, 3, [2, 2, 3, 3, 3]),  # 2.1, 2.3, 2.5, 2.7, 2.9
        (4, None, [4] * 5),
        (None, 2, [None] * 5),
        (None, None, [None] * 5),
    ],
)
def test_intensity_by_hand(initial: int | None, final: int | None, expected: list[int | None]) -> None:
    survey = Survey(initial_intensity=initial, final_intensity=final)
    turns = turn_view([dialogue(*[[QUESTION]] * 5, survey=survey)])
    assert [intensity_at(turn) for turn in turns] == expected


def test_labels_of_a_turn() -> None:
    survey = Survey(initial_intensity=4)
    (turn,) = turn_view([dialogue([REFLECTION], survey=survey, problem="job crisis", emotion="fear")])
    assert reasoning_labels(turn) == ("job crisis", "fear", 4, Need.UNDERSTAND, Stage.COMFORTING)
    (turn,) = turn_view([dialogue([OTHERS])])
    assert reasoning_labels(turn) == (None, None, None, None, None)


def test_missing_strategy_is_refused() -> None:
    with pytest.raises(CorpusError, match="strategy"):
        reasoning_labels(turn_view([Dialogue(1, (Message(Role.SUPPORTER, "hm"),))])[0])


@settings(max_examples=50, deadline=None)
@given(corpora(all_fields=False))
def test_labels_are_in_range_and_follow_the_plan(dialogues: tuple[Dialogue, ...]) -> None:
    for turn in turn_view(dialogues):
        labels = reasoning_labels(turn)
        survey = turn.dialogue.survey
        assert (labels.intensity is None) == (survey.initial_intensity is None)
        if labels.intensity is not None and survey.final_intensity is not None:
            ends = sorted((survey.initial_intensity or 0, survey.final_intensity))
            assert ends[0] <= labels.intensity <= ends[1]
        said = {strategy for other in turn.dialogue.turns() for strategy in other.plan}
        assert (labels.need is None) == (said == {OTHERS})
        if need_of(turn.plan) is not None:
            assert labels.need is need_of(turn.plan)
            assert labels.stage is not None


def test_bundled_sample_is_labelled() -> None:
    labels = [reasoning_labels(turn) for turn in turn_view(load_corpus(None).split("all"))]
    assert all(label.context and label.emotion and label.intensity for label in labels)
    assert {label.need for label in labels} >= set(Need)
    assert {label.stage for label in labels} >= set(Stage)


def test_four_plain_sentences() -> None:
    reasoning = Reasoning(
        "ongoing depression", "anxiety", 4, Need.HEARD, Stage.EXPLORATION, (0.71, 0.449, 0.52, 0.61, 1.0)
    )
    assert str(reasoning).splitlines() == [
        "Context: The seeker's problem is ongoing depression (71%).",
        "Emotion: They feel anxiety (45%), at intensity 4 of 5 (52%).",
        "Cognition: What they need now is to be heard (61%).",
        "Support plan: The conversation is at the stage of exploration (100%).",
    ]


def test_names_for_people() -> None:
    assert [need.label for need in Need] == ["to be heard", "to understand", "to be reassured", "to act"]


@pytest.mark.parametrize(
    ("intensity", "probabilities", "field"),
    [
        (0, (0.5,) * 5, "intensity"),
        (6, (0.5,) * 5, "intensity"),
        (3, (0.5,) * 4, "probabilities"),
        (3, (0.5, 0.5, 0.5, 0.5, 1.1), "probabilities"),
        (3, (0.5, 0.5, 0.5, 0.5, -0.1), "probabilities"),
        (3, (0.5, 0.5, 0.5, 0.5, float("nan")), "probabilities"),
    ],
)
def test_wrong_reasoning_is_refused(intensity: int, probabilities: tuple[float, ...], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Reasoning("job crisis", "fear", intensity, Need.ACT, Stage.ACTION, probabilities)
