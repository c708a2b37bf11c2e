"""How each metric is called, printed and compared: one table for the console, the report and the tests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricName:
    """How one metric is shown.

    Attributes:
        label: Column heading.
        decimals: Digits after the point.
        better: ``higher``, ``lower``, or empty where neither is better by itself (a length, a rate).
        meaning: One line for the reader, with the unit.
    """

    label: str
    decimals: int
    better: str
    meaning: str


METRIC_NAMES: dict[str, MetricName] = {
    "accuracy": MetricName("Accuracy", 2, "higher", "share of messages whose strategy is right, %"),
    "macro_f1": MetricName("macro-F1", 2, "higher", "mean F1 over the eight strategies, %"),
    "weighted_f1": MetricName("weighted-F1", 2, "higher", "mean F1 weighted by gold counts, %"),
    "preference_bias": MetricName("Bias B", 2, "lower", "preference bias (Kang et al. 2024), 0 = none"),
    "entropy": MetricName("Entropy", 2, "", "entropy of the predicted strategies, bits (0 to 3)"),
    "emr": MetricName("EMR", 2, "higher", "plans that match exactly, %"),
    "lr": MetricName("LR", 2, "higher", "Levenshtein ratio of the plans, %"),
    "lr_indel": MetricName("LR indel", 2, "higher", "Levenshtein ratio without substitutions, %"),
    "ald": MetricName("ALD", 2, "lower", "mean absolute difference of plan lengths, messages"),
    "set_f1": MetricName("set-F1", 2, "higher", "F1 between the sets of strategies, %"),
    "emr_single": MetricName("EMR single", 2, "higher", "EMR on turns with one message, %"),
    "emr_multi": MetricName("EMR several", 2, "higher", "EMR on turns with several messages, %"),
    "multi_rate": MetricName("Multi rate", 1, "", "plans with several strategies, %"),
    "f1_question": MetricName("Question", 1, "higher", "F1 of Question, %"),
    "f1_restatement": MetricName("Restatement", 1, "higher", "F1 of Restatement or Paraphrasing, %"),
    "f1_reflection": MetricName("Reflection", 1, "higher", "F1 of Reflection of feelings, %"),
    "f1_self_disclosure": MetricName("Self-discl.", 1, "higher", "F1 of Self-disclosure, %"),
    "f1_affirmation": MetricName("Affirmation", 1, "higher", "F1 of Affirmation and Reassurance, %"),
    "f1_suggestions": MetricName("Suggestions", 1, "higher", "F1 of Providing Suggestions, %"),
    "f1_information": MetricName("Information", 1, "higher", "F1 of Information, %"),
    "f1_others": MetricName("Others", 1, "higher", "F1 of Others, %"),
    "f1_exploration": MetricName("Exploration", 1, "higher", "F1 of stage Exploration: Question, Restatement; %"),
    "f1_comforting": MetricName(
        "Comforting", 1, "higher", "F1 of stage Comforting: Reflection, Self-disclosure, Affirmation; %"
    ),
    "f1_action": MetricName(
        "Action", 1, "higher", "F1 of stage Action: Suggestions, Information; gold Others aside; %"
    ),
    "ece": MetricName("ECE", 2, "lower", "expected calibration error of the probabilities without offsets, %"),
    "progress_tv": MetricName(
        "Progress TV", 2, "lower", "strategies to exchange for gold's shares in each sixth of the conversation, mean, %"
    ),
    "ppl": MetricName("PPL", 2, "lower", "perplexity per token over the corpus"),
    "ppl_mean": MetricName("PPL mean", 2, "lower", "mean of per-response perplexities"),
    "ppl_with_strategy": MetricName("PPL+S", 2, "lower", "perplexity per token, strategy tokens counted too"),
    "ppl_mean_with_strategy": MetricName("PPL mean+S", 2, "lower", "PPL mean, strategy tokens counted too"),
    "bleu_1": MetricName("B-1", 2, "higher", "BLEU-1, %"),
    "bleu_2": MetricName("B-2", 2, "higher", "BLEU-2, %"),
    "bleu_3": MetricName("B-3", 2, "higher", "BLEU-3, %"),
    "bleu_4": MetricName("B-4", 2, "higher", "BLEU-4, %"),
    "rouge_l": MetricName("R-L", 2, "higher", "ROUGE-L F, beta 1.2, %"),
    "extrema": MetricName("Extrema", 2, "higher", "vector extrema cosine, %"),
    "average": MetricName("Average", 2, "higher", "embedding average cosine, %"),
    "greedy": MetricName("Greedy", 2, "higher", "greedy matching, %"),
    "distinct_1": MetricName("D-1", 2, "higher", "distinct words, %"),
    "distinct_2": MetricName("D-2", 2, "higher", "distinct word pairs, %"),
    "distinct_3": MetricName("D-3", 2, "higher", "distinct word triples, %"),
    "distinct_1_esconv2021": MetricName("D-1 '21", 2, "higher", "Distinct-1 as the 2021 code counts it, %"),
    "distinct_2_esconv2021": MetricName("D-2 '21", 2, "higher", "Distinct-2 as the 2021 code counts it, %"),
    "distinct_3_esconv2021": MetricName("D-3 '21", 2, "higher", "Distinct-3 as the 2021 code counts it, %"),
    "unigram_f1": MetricName("F1 words", 2, "higher", "unigram F1, %"),
    "length": MetricName("Length", 1, "", "mean response length, words"),
    "bertscore": MetricName("BERTScore", 2, "higher", "BERTScore, %"),
    "success_rate": MetricName("SR", 2, "higher", "dialogues that succeed, %"),
    "average_turns": MetricName("AT", 2, "lower", "mean turns, failures count the maximum"),
    "intensity_drop": MetricName("Intensity drop", 2, "higher", "emotion intensity before minus after"),
    "success_at_5": MetricName("SR@5", 2, "higher", "dialogues that succeed within five turns, %"),
    "gave_up_rate": MetricName("Gave up", 2, "lower", "dialogues that the seeker ends unhelped, %"),
    "feedback": MetricName("Feedback", 2, "higher", "mean of the stars the seeker gives, 1 to 5"),
    "decisions_per_second": MetricName(
        "Decisions/s", 0, "higher", "decisions a second in one batch, embeddings cached"
    ),
    "latency_ms_p50": MetricName(
        "p50 ms", 2, "lower", "median time of a single decision, embeddings cached, milliseconds"
    ),
    "latency_ms_p95": MetricName("p95 ms", 2, "lower", "95th percentile of the same"),
    "latency_new_ms_p50": MetricName(
        "new p50 ms", 2, "lower", "median time of planning after one new seeker message, embedded first, milliseconds"
    ),
    "latency_new_ms_p95": MetricName("new p95 ms", 2, "lower", "95th percentile of the same"),
}

# What a table of one protocol shows unless told otherwise; the JSON always holds everything.
COLUMNS: dict[str, tuple[str, ...]] = {
    "message": ("accuracy", "macro_f1", "weighted_f1", "preference_bias", "entropy", "decisions_per_second"),
    "turn": ("emr", "lr", "set_f1", "emr_single", "emr_multi", "ald", "multi_rate", "macro_f1", "preference_bias"),
    "text": (
        "ppl", "ppl_with_strategy", "bleu_1", "bleu_2", "bleu_4", "rouge_l", "bertscore", "distinct_1", "distinct_2",
        "unigram_f1", "length", "emr", "lr",
    ),
    "dialogue": (
        "success_rate", "average_turns", "success_at_5", "gave_up_rate", "intensity_drop", "feedback",
        "preference_bias", "entropy",
    ),
}  # fmt: skip
# What a comparison of generators shows, by what was written: the columns of the 2021 and of the 2026 paper among them.
COMPARED_COLUMNS: dict[str, tuple[str, ...]] = {
    "message": (
        "ppl", "ppl_mean", "bleu_1", "bleu_2", "bleu_4", "rouge_l", "extrema", "bertscore", "distinct_1", "distinct_2",
        "unigram_f1", "length",
    ),
    "turn": (
        "emr", "lr", "emr_multi", "multi_rate", "rouge_l", "bertscore", "ppl", "bleu_1", "bleu_2", "bleu_4",
        "distinct_1", "distinct_2", "unigram_f1", "length",
    ),
}  # fmt: skip
