import logging
import pickle

import httpx2
import pytest

from language_models.chat.endpoint import EndpointAddress
from tests.seeker.chat_server import KEY

URL = "https://api.example.org/v1/"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESC_CHAT_URL", URL)
    monkeypatch.setenv("ESC_CHAT_KEY", f"{KEY}\n")


def request() -> httpx2.Request:
    with httpx2.Client() as client:
        return EndpointAddress().request(client, {"model": "m"})


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(request().url) == "https://api.example.org/v1/chat/completions"
    assert request().headers["Authorization"] == f"Bearer {KEY}"
    monkeypatch.delenv("ESC_CHAT_KEY")
    assert "Authorization" not in request().headers
    monkeypatch.setenv("ESC_CHAT_URL", "https://api.example.org/v1?version=2")
    assert str(request().url) == "https://api.example.org/v1/chat/completions?version=2"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.org/v1",
        "ftp://api.example.org",
        "https://",
        f"https://me:{KEY}@api.example.org",
        "http://host:port",
    ],
)
def test_a_wrong_address_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ESC_CHAT_URL", url)
    with pytest.raises(ValueError, match=r"^ESC_CHAT_URL: expected the address of an OpenAI-compatible") as caught:
        EndpointAddress()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", [f"{KEY}\nX: y", f"{KEY} b", f"{KEY}é"])
def test_a_wrong_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ESC_CHAT_KEY", key)
    with pytest.raises(ValueError, match=r"^ESC_CHAT_KEY: expected printable ASCII characters without blanks$"):
        EndpointAddress()


def test_it_shows_and_carries_no_secret() -> None:
    address = EndpointAddress()
    assert KEY not in repr(address)
    assert KEY.encode() not in pickle.dumps(address)
    assert b"example.org" not in pickle.dumps(address)
    assert address.without_secrets(f"no: {KEY}!") == "no: [key]!"
    assert address.without_address(f"{KEY} at api.example.org") == "[key] at [host]"


def test_a_placeholder_key_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESC_CHAT_KEY", "a")
    assert EndpointAddress().without_secrets("a bakery") == "a bakery"


def test_a_key_that_travels_unencrypted_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for url in ("http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:1/v1", URL):
            monkeypatch.setenv("ESC_CHAT_URL", url)
            EndpointAddress()
        assert not caplog.messages
        monkeypatch.setenv("ESC_CHAT_URL", "http://far.example.org/v1")
        EndpointAddress()
    assert caplog.messages == ["ESC_CHAT_URL is http, not https: the key and all texts travel unencrypted"]
