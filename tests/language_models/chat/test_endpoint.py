"""The endpoint client against a server on this machine that fails, hangs, and breaks connections."""

import json
import logging
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai._base_client
import pytest

from language_models.chat.chat_model import ChatError, ChatMessage, ChatRequest, ChatRole
from language_models.chat.endpoint import OpenAIChat, OpenAIChatConfig
from language_models.chat.record import CallRecord, ChatQuestion, RecordedChat
from tests.language_models.chat.chat_server import KEY, Answer, Behaviour, ChatServer, completion, serve

CONFIG = OpenAIChatConfig("tiny-model", timeout=5.0, retries=2)
ASK = (ChatMessage(ChatRole.USER, "How are you?"),)
REQUEST = ChatRequest(ASK, temperature=1.1, max_tokens=16, samples=(0,), seed=0)


@pytest.fixture
def monkey(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ESC_CHAT_KEY", KEY)
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.01)  # seconds that the client waits first
    return monkeypatch


@contextmanager
def connected(
    monkey: pytest.MonkeyPatch, behaviour: Behaviour, config: OpenAIChatConfig = CONFIG
) -> Iterator[tuple[OpenAIChat, ChatServer]]:
    with serve(behaviour) as server:
        monkey.setenv("ESC_CHAT_URL", server.url)
        yield OpenAIChat(config), server


def texts(chat: OpenAIChat, request: ChatRequest = REQUEST) -> list[str]:
    return [text for _, part in chat.complete([request]) for text in part.texts]


def well(number: int, body: dict[str, Any]) -> Answer:
    return Answer()


def question(dialogue: int, *, samples: int = 1) -> ChatQuestion:
    return ChatQuestion(dialogue, "test", ASK, temperature=1.1, max_tokens=16, samples=range(samples))


def test_what_is_sent_and_what_comes_back(monkey: pytest.MonkeyPatch) -> None:
    with connected(monkey, lambda number, body: Answer(body=completion("a", "b", None))) as (chat, server):
        ((index, answer),) = chat.complete([replace(REQUEST, samples=(3, 4, 5))])
    assert (index, answer.samples, answer.texts) == (0, (3, 4, 5), ("a", "b", ""))
    assert (answer.prompt_tokens, answer.completion_tokens) == (100, 21)
    assert server.calls == [
        {
            "model": "tiny-model",
            "messages": [{"role": "user", "content": "How are you?"}],
            "temperature": 1.1,
            "max_tokens": 16,
            "n": 3,
        }
    ]
    assert server.headers[0]["path"] == "/v1/chat/completions"
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_missing_counts_are_not_zero_and_half_characters_are_mended(monkey: pytest.MonkeyPatch) -> None:
    body = '{"choices": [{"message": {"content": "a \\ud83d b"}}]}'
    with connected(monkey, lambda number, _: Answer(body=body)) as (chat, _):
        ((_, answer),) = chat.complete([REQUEST])
    assert answer.texts == ("a ? b",)
    assert answer.prompt_tokens is None
    assert answer.completion_tokens is None


@pytest.mark.parametrize(("given", "calls"), [(4, [4]), (1, [4, 3, 2, None]), (3, [4, None]), (9, [4])])
def test_samples_that_did_not_come_are_asked_for_again(
    monkey: pytest.MonkeyPatch, given: int, calls: list[int | None]
) -> None:
    with connected(monkey, lambda number, body: Answer(body=completion(*["x"] * given))) as (chat, server):
        parts = [part for _, part in chat.complete([replace(REQUEST, samples=(0, 1, 2, 3))])]
    assert [number for part in parts for number in part.samples] == [0, 1, 2, 3]
    assert [call.get("n") for call in server.calls] == calls


def test_an_endpoint_without_n_is_called_once_per_sample(monkey: pytest.MonkeyPatch) -> None:
    config = replace(CONFIG, samples_per_call=1, token_limit="max_completion_tokens")
    with connected(monkey, well, config) as (chat, server):
        assert len(texts(chat, replace(REQUEST, samples=(0, 1, 2)))) == 3
    assert len(server.calls) == 3
    assert all("n" not in call and call["max_completion_tokens"] == 16 for call in server.calls)


@pytest.mark.parametrize(
    "failure",
    [
        Answer(status=500),
        Answer(status=503, body="<html>busy</html>"),
        Answer(status=429, body='{"error": {"message": "slow down", "code": "rate_limit"}}'),
        Answer(status=429, body="[]"),
        Answer(cut=True),
    ],
    ids=str,
)
def test_what_passes_is_tried_again(monkey: pytest.MonkeyPatch, failure: Answer) -> None:
    with connected(monkey, lambda number, body: failure if number < 3 else Answer()) as (chat, server):
        assert texts(chat) == ["Fine."]
    assert len(server.calls) == 3


def test_retry_after_is_honoured(monkey: pytest.MonkeyPatch) -> None:
    def busy(number: int, body: dict[str, Any]) -> Answer:
        return Answer(status=429, headers={"Retry-After": "0.4"}) if number == 1 else Answer()

    with connected(monkey, busy) as (chat, server):
        assert texts(chat) == ["Fine."]
    assert server.times[1] - server.times[0] >= 0.4


def test_a_server_that_asks_for_too_long_a_wait_is_a_failure(monkey: pytest.MonkeyPatch) -> None:
    busy = Answer(status=429, headers={"Retry-After": "3600"})
    with connected(monkey, lambda number, body: busy) as (chat, server), pytest.raises(ChatError) as caught:
        texts(chat)
    assert str(caught.value) == "tiny-model: the endpoint answered 429"
    assert len(server.calls) == 1


@pytest.mark.parametrize("slow", [Answer(delay=0.6), Answer(pace=0.03)], ids=["silent", "trickling"])
def test_an_endpoint_that_hangs_is_given_up(monkey: pytest.MonkeyPatch, slow: Answer) -> None:
    config = replace(CONFIG, timeout=0.2, retries=1)
    with connected(monkey, lambda number, body: slow, config) as (chat, server):
        begun = time.monotonic()
        with pytest.raises(ChatError, match=r"^tiny-model: no answer within 0\.2 s, 2 times in a row$"):
            texts(chat)
        assert time.monotonic() - begun < 3.0
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("answer", "message", "calls"),
    [
        (Answer(cut=True), "the connection failed (RemoteProtocolError), 3 times in a row", 3),
        (Answer(body="{garbage"), "the answer could not be read (JSONDecodeError)", 1),
        (Answer(body="[]"), "the answer could not be read (TypeError)", 1),
        (Answer(body='{"choices": []}'), "the answer could not be read (ValueError)", 1),
        (Answer(body='{"choices": [{"message": "text"}]}'), "the answer could not be read (AttributeError)", 1),
        (Answer(status=502), "the endpoint answered 502", 3),
        (
            Answer(status=401, body=json.dumps({"error": {"message": f"Incorrect key {KEY}"}})),
            "the endpoint answered 401: it does not accept ESC_CHAT_KEY",
            1,
        ),
        (
            Answer(status=400, body=json.dumps({"error": {"message": f"n is\nnot known at 127.0.0.1 {KEY}"}})),
            "the endpoint answered 400 (n is not known at [host] [key])",
            1,
        ),
        (
            Answer(status=404),
            "the endpoint answered 404; is ESC_CHAT_URL its address up to the version, and the model's name right?",
            1,
        ),
        (
            Answer(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
            "the endpoint answered 302; is ESC_CHAT_URL its address up to the version, and the model's name right?",
            1,
        ),
        (
            Answer(status=429, body='{"error": {"message": "You have no credit", "code": "insufficient_quota"}}'),
            "the endpoint answered 429 (You have no credit)",
            1,
        ),
        (Answer(body=" " * (8 << 20) + "{}"), "an answer of more than 8 MiB", 1),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_final_failure_is_one_clear_line(
    monkey: pytest.MonkeyPatch, answer: Answer, message: str, calls: int
) -> None:
    with connected(monkey, lambda number, body: answer) as (chat, server), pytest.raises(ChatError) as caught:
        texts(chat)
    assert str(caught.value) == f"tiny-model: {message}"
    assert len(server.calls) == calls


def test_nobody_there(monkey: pytest.MonkeyPatch) -> None:
    with connected(monkey, well) as (chat, _):
        pass
    with pytest.raises(ChatError, match=r"^tiny-model: the connection failed \(ConnectError\), 3 times in a row$"):
        texts(chat)


def test_the_concurrency_limit_is_reached_and_never_passed(monkey: pytest.MonkeyPatch) -> None:
    config = replace(CONFIG, concurrency=3)
    with connected(monkey, lambda number, body: Answer(delay=0.03), config) as (chat, server):
        requests = [replace(REQUEST, seed=seed) for seed in range(12)]
        assert sorted(index for index, _ in chat.complete(requests)) == list(range(12))
    assert server.busiest == 3


def test_after_a_final_failure_the_rest_is_not_asked_and_what_came_is_recorded(
    monkey: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fourth_fails(number: int, body: dict[str, Any]) -> Answer:
        return Answer(status=400, delay=0.1) if number == 4 else Answer(delay=0.02)

    config = replace(CONFIG, concurrency=2)
    with connected(monkey, fourth_fails, config) as (chat, server):
        with pytest.raises(ChatError, match="answered 400"):
            RecordedChat(chat, CallRecord(tmp_path), seed=0).ask([question(number) for number in range(1, 60)])
        seen = len(server.calls)
        assert seen < 40
        recorded = RecordedChat(chat, CallRecord(tmp_path), seed=0).record.usage().calls
        assert recorded == seen - 1


def test_a_resumed_run_repeats_no_call(monkey: pytest.MonkeyPatch, tmp_path: Path) -> None:
    questions = [question(number, samples=2) for number in range(1, 6)]

    def two_texts(number: int, body: dict[str, Any]) -> Answer:
        return Answer(body=completion("x", "y"))

    with connected(monkey, two_texts, replace(CONFIG, concurrency=1)) as (chat, server):
        complete = chat.complete

        def interrupted(requests):  # type: ignore[no-untyped-def]
            for count, answer in enumerate(complete(requests), start=1):
                yield answer
                if count == 3:
                    raise KeyboardInterrupt

        chat.complete = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            RecordedChat(chat, CallRecord(tmp_path), seed=0).ask(questions)
        before, on_disk = len(server.calls), CallRecord(tmp_path).usage().calls
        assert on_disk == 3
        chat.complete = complete  # type: ignore[method-assign]
        resumed = RecordedChat(chat, CallRecord(tmp_path), seed=0)
        assert resumed.ask(questions) == [("x", "y")] * 5
        assert len(server.calls) - before == 5 - on_disk
        assert resumed.reused == 6
        assert RecordedChat(chat, CallRecord(tmp_path), seed=0).ask(questions) == [("x", "y")] * 5
        assert len(server.calls) - before == 5 - on_disk


def test_key_and_address_are_in_no_file_log_error_or_representation(
    monkey: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def quoting(number: int, body: dict[str, Any]) -> Answer:
        if number == 1:
            return Answer(status=500, body=json.dumps({"error": {"message": f"Bearer {KEY} failed at {server.url}"}}))
        return Answer(body=completion(f"Your key is {KEY}.")) if number == 2 else Answer(status=401, body=KEY)

    with caplog.at_level(logging.DEBUG), serve(quoting) as server:
        monkey.setenv("ESC_CHAT_URL", server.url)
        chat = OpenAIChat(CONFIG)
        recorded = RecordedChat(chat, CallRecord(tmp_path), seed=0)
        assert recorded.ask([question(1)]) == [("Your key is [key].",)]
        with pytest.raises(ChatError) as caught:
            recorded.ask([question(2)])
    files = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    printed = capfd.readouterr()
    shown = [files, caplog.text, str(caught.value), repr(caught.value), printed.out, printed.err]
    shown += [repr(one) for one in (chat, recorded, CONFIG, vars(chat))]
    assert [text for text in shown if KEY in text or server.url in text] == []
    assert KEY.encode() not in pickle.dumps(chat)
    assert server.url.encode() not in pickle.dumps(chat)


def test_sent_to_another_process_it_reads_the_environment_there(monkey: pytest.MonkeyPatch) -> None:
    with connected(monkey, well) as (chat, server):
        copy = pickle.loads(pickle.dumps(chat))  # noqa: S301 - our own, made on this line
        assert texts(copy) == ["Fine."]
        assert server.headers[0]["authorization"] == f"Bearer {KEY}"
        monkey.delenv("ESC_CHAT_URL")
        with pytest.raises(ValueError, match="ESC_CHAT_URL"):
            pickle.loads(pickle.dumps(chat))  # noqa: S301 - our own, made on this line


@pytest.mark.parametrize(
    "wrong", [{"model": " "}, {"concurrency": 0}, {"timeout": 0.0}, {"samples_per_call": 0}, {"retries": -1}]
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: "):
        replace(CONFIG, **wrong)


def test_address_and_key_come_from_the_environment(monkey: pytest.MonkeyPatch) -> None:
    monkey.setenv("OPENAI_API_KEY", "another-key-for-another-endpoint")
    monkey.setenv("OPENAI_ORG_ID", "another-endpoints-organisation")
    with serve(well) as server:
        for key, sent in ((f"{KEY}\n", f"Bearer {KEY}"), ("", None)):
            monkey.setenv("ESC_CHAT_KEY", key)
            monkey.setenv("ESC_CHAT_URL", f"{server.url}/?version=2")
            assert texts(OpenAIChat(CONFIG)) == ["Fine."]
            assert server.headers[-1].get("authorization") == sent
            assert server.headers[-1]["path"] == "/v1/chat/completions?version=2"
            assert not [value for value in server.headers[-1].values() if "another" in value]


@pytest.mark.parametrize(
    "url",
    ["", "api.example.org/v1", "ftp://api.example.org", "https://", f"https://me:{KEY}@a.org", "http://host:port"],
)
def test_a_wrong_address_is_refused_without_being_shown(monkey: pytest.MonkeyPatch, url: str) -> None:
    monkey.setenv("ESC_CHAT_URL", url)
    with pytest.raises(ValueError, match=r"^ESC_CHAT_URL: expected the address of an OpenAI-compatible") as caught:
        OpenAIChat(CONFIG)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", [f"{KEY}\nX: y", f"{KEY} b", f"{KEY}é"])
def test_a_wrong_key_is_refused_without_being_shown(monkey: pytest.MonkeyPatch, key: str) -> None:
    monkey.setenv("ESC_CHAT_URL", "https://api.example.org/v1")
    monkey.setenv("ESC_CHAT_KEY", key)
    with pytest.raises(ValueError, match=r"^ESC_CHAT_KEY: expected printable ASCII characters without blanks$"):
        OpenAIChat(CONFIG)


def test_a_placeholder_key_is_no_secret(monkey: pytest.MonkeyPatch) -> None:
    monkey.setenv("ESC_CHAT_KEY", "a")
    with serve(lambda number, body: Answer(body=completion("a bakery"))) as server:
        monkey.setenv("ESC_CHAT_URL", server.url)
        assert texts(OpenAIChat(CONFIG)) == ["a bakery"]


def test_a_key_that_travels_unencrypted_is_warned_of(
    monkey: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for url in ("http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:1/v1", "https://api.example.org/v1"):
            monkey.setenv("ESC_CHAT_URL", url)
            OpenAIChat(CONFIG)
        assert not caplog.messages
        monkey.setenv("ESC_CHAT_URL", "http://far.example.org/v1")
        OpenAIChat(CONFIG)
    assert caplog.messages == ["ESC_CHAT_URL is http, not https: the key and all texts travel unencrypted"]
