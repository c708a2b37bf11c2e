"""Strategy taggers: they learn what is plain, see what they should, and answer alike after a run folder."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, message_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.tagger import StrategyTagger, StrategyTaggers, TaggerConfig
from tests.hash_encoder import HashEncoder
from tests.messages import seeker, supporter

Q, SU, OT = Strategy.QUESTION, Strategy.SUGGESTIONS, Strategy.OTHERS


def plain(number: int) -> Dialogue:
    """A dialogue whose strategies anyone can tell."""
    said = (("Hello there, friend!", OT), ("Why do you think so?", Q), ("You could try to rest a bit.", SU))
    messages = [message for text, strategy in said for message in (seeker("I am sad"), supporter(text, strategy))]
    return Dialogue(number, tuple(messages))


@pytest.fixture(scope="module")
def taggers() -> StrategyTaggers:
    dialogues = load_corpus(None).split("train")
    return StrategyTaggers.fit(
        dialogues, text_encoder=HashEncoder(), config=TaggerConfig(), rng=np.random.default_rng(0)
    )


def test_it_learns_what_is_plain() -> None:
    train = [plain(number) for number in range(1, 9)]
    both = StrategyTaggers.fit(train, text_encoder=HashEncoder(), config=TaggerConfig(), rng=np.random.default_rng(0))
    texts = ["Why do you say so?", "You could try to sleep."]
    assert both.scoring.tag(texts).tolist() == [Q, SU]
    histories = [plain(9).messages[:3], plain(9).messages[:5]]
    assert both.choosing.tag(texts, histories).tolist() == [Q, SU]
    assert both.scoring.probabilities(texts)[:, Strategy.REFLECTION].max() < 1e-6  # never seen in training


def test_on_words_alone_it_beats_the_most_frequent_strategy(taggers: StrategyTaggers) -> None:
    items = message_view(load_corpus(None).split("valid"))
    gold = np.array([item.strategy for item in items])
    histories = [item.history for item in items]
    for tagger in (taggers.scoring, taggers.choosing):
        given = histories if tagger.with_history else None
        right = (tagger.tag([item.message.text for item in items], given) == gold).mean()
        assert right > 0.5 > np.bincount(gold).max() / len(gold) + 0.2


def test_probabilities_are_of_the_text_alone_or_of_its_place_too(taggers: StrategyTaggers) -> None:
    texts = ["What happened then?", "I see.", ""]
    found = taggers.scoring.probabilities(texts)
    assert found.shape == (3, 8) and (found > 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(taggers.scoring.probabilities(texts[1:]), found[1:], atol=1e-6)
    assert taggers.scoring.probabilities([]).shape == (0, 8)
    late = [seeker("hm"), supporter("I see.", OT)] * 15
    live = [seeker("hm"), supporter("I see.", None)]
    first, last, unlabelled = taggers.choosing.probabilities(["Take care!"] * 3, [(), late, live])
    assert not np.allclose(first, last, atol=0.01)
    assert np.isfinite(unlabelled).all()


def test_the_two_are_fitted_on_different_dialogues() -> None:
    train = [plain(number) for number in range(1, 9)]
    own = [Dialogue(one.number, (*one.messages, seeker("ok"), supporter(f"word{one.number}", OT))) for one in train]
    both = StrategyTaggers.fit(own, text_encoder=HashEncoder(), config=TaggerConfig(), rng=np.random.default_rng(0))
    seen = [{gram for gram in tagger.grams if gram.startswith("word")} for tagger in (both.scoring, both.choosing)]
    assert len(seen[0]) == len(seen[1]) == 4 and not seen[0] & seen[1]


def test_a_run_folder_gives_the_same_answers(taggers: StrategyTaggers, tmp_path: Path) -> None:
    taggers.save(tmp_path)
    loaded = StrategyTaggers.load(tmp_path, text_encoder=HashEncoder())
    items = message_view(load_corpus(None).split("valid"))[:20]
    texts, histories = [item.message.text for item in items], [item.history for item in items]
    for before, after in ((taggers.scoring, loaded.scoring), (taggers.choosing, loaded.choosing)):
        given = histories if before.with_history else None
        np.testing.assert_array_equal(before.probabilities(texts, given), after.probabilities(texts, given))
        assert before.digest == after.digest
    assert taggers.scoring.digest != taggers.choosing.digest
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 2_000_000


def test_damaged_and_foreign_runs_are_refused(taggers: StrategyTaggers, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no fitted taggers there; make them with train\.py tagger"):
        StrategyTaggers.load(tmp_path, text_encoder=HashEncoder())
    taggers.save(tmp_path / "run")
    other = HashEncoder()
    other.fingerprint = "e" * 64
    with pytest.raises(ValueError, match="taggers of the encoder ffffffff, got eeeeeeee: train them again"):
        StrategyTaggers.load(tmp_path / "run", text_encoder=other)
    for name, damage in (("tagger.json", b"{}"), ("tagger.safetensors", b"12345678")):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        (tmp_path / name / name).write_bytes(damage)
        with pytest.raises(ValueError, match="damaged taggers"):
            StrategyTaggers.load(tmp_path / name, text_encoder=HashEncoder())
    facts = json.loads((tmp_path / "run" / "tagger.json").read_text(encoding="utf-8"))
    facts["scoring"]["grams"] = facts["scoring"]["grams"][1:]
    (tmp_path / "run" / "tagger.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ValueError, match="damaged taggers"):
        StrategyTaggers.load(tmp_path / "run", text_encoder=HashEncoder())


def test_what_cannot_be_fitted_or_tagged_is_refused(taggers: StrategyTaggers) -> None:
    one_strategy = Dialogue(1, (supporter("Hello.", OT), supporter("Hello again.", OT)))
    options = {"text_encoder": HashEncoder(), "config": TaggerConfig()}
    with pytest.raises(ValueError, match="1 training dialogues cannot be dealt to two taggers"):
        StrategyTaggers.fit([one_strategy], rng=np.random.default_rng(0), **options)
    with pytest.raises(ValueError, match="all training messages have one strategy"):
        StrategyTagger.fit(message_view([one_strategy]), with_history=False, **options)
    with pytest.raises(ValueError, match="histories: missing, this tagger sees them"):
        taggers.choosing.tag(["hello"])
    with pytest.raises(ValueError, match="histories: got 1, expected one for each of 2 texts"):
        taggers.choosing.tag(["hello", "you"], [()])


@pytest.mark.parametrize(
    ("field", "value"),
    [("scoring_share", 0.0), ("scoring_share", math.nan), ("embedding_scale", -1.0), ("inverse_penalty", math.inf)],
)
def test_settings_check_themselves(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field}: got"):
        TaggerConfig(**{field: value})
