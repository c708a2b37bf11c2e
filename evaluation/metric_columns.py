"""The columns of each protocol's tables: which metrics they show; labels are those of the metrics themselves.

A metric of :mod:`metrics` is named in its own module; the measured times of planners are named here.
"""

from metrics.metric import Metric, all_metrics, metrics_of

_SPEED = tuple(
    Metric(name, label, meaning, better, decimals, protocols=("message", "turn"), requires="time")
    for name, label, meaning, better, decimals in (
        ("decisions_per_second", "Decisions/s", "decisions a second in one batch, embeddings cached", "higher", 0),
        ("latency_ms_p50", "p50 ms", "median time of a single decision, embeddings cached, milliseconds", "lower", 2),
        ("latency_ms_p95", "p95 ms", "95th percentile of the same", "lower", 2),
        (
            "latency_new_ms_p50",
            "new p50 ms",
            "median time of planning after one new seeker message, embedded first, milliseconds",
            "lower",
            2,
        ),
        ("latency_new_ms_p95", "new p95 ms", "95th percentile of the same", "lower", 2),
    )
)

_SCREENED = Metric(
    "replaced_rate", "Replaced", "texts the screening would replace, %", "lower", 1, ("text",), requires="screening"
)

METRIC_NAMES: dict[str, Metric] = all_metrics() | {metric.name: metric for metric in (*_SPEED, _SCREENED)}

# Text metrics without a column unless a table lists them: variants of those that all tables show.
_LEFT_OUT = frozenset(
    (
        "ppl_mean", "ppl_with_strategy", "ppl_mean_with_strategy", "bleu_3", "extrema", "average", "greedy",
        "distinct_3", "distinct_1_esconv2021", "distinct_2_esconv2021", "distinct_3_esconv2021",
    )
)  # fmt: skip


def text_columns(*listed: str) -> tuple[str, ...]:
    """Columns of a table of texts: the listed metrics, then every other one of the protocol that is no variant."""
    others = (metric.name for metric in metrics_of("text"))
    return (*listed, *(name for name in others if name not in {*listed, *_LEFT_OUT}))


# What a table of one protocol shows unless told otherwise; the JSON always holds everything.
COLUMNS: dict[str, tuple[str, ...]] = {
    "message": ("accuracy", "macro_f1", "weighted_f1", "preference_bias", "entropy", "decisions_per_second"),
    "turn": ("emr", "lr", "set_f1", "emr_single", "emr_multi", "ald", "multi_rate", "macro_f1", "preference_bias"),
    "text": text_columns(
        "ppl", "ppl_with_strategy", "ppl_word", "bleu_1", "bleu_2", "bleu_4", "rouge_l", "bertscore", "distinct_1",
        "distinct_2", "unigram_f1", "length", "replaced_rate", "emr", "lr",
    ),
    "dialogue": (
        "success_rate", "average_turns", "success_at_5", "gave_up_rate", "intensity_drop", "feedback",
        "preference_bias", "entropy",
    ),
}  # fmt: skip
