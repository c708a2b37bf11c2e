"""BERTScore: likeness of two responses by the contextual vectors of their tokens (Zhang et al., ICLR 2020, section 3).

The authors' own library computes it: F1 of greedy cosine matching, without idf weights. It is an extra (``pip install
bert-score``) and is loaded only when asked for. Which layer gives the vectors, and the baseline that spreads the scores
over 0..1 (its section 3, "baseline rescaling"), follow the library's tables for the models it knows by name - a hub id,
or a folder of that name; any other model is read out at its last layer, unscaled. The name says which.
"""

import importlib
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metrics.metric import Metric

EXTRA = "bert-score"

METRICS = (Metric("bertscore", "BERTScore", "BERTScore, %", protocols=("text",), requires="bertscore"),)


class BertScore:
    """A loaded BERTScore model.

    Args:
        model: Hub id, or a folder made by ``save_pretrained``.

    Attributes:
        name: What the signature shows: model, layer, scaling, version of the library.

    Raises:
        ValueError: The extra is not installed, or there is no such model; one line that says what to do.
    """

    def __init__(self, model: str) -> None:
        try:
            library = importlib.import_module("bert_score")
            tables = importlib.import_module("bert_score.utils")
        except ImportError as error:
            raise ValueError(f"BERTScore needs an extra library: pip install {EXTRA} ({error})") from error
        folder = Path(model)
        known = _known_name(model, tables.model2layers)
        layers = tables.model2layers.get(known) or _last_layer(folder)
        baseline = Path(str(library.__file__)).parent / "rescale_baseline" / "en" / f"{known}.tsv"
        rescaled = baseline.is_file()
        scaling = {"rescale_with_baseline": True, "lang": "en", "baseline_path": str(baseline)} if rescaled else {}
        logging.getLogger("transformers.modeling_utils").setLevel(logging.ERROR)  # unused pooler weights are meant
        try:
            self._scorer: Any = library.BERTScorer(model_type=model, num_layers=layers, **scaling)
        except (OSError, ValueError) as error:
            raise ValueError(f"BERTScore model {model}: cannot be loaded ({str(error).splitlines()[0]})") from error
        # Tokenizers that name no limit make the library overflow; no model takes more than its position embeddings.
        tokenizer = self._scorer._tokenizer
        tokenizer.model_max_length = min(tokenizer.model_max_length, _usable_positions(self._scorer._model))
        self.name = f"{known}-layer{layers}-{'rescaled' if rescaled else 'unscaled'}-{library.__version__}"

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        """F1 of every response against its reference, in percent; 0 where either is blank.

        Returns:
            At most 100; a rescaled score may be negative. Shape: (N,).

        Raises:
            ValueError: Different lengths.
        """
        if len(hypotheses) != len(references):
            raise ValueError(f"got {len(hypotheses)} hypotheses but {len(references)} references")
        pairs = list(zip(hypotheses, references, strict=True))
        worded = [place for place, pair in enumerate(pairs) if all(text.strip() for text in pair)]
        scores = np.zeros(len(pairs))
        if worded:
            _, _, f1 = self._scorer.score([pairs[place][0] for place in worded], [pairs[place][1] for place in worded])
            scores[worded] = 100.0 * f1.double().cpu().numpy()
        return scores


def _known_name(model: str, known: Iterable[str]) -> str:
    """Name of a model in the library's tables, where a folder goes by the name after its owner's."""
    names = list(known)
    folder = Path(model).name
    return model if model in names else next((name for name in names if name.split("/")[-1] == folder), folder)


def _usable_positions(model: Any) -> int:
    """Tokens a model can read: RoBERTa and its kin number positions from behind their padding's."""
    embeddings = [one for name, one in model.named_modules() if name.endswith("position_embeddings")]
    paddings = [one.padding_idx for one in embeddings if getattr(one, "padding_idx", None) is not None]
    return int(model.config.max_position_embeddings) - max((index + 1 for index in paddings), default=0)


def _last_layer(folder: Path) -> int:
    path = folder / "config.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"BERTScore model {folder}: no model that the library {EXTRA} knows by name, and no folder of a model "
            "(config.json with num_hidden_layers)"
        ) from error
