"""The script evaluate.py gives the figures of texts and of the corpus that it gave when the golden runs were made."""

from pathlib import Path

import pytest

from tests.golden_data import EVALUATED, differences, metrics, stored


@pytest.mark.parametrize("name", [name for name in EVALUATED if not name.startswith(("planner", "dialogue"))])
def test_metrics(name: str, tmp_path: Path) -> None:
    assert list(differences(stored(f"metrics-{name}.json"), metrics(name, tmp_path))) == []
