import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import CorpusError
from evaluation.generator.models import MetricModels
from evaluation.generator.score import score_files, score_outputs
from evaluation.result import EvaluationResult
from metrics.response.memorised import TrainingTexts
from tests.hash_encoder import HashEncoder


def score(tmp_path: Path, hypotheses: bytes, references: bytes) -> EvaluationResult:
    (tmp_path / "out.txt").write_bytes(hypotheses)
    (tmp_path / "gold.txt").write_bytes(references)
    return score_files(tmp_path / "out.txt", tmp_path / "gold.txt", rng=np.random.default_rng(0), samples=50)[0]


def test_equal_files(tmp_path: Path):
    text = b"this is a response of some words\nand this is another one\n"
    result = score(tmp_path, text, text)
    assert (result.command, result.protocol, result.split, result.n) == ("score", "text", "none", 2)
    assert list(result.systems) == ["hypotheses"]
    assert result.systems["hypotheses"]["bleu_2"].value == pytest.approx(100.0)
    assert result.systems["hypotheses"]["unigram_f1"].value == pytest.approx(100.0)
    assert "ppl" not in result.systems["hypotheses"]
    assert "bootstrap:line-50" in result.signature  # every line stands for itself


def test_lines_are_paired_in_order(tmp_path: Path):
    right = score(tmp_path, b"one two\nthree four\n", b"one two\nthree four\n")
    wrong = score(tmp_path, b"three four\none two\n", b"one two\nthree four\n")
    assert right.systems["hypotheses"]["unigram_f1"].value == pytest.approx(100.0)
    assert wrong.systems["hypotheses"]["unigram_f1"].value == pytest.approx(0.0)


@pytest.mark.parametrize(
    "text",
    [
        b"first line\nsecond line",  # no line end after the last line
        b"first line\r\nsecond line\r\n",
        b"\xef\xbb\xbffirst line\nsecond line\n",  # byte order mark
        "first line\nsecond\u2028line\n".encode(),  # not a line end in a text file
    ],
)
def test_what_a_line_is(tmp_path: Path, text: bytes):
    result = score(tmp_path, text, b"first line\nsecond line\n")
    assert result.n == 2
    assert result.systems["hypotheses"]["unigram_f1"].value == pytest.approx(100.0)


def test_an_empty_response_counts(tmp_path: Path):
    result = score(tmp_path, b"first line\n\n", b"first line\nsecond line\n")
    assert result.n == 2
    assert result.systems["hypotheses"]["unigram_f1"].value == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (b"a\nb\n", b"a\n", r"numbers of lines differ: .*out\.txt: 2 lines; .*gold\.txt: 1 lines"),
        (b"", b"a\n", r"cannot score.*out\.txt: 0 lines; .*gold\.txt: 1 lines"),
        (b"a\nb\n", b"", r"cannot score.*out\.txt: 2 lines; .*gold\.txt: 0 lines"),
        (b"a\n\xff\n", b"a\nb\n", r"cannot score.*out\.txt: not UTF-8 \(byte 3\); .*gold\.txt: 2 lines"),
    ],
)
def test_refusals_name_both_files_in_one_line(tmp_path: Path, hypotheses: bytes, references: bytes, message: str):
    with pytest.raises(ValueError, match=message) as error:
        score(tmp_path, hypotheses, references)
    assert type(error.value) is ValueError and "\n" not in str(error.value)


def test_missing_file_and_folder(tmp_path: Path):
    (tmp_path / "gold.txt").write_text("a\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"none\.txt: no such file or directory; .*gold\.txt: 1 lines"):
        score_files(tmp_path / "none.txt", tmp_path / "gold.txt", rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="is a directory"):
        score_files(tmp_path, tmp_path / "gold.txt", rng=np.random.default_rng(0))


def outputs(tmp_path: Path, content: str, **models: object) -> EvaluationResult:
    (tmp_path / "out.jsonl").write_text(content, encoding="utf-8")
    given = MetricModels(**models)
    return score_outputs(tmp_path / "out.jsonl", rng=np.random.default_rng(0), samples=50, models=given)[0]


LINE = '{"generation": "i am here", "response": "i am here"%s}\n'


def test_json_lines_score_as_text_files_do(tmp_path: Path):
    lines = outputs(tmp_path, LINE % "" + '{"generation": "", "response": "who are you", "more": 1}\n')
    files = score(tmp_path, b"i am here\n\n", b"i am here\nwho are you\n")
    assert lines.systems == files.systems and lines.signature == files.signature
    assert (lines.command, lines.n) == ("score", 2)


def test_dialogues_are_the_units_where_all_lines_name_theirs(tmp_path: Path):
    named = "".join(LINE % f', "dialogue": {name}' for name in ('"a"', '"a"', '"b"', "7"))
    assert "bootstrap:dialogue-50|distinct:jackknife-dialogue" in outputs(tmp_path, named).signature
    assert "bootstrap:line-50" in outputs(tmp_path, LINE % "").signature


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (LINE % "" + '{"generation": "x"}\n', r"out\.jsonl: line 2: field 'response': missing, expected a text"),
        ('{"generation": 3, "response": "x"}', r"line 1: field 'generation': got 3, expected a text"),
        (LINE % ', "dialogue": 1.5', r"line 1: field 'dialogue': got 1\.5, expected a whole number or a text"),
        (LINE % ', "dialogue": true', r"line 1: field 'dialogue': got True"),
        (
            LINE % ', "dialogue": 1' + LINE % "",
            r"out\.jsonl: field 'dialogue': missing in 1 of 2 responses, the first of them response 2",
        ),
        ("nothing", r"out\.jsonl: line 1: no JSON"),
    ],
)
def test_wrong_json_lines_are_located(tmp_path: Path, content: str, complaint: str):
    with pytest.raises(CorpusError, match=complaint) as caught:
        outputs(tmp_path, content)
    assert "\n" not in str(caught.value)


class QuestionTagger:
    """Tags a text as a question where it ends as one, else as a suggestion."""

    digest = "d" * 64

    def tag(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([0 if text.endswith("?") else 5 for text in texts])


FULL = {
    "generation": "what is it? try this", "response": "who?", "dialogue": 1, "texts": ["what is it?", "try this"],
    "history": [{"role": "supporter", "text": "what is it?", "strategy": "Question"}, {"role": "seeker", "text": "no"}],
    "strategies": ["Question", "Question"], "gold_strategies": ["Question"],
}  # fmt: skip


def test_a_file_with_histories_and_strategies_gets_every_metric(tmp_path: Path):
    other = {**FULL, "dialogue": 2, "history": [{"role": "seeker", "text": "yes"}]}
    result = outputs(
        tmp_path,
        "\n".join(map(json.dumps, (FULL, other))),
        encoder=HashEncoder(),
        encoder_name="hash",
        tagger=QuestionTagger(),
        training=TrainingTexts.of(["who"]),
    )
    scores = result.systems["hypotheses"]
    assert (scores["adherence"].value, scores["adherence_gold"].value, scores["adherence_ratio"].value) == (
        50,
        100,
        0.5,
    )
    assert scores["repetition_history"].value == 50.0  # "what is it ?" of two turns, said before in one
    assert 1.0 <= scores["retrieval_rank"].value <= 20.0
    assert -100.0 <= scores["similarity"].value <= 100.0
    assert f"encoder:hash-ffffffff|tagger:{'d' * 16}|training:1-" in result.signature


def test_what_only_some_lines_say_is_left_out(tmp_path: Path):
    models = {"encoder": HashEncoder(), "tagger": QuestionTagger()}
    for field in ("history", "strategies"):
        partly = "\n".join(map(json.dumps, (FULL, {**FULL, field: None})))
        missing = {"history": "retrieval_rank", "strategies": "adherence"}[field]
        assert missing not in outputs(tmp_path, partly, **models).systems["hypotheses"]
    vanilla = json.dumps({**FULL, "strategies": [None, None], "gold_strategies": ["Question", "Others"]})
    assert not {"adherence", "adherence_gold"} & set(outputs(tmp_path, vanilla, **models).systems["hypotheses"])


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("texts", ["other"], "field 'texts': got .*, expected the messages of the generation"),
        ("strategies", ["Question"], "field 'strategies': got 1, expected one for each of 2 texts"),
        ("strategies", ["Kindness", "Question"], "field 'strategies': unknown strategy 'Kindness'"),
        ("history", "hello", "field 'history': got 'hello', expected a list"),
        ("history", [{"role": "bot", "text": "x"}], "field 'history': got .*, expected a message with role and text"),
    ],
)
def test_wrong_fields_are_located(tmp_path: Path, field: str, value: object, complaint: str):
    with pytest.raises(CorpusError, match=f"line 1: {complaint}"):
        outputs(tmp_path, json.dumps({**FULL, field: value}))


def test_what_is_skipped_is_said_with_its_reason():
    known = {"texts", "references", "dialogue", "histories", "strategies", "gold_texts", "gold_strategies"}
    lines = MetricModels().skipped(known).splitlines()
    assert lines[:2] == [
        "skipped: Extrema, Average, Greedy (no --vectors: a file of word vectors in GloVe's text format)",
        "skipped: BERTScore (no --bertscore: a model)",
    ]
    assert "skipped: Adherence, Adh. gold, Adh./gold (no --tagger RUN: train.py tagger makes one)" in lines
    given = {*known, "encoder", "tagger", "training"}
    assert MetricModels(bertscore=QuestionTagger()).skipped(given).startswith("skipped: Extrema, Average, Greedy")
    assert MetricModels(vectors=QuestionTagger(), bertscore=QuestionTagger()).skipped(given) == ""
