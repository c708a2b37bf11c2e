"""Any OpenAI-compatible endpoint as a chat model: concurrent calls, time limits, and patience with what passes.

How long to wait before a failed call is tried again.

Where an endpoint is and how it knows us: address and key, from the environment and from nowhere else.

Neither is ever written anywhere: no configuration, record, manifest, log, error or representation holds them.
"""

import email.utils
import ipaddress
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

import httpx2
import numpy as np

from language_models.chat.chat_model import ChatError, ChatRequest, Completion


@dataclass(frozen=True)
class BackOff:
    """Exponential back-off with jitter.

    Attributes:
        attempts: Calls tried before a failure is final, at least 1.
        first: Longest wait before the second attempt, in seconds; it doubles from attempt to attempt.
        longest: Longest wait, in seconds. A server that asks for more makes the failure final.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 120.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 < self.first <= self.longest:
            raise ValueError(
                f"back-off: got {self.attempts} attempts, {self.first} to {self.longest} seconds, expected at least "
                "one attempt and 0 < first <= longest"
            )

    def seconds(self, attempt: int, *, asked: float | None, rng: np.random.Generator) -> float:
        """The wait after a failed attempt.

        Half of it is random, so that calls which failed together do not come back together.

        Args:
            attempt: Number of the failed attempt, from 1.
            asked: What the server asked for (``Retry-After``), in seconds; never undercut.
            rng: Makes the jitter.

        Returns:
            Seconds, from half of ``first`` up; above ``longest`` only where the server asked for it.
        """
        ceiling = min(self.longest, self.first * 2.0 ** (attempt - 1))
        wait = float(ceiling * rng.uniform(0.5, 1.0))
        return wait if asked is None else max(asked, wait)


def retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3: seconds, or a date).

    Args:
        header: Its value; ``None`` where it was not sent.
        now: The time, with its zone.

    Returns:
        At least 0; ``None`` where there is no header or it says neither a number nor a date.
    """
    if header is None:
        return None
    try:
        return max(0.0, float(header)) if float(header) < float("inf") else None
    except ValueError:
        pass  # not a number: a date, or nothing known
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


URL_VARIABLE = "ESC_CHAT_URL"
KEY_VARIABLE = "ESC_CHAT_KEY"
# Words that stand in for a key where none is needed ("EMPTY", "not-needed") are shorter than keys are.
_SHORTEST_SECRET = 16

logger = logging.getLogger(__name__)


class EndpointAddress:
    """The address to post to and the key to send, read from the environment when it is made.

    Sent to another process it goes without both and reads that process's environment.

    Raises:
        ValueError: ``ESC_CHAT_URL`` is missing or no address of the form ``https://host/v1``, or ``ESC_CHAT_KEY`` has
            characters that no header can carry. The text never shows them.
    """

    def __init__(self) -> None:
        try:
            base = httpx2.URL(os.environ.get(URL_VARIABLE, "").strip())
        except httpx2.InvalidURL:
            base = httpx2.URL("")
        if base.scheme not in {"http", "https"} or not base.host or base.userinfo:
            raise ValueError(
                f"{URL_VARIABLE}: expected the address of an OpenAI-compatible endpoint up to the version, without "
                "user and password, e.g. https://api.example.org/v1"
            )
        self.__url = base.copy_with(path=base.path.rstrip("/") + "/chat/completions")
        self.__key = os.environ.get(KEY_VARIABLE, "").strip()
        if not (self.__key.isascii() and self.__key.isprintable()) or " " in self.__key:
            raise ValueError(f"{KEY_VARIABLE}: expected printable ASCII characters without blanks")
        if self.__key and base.scheme == "http" and not _is_here(base.host):
            logger.warning("%s is http, not https: the key and all texts travel unencrypted", URL_VARIABLE)

    def request(self, client: httpx2.Client, body: dict[str, object]) -> httpx2.Request:
        """The call itself. Without a key no ``Authorization`` is sent, as local servers like it."""
        headers = {"Authorization": f"Bearer {self.__key}"} if self.__key else {}
        return client.build_request("POST", self.__url, json=body, headers=headers)

    def without_secrets(self, text: str) -> str:
        """Text that came back, with the key and the host struck out: servers like to quote what they refuse."""
        if len(self.__key) >= _SHORTEST_SECRET:
            text = text.replace(self.__key, "[key]")
        return text

    def without_address(self, text: str) -> str:
        """Text for an error or a log: :meth:`without_secrets`, and without the address."""
        return self.without_secrets(text).replace(str(self.__url), "[address]").replace(self.__url.host, "[host]")

    def __reduce__(self) -> tuple[type["EndpointAddress"], tuple[()]]:
        return EndpointAddress, ()


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


_LARGEST_ANSWER = 8 * 2**20  # bytes; far above any number of samples, far below what would fill the memory
_PASSING = {408, 409, 425, 429}  # beside 5xx: worth another attempt


@dataclass(frozen=True)
class OpenAIChatConfig:
    """How an endpoint is called.

    Attributes:
        model: The model's name there.
        concurrency: Calls under way at once, at least 1.
        timeout: Longest time for one call, in seconds, from connecting to the last byte.
        samples_per_call: Most answers asked for in one call (``n``); 1 where an endpoint refuses ``n``. Where it
            gives fewer than asked, the rest is asked for again.
        token_limit: Name of the field that limits an answer's tokens; newer models of OpenAI want the long one.
        back_off: Attempts, and the waits between them.
    """

    model: str
    concurrency: int = 8
    timeout: float = 60.0
    samples_per_call: int = 10
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    back_off: BackOff = field(default_factory=BackOff)

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ValueError("model: empty, expected the model's name at the endpoint")
        for name in ("concurrency", "timeout", "samples_per_call"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected more than 0")


class OpenAIChat:
    """A model behind ``ESC_CHAT_URL``, with the key in ``ESC_CHAT_KEY`` (none where that is not set).

    Args:
        config: How it is called.
        rng: Makes the jitter of the waits, nothing else.

    Raises:
        ValueError: The environment names no usable endpoint.
    """

    def __init__(self, config: OpenAIChatConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        self.name = config.model
        self._rng = rng
        self._address = EndpointAddress()
        # Redirects are not followed: key and texts go to the address given and to no other.
        limits = httpx2.Limits(max_connections=config.concurrency)
        self._client = httpx2.Client(timeout=config.timeout, limits=limits, follow_redirects=False)
        # The client reports every call with its address.
        logging.getLogger("httpx2").setLevel(logging.WARNING)

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Completion]]:
        """As :meth:`ChatModel.complete`; at most ``concurrency`` calls are under way at once.

        After a final failure no further call is begun; those under way are awaited and given out, then it is raised.
        """
        stop = threading.Event()
        failure: ChatError | None = None
        pool = ThreadPoolExecutor(self.config.concurrency, thread_name_prefix="chat")
        try:
            pending: dict[Future[Completion], tuple[int, ChatRequest]] = {
                pool.submit(self._answer, part, stop): (index, part)
                for index, request in enumerate(requests)
                for part in self._parts(request)
            }
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    index, part = pending.pop(future)
                    error = None if future.cancelled() else future.exception()
                    if isinstance(error, ChatError):
                        failure = failure or error
                        stop.set()
                        for other in pending:
                            other.cancel()
                    elif not future.cancelled():
                        completion = future.result()
                        yield index, completion
                        rest = part.samples[len(completion.samples) :]
                        if rest and failure is None:
                            more = replace(part, samples=rest)
                            pending[pool.submit(self._answer, more, stop)] = (index, more)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
        if failure is not None:
            raise failure

    def _parts(self, request: ChatRequest) -> Iterator[ChatRequest]:
        size = self.config.samples_per_call
        for start in range(0, len(request.samples), size):
            yield replace(request, samples=request.samples[start : start + size])

    def _answer(self, request: ChatRequest, stop: threading.Event) -> Completion:
        """One answered call, however many attempts it takes."""
        patience = self.config.back_off
        for attempt in range(1, patience.attempts + 1):
            if stop.is_set():
                break
            try:
                return self._attempt(request)
            except _PassingError as problem:
                if attempt == patience.attempts:
                    raise ChatError(f"{self.name}: {problem}, {attempt} times in a row") from None
                seconds = patience.seconds(attempt, asked=problem.asked, rng=self._rng)
                if seconds > patience.longest:
                    raise ChatError(
                        f"{self.name}: {problem} and asks to wait {seconds:.0f} s, more than {patience.longest:.0f} s"
                    ) from None
                logger.warning(
                    "%s: %s; attempt %d of %d in %.1f s", self.name, problem, attempt + 1, patience.attempts, seconds
                )
                stop.wait(seconds)
        raise ChatError(f"{self.name}: not asked, another call had failed")

    def _attempt(self, request: ChatRequest) -> Completion:
        """One call.

        Raises:
            _PassingError: What may pass: no or a broken connection, too slow, too busy, an error of the server, an
                answer that cannot be read.
            ChatError: What will not.
        """
        body: dict[str, object] = {
            "model": self.config.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": request.temperature,
            self.config.token_limit: request.max_tokens,
        }
        if len(request.samples) > 1:
            body["n"] = len(request.samples)
        try:
            status, wait_header, answer = self._post(body)
        except httpx2.TimeoutException:
            raise _PassingError(f"no answer within {self.config.timeout:g} s") from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _PassingError(f"the connection failed ({type(error).__name__})") from None
        if status != HTTPStatus.OK:
            raise self._refusal(status, wait_header, answer)
        try:
            return _completion(json.loads(answer), request.samples)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _PassingError(f"the answer could not be read ({type(error).__name__})") from None

    def _post(self, body: dict[str, object]) -> tuple[int, str | None, str]:
        """Status, ``Retry-After`` and text of the answer, the key struck out of it."""
        latest = time.monotonic() + self.config.timeout
        content = bytearray()
        answer = self._client.send(self._address.request(self._client, body), stream=True)
        try:
            for chunk in answer.iter_bytes():
                content += chunk
                if time.monotonic() > latest:  # the client's own limit is per read: a trickle would never meet it
                    raise httpx2.ReadTimeout("too slow")
                if len(content) > _LARGEST_ANSWER:
                    raise ChatError(f"{self.name}: an answer of more than {_LARGEST_ANSWER >> 20} MiB")
        finally:
            answer.close()
        text = self._address.without_secrets(content.decode("utf-8", errors="replace"))
        return answer.status_code, answer.headers.get("Retry-After"), text

    def _refusal(self, status: int, wait_header: str | None, answer: str) -> "ChatError | _PassingError":
        code, said = _error_of(answer)
        said = self._address.without_address(said)
        reason = f"the endpoint answered {status}" + (f" ({said})" if said else "")
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            # Not with the server's own words: they often quote a part of the key.
            return ChatError(f"{self.name}: the endpoint answered {status}: it does not accept {KEY_VARIABLE}")
        if (status in _PASSING and code != "insufficient_quota") or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _PassingError(reason, asked=retry_after(wait_header, now=datetime.now(UTC)))
        if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND:
            reason += f"; is {URL_VARIABLE} its address up to the version, and the model's name right?"
        return ChatError(f"{self.name}: {reason}")

    def __reduce__(self) -> tuple["partial[OpenAIChat]", tuple[()]]:
        """Sent to another process it goes without connections, address and key."""
        return partial(OpenAIChat, self.config, rng=self._rng), ()


class _PassingError(Exception):
    """A failure that another attempt may not meet; ``asked``: seconds the server wants us to wait."""

    def __init__(self, problem: str, *, asked: float | None = None) -> None:
        super().__init__(problem)
        self.asked = asked


def _completion(answer: Any, samples: tuple[int, ...]) -> Completion:
    """Reads a chat completion; choices beyond those asked for are dropped.

    Raises:
        ValueError: It has no choices.
        KeyError: A field is missing.
        TypeError, AttributeError: A field is of another kind.
    """
    texts = [_well_formed(choice["message"].get("content") or "") for choice in answer["choices"]]
    if not texts:
        raise ValueError("no choices")
    usage = answer.get("usage") or {}
    count = min(len(texts), len(samples))
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Completion(
        samples[:count],
        tuple(texts[:count]),
        prompt if isinstance(prompt, int) else None,
        completion if isinstance(completion, int) else None,
    )


def _well_formed(text: str) -> str:
    """Text that UTF-8 can hold: JSON can spell halves of characters."""
    return text.encode("utf-8", errors="replace").decode()


def _error_of(answer: str) -> tuple[str, str]:
    """Code and text of an endpoint's error, the text on one line of at most 200 characters; empty where it has none."""
    try:
        error = json.loads(answer)["error"]
        return str(error.get("code") or ""), " ".join(str(error.get("message") or "").split())[:200]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""
