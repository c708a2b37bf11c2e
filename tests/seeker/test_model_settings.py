from pathlib import Path

import numpy as np
import pytest

from env.seekers.prompted.settings import ModelSettings, model_seeker, open_chat
from language_models.chat.endpoint import OpenAIChat
from language_models.chat.record import CallRecord, Prices
from tests.language_models.chat.chat_server import KEY

RNG = np.random.default_rng(0)


def test_an_endpoint_is_named_by_its_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESC_CHAT_URL", "https://api.example.org/v1")
    monkeypatch.setenv("ESC_CHAT_KEY", KEY)
    settings = ModelSettings("endpoint:big:8b", concurrency=3, timeout=9.0, price_prompt=1.0, price_completion=2.0)
    chat = open_chat(settings)
    assert isinstance(chat, OpenAIChat)
    assert (chat.name, chat.config.concurrency, chat.config.timeout) == ("big:8b", 3, 9.0)
    seeker = model_seeker(settings, chat, CallRecord(tmp_path), seed=5)
    assert seeker.chat.prices == Prices(1.0, 2.0)
    assert seeker.signature.endswith("seed 5")
    assert KEY not in repr(settings)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESC_CHAT_URL", raising=False)
    with pytest.raises(ValueError, match=r"^model: expected endpoint:NAME, or a folder or hub id of a chat model$"):
        open_chat(ModelSettings())
    with pytest.raises(ValueError, match=r"^ESC_CHAT_URL: expected the address"):
        open_chat(ModelSettings("endpoint:m"))
    with pytest.raises(ValueError, match=r"^prices: got one of"):
        _ = ModelSettings("endpoint:m", price_prompt=1.0).prices
