"""Comparison of systems by their stored evaluations: which may share a table, and paired differences to a reference.

Scores compare only under equal signatures (sacrebleu's rule): data, split, items, metrics and decoding must agree,
while plan source, planner, reasoning and number of sampling runs tell systems apart. Perplexities per token, and the
longest message that decoding allows, count tokens and compare only under one tokenizer. Where some evaluations have no
encoder, tagger or training texts, the metrics that need them are not compared, and all others are.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.generator.benchmark import SYSTEM_FIELDS
from evaluation.generator.responses import ResponseStatistics, response_statistics
from evaluation.generator.stored import StoredEvaluation
from evaluation.generator.system import UNITS, TextSystem
from metrics.statistics.bootstrap import paired_differences, tally_values
from metrics.statistics.estimate import Difference, Estimate
from metrics.statistics.jackknife import jackknife_difference
from metrics.text.scores import text_signature

TOKENIZER = "tokenizer"
DECODING = "decoding"
PRECISION = "precision"  # of a language model; without one, as in retrieval, nothing depends on it
NO_TOKENIZER = "none"
_SCREENED = "replaced_rate"  # measured by the screening, which a comparison does not repeat
PERPLEXITY = "ppl"  # begins the names of all perplexities
PER_WORD = "ppl_word"  # the one that does not depend on the tokenizer
_TOKENS = 1  # column of a perplexity's totals: how many tokens a dialogue has
_LONGEST = re.compile(r"to\d+(?=-messages)")  # part of DecodingConfig's short form: tokens of the longest message
_OPTIONAL = ("encoder", "tagger", "training")  # signature fields of models that an evaluation may do without
_OWN = ("tokens", "case", "smooth", "beta", "version")  # signature fields that the program itself decides


@dataclass(frozen=True)
class Comparison:
    """Systems that were measured alike.

    Attributes:
        unit: ``message`` or ``turn``.
        signature: What they share.
        reference: Row that the others are compared with.
        systems: Row -> system, in order.
        scores: Row -> metric -> estimate.
        tokenizers: Row -> its tokenizer.
        differences: Row -> metric -> difference to the reference; the reference itself has none, and no perplexity has
            one under another tokenizer, or where other tokens are counted. Nothing differs on a single dialogue.
    """

    unit: str
    split: str
    n: int
    signature: str
    reference: str
    systems: Mapping[str, TextSystem]
    scores: Mapping[str, Mapping[str, Estimate]]
    tokenizers: Mapping[str, str]
    differences: Mapping[str, Mapping[str, Difference]]

    def differs(self, row: str, metric: str) -> bool:
        """Whether a row differs from the reference by more than chance, at 95 %."""
        difference = self.differences.get(row, {}).get(metric)
        return difference is not None and (difference.low > 0 or difference.high < 0)

    @property
    def other_tokenizers(self) -> tuple[str, ...]:
        """Rows whose perplexity does not compare with the reference's."""
        own = self.tokenizers[self.reference]
        return tuple(row for row, tokenizer in self.tokenizers.items() if tokenizer != own)

    @property
    def other_counts(self) -> tuple[str, ...]:
        """Rows of the reference's tokenizer whose perplexity counts other tokens: end tokens are not counted alike."""
        others = self.other_tokenizers
        return tuple(
            row for row, found in self.differences.items() if found and PERPLEXITY not in found and row not in others
        )


def compare_evaluations(
    evaluations: Sequence[StoredEvaluation], *, reference: str | None, seed: int, samples: int = 1000
) -> tuple[Comparison, ...]:
    """Compares evaluations, messages and turns apart.

    Args:
        evaluations: In the order of the rows.
        reference: Row, or name of a generator that has one row; without it the first fine-tuned Vanilla, else the first
            row that writes freely (plan source joint, no reasoning), else the first row.
        seed: Of the resamples; all systems see the same.

    Returns:
        One comparison for each unit there is.

    Raises:
        ValueError: Signatures that do not go together (names both evaluations and the field), an evaluation given
            twice, files that contradict each other, or an unknown reference; one line.
    """
    if not evaluations:
        raise ValueError("nothing to compare: 0 evaluations")
    groups = {unit: _rows([one for one in evaluations if one.system.unit == unit]) for unit in UNITS}
    groups = {unit: group for unit, group in groups.items() if group}
    references = {unit: _reference(group, reference) for unit, group in groups.items()}
    if reference is not None and not any(references.values()):
        rows = dict.fromkeys(row for group in groups.values() for row in group)
        raise ValueError(f"no system {reference!r} to compare with, there are: {'; '.join(rows)}")
    return tuple(
        _compared(unit, group, references[unit] or _default_reference(group), seed=seed, samples=samples)
        for unit, group in groups.items()
    )


def _rows(evaluations: Sequence[StoredEvaluation]) -> dict[str, StoredEvaluation]:
    """Evaluations of one unit by the names of their rows; runs of one name are told apart by their folders."""
    names = [one.system.label for one in evaluations]
    rows: dict[str, StoredEvaluation] = {}
    for one, name in zip(evaluations, names, strict=True):
        run = one.folder.parent.parent.as_posix()
        row = name if names.count(name) == 1 else ", ".join(part for part in (run, one.system.condition) if part)
        if row in rows:
            raise ValueError(
                f"two evaluations of {name}: {rows[row].folder} and {one.folder}; give one of them, or say --split"
            )
        rows[row] = one
    return rows


def _reference(group: Mapping[str, StoredEvaluation], reference: str | None) -> str | None:
    if reference is None or reference in group:
        return reference
    named = [row for row, one in group.items() if reference in (one.system.generator, one.system.label)]
    if len(named) > 1:
        raise ValueError(f"{reference!r} names more than one system, say which: {'; '.join(named)}")
    return named[0] if named else None


def _default_reference(group: Mapping[str, StoredEvaluation]) -> str:
    systems = {row: one.system for row, one in group.items()}
    trained = [row for row, one in systems.items() if one.variant == "vanilla" and one.fine_tuned]
    # Oracle would be a poor one: its plans are gold's, so it has no EMR and LR that others could differ in.
    free = [row for row, one in systems.items() if one.plan == "joint" and not one.reasoning]
    return (trained or free or list(group))[0]


def _compared(
    unit: str, group: Mapping[str, StoredEvaluation], reference: str, *, seed: int, samples: int
) -> Comparison:
    shared = _shared_signature(list(group.values()))
    statistics = {row: _statistics(one) for row, one in group.items()}
    tokenizers = {row: one.fields[TOKENIZER] for row, one in group.items()}
    differences = {
        row: _differences(
            statistics[row],
            statistics[reference],
            one_tokenizer=tokenizers[row] == tokenizers[reference],
            seed=seed,
            samples=samples,
        )
        for row in group
        if row != reference
    }
    first = group[reference].result
    return Comparison(
        unit=unit,
        split=first.split,
        n=first.n,
        signature=shared,
        reference=reference,
        systems={row: one.system for row, one in group.items()},
        scores={row: one.result.systems[one.system.generator] for row, one in group.items()},
        tokenizers=tokenizers,
        differences=differences,
    )


def _shared_signature(evaluations: Sequence[StoredEvaluation]) -> str:
    """What all signatures agree in; refuses where they must and do not.

    Messages of different tokenizers may differ in the tokens that the longest may have, which is then not shared.
    """
    first = evaluations[0]
    own = dict(part.split(":", 1) for part in text_signature().split("|"))
    for field in _OWN:
        if first.fields.get(field) != own[field]:
            raise ValueError(
                f"{first.folder}: measured with {field} {first.fields.get(field)}, this program has {own[field]}: "
                "evaluate again"
            )
    free = {*SYSTEM_FIELDS, TOKENIZER}
    items = [(one.unit, one.response) for one in first.responses if one.run == 0]
    first_of: dict[str, StoredEvaluation] = {}  # tokenizer -> the evaluation that all others of it must agree with
    for other in evaluations:
        for one in (first, first_of.setdefault(other.fields[TOKENIZER], other)):
            _refuse_other_fields(one, other, free=free)
        if [(one.unit, one.response) for one in other.responses if one.run == 0] != items:
            raise ValueError(f"not comparable: {first.folder} and {other.folder} are of different items")
    for field in _OPTIONAL:
        known = {one.fields[field]: one for one in evaluations if field in one.fields}
        if len(known) > 1:
            (value, one), (other_value, other) = list(known.items())[:2]
            raise ValueError(
                f"not comparable: {one.folder} and {other.folder} differ in {field}: {value} and {other_value}"
            )
    shared = _measured(first, one_tokenizer=len(first_of) == 1)
    free |= {name for name in (*_OPTIONAL, PRECISION) if not all(name in one.fields for one in evaluations)}
    return "|".join(f"{name}:{value}" for name, value in shared.items() if name not in free)


def _refuse_other_fields(one: StoredEvaluation, other: StoredEvaluation, *, free: Collection[str]) -> None:
    one_tokenizer = one.fields[TOKENIZER] == other.fields[TOKENIZER]
    left, right = (_measured(each, one_tokenizer=one_tokenizer) for each in (one, other))
    for field in dict.fromkeys([*left, *right]):
        if field in _OPTIONAL or (
            field == PRECISION and NO_TOKENIZER in (one.fields[TOKENIZER], other.fields[TOKENIZER])
        ):
            continue
        values = (left.get(field, "none"), right.get(field, "none"))
        if field not in free and values[0] != values[1]:
            raise ValueError(
                f"not comparable: {one.folder} and {other.folder} differ in {field}: {values[0]} and {values[1]}"
            )


def _measured(evaluation: StoredEvaluation, *, one_tokenizer: bool) -> dict[str, str]:
    """Signature fields, without the longest message in tokens where systems have different tokenizers."""
    return {
        name: _LONGEST.sub("", value) if name == DECODING and not one_tokenizer else value
        for name, value in evaluation.fields.items()
    }


def _statistics(evaluation: StoredEvaluation) -> ResponseStatistics:
    """Statistics from the responses, which must give the stored scores."""
    try:
        statistics = response_statistics(evaluation.responses, system=evaluation.system)
    except ValueError as error:
        raise ValueError(f"{evaluation.folder}: {error}") from error
    stored = evaluation.result.systems[evaluation.system.generator]
    found = tally_values(statistics.tally) | {name: one.value for name, one in statistics.distinct.items()}
    for metric in stored.keys() - {_SCREENED}:
        value = found.get(metric, math.nan)
        if not np.isclose(value, stored[metric].value, rtol=1e-6, equal_nan=True):
            raise ValueError(
                f"{evaluation.folder}: the responses give {metric} {value:g}, the result says "
                f"{stored[metric].value:g}: evaluate again"
            )
    return statistics


def _differences(
    system: ResponseStatistics, reference: ResponseStatistics, *, one_tokenizer: bool, seed: int, samples: int
) -> dict[str, Difference]:
    if len(system.tally.dialogues) < 2:
        return {}  # one dialogue alone tests nothing
    rng = np.random.default_rng(seed)
    differences = paired_differences(system.tally, reference.tally, rng=rng, samples=samples)
    others = reference.distinct
    differences |= {name: jackknife_difference(one, others[name]) for name, one in system.distinct.items()}
    # All-in-One counts one end token a turn, the others one a message.
    own, other = (None if one.perplexity is None else one.perplexity.totals[:, _TOKENS] for one in (system, reference))
    same_tokens = one_tokenizer and own is not None and other is not None and np.array_equal(own, other)
    return {
        metric: difference
        for metric, difference in differences.items()
        if same_tokens or metric == PER_WORD or not metric.startswith(PERPLEXITY)
    }
