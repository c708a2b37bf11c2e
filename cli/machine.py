"""The machine that a command runs on: its random generators, its device, and what is written down about it."""

import importlib.metadata
import os
import platform
import random
import re
from typing import Any

import numpy as np

_PACKAGES = (
    "torch",
    "transformers",
    "scikit-learn",
    "sentence-transformers",
    "stable-baselines3",
    "gymnasium",
    "nltk",
    "numpy",
)
_LARGEST_SEED = 2**32 - 1  # what numpy's global generator takes


def check_seed(seed: int) -> None:
    """Raises a ValueError unless every generator takes the seed."""
    if not 0 <= seed <= _LARGEST_SEED:
        raise ValueError(f"seed: got {seed}, expected 0 to {_LARGEST_SEED}")


def seed_everything(seed: int) -> None:
    """Seeds every global generator; what follows takes its randomness as an argument or from these."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from it
    torch.manual_seed(seed)


def choose_device(device: str) -> None:
    """Makes one device the only one that libraries find; to be called before any of them looks.

    Hiding the other devices is the one choice that torch, transformers, sentence-transformers and stable-baselines3
    all follow.

    Args:
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, or ``cuda:NUMBER`` for one of the GPUs.

    Raises:
        ValueError: There is no such device.
    """
    if device == "auto":
        return
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", device)
    if match is None:
        raise ValueError(f"device: got {device!r}, expected auto, cpu, cuda or cuda:NUMBER")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        return
    import torch

    count, number = torch.cuda.device_count(), int(match[1] or 0)
    if count <= number:
        raise ValueError(f"device: got {device!r}, found {count} GPUs")
    if match[1] is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[number]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide results."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}


def hardware() -> dict[str, Any]:
    """What the command runs on, in figures."""
    import torch

    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
