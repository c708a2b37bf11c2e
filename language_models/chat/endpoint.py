"""A model behind any OpenAI-compatible endpoint as a chat model, through the ``openai`` client.

The client does retries (connection, time limit, 408, 409, 429 and 5xx, with growing waits or as ``Retry-After`` asks).
Address and key come from the environment and from nowhere else; no configuration, record, manifest, log, error or
representation holds them.
"""

import ipaddress
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx2
import openai

from language_models.chat.chat_model import ChatError, ChatRequest, Completion
from language_models.settings import check_number

URL_VARIABLE = "ESC_CHAT_URL"
KEY_VARIABLE = "ESC_CHAT_KEY"
# Words that stand in for a key where none is needed ("EMPTY", "not-needed") are shorter than keys are.
_SHORTEST_SECRET = 16
_NO_KEY = "none"  # the client insists on one
_LARGEST_ANSWER = 8 << 20  # bytes; what is longer comes from no chat model

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenAIChatConfig:
    """How an endpoint is called.

    Attributes:
        model: The model's name there.
        concurrency: Calls under way at once, at least 1.
        timeout: Longest time of one attempt, in seconds: of silence, and from the call to the whole answer.
        retries: Further attempts after a failure that may pass, from 0.
        samples_per_call: Most answers asked for in one call (``n``); 1 where an endpoint refuses ``n``. Where it
            gives fewer than asked, the rest is asked for again.
        token_limit: Name of the field that limits an answer's tokens; newer models of OpenAI want the long one.
    """

    model: str
    concurrency: int = 8
    timeout: float = 60.0
    retries: int = 5
    samples_per_call: int = 10
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ValueError("model: empty, expected the model's name at the endpoint")
        for name in ("concurrency", "timeout", "samples_per_call"):
            check_number(name, getattr(self, name), above=0)
        check_number("retries", self.retries, least=0)


class OpenAIChat:
    """A model behind ``ESC_CHAT_URL``, with the key in ``ESC_CHAT_KEY`` (none where that is not set).

    Args:
        config: How it is called.

    Raises:
        ValueError: The environment names no usable endpoint.
    """

    def __init__(self, config: OpenAIChatConfig) -> None:
        self.config = config
        self.name = config.model
        self._client, self._host = _client(config)

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Completion]]:
        """As :meth:`ChatModel.complete`; at most ``concurrency`` calls are under way at once.

        After a final failure no further call is begun; those under way are awaited and given out, then it is raised.
        """
        failure: ChatError | None = None
        pool = ThreadPoolExecutor(self.config.concurrency, thread_name_prefix="chat")
        try:
            pending: dict[Future[Completion], tuple[int, ChatRequest]] = {
                pool.submit(self._answer, part): (index, part)
                for index, request in enumerate(requests)
                for part in self._parts(request)
            }
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    index, part = pending.pop(future)
                    if future.cancelled():
                        continue
                    error = future.exception()
                    if isinstance(error, ChatError):
                        failure = failure or error
                        for other in pending:
                            other.cancel()
                        continue
                    completion = future.result()
                    yield index, completion
                    rest = part.samples[len(completion.samples) :]
                    if rest and failure is None:
                        more = replace(part, samples=rest)
                        pending[pool.submit(self._answer, more)] = (index, more)
        finally:
            pool.shutdown(cancel_futures=True)
        if failure is not None:
            raise failure

    def _parts(self, request: ChatRequest) -> Iterator[ChatRequest]:
        size = self.config.samples_per_call
        for start in range(0, len(request.samples), size):
            yield replace(request, samples=request.samples[start : start + size])

    def _answer(self, request: ChatRequest) -> Completion:
        """One answered call, however many attempts it takes."""
        body: dict[str, Any] = {
            "model": self.config.model,
            "messages": [{"role": str(message.role), "content": message.content} for message in request.messages],
            "temperature": request.temperature,
            self.config.token_limit: request.max_tokens,
        }
        if len(request.samples) > 1:
            body["n"] = len(request.samples)
        if self._client.api_key == _NO_KEY:
            body["extra_headers"] = {"Authorization": openai.Omit()}  # local servers like it so
        try:
            answer = self._client.chat.completions.with_raw_response.create(**body).http_response.text
        except openai.APITimeoutError:
            problem = f"no answer within {self.config.timeout:g} s, {self.config.retries + 1} times in a row"
        except openai.APIConnectionError as error:
            kind = type(error.__cause__).__name__
            problem = f"the connection failed ({kind}), {self.config.retries + 1} times in a row"
        except openai.APIStatusError as error:
            problem = self._refusal(error)
        except openai.OpenAIError as error:
            problem = str(error)
        else:
            try:
                return _completion(json.loads(self._without_key(answer)), request.samples)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                problem = f"the answer could not be read ({type(error).__name__})"
        raise ChatError(f"{self.name}: {problem}")

    def _refusal(self, error: openai.APIStatusError) -> str:
        """What an endpoint's refusal means, on one line."""
        status = error.status_code
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            # Not with the server's own words: they often quote a part of the key.
            return f"the endpoint answered {status}: it does not accept {KEY_VARIABLE}"
        said = str(error.body.get("message") or "") if isinstance(error.body, dict) else ""
        said = " ".join(self._without_key(said).replace(self._host, "[host]").split())[:200]
        reason = f"the endpoint answered {status}" + (f" ({said})" if said else "")
        if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND:
            reason += f"; is {URL_VARIABLE} its address up to the version, and the model's name right?"
        return reason

    def _without_key(self, text: str) -> str:
        """Text that came back, with the key struck out: servers like to quote what they refuse."""
        key = self._client.api_key
        return text.replace(key, "[key]") if len(key) >= _SHORTEST_SECRET else text

    def __reduce__(self) -> tuple["partial[OpenAIChat]", tuple[()]]:
        """Sent to another process it goes without connections, address and key, and reads the environment there."""
        return partial(OpenAIChat, self.config), ()


def _client(config: OpenAIChatConfig) -> tuple[openai.OpenAI, str]:
    """The client of the endpoint that the environment names, and the endpoint's host.

    Raises:
        ValueError: ``ESC_CHAT_URL`` is missing or no address of the form ``https://host/v1``, or ``ESC_CHAT_KEY`` has
            characters that no header can carry. The text never shows them.
    """
    try:
        url = urlsplit(os.environ.get(URL_VARIABLE, "").strip())
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and "@" not in url.netloc
        _ = url.port  # refuses what is no number
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"{URL_VARIABLE}: expected the address of an OpenAI-compatible endpoint up to the version, without user "
            "and password, e.g. https://api.example.org/v1"
        )
    host = str(url.hostname)
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError(f"{KEY_VARIABLE}: expected printable ASCII characters without blanks")
    if key and url.scheme == "http" and not _is_here(host):
        logger.warning("%s is http, not https: the key and all texts travel unencrypted", URL_VARIABLE)
    for library in ("openai", "httpx", "httpx2", "httpcore"):  # they report calls with their address
        logging.getLogger(library).setLevel(logging.WARNING)
    client = openai.OpenAI(
        base_url=urlunsplit((url.scheme, url.netloc, url.path, "", "")),
        default_query=dict(parse_qsl(url.query)),
        api_key=key or _NO_KEY,
        timeout=config.timeout,
        max_retries=config.retries,
        # Redirects are not followed: key and texts go to the address given and to no other.
        http_client=openai.DefaultHttpxClient(
            follow_redirects=False,
            event_hooks={"request": [partial(_begin, seconds=config.timeout)], "response": [_guard]},
        ),
    )
    client.organization = client.project = None  # which the client reads from variables meant for another endpoint
    return client, host


def _begin(request: httpx2.Request, *, seconds: float) -> None:
    """Notes when the answer has to be there; called by the client before every attempt."""
    request.extensions["latest"] = time.monotonic() + seconds


def _guard(response: httpx2.Response) -> None:
    """Limits an answer, and ends the attempts where money is missing; called by the client when an answer begins."""
    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = _LimitedStream(response.stream, latest=response.request.extensions["latest"])
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and b"insufficient_quota" in response.read():
        response.headers["x-should-retry"] = "false"  # by which the client goes


class _LimitedStream(httpx2.SyncByteStream):
    """The bytes of an answer. The client's own time limit is one of silence, which an answer that trickles keeps."""

    def __init__(self, stream: httpx2.SyncByteStream, *, latest: float) -> None:
        self.stream = stream
        self.latest = latest

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self.stream:
            size += len(part)
            if time.monotonic() > self.latest:
                raise httpx2.ReadTimeout("the answer takes too long")
            if size > _LARGEST_ANSWER:
                raise openai.OpenAIError(f"an answer of more than {_LARGEST_ANSWER >> 20} MiB")
            yield part

    def close(self) -> None:
        self.stream.close()


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _completion(answer: Any, samples: tuple[int, ...]) -> Completion:
    """Reads a chat completion; choices beyond those asked for are dropped, none or a wrong field is an error."""
    texts = [choice["message"].get("content") or "" for choice in answer["choices"]]
    if not texts:
        raise ValueError("no choices")
    texts = [text.encode("utf-8", errors="replace").decode() for text in texts]  # JSON can spell halves of characters
    usage = answer.get("usage") or {}
    count = min(len(texts), len(samples))
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Completion(
        samples[:count],
        tuple(texts[:count]),
        prompt if isinstance(prompt, int) else None,
        completion if isinstance(completion, int) else None,
    )
