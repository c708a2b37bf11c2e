"""Training and use of a detector on a toy problem; files are read back; wrong ones are refused in one line."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import safety.training
from safety.detector import Detector
from safety.replies import ReplyKind
from safety.rules import match_rules
from safety.screening import Level
from safety.training import DetectorConfig, DetectorTexts, train_detector
from tests.hash_encoder import HashEncoder

CONFIG = DetectorConfig(networks=2, width=16, epochs=30, batch=16, word_axes=8, letter_axes=8)
BAD, GOOD = ("the dark river calls me", "dark thoughts of the river"), ("a sunny day at the beach", "we had ice cream")
TEXTS = [f"{text} {number}" for number in range(24) for text in (*BAD, *GOOD)]


def toy_texts(side: str, corpus: Sequence[str]) -> DetectorTexts:
    """Two authors and a corpus of harmless messages; danger is a matter of two words."""
    dangerous = [text.startswith(BAD) for text in TEXTS] + [False] * len(corpus)
    return DetectorTexts(
        [*TEXTS, *corpus],
        np.array([1 + number % 8 // 4 for number in range(len(TEXTS))] + [-1] * len(corpus)),
        np.array(dangerous),
        np.array([1 if one else -1 for one in dangerous]),
        [None] * (len(TEXTS) + len(corpus)),
    )


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Detector:
    monkeypatch.setattr(safety.training, "training_texts", toy_texts)
    corpus = [f"hello {number}" for number in range(40)]
    trained, figures = train_detector(
        "person", corpus, encoder=HashEncoder(), encoder_name="hash", config=CONFIG, seed=0
    )
    assert figures["any_recall"] > 90
    return trained


def test_it_learns_and_is_read_back_alike(detector: Detector, tmp_path: Path) -> None:
    texts = ["dark river", "ice cream at the beach"]
    danger, kinds = detector.probabilities(texts, [None, None])
    assert danger[0] > 0.5 > danger[1]
    assert kinds.shape == (2, 5)
    np.testing.assert_allclose(kinds.sum(axis=1), 1, rtol=1e-5)
    assert detector.settings.kinds[kinds[0].argmax()] == "self-harm"
    detector.save(tmp_path)
    again = Detector.load(tmp_path, HashEncoder())
    np.testing.assert_allclose(again.probabilities(texts, [None, None])[0], danger, atol=0.02)
    assert again.settings == detector.settings
    assert detector.probabilities([], [])[1].shape == (0, 5)


def test_an_answer_to_a_question_is_urgent_whatever_the_network_says(detector: Detector) -> None:
    match = match_rules("yes", ["Are you thinking of suicide?"])
    (found,) = detector.detect(["yes"], [match])
    assert found.level is Level.URGENT


def test_levels_follow_the_thresholds(detector: Detector) -> None:
    strict, eager = (
        Detector(dataclasses.replace(detector.settings, urgent=u, worried=w), detector.weights, HashEncoder())
        for u, w in ((0.9999, 0.0001), (0.0002, 0.0001))
    )
    assert strict.detect(["dark river"], [None])[0].level in (Level.WORRIED, Level.URGENT)
    assert eager.detect(["dark river"], [None])[0].level is Level.URGENT


def test_replies_get_a_kind(detector: Detector) -> None:
    settings = dataclasses.replace(detector.settings, kinds=tuple(ReplyKind)[:5])
    found = Detector(settings, detector.weights, HashEncoder()).detect_replies(["dark river", "ice cream"])
    assert [one.kind for one in found] == [ReplyKind.BLAMES, None]


def test_another_encoder_and_damaged_files_are_refused(detector: Detector, tmp_path: Path) -> None:
    other = HashEncoder()
    other.fingerprint = "0" * 64
    with pytest.raises(ValueError, match="trained with hash, got another encoder"):
        Detector(detector.settings, detector.weights, other)
    detector.save(tmp_path)
    (tmp_path / "detector.json").write_text("{}")
    with pytest.raises(ValueError, match="no detector that can be used"):
        Detector.load(tmp_path, HashEncoder())
    with pytest.raises(ValueError, match=r"worried: got 1\.0, expected a probability"):
        dataclasses.replace(detector.settings, worried=1.0)
    with pytest.raises(ValueError, match="dropout: got 1, expected 0 to 1"):
        DetectorConfig(dropout=1)
