import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

import cli.evaluate
from cli.command_line import run_command
from evaluation.human.comparison import HumanStudy, ParticipantAnswers, Preference, compare_humans, human_table
from evaluation.human.study_file import Event, StudyStore
from evaluation.published import HUMAN_ESCONV_2021, QUESTIONS
from evaluation.report.tables import to_text

W, L, T = Preference.WIN, Preference.LOSE, Preference.TIE


def answered(pair: str, person: str, *answers: Preference) -> ParticipantAnswers:
    """Answers to all five questions: one for all of them, or five."""
    return ParticipantAnswers(
        pair, person, dict(zip(QUESTIONS, answers * 5 if len(answers) == 1 else answers, strict=True))
    )


def study(answers: Sequence[ParticipantAnswers], **changes: object) -> HumanStudy:
    given = {"systems": ("joint", "vanilla"), "intensities": {}, "started": len(answers), "stopped": 0}
    return HumanStudy(answers=tuple(answers), **(given | changes))


def test_shares_marks_and_ties() -> None:
    all_answers = [answered(f"p{n}", f"j{n}", verdict) for n, verdict in enumerate([W] * 9 + [L] + [T] * 2)]
    scores = compare_humans([study(all_answers)]).systems["joint vs vanilla"]
    assert scores["overall_win"].value == pytest.approx(75)
    assert scores["overall_lose"].value == pytest.approx(100 / 12)
    assert scores["overall_preference"].value == pytest.approx(90)
    assert scores["overall_p"].value == pytest.approx(22 / 1024)
    assert scores["overall_win"].low < 75 < scores["overall_win"].high
    assert math.isnan(scores["overall_kappa"].value)
    table = to_text(human_table(compare_humans([study(all_answers)])))
    assert "75 / 8‡" in table
    assert "2 stopped" not in table


def test_two_people_of_a_pair_count_once_by_majority() -> None:
    all_answers = [
        answered("a", "1", W), answered("a", "2", W), answered("a", "3", L),  # W
        answered("b", "4", L), answered("b", "5", W),  # no majority: a tie
        answered("c", "6", L),
    ]  # fmt: skip
    result = compare_humans([study(all_answers)])
    scores = result.systems["joint vs vanilla"]
    assert result.n == scores["pairs"].value == 3
    assert scores["judgements"].value == 6
    assert scores["fluency_win"].value == pytest.approx(100 / 3)
    assert scores["fluency_lose"].value == pytest.approx(100 / 3)
    # Pairs a and b: agreement (1/3 + 0) / 2 = 1/6, by chance (3/5)^2 + (2/5)^2 = 0.52.
    assert scores["fluency_kappa"].value == pytest.approx((1 / 6 - 0.52) / (1 - 0.52))
    assert "kappa -0.74" in to_text(human_table(result))


def test_intensities_and_json(tmp_path: Path) -> None:
    one = study([answered("a", "1", T)], intensities={"joint": [(5, 2), (3, 3)], "vanilla": [(4, 4)]}, stopped=2)
    result = compare_humans([one])
    result.save(tmp_path / "human.json")
    scores = json.loads((tmp_path / "human.json").read_text())["systems"]["joint vs vanilla"]
    assert scores["intensity_drop_first"]["value"] == 1.5
    assert scores["intensity_drop_second"]["value"] == 0
    assert scores["stopped"]["value"] == 2
    assert scores["overall_p"]["value"] is None
    assert "nothing decided" in to_text(human_table(result))


def test_published_rows_stand_under_the_measured_one() -> None:
    lines = to_text(human_table(compare_humans([study([answered("a", "1", W)])]))).splitlines()
    names = [line.split("  ")[0] for line in lines]
    assert names.index("joint vs vanilla") < names.index("Joint vs Vanilla")
    # Copied by hand from Table 5.
    for row in ("71 / 24  65 / 25  75 / 20  72 / 21  73 / 20", "52 / 35  50 / 34  54 / 34  47 / 39  51 / 34",
                "53 / 35  54 / 37  47 / 39  48 / 27  56 / 36"):  # fmt: skip
        cells = [cell for cell in row.split("  ") if cell]
        assert any(all(cell in line for cell in cells) for line in lines), row
    assert HUMAN_ESCONV_2021.protocol == "human"


def test_nobody_answered() -> None:
    table = to_text(human_table(compare_humans([study([], started=3)])))
    assert "–" in table
    assert "3 people began" in table


def test_refused() -> None:
    with pytest.raises(ValueError, match="two studies of joint vs vanilla"):
        compare_humans([study([]), study([])])
    with pytest.raises(ValueError, match="expected \\['comforting'"):
        ParticipantAnswers("a", "1", {"overall": W})


def test_the_command_shows_what_participants_of_a_study_preferred(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = StudyStore(tmp_path / "study.sqlite", systems=("joint", "vanilla"))
    for person in range(6):
        events = [Event("joined", {"order": [person % 2, 1 - person % 2]})]
        events += [Event("intensity", {"value": value}) for value in (5, 4, 3)]
        better = person % 2  # always the first system, whenever it came
        events += [Event("answer", {"question": question, "verdict": better}) for question in QUESTIONS]
        for number, event in enumerate([*events, Event("submitted", {})]):
            store.append(str(person), number, event)
    given = ["human", "--study", str(tmp_path / "study.sqlite"), "--json", str(tmp_path / "human.json")]
    run_command(cli.evaluate.COMMANDS, given, program="evaluate.py")
    said = capsys.readouterr().out
    assert "100 / 0‡" in said  # 2 / 2^6 = 0.031
    assert "Joint vs Vanilla" in said
    scores = json.loads((tmp_path / "human.json").read_text())["systems"]["joint vs vanilla"]
    assert scores["overall_p"]["value"] == pytest.approx(2 / 64)
    with pytest.raises(SystemExit) as end:
        run_command(cli.evaluate.COMMANDS, ["human", "--study", "nowhere"], program="evaluate.py")
    assert end.value.code == 2
    assert "nowhere: no such file" in capsys.readouterr().err
