"""Starts a page on this machine: no telemetry, no public link, no uploads, no files, no foreign addresses."""

import logging
import os
from pathlib import Path

# Read when the library is imported: without these it would report its use and keep what people write in a history.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ["GRADIO_SHARE"] = "False"
os.environ["DO_NOT_TRACK"] = "1"

import gradio
from starlette.middleware import Middleware

from chat.request_guard import MAX_BODY, RequestGuard

LOOPBACK = "127.0.0.1"
_STYLE = Path(__file__).with_name("page.css")


def page(title: str) -> gradio.Blocks:
    """An empty page."""
    return gradio.Blocks(title=title, analytics_enabled=False)


def serve(blocks: gradio.Blocks, *, host: str = LOOPBACK, port: int = 7860, wait: bool = True) -> gradio.Blocks:
    """Serves a page until it is interrupted.

    Args:
        blocks: The page.
        host: Address to listen on; anything but the loopback address lets others in, without a password.
        port: Port to listen on.
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
