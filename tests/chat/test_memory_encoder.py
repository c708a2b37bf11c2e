from pathlib import Path

import numpy as np
import pytest

from encoding.embedding_cache import MemoryEncoder
from tests.encoding.fake_encoder import FakeEncoder, vector


def test_each_text_is_embedded_once_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "cache"))
    inner = FakeEncoder()
    encoder = MemoryEncoder(inner)
    for texts in (["a", "b", "a"], ["b", "c"], ["c", "a"]):
        np.testing.assert_array_equal(encoder.encode(texts), np.stack([vector(text) for text in texts]))
    assert inner.embedded == ["a", "b", "c"]
    assert encoder.encode([]).shape == (0, inner.dimension)
    assert encoder.fingerprint == inner.fingerprint
    assert list(tmp_path.iterdir()) == []
