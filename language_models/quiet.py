"""Silences the bars and remarks of transformers and of the hub's client, which would appear between ours."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR, getLogger

from transformers.utils import logging


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Within it transformers shows errors only and no progress bars; what was set before comes back after it.

    Hidden are a bar per weight file, advice on vocabulary sizes, and the remark that tied weights are stored once.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # Their own deprecations, of what one of them calls in another, are nothing to tell a user; nor is advice
            # of peft, which looks for the base of an adapter at the hub.
            warnings.filterwarnings("ignore", category=FutureWarning, module="(transformers|peft)")
            warnings.filterwarnings("ignore", category=UserWarning, module="peft")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Within it huggingface_hub does not report every attempt to reach a hub that is out of reach."""
    hub = getLogger("huggingface_hub")
    level = hub.level
    hub.setLevel(ERROR)
    try:
        yield
    finally:
        hub.setLevel(level)
