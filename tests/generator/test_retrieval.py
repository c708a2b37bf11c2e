"""The generator that answers with training messages."""

import dataclasses
import json

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache
from generator.config import DECODING_PRESETS, GeneratorConfig
from generator.retrieval import MessageIndex, RetrievalRealizer, build_index, history_vectors
from generator.turn_writer import load_writer

GREEDY, SAMPLED = DECODING_PRESETS["greedy"], DECODING_PRESETS["esconv2021"]
TOPICS = ("rain", "work", "sleep", "tea")


class LetterCounts:
    """An encoder by hand: how often each letter occurs, of length 1."""

    fingerprint = "letters"
    precision = "fp32"
    dimension = 26

    def encode(self, texts):
        """Shape: (N, 26)."""
        counts = np.array([[text.lower().count(chr(97 + k)) for k in range(26)] for text in texts], np.float32)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


def said(text: str, strategy: Strategy | None = None) -> Message:
    return Message(Role.SEEKER if strategy is None else Role.SUPPORTER, text, strategy)


@pytest.fixture(scope="module")
def train() -> list[Dialogue]:
    return [
        Dialogue(
            number,
            (
                said(f"My trouble is {topic} {topic}"),
                said(f"What about {topic}?", Strategy.QUESTION),
                said(f"It is always {topic}"),
                said(f"Try some {topic}.", Strategy.SUGGESTIONS),
                said(f"And you can {topic} too.", Strategy.SUGGESTIONS),
            ),
        )
        for number, topic in enumerate(TOPICS, start=1)
    ]


@pytest.fixture(scope="module")
def encoder() -> EmbeddingCache:
    return EmbeddingCache(LetterCounts(), folder=None)


@pytest.fixture(scope="module")
def nearest(train, encoder) -> RetrievalRealizer:
    return RetrievalRealizer(MessageIndex.of(train, encoder), encoder, decoding=GREEDY)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_nearest_message_of_the_strategy_is_on_topic(nearest, topic):
    turn = nearest.realize([said(f"My trouble is {topic}")], [Strategy.QUESTION, Strategy.SUGGESTIONS])
    assert turn[0] == (Strategy.QUESTION, f"What about {topic}?")
    assert turn[1][0] is Strategy.SUGGESTIONS and topic in turn[1][1]


def test_a_text_is_not_said_twice(nearest):
    turn = nearest.realize([said("My trouble is tea")], [Strategy.SUGGESTIONS] * 3)
    assert len({text for _, text in turn}) == 3
    everything = [said(f"What about {topic}?", Strategy.QUESTION) for topic in TOPICS]
    assert nearest.realize(everything, [Strategy.QUESTION])[0][1].startswith("What about")


def test_vectors_have_length_one_and_the_same_history_is_the_most_similar(train, encoder):
    histories = [dialogue.messages[:4] for dialogue in train]
    vectors = history_vectors(histories, encoder)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors @ vectors.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert np.isfinite(history_vectors([[]], encoder)).all()


def test_samples_follow_their_seed_alone_and_the_cut_of_decoding(nearest, encoder):
    flat = dataclasses.replace(SAMPLED, temperature=10.0)
    sampled = RetrievalRealizer(nearest.index, encoder, decoding=flat)
    history = [said("My trouble is sleep")]
    plans = [[Strategy.QUESTION]] * 40
    first = sampled.realize_all([history] * 40, plans, rng=np.random.default_rng(1))
    assert first == sampled.realize_all([history] * 40, plans, rng=np.random.default_rng(1))
    assert len({turn[0][1] for turn in first}) > 1
    cut = RetrievalRealizer(nearest.index, encoder, decoding=dataclasses.replace(flat, top_k=2))
    assert len({turn[0][1] for turn in cut.realize_all([history] * 40, plans, rng=np.random.default_rng(1))}) == 2
    by_share = RetrievalRealizer(nearest.index, encoder, decoding=dataclasses.replace(flat, top_p=0.01))
    assert by_share.realize(history, [Strategy.QUESTION]) == nearest.realize(history, [Strategy.QUESTION])


def test_without_a_plan_any_strategy_comes(nearest):
    (pair,) = nearest.realize([said("My trouble is work")])
    assert pair[0] in (Strategy.QUESTION, Strategy.SUGGESTIONS) and "work" in pair[1]


def test_what_is_refused(nearest, encoder):
    with pytest.raises(ValueError, match="show no message of the strategy Information"):
        nearest.realize([said("Hi")], [Strategy.INFORMATION])
    with pytest.raises(ValueError, match="empty plan"):
        nearest.realize_all([[said("Hi")]], [[]], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="retrieval generator reads none"):
        nearest.realize([said("Hi")], [Strategy.QUESTION], reasoning=object())
    with pytest.raises(ValueError, match="index: got 0 texts"):
        MessageIndex.of([], encoder)
    with pytest.raises(ValueError, match="it follows plans"):
        GeneratorConfig(backbone="retrieval", variant="vanilla")


@pytest.fixture()
def by_letters(monkeypatch):
    monkeypatch.setattr("generator.retrieval.SentenceEncoder", LetterCounts)
    monkeypatch.setattr("generator.retrieval.cache_folder", lambda: None)


def test_a_run_folder_loads_and_answers_alike(tmp_path, train, nearest, by_letters):
    config = GeneratorConfig(backbone="retrieval", decoding="greedy").resolved()
    assert config == config.resolved()
    summary = build_index(config, train=train, out=tmp_path, seed=0, corpus="toy")
    assert summary.examples == {"train": 12}
    loaded = load_writer(tmp_path)
    history = [said("My trouble is rain")]
    assert loaded.realize(history, [Strategy.QUESTION]) == nearest.realize(history, [Strategy.QUESTION])
    assert (loaded.variant, loaded.decoding, loaded.precision) == ("strategy", GREEDY, "fp32")
    assert load_writer(tmp_path, decoding="esconv2021").decoding == SAMPLED
    messages = tmp_path / "messages.json"
    stored = json.loads(messages.read_text())
    messages.write_text(json.dumps(stored | {"encoder": "another"}))
    with pytest.raises(ValueError, match="index of the encoder another, this program has letters"):
        load_writer(tmp_path)
    messages.write_text(json.dumps({"encoder": "letters", "texts": stored["texts"][1:]}))
    with pytest.raises(ValueError, match="damaged retrieval index"):
        load_writer(tmp_path)
