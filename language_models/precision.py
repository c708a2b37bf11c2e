"""The choice of device, and of the arithmetic to compute in."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from encoding.bfloat16 import multiplies_bfloat16
from language_models.settings import PRECISIONS, check_choice


def default_device() -> torch.device:
    """The first GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve_precision(precision: str, device: torch.device) -> Literal["bf16", "fp32"]:
    """Turns ``auto`` into ``bf16`` where the hardware multiplies bfloat16 natively, else into ``fp32``.

    Raises:
        ValueError: Neither ``auto`` nor a precision that the program computes in.
    """
    check_choice("precision", precision, PRECISIONS)
    if precision != "auto":
        return "bf16" if precision == "bf16" else "fp32"
    return "bf16" if multiplies_bfloat16(device) else "fp32"


def weights_type(precision: str) -> torch.dtype:
    """The type to store weights in that are not trained, for arithmetic in ``bf16`` or ``fp32``."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which matrix products run in the given precision (``bf16`` or ``fp32``); weights stay float32."""
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
