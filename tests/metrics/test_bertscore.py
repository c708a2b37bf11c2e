"""BERTScore on a tiny random model: by its formula, and what is refused."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast, RobertaConfig, RobertaModel

from metrics.text.bertscore import BertScore, _known_name, _usable_positions

pytest.importorskip("bert_score", reason="the extra bert-score is not installed")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "how", "are", "you", "today", "sad", "?"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **sizes)).save_pretrained(folder)
    return folder


def _by_formula(folder: Path, hypothesis: str, reference: str) -> float:
    """F1 of equations 1 and 2 of the paper, special tokens matched by nobody and not averaged over."""
    model, tokenizer = BertModel.from_pretrained(folder), BertTokenizerFast.from_pretrained(folder)
    model.eval()
    vectors = []
    for text in (hypothesis, reference):
        with torch.no_grad():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        vectors.append(torch.nn.functional.normalize(hidden, dim=1))
    cosines = vectors[0] @ vectors[1].T
    precision, recall = cosines.max(1).values[1:-1].mean(), cosines.max(0).values[1:-1].mean()
    return 100.0 * float(2 * precision * recall / (precision + recall))


def test_by_its_formula(folder: Path) -> None:
    score = BertScore(str(folder))
    pairs = [("how are you ?", "are you sad today ?"), ("you", "how sad"), ("sad sad sad", "sad sad sad")]
    found = score([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    assert found == pytest.approx([_by_formula(folder, *pair) for pair in pairs], abs=1e-3)
    assert found[2] == pytest.approx(100.0, abs=1e-3)


def test_the_name_says_model_layer_and_scaling(folder: Path) -> None:
    name = BertScore(str(folder)).name
    assert name.startswith("tiny-bert-layer2-unscaled-")
    assert not set("|:\n") & set(name)


def test_blank_responses_score_zero_and_long_ones_are_cut(folder: Path) -> None:
    score = BertScore(str(folder))
    assert score(["", "  ", "you"], ["you", "you", ""]).tolist() == [0.0, 0.0, 0.0]
    assert np.isfinite(score(["you " * 100], ["you"])).all()
    with pytest.raises(ValueError, match="got 1 hypotheses but 2 references"):
        score(["a"], ["a", "b"])


def test_a_folder_goes_by_the_name_after_the_owners() -> None:
    known = ["roberta-large", "someone/large-model"]
    assert _known_name("someone/large-model", known) == "someone/large-model"
    assert _known_name("weights/large-model", known) == "someone/large-model"
    assert _known_name("weights/roberta-large/", known) == "roberta-large"
    assert _known_name("weights/model", known) == "model"


def test_positions_behind_the_paddings_are_usable(folder: Path) -> None:
    assert _usable_positions(BertModel.from_pretrained(folder)) == 32
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    roberta = RobertaModel(RobertaConfig(vocab_size=20, max_position_embeddings=34, pad_token_id=1, **sizes))
    roberta.eval()
    longest = _usable_positions(roberta)
    assert longest == 32
    with torch.no_grad():
        assert torch.isfinite(roberta(torch.full((1, longest), 5)).last_hidden_state).all()
        with pytest.raises((IndexError, RuntimeError), match="out of"):
            roberta(torch.full((1, longest + 1), 5))


def test_refusals_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no model that the library bert-score knows by name, and no folder"):
        BertScore(str(tmp_path))
    monkeypatch.setitem(sys.modules, "bert_score", None)  # as where it is not installed
    with pytest.raises(ValueError, match="pip install bert-score") as caught:
        BertScore(str(tmp_path))
    assert os.linesep not in str(caught.value)
