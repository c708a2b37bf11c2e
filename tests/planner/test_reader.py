"""One encoder: which weights learn, what its scores mean."""

import numpy as np
import pytest
import torch

from encoding.plan_codec import STOP
from planner.base_models.fine_tuned_encoder import (
    MULTI_STRATEGY,
    OUTPUTS,
    FineTunedEncoder,
    FrozenLayers,
    log_probabilities,
)
from tests.planner.toy_encoder import toy_transformer

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
