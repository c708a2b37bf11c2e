"""Tables of simulated conversations below the main one, and what their text says of the seeker and of speed."""

from collections.abc import Sequence
from dataclasses import replace

from corpus.strategy import Strategy
from evaluation.dialogue.benchmark import DialogueBenchmark, problems
from evaluation.differences import difference_table
from evaluation.report.tables import Column, Row, Table, plain_table, to_text, without_intervals
from evaluation.result import EvaluationResult, estimate_cell, measured_table, number

WITHOUT_TEXTS = (
    "The same without texts: the seeker reacts to strategies alone. The signature differs, so do not compare"
)


def main_table(benchmark: DialogueBenchmark, *, columns: Sequence[str] = ()) -> Table:
    """Every policy but the fixed rules, in the protocol's usual metrics unless told otherwise."""
    return _of(benchmark, [name for name in benchmark.played if name not in benchmark.fixed], columns=columns)


def fixed_table(benchmark: DialogueBenchmark, *, intervals: bool = True) -> list[Table]:
    """The fixed rules, with intervals or without; no table where none was played."""
    if not benchmark.fixed:
        return []
    table = _of(benchmark, benchmark.fixed, title="Fixed rules")
    return [table if intervals else without_intervals(table)]


def _of(benchmark: DialogueBenchmark, names: Sequence[str], *, columns: Sequence[str] = (), title: str = "") -> Table:
    systems = {name: benchmark.result.systems[name] for name in names}
    columns = columns or benchmark.result.default_columns
    return measured_table(systems, columns=columns, own=benchmark.world.own, title=title)


def dialogue_text(benchmark: DialogueBenchmark) -> str:
    """Everything below the main table, block by block, for a terminal."""
    tables = [curve_table(benchmark, success=True), curve_table(benchmark, success=False), problem_table(benchmark)]
    tables += [flow_table(benchmark, name) for name in benchmark.world.own]
    tables += [*differences_shown(benchmark), *fixed_table(benchmark, intervals=False)]
    return "\n\n".join([*map(to_text, tables), exploit_text(benchmark), pace_text(benchmark)])


def curve_table(benchmark: DialogueBenchmark, *, success: bool) -> Table:
    """Success rate within k turns, or intensity after k turns; a row for every system of the closer tables."""
    metric, first = ("success_rate", 1) if success else ("intensity_drop", 0)
    title = "Success rate within k turns (SR@k), %" if success else "Emotion intensity after k turns, 5 = worst"
    rows = []
    for name in benchmark.compared:
        curve = benchmark.success_curve(name) if success else benchmark.trajectory(name)
        rows.append([name, *(number(metric, one.value) for one in curve)])
    turns = range(first, benchmark.world.rules.max_turns + 1)
    return plain_table(["system", *map(str, turns)], rows, title=title)


def problem_table(benchmark: DialogueBenchmark) -> Table:
    """Success rate by problem type, a column for every system of the closer tables."""
    rows = []
    for problem, places in problems(benchmark.world).items():
        scores = benchmark.by_problem[problem]
        cells = [estimate_cell("success_rate", scores[name]["success_rate"]) for name in benchmark.compared]
        rows.append(Row.of(problem, str(len(places)), *cells))
    columns = (Column("problem", "left"), Column("seekers"), *map(Column, benchmark.compared))
    return Table(columns, tuple(rows), "Success rate by problem type, %")


def flow_table(benchmark: DialogueBenchmark, name: str) -> Table:
    """Shares of the strategies in each supporter turn of a system."""
    rows = []
    for turn, counts in enumerate(benchmark.strategy_flow(name), start=1):
        total = max(counts.sum(), 1e-9)
        rows.append([str(turn), *(f"{100 * counts[strategy] / total:.0f}" for strategy in Strategy)])
    return plain_table(
        ["turn", *(strategy.short_label[:3] for strategy in Strategy)],
        rows,
        title=f"Strategies of {name} by supporter turn, %",
    )


def differences_shown(benchmark: DialogueBenchmark) -> list[Table]:
    """The table of paired differences of the systems of the closer tables; none where nothing was compared."""
    shown = {name: scores for name, scores in benchmark.differences.systems.items() if name in benchmark.compared}
    title = f"Difference to {benchmark.differences.reference} on the same seekers; * where 0 is not in the interval"
    return [difference_table(shown, title=title, own=benchmark.world.own)] if shown else []


def pace_text(benchmark: DialogueBenchmark) -> str:
    """How fast the conversations went: policies, seeker and texts, by all workers together."""
    conversations = sum(len(run) for runs in benchmark.played.values() for run in runs)
    pace = f"{benchmark.turns / max(benchmark.seconds, 1e-9):,.0f} turns a second"
    turns = f"{benchmark.turns:,} supporter turns"
    return f"{conversations:,} conversations with {turns} played in {benchmark.seconds:.1f} s: {pace}"


def exploit_lines(benchmark: DialogueBenchmark) -> tuple[str, list[str]]:
    """Whether a fixed rule is ahead of the gold replay or a planner: a sentence, and the cases."""
    if not benchmark.fixed:
        return "No fixed rule was played, so it is unknown whether a fixed rule can exploit this seeker.", []
    sooner = [
        f"{name} is faster than {benchmark.differences.reference}: AT {one.value:+.2f} [{one.low:.2f}, {one.high:.2f}]"
        for name in benchmark.fixed
        if (one := benchmark.differences.systems[name]["average_turns"]).high < 0
    ]
    if not benchmark.exploits:
        honest = "No fixed rule is ahead of the gold replay or a trained planner in success rate or intensity fall"
        return (f"{honest}, but some in average turns:" if sooner else f"{honest}."), sooner
    return "Fixed rules that exploit this seeker:", [*benchmark.exploits, *sooner]


def exploit_text(benchmark: DialogueBenchmark) -> str:
    """The same, line by line."""
    sentence, cases = exploit_lines(benchmark)
    return "\n".join([sentence, *(f"  {line}" for line in cases)])


def alone_text(alone: DialogueBenchmark) -> str:
    """Table, findings and speed of the same conversations without texts, for a terminal."""
    table = to_text(main_table(alone), below=True)
    return "\n".join([WITHOUT_TEXTS, table, exploit_text(alone), pace_text(alone), alone.result.signature])


def with_alone(result: EvaluationResult, alone: DialogueBenchmark) -> EvaluationResult:
    """A result with the scores of strategies alone in its details, under their own signature."""
    written = alone.result.to_json()
    part = {key: written[key] for key in ("signature", "seconds", "systems")}
    return replace(result, details={**result.details, "strategies_alone": {**part, "exploits": list(alone.exploits)}})
