"""The generator of the golden run writes the texts it wrote when the run was made, and finds gold as likely."""

from tests.golden_data import differences, likelihoods, stored, texts


def test_greedy_texts() -> None:
    assert list(differences(stored("texts.json"), texts())) == []


def test_likelihoods_of_gold_texts() -> None:
    assert list(differences(stored("likelihoods.json"), likelihoods())) == []
