"""The server refuses every address that the pages do not need, and its headers keep the page to itself."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from chat.web.server import MAX_BODY, RequestGuard, needed


def ask(
    path: str, *, headers: dict[str, str] | None = None, kind: str = "http", names: frozenset[str] = frozenset()
) -> list[MutableMapping[str, Any]]:
    """What is sent back for a request; the application behind says 200 to everything."""
    sent: list[MutableMapping[str, Any]] = []

    async def behind(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOW")]})

    async def receive() -> MutableMapping[str, Any]:
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    given = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    asyncio.run(RequestGuard(behind, names=names)({"type": kind, "path": path, "headers": given}, receive, send))
    return sent


@pytest.mark.parametrize(
    "path", ["/", "/assets/Blocks-0aNuD791.css", "/theme.css", "/gradio_api/queue/join", "/gradio_api/heartbeat/a1"]
)
def test_the_page_is_served(path: str) -> None:
    assert ask(path)[0]["status"] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd", "/file=train.py",
        "/gradio_api/proxy=http://example.org", "/gradio_api/runs", "/gradio_api/run/predict", "/gradio_api/call/say",
        "/assets/../../etc/passwd", "/assets/..%2f..%2fetc/passwd", "/monitoring", "/docs", "/gradio_api/vibe-edit",
        "/gradio_api/process_recording", "/gradio_api/openapi.json", "//", "",
    ],
)  # fmt: skip
def test_everything_else_is_not(path: str) -> None:
    assert not needed(path)
    assert ask(path)[0]["status"] == 404


def test_no_long_and_no_endless_bodies() -> None:
    for headers in ({"content-length": str(MAX_BODY + 1)}, {"content-length": "-1"}, {"transfer-encoding": "chunked"}):
        assert ask("/gradio_api/queue/join", headers=headers)[0]["status"] == 404
    assert ask("/gradio_api/queue/join", headers={"content-length": str(MAX_BODY)})[0]["status"] == 200


def test_foreign_names_for_this_machine_are_refused() -> None:
    names = frozenset({"127.0.0.1", "localhost"})
    assert ask("/", headers={"host": "127.0.0.1:7860"}, names=names)[0]["status"] == 200
    assert ask("/", headers={"host": "LOCALHOST"}, names=names)[0]["status"] == 200
    for wrong in ({"host": "evil.example:7860"}, {"host": "127.0.0.1.evil.example"}, {}):
        assert ask("/", headers=wrong, names=names)[0]["status"] == 404


def test_no_sockets() -> None:
    assert ask("/", kind="websocket") == []


def test_headers_keep_the_page_to_itself() -> None:
    headers = dict(ask("/")[0]["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert headers[b"cache-control"] == b"no-store"
    assert len(ask("/")[0]["headers"]) == len(headers), "nothing twice"
    assert b"cache-control" not in dict(ask("/assets/a.js")[0]["headers"]), "assets may be kept"
