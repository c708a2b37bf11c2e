from pathlib import Path

import numpy as np
import pytest

from corpus.analysis.ratings import feedback, intensity, mean_star
from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.load import load_corpus
from corpus.strategy import Strategy


def rated(*stars: int | None) -> Dialogue:
    """A conversation of seeker messages with these ratings."""
    return Dialogue(1, tuple(Message(Role.SEEKER, "words", feedback=one) for one in stars))


def surveyed(before: int | None, after: int | None, empathy: int | None = 4) -> Dialogue:
    return Dialogue(
        1,
        (Message(Role.SUPPORTER, "words", Strategy.OTHERS),),
        survey=Survey(initial_intensity=before, final_intensity=after, empathy=empathy),
    )


def test_feedback_by_hand() -> None:
    found = feedback([rated(5, None, None, 3, None, 1), rated(4, 2)])
    assert found.stars.tolist() == [1, 1, 1, 1, 1]
    assert found.total == 5
    assert found.by_phase[0].tolist() == [0, 0, 0, 1, 1]  # messages 0 of 6 and 0 of 2
    assert found.by_phase[3].tolist() == [0, 1, 1, 0, 0]  # 3 of 6 and 1 of 2 are where the fourth sixth begins
    assert found.phase_means() == (4.5, None, None, 2.5, None, 1.0)


def test_intensity_by_hand() -> None:
    found = intensity(
        [
            surveyed(5, 2),
            surveyed(4, 4),
            surveyed(3, 3, None),
            surveyed(2, 3, None),
            surveyed(5, None),
            surveyed(None, None),
        ]
    )
    assert found.total == 4
    assert (found.table[4, 1], found.table[3, 3], found.table[2, 2], found.table[1, 2]) == (1, 1, 1, 1)
    assert found.change().tolist() == [0, 0, 0, 1, 2, 0, 0, 1, 0]  # one worse by 1, two unchanged, one better by 3
    assert (found.mean_before, found.mean_after) == (3.5, 3.0)
    assert (found.before_only, found.neither) == (1, 1)
    assert found.repeated == 1  # the one without a change and without any other answer


def test_nothing_given() -> None:
    assert feedback([rated(None)]).phase_means() == (None,) * 6
    assert intensity([surveyed(None, None)]).mean_after is None
    assert mean_star(np.zeros(5)) is None


@pytest.mark.real_data
def test_unchanged_intensities_of_esconv_are_unanswered_surveys(esconv: Path) -> None:
    found = intensity(load_corpus(esconv).split("all"))
    assert found.total == 910 + 195
    assert found.repeated == found.change()[4] > 0
    assert found.change()[:4].sum() == 0  # nobody felt worse: such conversations were not accepted
