"""What a terminal shows of simulated conversations below the main table.

The same conversations without a generator, shown beside those with one: what the texts change.
"""

from dataclasses import replace

from corpus.strategy import Strategy
from evaluation.dialogue.benchmark import DialogueBenchmark, problems
from evaluation.differences import differences_table
from evaluation.result import EvaluationResult, aligned, cell, number

# Three letters a strategy, in class order: eight columns beside a number.
_LETTERS = ("Que", "Res", "Ref", "Sel", "Aff", "Sug", "Inf", "Oth")


def dialogue_text(benchmark: DialogueBenchmark) -> str:
    """Everything below the main table, block by block."""
    blocks = [
        f"Helped within k turns (SR@k), %\n{_curves(benchmark, success=True)}",
        f"Emotion intensity after k turns, 5 = worst\n{_curves(benchmark, success=False)}",
        f"Success rate by problem type, %\n{_problem_table(benchmark)}",
    ]
    blocks += [
        f"Strategies of {name} by supporter turn, %\n{_flow_table(benchmark, name)}" for name in benchmark.world.own
    ]
    shown = {name: scores for name, scores in benchmark.differences.systems.items() if name in benchmark.compared}
    if shown:
        heading = f"Difference to {benchmark.differences.reference}, same seekers (* = interval leaves zero out)"
        blocks.append(f"{heading}\n{differences_table(shown)}")
    return "\n\n".join([*blocks, exploit_text(benchmark), pace_text(benchmark)])


def pace_text(benchmark: DialogueBenchmark) -> str:
    """How fast the conversations went: policies, seeker and texts, by all workers together."""
    conversations = sum(len(run) for runs in benchmark.played.values() for run in runs)
    pace = f"{benchmark.turns / max(benchmark.seconds, 1e-9):,.0f} turns a second"
    turns = f"{benchmark.turns:,} supporter turns"
    return f"{conversations:,} conversations with {turns} played in {benchmark.seconds:.1f} s: {pace}"


def exploit_lines(benchmark: DialogueBenchmark) -> tuple[str, list[str]]:
    """Whether a fixed rule is ahead of the gold replay or a planner: a sentence, and the cases."""
    if not benchmark.fixed:
        return "No fixed rule was played, so nothing is known of tricks that this seeker rewards.", []
    sooner = [
        f"{name} is sooner than {benchmark.differences.reference}: AT {one.value:+.2f} [{one.low:.2f}, {one.high:.2f}]"
        for name in benchmark.fixed
        if (one := benchmark.differences.systems[name]["average_turns"]).high < 0
    ]
    if not benchmark.exploits:
        honest = "No fixed rule is ahead of the gold replay or a trained planner in success rate or intensity fall"
        return (f"{honest}, but some in average turns:" if sooner else f"{honest}."), sooner
    return "Fixed rules that this seeker rewards too much:", [*benchmark.exploits, *sooner]


def exploit_text(benchmark: DialogueBenchmark) -> str:
    """The same, line by line."""
    sentence, cases = exploit_lines(benchmark)
    return "\n".join([sentence, *(f"  {line}" for line in cases)])


def _curves(benchmark: DialogueBenchmark, *, success: bool) -> str:
    metric, first = ("success_rate", 1) if success else ("intensity_drop", 0)
    turns = range(first, benchmark.world.rules.max_turns + 1)
    rows = [["system", *(str(turn) for turn in turns)]]
    for name in benchmark.compared:
        curve = benchmark.success_curve(name) if success else benchmark.trajectory(name)
        rows.append([name, *(number(metric, one.value) for one in curve)])
    return aligned(rows)


def _problem_table(benchmark: DialogueBenchmark) -> str:
    rows = [["problem", "seekers", *benchmark.compared]]
    for problem, places in problems(benchmark.world).items():
        scores = benchmark.by_problem[problem]
        cells = [cell("success_rate", scores[name]["success_rate"]) for name in benchmark.compared]
        rows.append([problem, str(len(places)), *cells])
    return aligned(rows)


def _flow_table(benchmark: DialogueBenchmark, name: str) -> str:
    rows = [["turn", *_LETTERS]]
    for turn, counts in enumerate(benchmark.strategy_flow(name), start=1):
        total = max(counts.sum(), 1e-9)
        rows.append([str(turn), *(f"{100 * counts[strategy] / total:.0f}" for strategy in Strategy)])
    return aligned(rows)


TITLE = "The same without texts: the seeker reacts to strategies alone (another signature, so not to be compared)"


def alone_text(alone: DialogueBenchmark) -> str:
    """The second table of a terminal."""
    return f"{TITLE}\n{alone.result.table()}\n{exploit_text(alone)}\n{pace_text(alone)}\n{alone.result.signature}"


def with_alone(result: EvaluationResult, alone: DialogueBenchmark) -> EvaluationResult:
    """A result with the scores of strategies alone in its details, under their own signature."""
    written = alone.result.to_json()
    kept = {key: written[key] for key in ("signature", "seconds", "systems")}
    return replace(result, details={**result.details, "strategies_alone": {**kept, "exploits": list(alone.exploits)}})
