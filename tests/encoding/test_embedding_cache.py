"""Every distinct text is embedded once, whatever happens in between: kills, other processes, other threads."""

import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding import embedding_cache
from encoding.embedding_cache import EmbeddingCache, cache_folder, memory_only
from tests.hash_encoder import DIMENSION, HashEncoder, vector

ROOT = Path(__file__).resolve().parents[2]
texts_in_batches = st.lists(st.lists(st.text(max_size=4), max_size=6), max_size=4)


def _expected(texts: list[str]) -> np.ndarray:
    return np.array([vector(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)


class UntouchableEncoder:
    """Knows its fingerprint; anything else means that a model would have been loaded."""

    fingerprint = HashEncoder.fingerprint
    precision = HashEncoder.precision

    @property
    def dimension(self) -> int:
        raise AssertionError("the encoder was asked for its dimension")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        raise AssertionError(f"the encoder was asked for {len(texts)} texts")


def test_order_and_repeats_are_kept_and_each_text_is_embedded_once(tmp_path: Path) -> None:
    encoder = HashEncoder()
    cached = EmbeddingCache(encoder, folder=tmp_path)
    texts = ["b", "a", "b", "c", "a", "b"]
    encoded = cached.encode(texts)
    np.testing.assert_array_equal(encoded, _expected(texts))
    assert encoded.dtype == np.float32
    assert sorted(encoder.embedded) == ["a", "b", "c"]
    assert (cached.computed, cached.reused) == (3, 0)
    np.testing.assert_array_equal(cached.encode(["c", "d"]), _expected(["c", "d"]))
    assert encoder.embedded[3:] == ["d"]
    assert (cached.computed, cached.reused) == (4, 1)


def test_second_object_does_not_touch_the_encoder(tmp_path: Path) -> None:
    texts = [f"message {number}" for number in range(1200)]  # more than SQLite's parameters in one query
    EmbeddingCache(HashEncoder(), folder=tmp_path).encode(texts)
    second = EmbeddingCache(UntouchableEncoder(), folder=tmp_path)
    np.testing.assert_array_equal(second.encode(texts[::-1]), _expected(texts[::-1]))
    assert second.dimension == DIMENSION
    assert (second.computed, second.reused, second.seconds) == (0, 1200, 0.0)


def test_warm_object_asks_neither_disk_nor_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = HashEncoder()
    cached = EmbeddingCache(encoder, folder=tmp_path)
    texts = ["b", "a", "b", "c"]
    cached.encode(texts)
    assert cached.dimension == DIMENSION
    monkeypatch.setattr(embedding_cache, "_connect", lambda _: pytest.fail("the disk was asked"))
    np.testing.assert_array_equal(cached.encode(texts[::-1]), _expected(texts[::-1]))
    assert cached.encode([]).shape == (0, cached.dimension)
    assert (encoder.calls, cached.computed, cached.reused) == ([3], 3, 3)


@settings(max_examples=30, deadline=None)
@given(texts_in_batches, st.integers(0, 4))
def test_small_memory_in_front_of_the_disk_changes_nothing(batches: list[list[str]], remembered: int) -> None:
    encoder = HashEncoder()
    with tempfile.TemporaryDirectory() as folder:
        cached = EmbeddingCache(encoder, folder=Path(folder), remembered=remembered)
        for batch in batches:
            np.testing.assert_array_equal(cached.encode(batch), _expected(batch))
    assert sorted(encoder.embedded) == sorted({text for batch in batches for text in batch})


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=8), st.integers(0, 5))
def test_memory_alone_is_a_queue_whose_oldest_texts_make_room(batches: list[list[str]], remembered: int) -> None:
    encoder = HashEncoder()
    cached = EmbeddingCache(encoder, folder=None, remembered=remembered)
    queue: list[str] = []
    for batch in batches:
        asked = len(encoder.embedded)
        np.testing.assert_array_equal(cached.encode(batch), _expected(batch))
        new = [text for text in dict.fromkeys(batch) if text not in queue]
        assert encoder.embedded[asked:] == new
        queue = (queue + new)[-remembered:] if remembered else []


def test_memory_alone_writes_nothing_and_keeps_a_cache_behind_it_from_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "cache"))
    in_memory = EmbeddingCache(HashEncoder(), folder=None)
    np.testing.assert_array_equal(in_memory.encode(["a", "b", "a"]), _expected(["a", "b", "a"]))
    assert (in_memory.dimension, in_memory.fingerprint) == (DIMENSION, HashEncoder().fingerprint)
    assert not list(tmp_path.iterdir())

    encoder = HashEncoder()
    on_disk = EmbeddingCache(encoder, folder=cache_folder())
    on_disk.encode(["said"])
    EmbeddingCache(on_disk, folder=None).encode(["said", "private"])
    with memory_only():
        np.testing.assert_array_equal(on_disk.encode(["said", "made up"]), _expected(["said", "made up"]))
    assert encoder.embedded == ["said", "private", "made up"]
    written = EmbeddingCache(encoder, folder=cache_folder())
    written.encode(["said", "private", "made up"])
    assert (written.reused, written.computed) == (1, 2)


def test_negative_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="remembered: got -1"):
        EmbeddingCache(HashEncoder(), folder=None, remembered=-1)


def test_vectors_handed_out_are_copies(tmp_path: Path) -> None:
    cached = EmbeddingCache(HashEncoder(), folder=tmp_path)
    for _ in range(3):
        encoded = cached.encode(["a", "b"])
        np.testing.assert_array_equal(encoded, _expected(["a", "b"]))
        encoded[:] = 0.0


def test_models_do_not_share_vectors(tmp_path: Path) -> None:
    one, other = HashEncoder(), HashEncoder()
    other.fingerprint = "2" * 64
    cached = [EmbeddingCache(encoder, folder=tmp_path) for encoder in (one, other)]
    for each in cached:
        each.encode(["a"])
    assert one.embedded == other.embedded == ["a"]
    assert cached[0].path != cached[1].path
    assert [each.fingerprint for each in cached] == ["f" * 64, "2" * 64]


def test_precisions_do_not_share_vectors(tmp_path: Path) -> None:
    exact, rounded = HashEncoder(), HashEncoder()
    rounded.precision = "bf16"
    paths = [EmbeddingCache(encoder, folder=tmp_path).path for encoder in (exact, rounded)]
    assert [path.stem for path in paths if path is not None] == ["f" * 32, "f" * 32 + "-bf16"]


def test_long_work_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(embedding_cache, "_LONG", 100)
    texts = [f"t{number}" for number in range(150)]
    cached = EmbeddingCache(HashEncoder(), folder=tmp_path)
    cached.encode(texts[:99])
    assert caplog.text == ""
    np.testing.assert_array_equal(cached.encode([f"s{text}" for text in texts]), _expected([f"s{t}" for t in texts]))
    assert "embedding 150 messages, once: about 0.0 minutes" in caplog.text
    assert cached.computed == 249


def test_folder_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "elsewhere"))
    cached = EmbeddingCache(HashEncoder(), folder=cache_folder())
    assert cached.path is not None
    assert cached.path.parent == tmp_path / "elsewhere" / "embeddings"
    assert cached.path.is_file()
    monkeypatch.delenv("ESC_CACHE")
    assert cache_folder() == Path(".cache/embeddings")


KILLED_IN_THE_THIRD_CHUNK = """
import os, signal, sys
from collections.abc import Sequence
from pathlib import Path
from encoding import embedding_cache
from tests.hash_encoder import HashEncoder

class Mortal(HashEncoder):
    def encode(self, texts):
        if len(self.calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts)

embedding_cache._CHUNK = 4
embedding_cache.EmbeddingCache(Mortal(), folder=Path(sys.argv[1])).encode(["t%d" % n for n in range(10)])
"""


def test_kill_between_chunks_loses_no_finished_chunk(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_THE_THIRD_CHUNK, str(tmp_path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    encoder = HashEncoder()
    texts = [f"t{number}" for number in range(10)]
    np.testing.assert_array_equal(EmbeddingCache(encoder, folder=tmp_path).encode(texts), _expected(texts))
    assert encoder.embedded == ["t8", "t9"]


ONE_OF_TWO_RUNS = """
import sys
from collections.abc import Sequence
from pathlib import Path
import numpy as np
from encoding import embedding_cache
from tests.hash_encoder import HashEncoder, vector

embedding_cache._CHUNK = 5
texts = ["t%d" % n for n in range(int(sys.argv[2]), int(sys.argv[3]))]
print("ready", flush=True)
sys.stdin.readline()
encoded = embedding_cache.EmbeddingCache(HashEncoder(), folder=Path(sys.argv[1])).encode(texts)
assert np.array_equal(encoded, np.array([vector(text) for text in texts]))
"""


def test_two_processes_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_TWO_RUNS, str(folder), *bounds],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for bounds in (("0", "150"), ("50", "200"))
    ]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        run.communicate("go\n", timeout=60)
        assert run.returncode == 0
    texts = [f"t{number}" for number in range(200)]
    np.testing.assert_array_equal(EmbeddingCache(UntouchableEncoder(), folder=folder).encode(texts), _expected(texts))


def test_threads_at_once_on_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_cache, "_CHUNK", 3)
    cached = EmbeddingCache(HashEncoder(), folder=tmp_path)
    texts = [f"t{number}" for number in range(30)]
    results: dict[int, np.ndarray] = {}

    def work(shift: int) -> None:
        results[shift] = cached.encode(texts[shift:] + texts[:shift])

    threads = [threading.Thread(target=work, args=(shift,)) for shift in (0, 7, 14, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(results) == [0, 7, 14, 21]
    for shift, encoded in results.items():
        np.testing.assert_array_equal(encoded, _expected(texts[shift:] + texts[:shift]))
