"""Distinct-n: different n-grams / all n-grams over the whole corpus of responses (Li et al., NAACL 2016).

Its interval is not a bootstrap: a dialogue drawn twice brings no new n-gram, so a resample with replacement has
far fewer different ones and every resampled value lies below the true one. Instead each dialogue is left out once
(:func:`jackknife`), for which only the n-grams that a dialogue has to itself must be known. Distinct-n falls as
the corpus grows: compare it only between systems on the same responses.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from metrics.metric import Metric
from metrics.statistics.estimate import ratio
from metrics.statistics.jackknife import LeftOut
from metrics.text.tokens import Tokens

ORDERS = (1, 2, 3)
_SHARED = -1


def distinct_left_out(
    responses: Sequence[Tokens], position: np.ndarray, *, order: int, leave_out_last: bool = False
) -> LeftOut:
    """Distinct-n of the whole corpus of responses, and of what remains of it without each dialogue.

    Args:
        responses: N tokenised responses.
        position: (N,) position 0..D-1 of every response's dialogue.
        order: n.
        leave_out_last: Leave out each response's last n-gram, as the authors of ESConv do (``codes_zcj`` loops over
            ``range(0, len(response) - n)``): needed to compare with their figures, and for nothing else.

    Returns:
        0..100; 0 where no response is long enough to hold an n-gram.
    """
    owner: dict[Tokens, int] = {}  # n-gram -> the one dialogue that has it, or _SHARED
    dialogues = int(position.max()) + 1
    totals = np.zeros(dialogues)
    for tokens, dialogue in zip(responses, position.tolist(), strict=True):
        count = max(0, len(tokens) - order + 1 - leave_out_last)
        totals[dialogue] += count
        for start in range(count):
            gram = tokens[start : start + order]
            if owner.setdefault(gram, dialogue) != dialogue:
                owner[gram] = _SHARED
    owners = np.fromiter(owner.values(), dtype=np.int64, count=len(owner))
    exclusive = np.bincount(owners[owners != _SHARED], minlength=dialogues)
    value = ratio(np.array(float(len(owner))), totals.sum(), empty=0.0)
    left_out = ratio(len(owner) - exclusive, totals.sum() - totals, empty=0.0)
    return LeftOut(100.0 * float(value), 100.0 * left_out)


_UNITS = ("words", "word pairs", "word triples")
METRICS = tuple(
    Metric(
        f"distinct_{order}",
        f"D-{order}",
        f"distinct {unit}, %",
        protocols=("text",),
        left_out=partial(distinct_left_out, order=order),
    )
    for order, unit in zip(ORDERS, _UNITS, strict=True)
) + tuple(
    Metric(
        f"distinct_{order}_esconv2021",
        f"D-{order} '21",
        f"Distinct-{order} as the 2021 code counts it, %",
        protocols=("text",),
        left_out=partial(distinct_left_out, order=order, leave_out_last=True),
    )
    for order in ORDERS
)
