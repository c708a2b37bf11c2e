"""The three writers of the one table type, against what a reader should see."""

import re

import pytest

from evaluation.report.tables import Cell, Column, Row, Table, latex_escaped, plain_table, to_html, to_latex, to_text

TABLE = Table(
    (Column("system", "left"), Column("LR", better="higher", meaning="ratio, %"), Column("n")),
    (
        "measured here",
        Row.of("one", Cell("1.5", "[1.0, 2.0]", "± 0.2", "*", best=True), "7"),
        Row.of("two", Cell("0.5", "[0.1, 0.9]"), "12", kind="own"),
        "published: a & b",
        Row.of("a_b <i>", "10.0", "", kind="published"),
    ),
    "Plans",
    ("* differs.",),
)


def test_text_beside() -> None:
    assert to_text(TABLE) == (
        "Plans\n"
        "system                     LR    n\n"
        "-------  ---------------------  --\n"
        "-- measured here\n"
        "one      1.5 [1.0, 2.0] ± 0.2*   7\n"
        "two            0.5 [0.1, 0.9]   12\n"
        "-- published: a & b\n"
        "a_b <i>                  10.0\n"
        "* differs."
    )


def test_text_below() -> None:
    assert to_text(TABLE, below=True).split("\n")[1:9] == [
        "system          LR    n",
        "-------  ----------  --",
        "-- measured here",
        "one            1.5*   7",
        "         [1.0, 2.0]",
        "              ± 0.2",
        "two            0.5   12",
        "         [0.1, 0.9]",
    ]


def test_plain_tables_and_empty_ones() -> None:
    table = plain_table(("word", "kind", "n"), [("a", "x", "1")], totals=[("all", "", "10")], names=2, notes=["", "."])
    assert to_text(table).split("\n") == ["word  kind   n", "----  ----  --", "a     x      1", "all         10", "."]
    assert [row.kind for row in table.rows] == ["", "total"] and table.notes == (".",)
    nothing = plain_table(("word",), [], title="Words", notes=["There are none."])
    assert to_text(nothing) == "Words\nThere are none."
    assert "<table>" not in to_html(nothing) and "There are none." in to_html(nothing)


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="table 'Words': a row of 1 cells, 2 columns"):
        plain_table(("a", "b"), [("1",)], title="Words")


def test_html() -> None:
    html = to_html(TABLE)
    assert "<figcaption>Plans</figcaption>" in html and '<p class="note">* differs.</p>' in html
    assert '<b>1.5</b><sup>*</sup><span class="interval">[1.0, 2.0]</span><span class="interval">± 0.2</span>' in html
    assert '<th scope="col" title="ratio, %">LR&nbsp;<span class="arrow">↑</span></th>' in html
    assert "a_b &lt;i&gt;" in html and "<i>" not in html
    assert re.findall(r'<tr class="(.*?)">', html) == ["heading", "own", "heading", "published"]


def test_latex() -> None:
    lines = to_latex(TABLE).split("\n")
    assert r"\begin{tabular}{lrr}" in lines and lines[0] == r"\begin{table*}" and lines[-1] == r"\end{table*}"
    assert r"one & \textbf{1.5*} & 7 \\" in lines
    assert r" & {\tiny {[}1.0, 2.0{]}} &  \\" in lines and r" & {\tiny $\pm$ 0.2} &  \\" in lines
    assert r"a\_b \textless{}i\textgreater{} & 10.0 &  \\" in lines
    assert sum(line == r"\midrule" for line in lines) == 2
    assert sum(line.count("&") for line in lines if line.endswith(r"\\") and r"\multicolumn" not in line) == 2 * 7


def test_latex_escapes() -> None:
    assert latex_escaped("50 % of a_b & c") == r"50 \% of a\_b \& c"
    assert latex_escaped("a\\b{}") == r"a\textbackslash{}b\{\}"
    assert latex_escaped("[1, 2]") == "{[}1, 2{]}"
    assert latex_escaped("caf\u00e9 \u4e2d\n\nx") == "cafe (U+4E2D)  x"
    assert latex_escaped("16\u201317 \u00b1 1\u2020") == r"16--17 $\pm$ 1$^{\dagger}$"
