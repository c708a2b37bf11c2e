"""How good a seeker's models are on held-out dialogues: beside a mean predictor, with intervals over dialogues.

Every figure is a function of rows that belong to dialogues; intervals (95 %) come from resampling whole dialogues.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from corpus.dialogue import Dialogue
from encoding.text_encoder import TextEncoder
from env.seekers.retrieval.endings import Outcomes, answer_after, broken_off
from env.seekers.retrieval.exchanges import Exchanges, ExchangeView
from env.seekers.retrieval.models import SeekerModels, hazard_features
from env.seekers.retrieval.stars import STARS
from metrics.statistics.bootstrap import interval
from metrics.statistics.estimate import Estimate

_BINS = 10

Figure = Callable[[np.ndarray], float]  # rows, repeats allowed -> value


def fit_quality(
    models: SeekerModels,
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    held_out_failed: Sequence[Dialogue],
    *,
    text_encoder: TextEncoder,
    rng: np.random.Generator,
    samples: int = 500,
) -> dict[str, Estimate]:
    """Every figure by name, e.g. ``feedback rank correlation``; NaN where the data do not allow it.

    Args:
        models: Fitted on ``train``, which here gives the mean predictors.
        valid: Held-out successful dialogues.
        held_out_failed: May be empty.
        samples: Resamples of the dialogues behind every interval.
    """
    estimates: dict[str, Estimate] = {}

    def add(name: str, figures: Mapping[str, Figure], dialogue: np.ndarray) -> None:
        estimates.update(_estimates(name, figures, dialogue, rng=rng, samples=samples))

    exchanges = Exchanges.of([*valid, *held_out_failed], text_encoder=text_encoder)
    view = ExchangeView.of(exchanges, models.projection)
    typicality = models.typicality(view.state(), exchanges.plans)
    seen = {
        "": models.stars.marginal_probabilities(view.features(typicality)) @ STARS,
        " (strategies alone)": models.stars.marginal_probabilities(view.features(typicality, texts=False)) @ STARS,
    }
    failed = np.arange(len(exchanges.dialogues)) >= len(valid)
    usual_stars = float(np.mean([m.feedback for d in train for m in d.messages if m.feedback is not None]))
    rated = np.flatnonzero((exchanges.stars > 0) & ~failed[exchanges.dialogue])
    for label, expected in seen.items():
        figures = _regression(exchanges.stars[rated], expected[rated], np.full(len(rated), usual_stars))
        add(f"feedback{label}", figures, exchanges.dialogue[rated])

    outcomes = Outcomes.of(exchanges, failed)
    given = outcomes.means(exchanges, exchanges.ratings)
    stars = {
        " (ratings known)": np.where(np.isnan(given), outcomes.means(exchanges, seen[""]), given),
        "": outcomes.means(exchanges, seen[""]),
        " (strategies alone)": outcomes.means(exchanges, seen[" (strategies alone)"]),
    }
    answered = np.flatnonzero((outcomes.final > 0) & ~outcomes.failed)
    initial, final = outcomes.initial, outcomes.final
    usual_answer = _usual_answers(train)
    support = models.support(outcomes.tracks)
    for label, mean_stars in stars.items():
        relief = models.intensity.relief(outcomes.tracks, support, outcomes.means(exchanges, typicality), mean_stars)
        expected = models.intensity.answer_probabilities(initial, relief) @ STARS
        figures = _regression(final[answered], expected[answered], usual_answer[initial[answered]])
        add(f"intensity after{label}", figures, outcomes.dialogue[answered])
        probability = models.intensity.success_probability(initial, relief)
        figures = _classification(outcomes.success[answered], probability[answered])
        add(f"success{label}", figures, outcomes.dialogue[answered])
        # Relief, not the probability: the initial intensity says nothing about the support.
        add(f"failed or successful{label}", _discrimination(outcomes.failed, -relief), outcomes.dialogue)
    hazard = models.give_up.probability(hazard_features(exchanges, typicality, seen[""]))
    left = broken_off(exchanges, failed=failed, least_turns=float(models.give_up.least_turns))
    add("giving up, per exchange", _discrimination(left, hazard), exchanges.dialogue)
    return estimates


def fit_quality_lines(figures: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """The figures as lines, names aligned; what is undefined is a dash.

    Args:
        figures: Name -> ``value``, ``low``, ``high``, as ``Estimate.as_json`` gives them.
    """
    width = max(map(len, figures), default=0)
    return [f"{name:{width}}  {_shown(numbers)}" for name, numbers in figures.items()]


def _shown(numbers: Mapping[str, float | None]) -> str:
    value, low, high = (numbers[name] for name in ("value", "low", "high"))
    if value is None:
        return "-"
    return f"{value:6.3f}" if low is None or high is None else f"{value:6.3f}  [{low:.3f}, {high:.3f}]"


def _usual_answers(train: Sequence[Dialogue]) -> np.ndarray:
    """Mean answer after by answer before: the mean predictor. Shape: (6,); where none was given, the overall mean."""
    pairs = np.array([
        (dialogue.survey.initial_intensity, answer_after(dialogue))
        for dialogue in train
        if dialogue.survey.initial_intensity and answer_after(dialogue)
    ])  # fmt: skip
    overall = pairs[:, 1].mean()
    groups = [pairs[pairs[:, 0] == before, 1] for before in range(6)]
    return np.array([group.mean() if len(group) else overall for group in groups])


def _regression(truth: np.ndarray, expected: np.ndarray, usual: np.ndarray) -> dict[str, Figure]:
    """Rank correlation, mean absolute and squared error, the same of the mean predictor, slope of truth on expected."""

    def slope(rows: np.ndarray) -> float:
        variance = expected[rows].var()
        return float(np.cov(expected[rows], truth[rows], bias=True)[0, 1] / variance) if variance > 0 else np.nan

    return {
        "rank correlation": lambda rows: _correlation(rankdata(truth[rows]), rankdata(expected[rows])),
        "mean absolute error": lambda rows: float(np.abs(truth - expected)[rows].mean()),
        "mean absolute error, mean predictor": lambda rows: float(np.abs(truth - usual)[rows].mean()),
        "root mean squared error": lambda rows: float(np.sqrt(((truth - expected) ** 2)[rows].mean())),
        "root mean squared error, mean predictor": lambda rows: float(np.sqrt(((truth - usual) ** 2)[rows].mean())),
        "calibration slope": slope,
    }


def _classification(truth: np.ndarray, probability: np.ndarray) -> dict[str, Figure]:
    """Mean probability, observed share, and calibration error in ten bins of equal size."""

    def calibration_error(rows: np.ndarray) -> float:
        order = rows[np.argsort(probability[rows], kind="stable")]
        gaps = [
            len(part) * abs(truth[part].mean() - probability[part].mean())
            for part in np.array_split(order, _BINS)
            if len(part)
        ]
        return float(sum(gaps) / len(rows))

    return {
        "probability claimed": lambda rows: float(probability[rows].mean()),
        "share": lambda rows: float(truth[rows].mean()),
        "calibration error": calibration_error,
    } | _discrimination(truth, probability)


def _discrimination(truth: np.ndarray, score: np.ndarray) -> dict[str, Figure]:
    return {"AUC": lambda rows: _auc(truth[rows], score[rows])}


def _estimates(
    name: str, figures: Mapping[str, Figure], dialogue: np.ndarray, *, rng: np.random.Generator, samples: int
) -> dict[str, Estimate]:
    numbers = np.unique(dialogue)
    if not len(numbers):
        return {f"{name} {figure}": Estimate(np.nan, np.nan, np.nan) for figure in figures}
    rows_of = [np.flatnonzero(dialogue == number) for number in numbers]
    resampled = [
        np.concatenate([rows_of[pick] for pick in rng.integers(0, len(rows_of), len(rows_of))]) for _ in range(samples)
    ]
    everything = np.arange(len(dialogue))
    return {
        f"{name} {figure}": interval(of(everything), np.array([of(rows) for rows in resampled]))
        for figure, of in figures.items()
    }


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if first.std() == 0 or second.std() == 0:
        return np.nan
    return float(np.corrcoef(first, second)[0, 1])


def _auc(truth: np.ndarray, score: np.ndarray) -> float:
    return float(roc_auc_score(truth, score)) if 0 < truth.sum() < len(truth) else np.nan
