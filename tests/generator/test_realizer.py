import numpy as np
import pytest

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from generator.decoding_config import DecodingConfig
from generator.realizer import Realizer

BOTH = pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
CONFIG = DecodingConfig(temperature=1.0, top_k=0, top_p=1.0, max_message_tokens=6, max_messages=3)
PLANS = [(Strategy.QUESTION,), (Strategy.OTHERS, Strategy.OTHERS, Strategy.QUESTION), None, (Strategy.INFORMATION,) * 2]


@pytest.fixture
def make_realizer(make_tiny, make_form):
    def build(name, variant, **options):
        backbone = make_tiny(name, strategies=variant != "vanilla")
        return Realizer(backbone, make_form(backbone, variant), decoding=CONFIG, **options)

    return build


@pytest.fixture
def histories(dialogues):
    return [dialogues[0].messages[:3], (), dialogues[1].messages[:1], dialogues[2].messages[:5]]


@BOTH
@pytest.mark.parametrize("variant", ["strategy", "all-in-one"])
def test_plans_are_realized_in_order(name, variant, make_realizer, histories):
    turns = make_realizer(name, variant).realize_all(histories, PLANS, rng=np.random.default_rng(1))
    for plan, turn in zip(PLANS, turns, strict=True):
        chosen = tuple(strategy for strategy, _ in turn)
        if plan is None:
            assert 1 <= len(chosen) <= (1 if variant == "strategy" else 3)
            assert all(isinstance(strategy, Strategy) for strategy in chosen)
        else:
            assert chosen == plan
        for _, text in turn:
            assert text == text.strip() != ""
            assert "__" not in text
            assert not any(strategy.label in text for strategy in Strategy)


@BOTH
def test_vanilla_writes_one_text_whatever_the_plan(name, make_realizer, histories):
    turns = make_realizer(name, "vanilla").realize_all(histories, PLANS, rng=np.random.default_rng(1))
    assert [len(turn) for turn in turns] == [1] * 4
    assert all(strategy is None and text for ((strategy, text),) in turns)


@BOTH
def test_one_by_one_feeds_every_message_back(name, make_realizer, histories, monkeypatch):
    realizer = make_realizer(name, "strategy")
    seen = []
    context = realizer.form.context
    monkeypatch.setattr(realizer.form, "context", lambda history: seen.append(tuple(history)) or context(history))
    (first, second) = realizer.realize(histories[0], [Strategy.QUESTION, Strategy.OTHERS])
    assert seen[0] == histories[0]
    assert seen[1] == (*histories[0], Message(Role.SUPPORTER, first[1], Strategy.QUESTION))
    assert second[0] is Strategy.OTHERS


@BOTH
def test_same_seed_same_texts_and_batches_do_not_matter(name, make_realizer, histories):
    def turns(seed, size):
        realizer = make_realizer(name, "strategy", batch_size=size)
        return realizer.realize_all(histories, PLANS, rng=np.random.default_rng(seed))

    assert turns(1, 64) == turns(1, 64) == turns(1, 2)
    assert turns(1, 64) != turns(2, 64)
    realizer = make_realizer(name, "strategy")
    assert realizer.realize(histories[0]) == realizer.realize(histories[0])


@BOTH
@pytest.mark.parametrize("variant", ["vanilla", "strategy", "all-in-one"])
def test_likelihood_of_a_turn_follows_the_way_it_is_written(name, variant, make_realizer, histories):
    realizer = make_realizer(name, variant)
    plan, texts = (Strategy.QUESTION, Strategy.OTHERS), ("Why sad?", "Some tea.")
    sums, tokens = realizer.negative_log_likelihood([histories[0], histories[1]], [plan] * 2, [texts] * 2)
    assert (sums > 0).all()
    ends = 1 if variant == "all-in-one" else 2
    form = realizer.form
    words = sum(len(form._text_ids(text)) for text in texts)
    assert tokens.tolist() == [words + ends] * 2
    _, with_strategies = realizer.negative_log_likelihood([histories[0]], [plan], [texts], with_strategies=True)
    assert with_strategies[0] == tokens[0] + (0 if variant == "vanilla" else 2)
    if variant != "all-in-one":
        parts = [
            realizer.negative_log_likelihood([histories[0]], [plan[:1]], [texts[:1]]),
            realizer.negative_log_likelihood(
                [(*histories[0], Message(Role.SUPPORTER, texts[0], plan[0]))], [plan[1:]], [texts[1:]]
            ),
        ]
        assert sums[0] == pytest.approx(sum(float(part[0][0]) for part in parts), rel=1e-4)


def test_wrong_calls_are_refused(make_realizer, histories, tmp_path):
    realizer = make_realizer("tiny-blenderbot", "strategy")
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="empty plan"):
        realizer.realize_all(histories, [(), None, None, None], rng=rng)
    with pytest.raises(ValueError, match="4 histories and 1 plans"):
        realizer.realize_all(histories, [None], rng=rng)
    with pytest.raises(ValueError, match="2 strategies and 1 texts"):
        realizer.negative_log_likelihood([()], [(Strategy.OTHERS,) * 2], [("a",)])
    with pytest.raises(ValueError, match="no finished generator run"):
        Realizer.load(tmp_path)
