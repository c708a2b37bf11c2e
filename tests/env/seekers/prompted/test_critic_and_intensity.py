"""What a language model is asked as critic and about the intensity, and how its answers are read."""

import math
from pathlib import Path

import pytest

from env.seekers.prompted.critic import Critic, CriticAnswer, CriticConfig, CriticScore, parse_verdict
from env.seekers.prompted.intensity import IntensityConfig, IntensityEstimate, IntensityEstimator, parse_intensity
from tests.env.seekers.prompted.people import profile, supporter_says
from tests.language_models.chat.fake_chat import FakeChat, recorded

SAID = {
    "w": "No, the Patient feels worse.",
    "s": "No, the Patient feels the same.",
    "b": "No, but the Patient feels better.",
    "S": "Yes, the Patient's issue has been solved.",
    "?": "As a language model I like bakeries.",
}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        *zip(SAID.values(), [*CriticAnswer, None], strict=True),
        ("no, but the patient feels BETTER", CriticAnswer.BETTER),
        ("No. The patient feels much better now. Yet the issue is not solved.", CriticAnswer.BETTER),
        ('"Yes, the issue has been solved"', CriticAnswer.SOLVED),
        ("Solved", CriticAnswer.SOLVED),
        ("Answer: better", CriticAnswer.BETTER),
        ("The patient's issue has not been solved.", None),
        ("The patient's issue hasn't been solved.", None),
        ("No, the Patient's issue has been solved.", None),
        ("The patient doesn’t feel any better.", None),
        ("The patient feels better or the same.", None),
        ("Yes.", None),
        ("unsolved", None),
        ("", None),
    ],
)
def test_verdicts_are_read_or_refused(answer: str, verdict: CriticAnswer | None) -> None:
    assert parse_verdict(answer) is verdict


@pytest.mark.parametrize(
    ("answers", "counts", "unparsable", "score", "success"),
    [
        ("SSSSSSSSSS", (0, 0, 0, 10), 0, 1.0, True),
        ("bbbbbbbbbb", (0, 0, 10, 0), 0, 0.5, False),  # not above 0.5
        ("bbbbbbbbbS", (0, 0, 9, 1), 0, 0.55, True),
        ("wsbSwsbSbS", (2, 2, 3, 3), 0, 0.15, False),
        ("????????SS", (0, 0, 0, 2), 8, 1.0, True),  # nothing parsable is lost, nothing unparsable counts
        ("ww????????", (2, 0, 0, 0), 8, -1.0, False),
    ],
)
def test_the_score_is_the_mean_of_ppdpps_values(
    tmp_path: Path, answers: str, counts: tuple[int, ...], unparsable: int, score: float, success: bool
) -> None:
    chat = recorded(lambda request, sample: SAID[answers[sample]], tmp_path)
    (found,) = Critic(chat).score([profile()], [profile().opening])
    assert found == CriticScore(counts, unparsable)  # type: ignore[arg-type]
    assert found.score == pytest.approx(score)
    assert found.success is success


def test_what_cannot_be_read_has_no_score_and_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chat = recorded(lambda request, sample: SAID["?" if "number 1" in str(request) or sample < 3 else "b"], tmp_path)
    critic = Critic(chat)
    people = [profile(1), profile(2)]
    histories = [[*one.opening, supporter_says(f"I see, number {one.dialogue}.")] for one in people]
    first, second = critic.score(people, histories)
    assert math.isnan(first.score)
    assert first.success is None
    assert second.score == 0.5
    assert critic.line() == "critic: 13 of 20 answers were no verdict, 1 conversations without a score"
    assert caplog.messages == ["dialogue 1: none of 10 answers is a verdict, so it has no score"]


def test_it_asks_as_ppdpp_does(tmp_path: Path) -> None:
    chat = recorded(lambda request, sample: SAID["b"], tmp_path)
    critic = Critic(chat)
    critic.score([profile()], [[*profile().opening, supporter_says("What have\nyou tried?")]])
    assert isinstance(chat.model, FakeChat)
    (request,) = chat.model.requests
    assert (request.temperature, request.samples) == (1.1, tuple(range(10)))
    text = request.messages[0].content
    assert "Patient: I do not know what to do.\nTherapist: What have you tried?\n" in text
    assert "anxiety" in text
    assert "job crisis" in text
    assert all(text.count(SAID[verdict]) == 1 for verdict in "wsbS")


def test_the_signature_names_what_a_score_depends_on(tmp_path: Path) -> None:
    signature = Critic(recorded(lambda request, sample: "", tmp_path)).signature
    assert signature.startswith("critic fake prompt 1.")
    assert signature.endswith(" temperature 1.1 samples 10 tokens 32 seed 0")
    other = Critic(recorded(lambda request, sample: "", tmp_path), config=CriticConfig(samples=5))
    assert other.signature != signature


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
    estimator = IntensityEstimator(recorded(lambda request, sample: ["4", "3", "hm", "4", "3"][sample], tmp_path))
    (estimate,) = estimator.estimate([profile()], [profile().opening])
    assert estimate == IntensityEstimate((4, 3, 4, 3), unparsable=1)
    assert estimate.intensity == 3.5
    assert estimator.line() == "intensity: 1 of 5 answers were no number from 1 to 5"


def test_unread_conversations_are_read_again_and_no_others(tmp_path: Path) -> None:
    asked: list[tuple[bool, int]] = []

    def answer(request: object, sample: int) -> str:
        first = "bakery lost" in str(request)
        asked.append((first, sample))
        return "2" if first or sample >= 4 else "?"

    estimator = IntensityEstimator(recorded(answer, tmp_path), config=IntensityConfig(samples=2, rounds=3))
    numbers = estimator.estimate([profile(1), profile(2)], [profile().opening, profile().opening[1:]])
    assert numbers == [IntensityEstimate((2, 2), 0), IntensityEstimate((2, 2), 4)]
    assert sorted(asked) == [*((False, sample) for sample in range(6)), (True, 0), (True, 1)]


def test_what_can_never_be_read_is_not_a_number(tmp_path: Path) -> None:
    estimator = IntensityEstimator(recorded(lambda request, sample: "?", tmp_path))
    (estimate,) = estimator.estimate([profile()], [profile().opening])
    assert math.isnan(estimate.intensity)
    assert estimate.unparsable == 15
