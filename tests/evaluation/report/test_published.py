import pytest

from evaluation.published import PUBLISHED, TEXT_ESCONV_2021, TEXT_ESCONV_2021_CORRECTED, Provenance, published

# Copied by hand from the papers' tables, independently of the module.
SPOTS = """
message | LLaMA3-70B, 0-shot | P | macro_f1=15.36 weighted_f1=18.45 preference_bias=1.03
message | RoBERTa, fine-tuned | P | macro_f1=25.04 weighted_f1=27.94 preference_bias=0.68
message | EmoDynamiX | P | macro_f1=27.70 weighted_f1=32.71 preference_bias=0.45
message | EmoDynamiX, a re-run of its checkpoint | S | accuracy=33.61
turn | Single strategy | S | emr=25.21 lr=28.28 emr_multi=0 rouge_l=18.06 bertscore=18.16
turn | All-in-One + reasoning + RL | S | emr=29.97 lr=36.22 rouge_l=20.38 bertscore=21.11
turn | One-by-One + reasoning + RL | S | emr=33.53 lr=37.97 emr_multi=13.36 rouge_l=21.11 bertscore=20.72 multi_rate=8.4
turn | always Question | C | emr=18.33 lr=21.78 lr_indel=23
turn | the plan of a random training turn | C | emr=9.71 lr=13.95
text | DialoGPT-small Joint | P | bleu_2=5.00 rouge_l=15.09 extrema=49.97
text | BlenderBot_small-90M Oracle | P | ppl_mean=16.03 bleu_2=6.31 rouge_l=17.90 extrema=51.65
text | DialoGPT-small Joint/Oracle | P | ppl=19.09
text | a 90M generator | S | ppl=16..17 bleu_2=6..7 bleu_4=1.7..2.2 distinct_2=14..22 rouge_l=15.5..17.5
"""


def read(value: str) -> float | tuple[float, ...]:
    ends = tuple(float(end) for end in value.split(".."))
    return ends if len(ends) > 1 else ends[0]


@pytest.mark.parametrize("line", SPOTS.strip().split("\n"))
def test_figures_agree_with_hand_copied_ones(line: str):
    protocol, system, mark, metrics = line.split(" | ")
    expected = {name: read(value) for name, value in (pair.split("=") for pair in metrics.split())}
    rows = [row for table in published(protocol) for row in table.rows if row.system == system]
    assert [(dict(row.metrics), row.provenance.value) for row in rows] == [(expected, mark)]


def test_numbers_of_rows():
    assert [(table.protocol, len(table.rows)) for table in PUBLISHED] == [
        ("message", 11), ("turn", 6), ("turn", 2), ("text", 6), ("text", 2), ("text", 1),
    ]  # fmt: skip


def test_protocols_never_mix():
    for protocol in ("message", "turn", "text"):
        assert {table.protocol for table in published(protocol)} == {protocol}
    assert sum(len(published(protocol)) for protocol in ("message", "turn", "text")) == len(PUBLISHED)
    # A table of one protocol shows no metric that only another one defines.
    own = {
        "message": {"accuracy", "macro_f1", "weighted_f1", "preference_bias"},
        "turn": {"emr", "lr", "lr_indel", "emr_multi", "multi_rate", "rouge_l", "bertscore"},
        "text": {"ppl", "ppl_mean", "bleu_2", "bleu_4", "rouge_l", "extrema", "distinct_2"},
    }
    for table in PUBLISHED:
        assert set(table.columns) <= own[table.protocol]


def test_settings_never_mix():
    assert len({table.setting for table in PUBLISHED}) == len(PUBLISHED)
    # Both perplexities of the 2021 systems: the printed mean and the corrected one per token, never in one column.
    assert "ppl_mean" in TEXT_ESCONV_2021.columns and "ppl" not in TEXT_ESCONV_2021.columns
    assert TEXT_ESCONV_2021_CORRECTED.columns == ("ppl",)


def test_only_floors_are_computed():
    computed = {table.setting for table in PUBLISHED for row in table.rows if row.provenance is Provenance.COMPUTED}
    assert computed == {"ESConv, official test split, 2,389 turns: floors"}


def test_unknown_protocol():
    with pytest.raises(ValueError, match="unknown protocol 'dialogue', expected one of message, turn, text"):
        published("dialogue")
