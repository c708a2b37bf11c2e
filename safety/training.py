"""Trains the detectors: on lines of several authors, and on messages of a corpus as real harmless ones.

Thresholds are chosen on predictions for texts that had no part in a network: every author in turn is left out, and so
is a share of the corpus. What is stored was trained on everything. Which of the corpus's messages are no harmless ones
is known by their hashes (``lines/esconv.jsonl``): those that scored highest were read and labelled.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corpus.files import read_json_lines
from encoding.text_encoder import TextEncoder
from safety.detector import LETTERS, WORDS, Detector, DetectorSettings, joined_features
from safety.lines import LINES, LabelledLine, Side, read_lines, training_files
from safety.replies import ReplyKind
from safety.rules import CrisisKind, match_rules, plain_form

_LABELS = LINES / "esconv.jsonl"


@dataclass(frozen=True)
class DetectorConfig:
    """Settings of the training."""

    networks: int = 3
    """Networks of the ensemble."""
    width: int = 256
    """Units of the hidden layer."""
    epochs: int = 10
    """Passes over the lines."""
    batch: int = 128
    """Texts per step."""
    rate: float = 2e-3
    """Highest learning rate of a one-cycle schedule."""
    dropout: float = 0.4
    """Share of hidden units left out in training (0 to 1)."""
    word_axes: int = 256
    """Dimensions that the n-grams of words are reduced to."""
    letter_axes: int = 128
    """Dimensions that the n-grams of letters are reduced to."""
    corpus: int = 6000
    """Messages of the corpus that are used, drawn at random."""
    corpus_weight: float = 0.6
    """Weight of a message of the corpus, where a harmless line weighs 1."""
    danger_weight: float = 2.0
    """Weight of a dangerous line."""
    corpus_rate: float = 1.5
    """Harmless messages of the corpus that may fire at any level, percent."""
    precision: float = 0.92
    """Precision of urgent that is aimed at on the lines (0 to 1)."""

    def __post_init__(self) -> None:
        for name in ("networks", "width", "epochs", "batch", "word_axes", "letter_axes", "corpus"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected at least 1")
        for name in ("rate", "corpus_weight", "danger_weight", "corpus_rate"):
            if not 0 < getattr(self, name) < 100:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected a number between 0 and 100")
        for name in ("dropout", "precision"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 to 1")


@dataclass(frozen=True)
class ScreeningConfig:
    """Settings of both detectors."""

    person: DetectorConfig = field(default_factory=DetectorConfig)
    """The detector of what people write."""
    supporter: DetectorConfig = field(
        default_factory=lambda: DetectorConfig(epochs=16, corpus_weight=1.0, danger_weight=4.0, corpus_rate=0.9)
    )
    """The detector of what models write."""


@dataclass(frozen=True)
class DetectorTexts:
    """Texts with what they are.

    Attributes:
        author: (N,) number of the author; -1: a message of the corpus; the first two files count as one author.
        dangerous: (N,) bool.
        kind: (N,) number of the kind; -1: none.
        topics: Topic of the rule that matched, per text.
    """

    texts: list[str]
    author: np.ndarray
    dangerous: np.ndarray
    kind: np.ndarray
    topics: list[str | None]


def training_texts(side: Side, corpus: Sequence[str]) -> DetectorTexts:
    """The lines of all training authors, and the messages of a corpus that are not labelled otherwise."""
    kinds = kinds_of(side)
    lines: list[tuple[int, LabelledLine]] = []
    for file in training_files(side):
        author = 0 if file.parent != LINES else 1 + len({number for number, _ in lines if number > 0})
        lines += [(author, line) for line in read_lines(file, side=side) if not line.history]
    labels = {} if side == "supporter" else dict(read_json_lines(_LABELS, lambda one: (one["sha256"], one["label"])))
    real = []
    for text in dict.fromkeys(corpus):
        label = labels.get(hashlib.sha256(text.encode()).hexdigest())
        topic = match_rules(text) if side == "person" and label is None else None
        if label != "unsure" and topic is None:
            real.append((text, label == "crisis"))
    texts = [line.text for _, line in lines] + [text for text, _ in real]
    return DetectorTexts(
        texts,
        np.array([author for author, _ in lines] + [-1] * len(real)),
        np.array([line.dangerous for _, line in lines] + [dangerous for _, dangerous in real]),
        np.array([kinds.index(line.kind) if line.dangerous else -1 for _, line in lines] + [-1] * len(real)),
        [match.topic if side == "person" and (match := match_rules(text)) else None for text in texts],
    )


def kinds_of(side: Side) -> list[str]:
    """The kinds of danger of one side."""
    return [kind.value for kind in (CrisisKind if side == "person" else ReplyKind)]


def train_detector(
    side: Side, corpus: Sequence[str], *, encoder: TextEncoder, encoder_name: str, config: DetectorConfig, seed: int
) -> tuple[Detector, dict[str, float]]:
    """Trains the detector of one side.

    Args:
        corpus: Messages of the corpus's training dialogues, by the same side.

    Returns:
        The detector; and how it did on authors and messages that were left out: ``recall``, ``precision`` and
        ``corpus_rate`` of ``any``, and for people of ``urgent``, percent.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(corpus))[: config.corpus]
    data = training_texts(side, [corpus[number] for number in drawn])
    vectors = encoder.encode(data.texts)
    topics = sorted({topic for topic in data.topics if topic is not None})
    lexicon = _Lexicon(data, config)
    share = rng.integers(max(data.author.max(), 2), size=len(data.texts))  # of the corpus, left out with an author
    scores = np.full(len(data.texts), np.nan)
    for author in range(1, data.author.max() + 1):
        out = np.where(data.author < 0, share == author - 1, data.author == author)
        lexical, *_ = lexicon.features(~out)
        features = joined_features(vectors, lexical, data.topics, topics)
        network = _fit(features[~out], data, ~out, side=side, config=config, seed=seed)
        scores[out] = _outputs(network, features[out])[:, 0]
    known = ~np.isnan(scores) & ((data.author > 0) | ~data.dangerous)
    thresholds, figures = _thresholds(scores[known], data, known, side=side, config=config)
    everything = np.ones(len(data.texts), bool)
    lexical, terms, idf, axes = lexicon.features(everything)
    features = joined_features(vectors, lexical, data.topics, topics)
    weights = {"word_idf": idf[0], "letter_idf": idf[1], "word_axes": axes[0], "letter_axes": axes[1]}
    for number in range(config.networks):
        network = _fit(features, data, everything, side=side, config=config, seed=seed + number)
        for name, layer in (("hidden", network[0]), ("output", network[3])):
            weights[f"{name}_{number}"] = np.vstack(
                [layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None]]
            )
    settings = DetectorSettings(
        side=side,
        encoder=encoder_name,
        fingerprint=encoder.fingerprint,
        kinds=tuple(kinds_of(side)),
        topics=tuple(topics),
        **thresholds,
        words=tuple(terms[0]),
        letters=tuple(terms[1]),
    )
    return Detector(settings, weights, encoder), figures


class _Lexicon:
    """N-grams of all texts, counted once; which are known, their weights and axes follow from some of the lines."""

    def __init__(self, data: DetectorTexts, config: DetectorConfig) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        self.lines = data.author >= 0
        plain = [plain_form(text) for text in data.texts]
        self.parts = []
        for ngrams, wanted in ((WORDS, config.word_axes), (LETTERS, config.letter_axes)):
            counter = CountVectorizer(**{**ngrams, "min_df": 1}, dtype=np.float32)
            counter.fit([text for text, line in zip(plain, self.lines, strict=True) if line])
            self.parts.append((counter.transform(plain), counter.get_feature_names_out(), ngrams["min_df"], wanted))

    def features(self, known: np.ndarray) -> tuple[np.ndarray, list[list[str]], list[np.ndarray], list[np.ndarray]]:
        """Blocks of words and letters of all texts; then terms, weights and axes, from the lines among the known."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer

        rows = np.flatnonzero(known & self.lines)
        blocks, terms, idf, axes = [], [], [], []
        for counts, names, least, wanted in self.parts:
            columns = np.flatnonzero(counts[rows].getnnz(axis=0) >= least)
            chosen = counts[:, columns]
            weighting = TfidfTransformer(sublinear_tf=True).fit(chosen[rows])
            weighted = weighting.transform(chosen)
            reduced = TruncatedSVD(min(wanted, len(columns) - 1), n_iter=2, random_state=0).fit(weighted[rows])
            axes.append(reduced.components_.T.astype(np.float32))
            blocks.append(weighted @ axes[-1])
            terms.append([str(name) for name in names[columns]])
            idf.append(weighting.idf_.astype(np.float32))
        return np.hstack(blocks), terms, idf, axes


def _fit(
    features: np.ndarray, data: DetectorTexts, rows: np.ndarray, *, side: Side, config: DetectorConfig, seed: int
) -> Any:
    """One network, trained on the features of some rows."""
    import torch

    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    weight = np.where(data.dangerous, config.danger_weight, np.where(data.author < 0, config.corpus_weight, 1.0))[rows]
    inputs, weights = torch.from_numpy(features), torch.from_numpy(weight).float()
    danger, kind = torch.from_numpy(data.dangerous[rows]).float(), torch.from_numpy(data.kind[rows])
    network = torch.nn.Sequential(
        torch.nn.Linear(features.shape[1], config.width),
        torch.nn.ReLU(),
        torch.nn.Dropout(config.dropout),
        torch.nn.Linear(config.width, 1 + len(kinds_of(side))),
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=0.01)
    steps = config.epochs * -(-len(inputs) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=steps)
    for _ in range(config.epochs):
        for batch in torch.randperm(len(inputs), generator=order).split(config.batch):
            given = torch.nn.functional.dropout(inputs[batch], 0.1)
            outputs = network(given)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                outputs[:, 0], danger[batch], weight=weights[batch]
            )
            if (named := kind[batch] >= 0).any():
                loss = loss + 0.3 * torch.nn.functional.cross_entropy(outputs[named, 1:], kind[batch][named])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def _outputs(network: Any, features: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return network(torch.from_numpy(features)).numpy()


def _thresholds(
    scores: np.ndarray, data: DetectorTexts, known: np.ndarray, *, side: Side, config: DetectorConfig
) -> tuple[dict[str, float], dict[str, float]]:
    """Thresholds as probabilities, and what they give on texts that were left out."""
    danger, author = data.dangerous[known], data.author[known]
    ruled = np.array([topic is not None for topic in data.topics])[known]
    corpus, lines = author < 0, author > 0
    rate = config.corpus_rate / 100
    worried = float(np.quantile(scores[corpus], 1 - rate)) if corpus.any() else 0.0
    urgent = max(worried, _precise(scores[lines & ~ruled], danger[lines & ~ruled], config.precision))
    by_rule = min(urgent, _precise(scores[lines & ruled], danger[lines & ruled], config.precision))
    any_found = scores >= worried
    found = {"any": any_found}
    if side == "person":
        found["urgent"] = np.where(ruled, scores >= by_rule, scores >= urgent)
    figures = {}
    for name, one in found.items():
        figures[f"{name}_recall"] = 100 * float(one[lines & danger].mean())
        figures[f"{name}_precision"] = 100 * float(danger[lines & one].mean())
        figures[f"{name}_corpus_rate"] = 100 * float(one[corpus].mean()) if corpus.any() else float("nan")
    logits = {"urgent": urgent, "worried": worried, "ruled": by_rule}
    return {name: float(1 / (1 + np.exp(-logit))) for name, logit in logits.items()}, figures


def _precise(scores: np.ndarray, danger: np.ndarray, precision: float) -> float:
    """The lowest score from which the precision is reached, among at least 20 texts; the highest score if never."""
    if not len(scores):
        return np.inf
    order = np.argsort(-scores)
    share = np.cumsum(danger[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(share[20:] >= precision)
    return float(scores[order[reached[-1] + 20]]) if len(reached) else float(scores.max())
