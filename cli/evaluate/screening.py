"""evaluate.py screening: how well the chat's crisis screening finds a crisis."""

import dataclasses

from cli.evaluate.command import EvaluationCommand


@dataclasses.dataclass(frozen=True)
class EvaluateScreening(EvaluationCommand):
    """Measure the chat's crisis screening on the test set beside it."""

    seed: int = 0
    """Accepted as by every command, without effect: nothing here is random."""

    def evaluate(self) -> None:
        """Screens every line and prints what was found."""
        from evaluation.screening import benchmark_screening
        from safety.screening import RULES, TEST_SET, screen

        self.report(benchmark_screening(screen, test_set=TEST_SET, rules=RULES))
