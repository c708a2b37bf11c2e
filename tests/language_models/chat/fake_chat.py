"""A chat model without a model: a function answers."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from language_models.chat.chat_model import ChatRequest, Completion
from language_models.chat.record import CallRecord, RecordedChat


class FakeChat:
    """``answer`` gets the request and the sample's number."""

    def __init__(self, answer: Callable[[ChatRequest, int], str], *, name: str = "fake") -> None:
        self.answer = answer
        self.name = name
        self.requests: list[ChatRequest] = []

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Completion]]:
        for index, request in reversed(list(enumerate(requests))):  # answers come in any order
            self.requests.append(request)
            texts = tuple(self.answer(request, sample) for sample in request.samples)
            yield index, Completion(request.samples, texts, 100, 7 * len(texts))


def recorded(answer: Callable[[ChatRequest, int], str], folder: Path, *, seed: int = 0) -> RecordedChat:
    return RecordedChat(FakeChat(answer), CallRecord(folder), seed=seed)
