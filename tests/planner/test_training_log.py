import json
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from planner.training_log import TrainingLog


def test_curves_are_kept_go_on_and_reach_tensorboard(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.add("loss", 2.0, step=1)
    log.add("loss", 1.0, step=2)
    log.close()
    again = TrainingLog(tmp_path)
    again.add("loss", 0.9, step=2)  # logged again after a kill: replaces
    again.add("loss", 0.5, step=3)
    again.close()
    assert json.loads((tmp_path / "curves.json").read_text()) == {"loss": [[1, 2.0], [2, 0.9], [3, 0.5]]}
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("loss")][-1] == 0.5
