"""The commands of evaluate.py: one module per command, imported when it is asked for."""

from collections.abc import Sequence

from cli.command_line import LazyCommand, run_command

COMMANDS = {
    "corpus": LazyCommand(
        "cli.evaluate.corpus:EvaluateCorpus",
        "Analyse a corpus as the 2021 paper does: sizes, problems, turns, transitions, phrases, progress, ratings.",
    ),
    "planner": LazyCommand("cli.evaluate.planner:EvaluatePlanner", "Score planners beside the baseline ladder."),
    "generator": LazyCommand(
        "cli.evaluate.generator:EvaluateGenerator",
        "Score a generator's texts under one source of plans, and store them for evaluate.py compare.",
    ),
    "score": LazyCommand(
        "cli.evaluate.score:EvaluateScore",
        "Score any system's outputs: two text files with one response a line, or one file of JSON lines.",
    ),
    "compare": LazyCommand(
        "cli.evaluate.compare:CompareGenerators",
        "Put stored evaluations beside each other and the published figures; mark what differs by more than chance.",
    ),
    "dialogue": LazyCommand(
        "cli.evaluate.dialogue:EvaluateDialogue",
        "Let planners and a ladder of policies talk to a simulated seeker: success, turns, intensity, strategies.",
    ),
    "filter": LazyCommand(
        "cli.evaluate.filter:EvaluateFilter",
        "Approve or reject conversations by the 2021 paper's rules, with reasons; search thresholds by human labels.",
    ),
    "human": LazyCommand(
        "cli.evaluate.human:EvaluateHuman",
        "Show how people compared two systems (studies of python -m chat --compare): Table 5 of the 2021 paper.",
    ),
    "screening": LazyCommand(
        "cli.evaluate.screening:EvaluateScreening",
        "Measure the screening of what people and models say, on the test lines or on labelled lines of yours.",
    ),
    "cache": LazyCommand(
        "cli.evaluate.cache:EvaluateCache",
        "Show what the cache folder holds, embeddings and fetched weights, with sizes; empty it, or add weights to it.",
    ),
    "export": LazyCommand(
        "cli.evaluate.export:ExportGenerator",
        "Write a generator as a whole model that transformers loads, its adapter merged.",
    ),
}


def main(arguments: Sequence[str]) -> None:
    """Runs an evaluation command."""
    run_command(COMMANDS, arguments, program="evaluate.py")
