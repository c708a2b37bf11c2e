"""Training state on disk: tensors as safetensors, the rest as JSON; nothing that executes code when read."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from corpus.files import replace_whole

_STATE = "state"


class Checkpoint:
    """A folder that holds the newest state of one training stage.

    Args:
        folder: Where; made on the first save.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._values = folder / "checkpoint.json"

    def exists(self) -> bool:
        """Whether there is a state to resume from."""
        return self._values.is_file()

    def save(self, values: dict[str, Any], *, tensors: dict[str, Tensor]) -> None:
        """Replaces the state. The JSON is written last and names the tensors' file, so both always belong together."""
        self.folder.mkdir(parents=True, exist_ok=True)
        older = self._named_tensors()
        name = f"checkpoint-{values['step']}.safetensors"
        with replace_whole(self.folder / name) as path:
            save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, path)
        with replace_whole(self._values) as path:
            path.write_text(json.dumps({"tensors": name, **values}))
        if older is not None and older.name != name:
            older.unlink(missing_ok=True)

    def load(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The values and tensors last saved."""
        values = json.loads(self._values.read_text())
        return values, load_file(self.folder / values.pop("tensors"))

    def _named_tensors(self) -> Path | None:
        return self.folder / json.loads(self._values.read_text())["tensors"] if self.exists() else None


def discard_checkpoints(folder: Path) -> None:
    """Deletes the states of a finished training, also what an earlier, interrupted try at it left."""
    finished = folder.with_name(f".finished-{folder.name}")
    shutil.rmtree(finished, ignore_errors=True)
    if folder.exists():
        # Renamed first: a half-deleted checkpoint must not be taken for one to resume from.
        shutil.rmtree(folder.rename(finished))


def check_finite(loss: float, stage: str, *, step: int) -> None:
    """Ends a training whose loss is not finite, before its state replaces the last good one.

    Raises:
        ValueError: One line that names the stage and the setting to change.
    """
    if not math.isfinite(loss):
        raise ValueError(
            f"{stage}: the loss is {loss} at step {step}; a lower --{stage.replace('_', '-')}.rate may help"
        )


def module_tensors(module: nn.Module, *, prefix: str) -> dict[str, Tensor]:
    """A module's parameters and buffers under ``prefix``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def restore_module(module: nn.Module, tensors: dict[str, Tensor], *, prefix: str) -> None:
    """Puts :func:`module_tensors` back."""
    start = f"{prefix}."
    module.load_state_dict({name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)})


def optimizer_tensors(optimizer: torch.optim.Optimizer, *, prefix: str) -> dict[str, Tensor]:
    """An Adam-like optimizer's moments and step counts under ``prefix``."""
    state = optimizer.state_dict()[_STATE]
    return {f"{prefix}.{index}.{name}": tensor for index, entry in state.items() for name, tensor in entry.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], *, prefix: str) -> None:
    """Puts :func:`optimizer_tensors` back."""
    whole = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith(f"{prefix}."):
            index, name = key.removeprefix(f"{prefix}.").split(".")
            state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({**whole, _STATE: state})
