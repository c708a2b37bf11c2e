from evaluation.metric_names import COLUMNS, METRIC_NAMES, text_columns

# The keys of the JSON, by hand from the design.
KEYS = set(
    " ".join(
        (
            "accuracy macro_f1 weighted_f1 preference_bias entropy",
            "emr lr lr_indel ald set_f1 emr_single emr_multi multi_rate",
            "ppl ppl_mean bleu_1 bleu_2 bleu_3 bleu_4 rouge_l extrema average greedy distinct_1 distinct_2 distinct_3",
            "distinct_1_esconv2021 distinct_2_esconv2021 distinct_3_esconv2021 unigram_f1 length",
            "f1_question f1_restatement f1_reflection f1_self_disclosure f1_affirmation f1_suggestions f1_information",
            "f1_others f1_exploration f1_comforting f1_action ece progress_tv",
            "success_rate average_turns intensity_drop decisions_per_second latency_ms_p50 latency_ms_p95",
        )
    ).split()
)


def test_every_metric_of_the_json_has_a_name_and_no_two_share_a_label():
    assert set(METRIC_NAMES) >= KEYS
    labels = [name.label for name in METRIC_NAMES.values()]
    assert len(set(labels)) == len(labels)


def test_columns_are_known_metrics_of_the_protocols():
    assert set(COLUMNS) == {"message", "turn", "text", "dialogue"}
    assert all(metric in METRIC_NAMES for row in COLUMNS.values() for metric in row)


def test_lower_is_better_exactly_where_it_is():
    lower = {key for key, name in METRIC_NAMES.items() if name.better == "lower"}
    assert lower == {
        "preference_bias", "ald", "ppl", "ppl_mean", "ppl_with_strategy", "ppl_mean_with_strategy",
        "average_turns", "gave_up_rate", "latency_ms_p50", "latency_ms_p95",
        "latency_new_ms_p50", "latency_new_ms_p95", "ece", "progress_tv",
    }  # fmt: skip


def test_every_text_metric_has_a_column_or_is_a_variant_of_one():
    listed = ("ppl", "bleu_1", "bleu_2", "bleu_4", "rouge_l", "bertscore", "distinct_1", "distinct_2", "unigram_f1")
    assert text_columns(*listed, "length") == (*listed, "length")
    assert text_columns("rouge_l")[0] == "rouge_l" and set(text_columns("rouge_l")) == {*listed, "length"}
