"""Worker processes for independent work: joblib on this machine, or Ray's joblib backend on a cluster."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import joblib
from tqdm import tqdm

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class WorkerPool:
    """The processes that share the work.

    Attributes:
        processes: How many processes on this machine, from 1; 1 stays in the present process.
        ray: Address of a Ray cluster, e.g. ``ray://head:10001``; empty: a Ray on this machine of ``processes`` workers,
            or the one this process is in already. ``None``: no Ray.
    """

    processes: int = 1
    ray: str | None = None

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise ValueError(f"workers: got {self.processes}, expected at least 1")

    @classmethod
    def parse(cls, text: str) -> "WorkerPool":
        """Reads ``N`` (processes here), ``ray`` or ``ray:N`` (a Ray on this machine), or ``ray://ADDRESS``.

        Raises:
            ValueError: It is none of these.
        """
        if re.fullmatch(r"\d+", text):
            return cls(int(text))
        if text.startswith("ray://") and len(text) > len("ray://"):
            return cls(ray=text)
        if match := re.fullmatch(r"ray(?::(\d+))?", text):
            return cls(int(match[1] or joblib.cpu_count()), ray="")
        raise ValueError(f"workers: got {text!r}, expected a number, ray, ray:NUMBER or ray://ADDRESS")

    def map(self, work: Callable[[Task], Result], items: Sequence[Task]) -> list[Result]:
        """Applies a function to every item; results in the items' order.

        Args:
            work: Function of a module (it is sent to the workers by its name).
            items: Sent to the workers, so small and plain.

        Raises:
            ValueError: Ray is asked for and not installed, or its cluster cannot be reached.
        """
        if self.ray is not None:
            self._join_ray()
            with joblib.parallel_config(backend="ray"):
                return list(joblib.Parallel(n_jobs=-1)(joblib.delayed(work)(item) for item in items))
        if self.processes == 1:
            return [work(item) for item in _with_progress(items, len(items))]
        parallel = joblib.Parallel(n_jobs=self.processes, return_as="generator")
        return list(_with_progress(parallel(joblib.delayed(work)(item) for item in items), len(items)))

    def _join_ray(self) -> None:
        # Optional, and slow to import: only who asks for it needs it.
        try:
            import ray
            from ray.util.joblib import register_ray
        except ImportError as error:
            raise ValueError("workers: Ray is not installed, expected: pip install ray") from error
        if not ray.is_initialized():
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a Ray started here reports to nobody
            settings: dict[str, Any] = {"address": self.ray} if self.ray else {"num_cpus": self.processes}
            try:
                ray.init(log_to_driver=False, include_dashboard=False if not self.ray else None, **settings)
            except (ConnectionError, TimeoutError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise ValueError(f"workers: no Ray cluster at {self.ray} ({reason})") from error
        register_ray()


def _with_progress(items: Iterable[Task], total: int) -> Iterable[Task]:
    """The items behind a progress bar on stderr; no bar where stderr is not a terminal."""
    return tqdm(items, total=total, unit="share", disable=None)
