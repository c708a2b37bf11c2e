"""The tables of a comparison as text, page, LaTeX and JSON."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.generator.comparison_report import COLUMNS, ComparisonReport, compare_runs
from evaluation.report.tables import Cell, Column, Row, Table, to_text
from evaluation.result import EvaluationResult
from tests.evaluation.html_page import Page

EVIL = "<script>a & b_{c}%$#~^\\|\"'\u2020\u00b1\u2013[x]\u4e2d"


@pytest.fixture()
def report(store, generator, make_generator) -> ComparisonReport:
    runs = [store(make_generator("vanilla"), "plain", seeds=2), store(generator, "gen", seeds=2)]
    store(generator, "gen", unit="turn", source="joint")
    return compare_runs(runs, reference=None, split=None, seed=0)


def names(table) -> list[str]:
    """Headings between rows, and the names of the rows."""
    return [row if isinstance(row, str) else row.cells[0].text for row in table.rows]


def test_measured_rows_stand_beside_the_published_of_their_protocol(report: ComparisonReport):
    messages, turns = report.tables
    assert names(messages)[:4] == ["measured here", "plain (2 runs)", "gen, oracle (2 runs)", names(messages)[3]]
    assert "Table 4" in names(messages)[3] and "1,053 dialogues" in names(messages)[3]
    (oracle,) = [row for row in messages.rows if isinstance(row, Row) and "90M Oracle [P]" in row.cells[0].text]
    cells = {column.label: cell.text for column, cell in zip(messages.columns, oracle.cells, strict=True)}
    assert [cells[label] for label in ("PPL", "PPL mean", "B-2", "Extrema")] == ["", "16.03", "6.31", "51.65"]
    at = next(index for index, row in enumerate(messages.rows) if isinstance(row, str) and "later correction" in row)
    corrected = [[cell.text for cell in row.cells[1:] if cell.text] for row in messages.rows[at + 1 : at + 3]]
    assert corrected == [["18.61"], ["19.09"]]
    assert any("18.61 (BlenderBot) and 19.09 (DialoGPT)" in note for note in messages.notes)
    assert "Trained from scratch, without pretrained weights: plain; gen." in messages.notes
    assert any(note.startswith("Extrema was not computed") for note in messages.notes)
    assert [name.split(";")[0] for name in names(turns) if name.startswith("published")] == [
        "published: Zhu et al. 2026, arXiv 2604.17972"
    ]
    labels = {column.label for column in turns.columns}
    assert {"EMR", "LR", "R-L", "BERTScore"} <= labels
    assert not {"EMR", "LR"} & {column.label for column in messages.columns}


def test_notes_say_what_is_not_as_in_the_published_figures(report: ComparisonReport):
    messages, turns = (" ".join(table.notes) for table in report.tables)
    assert "B-1 14.87" in messages and "instead of 14.66" in messages and "B-1 14.87" not in turns
    assert "(of ESConv's 2,257 valid turns 2,156 are scored)" in turns and "2,257" not in messages
    assert "decision to stop" not in messages + turns  # nobody here writes whole turns


def test_notes_name_whose_perplexity_is_not_compared(store, generator, make_generator):
    turns = {"unit": "turn", "source": "joint"}
    runs = [store(generator, "gen", **turns), store(make_generator("one-by-one"), "one", tokenizer="bytes", **turns)]
    (table,) = compare_runs(runs, reference=None, split=None, seed=0).tables
    assert (
        "One-by-One's perplexity includes its decision to stop; All-in-One counts one end token a turn." in table.notes
    )
    assert (
        "Another tokenizer than gen, joint, so its perplexity per token is not compared (per word it is), and its "
        "longest message counts in tokens of its own: one, joint." in table.notes
    )


def test_marks_intervals_and_spread_in_the_text(report: ComparisonReport):
    text = report.text()
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith("gen, oracle (2 runs)"))
    measured = report.comparisons[0]
    marked = [metric for metric in COLUMNS["message"] if measured.differs("gen, oracle", metric)]
    assert row.count("†") == len(marked) > 0
    assert "length" in marked  # one word against five or so
    assert "† differs from plain at 95 %" in text
    interval, spread = lines[lines.index(row) + 1 : lines.index(row) + 3]
    assert interval.lstrip().startswith("[") and spread.lstrip().startswith("±")


def test_json_holds_all_differences_with_intervals(report: ComparisonReport, tmp_path: Path):
    report.result.save(tmp_path / "c.json")
    data = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert EvaluationResult.load(tmp_path / "c.json").command == "compare"
    assert list(data["systems"]) == ["plain, by messages", "gen, oracle, by messages", "gen, joint, by turns"]
    messages, turns = data["details"]["tables"]
    assert (messages["unit"], messages["reference"], turns["unit"]) == ("message", "plain", "turn")
    difference = messages["differences"]["gen, oracle"]["distinct_2"]
    assert set(difference) == {"value", "low", "high", "p", "significant"}
    assert set(messages["differences"]["gen, oracle"]) >= {"bleu_2", "rouge_l", "ppl", "ppl_mean", "length"}
    assert messages["published"][0]["systems"]["DialoGPT-small Vanilla"]["bleu_2"] == 5.13
    assert "items:" not in data["signature"] and "decoding:greedy" in data["signature"]


def test_the_page_is_self_contained(report: ComparisonReport):
    text = report.html()
    page = Page(text)
    assert page.count("table") == 2
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert "BlenderBot_small-90M Oracle [P]" in page.texts and "†" in page.texts


def _table(text: str) -> Table:
    rows = (text, Row.of(text, Cell(text, text, text, "†")), Row.of(text, "1.00", kind="published"))
    return Table((Column(text, "left"), Column(text)), rows, text, (text, text))


def test_every_text_is_escaped_in_the_page(report: ComparisonReport, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ComparisonReport, "tables", (_table(EVIL),))
    page = Page(report.html())
    assert page.count("script") == 0
    assert page.texts.count(EVIL) >= 5


def _check_latex(text: str) -> None:
    """What LaTeX with booktabs alone would stumble over."""
    assert text.isascii()
    plain = re.sub(r"\\[\\{}$&#%_]", "", text.split("\n", 1)[1])
    assert plain.count("{") == plain.count("}") and plain.count("$") % 2 == 0
    assert not set("#%_~") & set(plain)
    begun, ended = re.findall(r"\\begin\{([a-z*]+)\}", text), re.findall(r"\\end\{([a-z*]+)\}", text)
    assert sorted(begun) == sorted(ended) and set(begun) == {"table*", "tabular"}
    known = {
        "begin", "end", "centering", "setlength", "tabcolsep", "caption", "toprule", "midrule",
        "bottomrule", "multicolumn", "textwidth", "itshape", "tiny", "scriptsize", "smallskip", "parbox", "dagger",
        "pm", "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar",
    }  # fmt: skip
    assert set(re.findall(r"\\([a-zA-Z]+)", re.sub(r"\\\\", "", text.split("\n", 1)[1]))) <= known
    for tabular in re.findall(r"\\begin\{tabular\}\{(l r*|lr*)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        columns = len(tabular[0])
        for row in tabular[1].split(r"\\" + "\n"):
            cells = len(re.findall(r"(?<!\\)&", row)) + 1
            if "multicolumn" not in row and "&" in row:
                assert cells == columns


def test_latex_needs_booktabs_alone(report: ComparisonReport, monkeypatch: pytest.MonkeyPatch):
    text = report.latex()
    assert text.startswith("% Needs \\usepackage{booktabs}")
    _check_latex(text)
    assert text.count(r"\begin{table*}") == 2
    assert "16.03" in text and r"$^{\dagger}$" in text
    monkeypatch.setattr(ComparisonReport, "tables", (_table(EVIL),))
    _check_latex(report.latex())


def test_text_and_signature(report: ComparisonReport):
    text = report.text()
    assert to_text(replace(report.tables[1], notes=()), below=True) in text
    assert report.tables[1].notes[-1] in text.splitlines()  # the signature is not broken into lines
    assert "items:messages-not-first" in text and "items:turns-not-first" in text


ASKS = """
from metrics.metric import Metric, percent

METRICS = (
    Metric(
        "asks", "Asks", "responses with a question mark, %", better="", decimals=1, protocols=("text",),
        statistics=lambda hypothesis, reference: ["?" in hypothesis], formula=percent,
    ),
)
"""
WITH_ASKS = """
import sys
from pathlib import Path

import metrics.text

metrics.text.__path__.append(sys.argv[1])

from evaluation.generator.comparison_report import compare_runs
from evaluation.generator.stored import read_evaluations, store_evaluation
from evaluation.report.tables import to_text
from tests.evaluation.conftest import DIALOGUES, EchoGenerator, score_system
from evaluation.generator.benchmark import scored_messages

for source in ("oracle", "joint"):
    benchmark = score_system(EchoGenerator(), scored_messages(DIALOGUES), source, name="gen")
    store_evaluation(Path(sys.argv[1]), benchmark.result, benchmark.system, benchmark.responses)
print(to_text(benchmark.result.table()))
report = compare_runs([Path(sys.argv[1])], reference=None, split=None, seed=0)
print(report.text())
print(report.result.to_json()["details"]["tables"][0]["differences"]["gen, oracle"]["asks"])
"""


def test_a_new_text_metric_is_one_module_and_has_its_column(tmp_path: Path):
    (tmp_path / "asks.py").write_text(ASKS)
    script = [sys.executable, "-c", WITH_ASKS, str(tmp_path)]
    said = subprocess.run(script, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert said.returncode == 0, said.stderr
    headings = [line for line in said.stdout.splitlines() if line.startswith("system ")]
    assert len(headings) == 2 and all("  Asks" in line for line in headings)
    assert said.stdout.splitlines()[-1].startswith("{'value': 0.0, 'low': 0.0, 'high': 0.0, 'p': 1.0")
