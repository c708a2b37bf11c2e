"""Serves a page on this machine: no telemetry, no public link, no uploads, no files, no foreign addresses.

The page's library brings many more addresses than the page needs (uploads, files by path, a proxy, recordings, a run
history). :class:`RequestGuard` refuses all that are not needed before the library sees the request.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import gradio
from starlette.middleware import Middleware

LOOPBACK = "127.0.0.1"
_STYLE = Path(__file__).with_name("page.css")
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Options of every event of a page: programs cannot call it, and no progress bar covers what is shown."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 65_536  # bytes of one request; a message has 1,000 characters
_NEEDED = re.compile(
    r"/|/(assets|static|svelte)/[\w./-]+|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/config/?"
    r"|/gradio_api/(theme\.css|info/?|startup-events|queue/(join|data)/?|heartbeat/\w+|cancel|reset/?|app_id/?)"
)
_HEADERS = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    # Nothing may be loaded from, or sent to, anywhere else. The page's library needs inline code and eval.
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
        b"form-action 'none'",
    ),
]


class RequestGuard:
    """ASGI middleware that refuses whatever is not needed, and adds headers that keep the page to itself.

    Args:
        names: Names by which a request may call this server, in lower case and without a port; empty: any name. They
            stop a foreign page whose name was made to lead to this machine.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, names: frozenset[str] = frozenset()
    ) -> None:
        self.app = app
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or passes it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        foreign = bool(self.names) and _host(scope) not in self.names
        if foreign or not needed(scope["path"]) or _length(scope) > MAX_BODY:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = {
                    name for name, _ in _HEADERS if name != b"cache-control" or not scope["path"].startswith("/assets/")
                }
                others = [pair for pair in message.get("headers", []) if pair[0].lower() not in own]
                message["headers"] = [*others, *(pair for pair in _HEADERS if pair[0] in own)]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def needed(path: str) -> bool:
    """Whether an address belongs to the page."""
    return ".." not in path and _NEEDED.fullmatch(path) is not None


def _host(scope: Scope) -> str:
    """The name that the request asks for, without its port."""
    given = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    return re.sub(r":\d+$", "", given)


def _length(scope: Scope) -> int:
    """Announced length of the body; one that is not announced counts as too long."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return MAX_BODY + 1
    given = headers.get(b"content-length", b"0")
    return int(given) if given.isdigit() else MAX_BODY + 1


def page(title: str) -> gradio.Blocks:
    """An empty page."""
    return gradio.Blocks(title=title, analytics_enabled=False)


def serve(blocks: gradio.Blocks, *, host: str = LOOPBACK, port: int = 7860, wait: bool = True) -> gradio.Blocks:
    """Serves a page until it is interrupted.

    Args:
        host: Address to listen on; anything but the loopback address lets others in, without a password.
        wait: Whether to stay; a test does not.

    Raises:
        ValueError: The port is taken.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    system = ("system-ui", "sans-serif")  # no fonts from elsewhere
    theme: gradio.themes.Base = gradio.themes.Default(
        primary_hue="teal", neutral_hue="stone", font=system, font_mono=("monospace",)
    )
    # The library's grey and its buttons are too pale to read (WCAG asks for a contrast of 4.5).
    theme = theme.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
    )
    names = frozenset({"localhost", "[::1]", LOOPBACK}) if host in ("localhost", "::1", LOOPBACK) else frozenset()
    blocks.queue(default_concurrency_limit=8)
    try:
        blocks.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            show_error=False,
            inbrowser=False,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            pwa=False,
            allowed_paths=[],
            max_file_size=MAX_BODY,
            theme=theme,
            css=_STYLE.read_text(encoding="utf-8"),
            app_kwargs={
                "middleware": [Middleware(RequestGuard, names=names)],
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise ValueError(f"port {port} on {host}: {str(error).splitlines()[0]}") from error
    print(f"Open http://{host}:{port} in a browser. Ctrl+C ends it.", flush=True)
    if wait:
        blocks.block_thread()
    return blocks
