import math
from pathlib import Path

import pytest

from env.seekers.prompted.intensity import IntensityConfig, IntensityReader, IntensityReading, parse_intensity
from tests.language_models.chat.fake_chat import recorded
from tests.seeker.people import profile


@pytest.mark.parametrize(
    ("answer", "intensity"),
    [
        ("4", 4),
        ("**4**", 4),
        ("Intensity: 3.", 3),
        ("4/5", 4),
        ("4 out of 5", 4),
        ("I would say 2 of 5, so 2", 2),
        ("5", 5),
        ("3.5", None),
        ("0", None),
        ("6", None),
        ("-3", None),
        ("3 or 4", None),
        ("between 1 and 5: 2", None),
        ("B4", None),
        ("four", None),
        ("", None),
    ],
)
def test_one_whole_number_is_read_and_nothing_else(answer: str, intensity: int | None) -> None:
    assert parse_intensity(answer) == intensity


def test_the_mean_of_what_could_be_read(tmp_path: Path) -> None:
    reader = IntensityReader(recorded(lambda request, sample: ["4", "3", "hm", "4", "3"][sample], tmp_path))
    (reading,) = reader.read([profile()], [profile().opening])
    assert reading == IntensityReading((4, 3, 4, 3), unparsable=1)
    assert reading.intensity == 3.5
    assert reader.line() == "intensity: 1 of 5 answers were no number from 1 to 5"


def test_unread_conversations_are_read_again_and_no_others(tmp_path: Path) -> None:
    asked: list[tuple[bool, int]] = []

    def answer(request: object, sample: int) -> str:
        first = "bakery lost" in str(request)
        asked.append((first, sample))
        return "2" if first or sample >= 4 else "?"

    reader = IntensityReader(recorded(answer, tmp_path), config=IntensityConfig(samples=2, rounds=3))
    readings = reader.read([profile(1), profile(2)], [profile().opening, profile().opening[1:]])
    assert readings == [IntensityReading((2, 2), 0), IntensityReading((2, 2), 4)]
    assert sorted(asked) == [*((False, sample) for sample in range(6)), (True, 0), (True, 1)]


def test_what_can_never_be_read_is_not_a_number(tmp_path: Path) -> None:
    reader = IntensityReader(recorded(lambda request, sample: "?", tmp_path))
    (reading,) = reader.read([profile()], [profile().opening])
    assert math.isnan(reading.intensity)
    assert reading.unparsable == 15
