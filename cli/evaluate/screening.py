"""evaluate.py screening: how well the screening of either side is right, on the test lines or on one's own."""

import dataclasses
from pathlib import Path
from typing import Literal

from cli.evaluate.command import EvaluationCommand


@dataclasses.dataclass(frozen=True)
class EvaluateScreening(EvaluationCommand):
    """Measure the screening of what people and models say, on the test lines or on labelled lines of yours."""

    file: Path | None = None
    """Labelled lines: JSON lines or CSV with text and label, optionally kind and manner; by default the test lines."""
    side: Literal["person", "supporter"] = "person"
    """Whose lines: labels are crisis or harmless (person), unsafe or harmless (supporter)."""
    show: bool = False
    """List the lines that were missed and the false alarms."""
    seed: int = 0
    """Accepted as by every command, without effect: nothing here is random."""

    def evaluate(self) -> None:
        """Screens every line and prints what was found."""
        import time

        from evaluation.screening import evaluate_lines, mistakes, screen_lines, screen_replies
        from safety.care import default_care
        from safety.lines import measuring_files, read_lines
        from safety.screening import deciding_files

        files = measuring_files(self.side) if self.file is None else [self.file]
        lines = [line for file in files for line in read_lines(file, side=self.side)]
        start = time.perf_counter()
        if self.side == "person":
            screened = screen_lines(lines, default_care().screener)
        else:
            screened = screen_replies(lines, default_care().replies)
        result = evaluate_lines(
            screened,
            side=self.side,
            data=files,
            rules=deciding_files(),
            seconds=time.perf_counter() - start,
        )
        self.report(result, closer=mistakes(screened) if self.show else "")
