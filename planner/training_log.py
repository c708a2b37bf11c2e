"""Learning curves: stored for the report and streamed to TensorBoard."""

import json
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from corpus.files import write_whole

_CURVES = "curves.json"


def read_curves(run: Path) -> dict[str, dict[int, float]]:
    """The learning curves in a run folder: name -> {step: value}."""
    stored = json.loads((run / _CURVES).read_text(encoding="utf-8"))
    return {name: {int(step): value for step, value in series} for name, series in stored.items()}


class TrainingLog:
    """Named series of (step, value).

    A resumed run reads the series written so far; a step logged again replaces the old value.

    Args:
        run: Run folder: ``curves.json`` and ``tensorboard/`` are written there.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / _CURVES
        self._writer = SummaryWriter(str(run / "tensorboard"))
        self.curves: dict[str, dict[int, float]] = {}
        if self._path.is_file():
            self.curves = read_curves(run)

    def add(self, name: str, value: float, *, step: int) -> None:
        """Adds one point of a series."""
        self.curves.setdefault(name, {})[step] = value
        self._writer.add_scalar(name, value, step)

    def save(self) -> None:
        """Writes ``curves.json``: for each name a list of [step, value]."""
        self._writer.flush()
        series = {name: sorted(points.items()) for name, points in self.curves.items()}
        write_whole(self._path, json.dumps(series))

    def close(self) -> None:
        """Writes everything and stops."""
        self.save()
        self._writer.close()
