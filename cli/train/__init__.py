"""The commands of train.py: one module per command, imported when it is asked for."""

from collections.abc import Sequence

from cli.command_line import LazyCommand, run_command

COMMANDS = {
    "planner": LazyCommand(
        "cli.train.planner:TrainPlanner", "Train a planner: behaviour cloning, then PPO in the turn environment."
    ),
    "generator": LazyCommand(
        "cli.train.generator:TrainGenerator",
        "Train a generator: fine-tune a backbone, train a tiny one from scratch, or index training messages.",
    ),
    "seeker": LazyCommand(
        "cli.train.seeker:TrainSeeker",
        "Fit a simulated help-seeker: its ratings, its hidden intensity, when it gives up; and measure the fit.",
    ),
    "tagger": LazyCommand(
        "cli.train.tagger:TrainTagger",
        "Fit two strategy taggers, one that scores texts and one that chooses among samples; and measure both.",
    ),
    "dialogue": LazyCommand(
        "cli.train.dialogue:TrainDialogue",
        "Train a planner further, by PPO in dialogues with a simulated seeker; compare it with its start on valid.",
    ),
    "screening": LazyCommand(
        "cli.train.screening:TrainScreening",
        "Train the detectors of what people and models say, on the package's lines and a corpus as harmless messages.",
    ),
    "quickstart": LazyCommand(
        "cli.train.quickstart:Quickstart",
        "Train planner and generator on the bundled sample, compare, and write a report (the default command).",
    ),
}


def main(arguments: Sequence[str]) -> None:
    """Runs a training command; without a command it is the quickstart."""
    given = list(arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["quickstart", *given]
    interrupted = "interrupted; the same command resumes from the last checkpoint"
    run_command(COMMANDS, given, program="train.py", interrupted=interrupted)
