"""A chat endpoint on this machine that answers, or fails, as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-0123456789abcdef-secret"


@dataclass
class Answer:
    """What the server does with one call."""

    status: int = 200
    body: str | None = None  # None: a proper completion
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False  # the connection breaks in the middle of the body
    pace: float = 0.0  # seconds between two bytes of the body


Behaviour = Callable[[int, dict[str, Any]], Answer]


@dataclass
class ChatServer:
    """The endpoint, and what it has seen."""

    url: str
    calls: list[dict[str, Any]]
    headers: list[dict[str, str]]
    times: list[float]
    busiest: int = 0


def completion(*texts: str | None, usage: bool = True) -> str:
    counts = {"usage": {"prompt_tokens": 100, "completion_tokens": 7 * len(texts)}} if usage else {}
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}} for text in texts], **counts})


@contextmanager
def serve(behaviour: Behaviour) -> Iterator[ChatServer]:
    """``behaviour`` gets the number of the call, from 1, and its body."""
    lock = threading.Lock()
    busy = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal busy
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                busy += 1
                server.busiest = max(server.busiest, busy)
                server.calls.append(body)
                server.headers.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
                server.times.append(time.monotonic())
                number = len(server.calls)
            answer = behaviour(number, body)
            time.sleep(answer.delay)
            with lock:
                busy -= 1
            text = answer.body if answer.body is not None else completion(*["Fine."] * body.get("n", 1))
            content = text.encode()
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if answer.cut:
                    self.wfile.write(content[: len(content) // 2])
                    self.close_connection = True
                elif answer.pace:
                    for place in range(len(content)):
                        self.wfile.write(content[place : place + 1])
                        time.sleep(answer.pace)
                else:
                    self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client waits no longer

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = ChatServer(f"http://127.0.0.1:{http.server_port}/v1", [], [], [])
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
