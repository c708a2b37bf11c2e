"""An untrained planner: a random ensemble and any policy network."""

import torch

from encoding.observation import Observer, plan_features_size
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.ensemble import Ensemble, EnsembleShape
from planner.base_models.predictions import PredictionLayout
from planner.config import DecodingRule, Mode, PlanDecodingConfig
from planner.files import FineTunedEncoderSettings, PlannerParts, PlannerSettings
from planner.planner import StrategyPlanner
from planner.policy.network import PolicyNetwork
from tests.hash_encoder import HashEncoder
from tests.planner.toy_predictions import REASONING, stirred_network
from tests.planner.toy_task import toy_dialogues

_WORDS = TfidfEncoder(toy_dialogues(4, seed=0), words=12)


def toy_shape(
    observer: Observer, *, folds: int = 2, networks: int = 2, width: int = 6, reasoning: int = 0
) -> EnsembleShape:
    """Sizes of an ensemble that sees what an observer with a joined encoder shows."""
    encoder = observer.text_encoder
    assert isinstance(encoder, JoinedEncoder)
    return EnsembleShape(
        history=observer.history_size,
        plan=plan_features_size(observer.codec.max_strategies),
        embedding=encoder.meaning.dimension,
        words=encoder.words.dimension,
        window=observer.window,
        folds=folds,
        networks=networks,
        width=width,
        reasoning=reasoning,
    )


def toy_planner(
    *,
    mode: Mode = "one-by-one",
    reasons: bool = True,
    decoding: DecodingRule = "expected-lr",
    exact_weight: float = 0.0,
    stirred: bool = True,
    fine_tuned: FineTunedEncoderSettings | None = None,
) -> StrategyPlanner:
    """A planner of up to two strategies.

    Args:
        mode: What its plans say.
        reasons: Whether it reasons.
        decoding: How it chooses plans.
        exact_weight: What an exact match counts in it.
        stirred: Whether the policy network changes the predictions, else it is untrained.
        fine_tuned: What its settings say about fine-tuned encoders, which it does not have.
    """
    observer = Observer(JoinedEncoder(HashEncoder(), _WORDS), window=2, max_strategies=2)
    reasoning = REASONING if reasons else None
    shape = toy_shape(observer, reasoning=REASONING.width if reasons else 0)
    settings = PlannerSettings(
        mode=mode,
        reasoning_mode="rl" if reasons else "none",
        decoding=PlanDecodingConfig(rule=decoding, exact_weight=exact_weight),
        encoder="toy",
        encoder_fingerprint=HashEncoder.fingerprint,
        window=2,
        max_strategies=2,
        shape=shape,
        policy_width=6,
        reasoning=reasoning,
        fine_tuned=fine_tuned,
        offsets=(0.5, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5, 0.0),
    )
    torch.manual_seed(0)
    ensemble = Ensemble(shape)
    for name in ("linear-embedding", "linear-words"):
        ensemble.models[name].weight.normal_()
    layout: PredictionLayout = settings.layout
    network = stirred_network(layout) if stirred else PolicyNetwork(layout, width=6, dropout=0.0)
    return StrategyPlanner(PlannerParts(settings, ensemble, network, _WORDS), observer=observer)
