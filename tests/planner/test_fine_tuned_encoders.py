"""Fine-tuned encoders: tokens, one encoder, those of all folds, and their training."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import STOP
from planner.base_models.ensemble import fold_of_dialogues
from planner.base_models.fine_tuned_encoder import (
    MULTI_STRATEGY,
    OUTPUTS,
    FineTunedEncoder,
    FineTunedEncoders,
    FrozenLayers,
    HistoryTokens,
    log_probabilities,
)
from planner.base_models.fine_tuning import fine_tune_encoders
from planner.config import PlannerConfig
from planner.decisions import Decisions
from planner.training_log import TrainingLog
from tests.planner.toy_encoder import ToyEncoder, ToyTokenizer, toy_transformer
from tests.planner.toy_task import SMALL, changed, killed_after, observer, toy_dialogues


def _read(history: list[Message], *, tokens: int = 112) -> str:
    tokenizer = ToyTokenizer(100_000)
    (row,) = HistoryTokens(tokenizer, tokens=tokens).rows([history])
    assert len(row) <= tokens
    return tokenizer.words(row)


_SEEKER = Message(Role.SEEKER, "i feel low")
_QUESTION = Message(Role.SUPPORTER, "why is that ?", Strategy.QUESTION)
_TYPED = Message(Role.SUPPORTER, "tell me more")


def test_speakers_strategies_and_length_by_hand() -> None:
    assert _read([_SEEKER, _QUESTION, _SEEKER]) == (
        "[CLS] 3 messages [SEP] seeker : i feel low [SEP] supporter question : why is that ? [SEP] "
        "seeker : i feel low [SEP]"
    )
    assert _read([_TYPED]) == "[CLS] 1 messages [SEP] supporter : tell me more [SEP]"
    assert _read([]) == "[CLS] 0 messages [SEP]"
    reflection = Message(Role.SUPPORTER, "ah", Strategy.REFLECTION)
    assert "supporter reflection of feelings : ah [SEP]" in _read([reflection])


def test_only_the_last_messages_are_read_and_the_count_is_capped() -> None:
    history = [Message(Role.SEEKER, f"word{number}") for number in range(50)]
    read = _read(history)
    assert read.startswith("[CLS] 40 messages [SEP] seeker : word43 [SEP]")
    assert read.endswith("seeker : word49 [SEP]")
    assert read.count("seeker") == 7


def test_what_is_cut_is_the_oldest() -> None:
    """6 tokens are for the frame, the newest message needs 6; 16 of an older one would be a scrap."""
    words = [f"w{number}" for number in range(20)]
    history = [Message(Role.SEEKER, " ".join(words)), Message(Role.SEEKER, "x y z")]
    assert _read(history, tokens=28) == "[CLS] 2 messages [SEP] seeker : x y z [SEP]"
    # With room for 17 of its 23 tokens, an older message is worth keeping: who spoke and its end.
    cut, whole = " ".join(words[-14:]), " ".join(words)
    assert _read(history, tokens=29) == f"[CLS] 2 messages [SEP] seeker : {cut} [SEP] seeker : x y z [SEP]"
    assert _read(history, tokens=35) == f"[CLS] 2 messages [SEP] seeker : {whole} [SEP] seeker : x y z [SEP]"


def test_of_a_newest_message_that_is_too_long_the_end_is_read() -> None:
    words = [f"w{number}" for number in range(40)]
    read = _read([_SEEKER, Message(Role.SEEKER, " ".join(words))], tokens=32)
    assert read == " ".join(["[CLS] 2 messages [SEP] seeker :", *words[-23:], "[SEP]"])


_messages = st.lists(
    st.builds(
        lambda seeker, length, word: Message(
            Role.SEEKER if seeker else Role.SUPPORTER,
            " ".join([f"w{word}"] * length),
            None if seeker else Strategy(word),
        ),
        st.booleans(),
        st.integers(1, 40),
        st.integers(0, 7),
    ),
    max_size=12,
)


@given(_messages, st.integers(32, 60))
def test_rows_are_never_too_long_and_end_with_the_newest_words(history: list[Message], tokens: int) -> None:
    read = _read(history, tokens=tokens)
    assert read.startswith(f"[CLS] {len(history)} messages [SEP]")
    if history:
        newest = history[-1].text.split()  # 12: the frame, and who spoke
        assert read.endswith(" ".join([*newest[-(tokens - 12) :], "[SEP]"]))


def test_batches_are_filled_up_and_masked() -> None:
    tokens = HistoryTokens(ToyTokenizer(), tokens=16)
    ids, mask = tokens.batch([[1, 5, 2], [1, 2]])
    assert ids.tolist() == [[1, 5, 2], [1, 2, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert ids.dtype == mask.dtype == torch.int64


def test_a_message_is_tokenised_once() -> None:
    calls: list[str] = []

    class Counting(ToyTokenizer):
        def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
            calls.append(text)
            return super().__call__(text, add_special_tokens=add_special_tokens)

    tokens = HistoryTokens(Counting(), tokens=16)
    message = Message(Role.SEEKER, "once")
    first, second = tokens.rows([[message], [message]])
    assert first == second
    assert calls.count("seeker : once") == 1


_IDS = torch.tensor([[1, 5, 6, 2], [1, 7, 2, 0]])
_MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def _encoder(*, frozen_layers: int = 1, dropout: float = 0.0) -> FineTunedEncoder:
    return FineTunedEncoder(FrozenLayers(toy_transformer(), frozen_layers=frozen_layers), dropout=dropout)


def test_scores_are_of_the_first_state_and_the_mean_of_what_is_there() -> None:
    encoder = _encoder().eval()
    with torch.no_grad():
        scores = encoder(_IDS, _MASK)
        with torch.autocast("cpu", torch.bfloat16):
            states = encoder.transformer(input_ids=_IDS, attention_mask=_MASK).last_hidden_state.float()
        means = torch.stack([states[0].mean(0), states[1, :3].mean(0)])
        expected = encoder.head(torch.cat([states[:, 0], means], dim=1))
        padded = encoder(
            torch.cat([_IDS, torch.zeros(2, 3, dtype=torch.long)], 1),
            torch.cat([_MASK, torch.zeros(2, 3, dtype=torch.long)], 1),
        )
    assert scores.shape == (2, OUTPUTS) == (2, 10)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, expected)
    torch.testing.assert_close(scores, padded, atol=2e-3, rtol=0)  # filling up changes nothing but bf16's rounding


def test_embeddings_and_lowest_layers_stay_and_the_given_transformer_too() -> None:
    transformer = toy_transformer(layers=3)
    given = {name: tensor.clone() for name, tensor in transformer.state_dict().items()}
    encoder = FineTunedEncoder(FrozenLayers(transformer, frozen_layers=2), dropout=0.1)
    tuned = set(encoder.tuned())
    assert {"head.weight", "head.bias"} < tuned
    assert all(name.startswith(("head.", "transformer.encoder.layer.2.")) for name in tuned)
    assert any("layer.2.attention" in name for name in tuned)
    optimizer = torch.optim.SGD([parameter for parameter in encoder.parameters() if parameter.requires_grad], lr=1.0)
    encoder(_IDS, _MASK).square().sum().backward()
    optimizer.step()
    for name, tensor in transformer.state_dict().items():
        assert torch.equal(tensor, given[name])
        assert torch.equal(encoder.transformer.state_dict()[name], given[name]) == (f"transformer.{name}" not in tuned)


def test_nothing_is_dropped_but_the_heads_inputs() -> None:
    still, dropping = _encoder().train(), _encoder(dropout=0.5).train()
    assert torch.equal(still(_IDS, _MASK), still(_IDS, _MASK))
    torch.manual_seed(0)
    assert not torch.equal(dropping(_IDS, _MASK), dropping(_IDS, _MASK))


def test_tuned_weights_make_the_same_encoder() -> None:
    encoder, other = _encoder().eval(), _encoder().eval()
    with torch.no_grad():
        for value in encoder.tuned().values():
            value.add_(0.1 * torch.randn(value.shape))
        assert not torch.allclose(encoder(_IDS, _MASK), other(_IDS, _MASK))
        other.restore(encoder.tuned())
        assert torch.equal(encoder(_IDS, _MASK), other(_IDS, _MASK))
    with pytest.raises(ValueError, match=r"fine-tuned encoder: got 2 weights, expected \d+"):
        other.restore({name: value for name, value in encoder.tuned().items() if name.startswith("head.")})


def test_stop_only_where_the_supporter_has_said_something() -> None:
    scores = torch.randn(2, OUTPUTS, generator=torch.Generator().manual_seed(0))
    scores[:, MULTI_STRATEGY] = 50.0  # of no decision
    probabilities = log_probabilities(scores, torch.tensor([True, False])).exp().numpy()
    assert probabilities.shape == (2, STOP + 1)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(probabilities[0], scores[0, :9].softmax(0), rtol=1e-5)
    assert probabilities[1, STOP] == 0.0
    np.testing.assert_allclose(probabilities[1, :8], scores[1, :8].softmax(0), rtol=1e-5)


_HISTORIES: list[list[Message]] = [
    [_SEEKER],
    [_SEEKER, Message(Role.SUPPORTER, "why is that ?", Strategy.QUESTION)],
    [],
    [Message(Role.SUPPORTER, "hello", Strategy.OTHERS), Message(Role.SEEKER, "hi , my boss yelled at me again")],
]


def _changed_encoder(*, seed: int) -> FineTunedEncoder:
    """Trained somehow, each otherwise."""
    encoder = FineTunedEncoder(FrozenLayers(toy_transformer(), frozen_layers=1), dropout=0.0).eval()
    generator = torch.Generator().manual_seed(seed)
    for value in encoder.tuned().values():
        value.add_(0.3 * torch.randn(value.shape, generator=generator))
    return encoder


def _encoders(count: int = 3) -> FineTunedEncoders:
    return FineTunedEncoders(
        [_changed_encoder(seed=seed) for seed in range(count)], HistoryTokens(ToyTokenizer(), tokens=32)
    )


def test_of_new_dialogues_all_answer_of_training_dialogues_only_those_trained_without_them() -> None:
    encoders = _encoders()
    alone = [
        FineTunedEncoders([_changed_encoder(seed=seed)], HistoryTokens(ToyTokenizer(), tokens=32)).predict(_HISTORIES)
        for seed in range(3)
    ]
    new = encoders.predict(_HISTORIES)
    np.testing.assert_allclose(
        np.exp(new[:, :MULTI_STRATEGY]), np.mean(np.exp(alone), axis=0)[:, :MULTI_STRATEGY], atol=1e-5
    )
    np.testing.assert_allclose(new[:, MULTI_STRATEGY], np.mean(alone, axis=0)[:, MULTI_STRATEGY], atol=1e-5)
    fold = np.array([2, 0, 2, 1])
    out_of_fold = encoders.predict(_HISTORIES, fold=fold)
    for number, part in enumerate(fold):
        # Rows that are filled up otherwise differ in bf16's rounding.
        np.testing.assert_allclose(out_of_fold[number], alone[part][number], atol=2e-2)
        for other in set(range(3)) - {part}:
            assert np.abs(out_of_fold[number] - alone[other][number]).max() > 0.1


@pytest.mark.parametrize("fold", [None, np.array([1, 0, 0, 1])])
def test_probabilities_are_normalised_and_stop_needs_something_said(fold: np.ndarray | None) -> None:
    predictions = _encoders().predict(_HISTORIES, fold=fold)
    assert predictions.shape == (4, 10)
    assert predictions.dtype == np.float32
    np.testing.assert_allclose(np.exp(predictions[:, :MULTI_STRATEGY]).sum(1), 1.0, atol=1e-5)
    assert (predictions[:, STOP] > -19).tolist() == [False, True, False, False]
    assert predictions[:, :MULTI_STRATEGY].min() == pytest.approx(-20.0)


def test_answers_are_in_the_order_of_the_questions() -> None:
    encoders, histories = _encoders(2), _HISTORIES * 40  # more than a batch, sorted by length within
    predictions = encoders.predict(histories)
    np.testing.assert_allclose(predictions, np.tile(encoders.predict(_HISTORIES), (40, 1)), atol=2e-2)


def test_nothing_asked_nothing_answered() -> None:
    assert _encoders().predict([]).shape == (0, 10)


def test_saved_encoders_answer_alike(tmp_path: Path) -> None:
    encoders = _encoders()
    encoders.save(tmp_path / "readers.safetensors")
    loaded = FineTunedEncoders.load(tmp_path / "readers.safetensors", ToyEncoder(), folds=3, tokens=32, frozen_layers=1)  # type: ignore[arg-type]
    np.testing.assert_array_equal(loaded.predict(_HISTORIES), encoders.predict(_HISTORIES))


def test_other_encoders_are_refused(tmp_path: Path) -> None:
    _encoders().save(tmp_path / "readers.safetensors")
    with pytest.raises(ValueError, match="fine-tuned encoder: got"):
        FineTunedEncoders.load(tmp_path / "readers.safetensors", ToyEncoder(), folds=3, tokens=32, frozen_layers=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fine-tuned encoder: got 0 weights"):
        FineTunedEncoders.load(tmp_path / "readers.safetensors", ToyEncoder(), folds=4, tokens=32, frozen_layers=1)  # type: ignore[arg-type]


_TRAIN, _VALID = toy_dialogues(12, seed=0), toy_dialogues(3, seed=1)
_FOLD = fold_of_dialogues(len(_TRAIN), folds=2, seed=0)
_CONFIG = changed(
    SMALL,
    fine_tuning__epochs=2,
    fine_tuning__tokens=32,
    fine_tuning__frozen_layers=1,
    fine_tuning__rate=3e-3,
    fine_tuning__dropout=0.1,
)


def _train(
    folder: Path, train: tuple[Dialogue, ...] = _TRAIN, *, config: PlannerConfig = _CONFIG, seed: int = 0
) -> tuple[list[FineTunedEncoder], TrainingLog]:
    data, held_out = (Decisions.collect(split, observer=observer()) for split in (train, _VALID))
    log = TrainingLog(folder)
    encoder: Any = ToyEncoder()
    encoders = fine_tune_encoders(
        encoder,
        data,
        held_out,
        fold=_FOLD[data.dialogue],
        config=config.fine_tuning,
        seed=seed,
        folder=folder / "encoders",
        log=log,
    )
    log.close()
    return encoders, log


def _alike(first: FineTunedEncoder, second: FineTunedEncoder) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.tuned().values(), second.tuned().values(), strict=True))


def test_encoders_learn_the_toy_world(tmp_path: Path) -> None:
    config = changed(_CONFIG, fine_tuning__epochs=15, fine_tuning__rate=1e-2)
    encoders, log = _train(tmp_path, config=config)
    assert len(encoders) == 2
    assert not any(encoder.training for encoder in encoders)
    curve = log.curves["reader/valid_loss"]
    assert sorted(curve) == list(range(1, 31))  # counted through both folds
    assert max(curve[15], curve[30]) < 0.6 * min(curve[1], curve[16])
    assert log.curves["reader/train_loss"][30] < 0.6 * log.curves["reader/train_loss"][16]


def test_a_part_does_not_teach_an_encoder_trained_without_it(tmp_path: Path) -> None:
    def changed(dialogue: Dialogue) -> Dialogue:
        messages = [
            Message(m.role, f"{m.text} again", None if m.strategy is None else Strategy((m.strategy + 3) % 8))
            for m in dialogue.messages
        ]
        return dataclasses.replace(dialogue, messages=tuple(messages))

    other = tuple(changed(dialogue) if part == 1 else dialogue for dialogue, part in zip(_TRAIN, _FOLD, strict=True))
    before, _ = _train(tmp_path / "before")
    after, _ = _train(tmp_path / "after", other)
    assert _alike(before[1], after[1])
    assert not _alike(before[0], after[0])


@pytest.mark.parametrize("kills", [(1,), (2, 1), (3,)])
def test_killed_encoders_end_alike(tmp_path: Path, kills: tuple[int, ...]) -> None:
    """Two folds of two epochs: a state is saved after each of the four."""
    whole, log = _train(tmp_path / "whole")
    for kill in kills:
        with killed_after(kill):
            _train(tmp_path / "killed")
    resumed, again = _train(tmp_path / "killed")
    assert all(map(_alike, whole, resumed))
    assert again.curves["reader/valid_loss"] == pytest.approx(log.curves["reader/valid_loss"])


def test_same_seed_same_encoders_other_seed_others(tmp_path: Path) -> None:
    config = changed(_CONFIG, fine_tuning__epochs=1)
    (first, _), (second, _), (other, _) = (
        _train(tmp_path / str(number), config=config, seed=seed) for number, seed in enumerate((0, 0, 1))
    )
    assert all(map(_alike, first, second))
    assert not any(map(_alike, first, other))
    assert not _alike(first[0], first[1])


def test_encoders_share_their_frozen_layers_and_nothing_else() -> None:
    shared = FrozenLayers(toy_transformer(layers=3), frozen_layers=2)
    first, second = (FineTunedEncoder(shared, dropout=0.0) for _ in range(2))
    for name, value in first.named_parameters():
        same = value.data_ptr() == second.get_parameter(name).data_ptr()
        assert same == (name not in first.tuned()), name
