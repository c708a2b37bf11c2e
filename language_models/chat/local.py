"""Any chat model by path or hub id through transformers, on this machine: nothing leaves it."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import jinja2
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
)

from language_models.chat.chat_model import ChatError, ChatRequest, Completion
from language_models.precision import default_device
from language_models.quiet import quiet_transformers


class TransformersChat:
    """A causal language model with a chat template; weights from safetensors, no code from the hub.

    Every answer is sampled with a seed of its own (:meth:`ChatRequest.key`): it does not depend on which other answers
    are computed beside it (up to rounding, which differs between batch shapes), so a resumed run ends as it would
    have. Probabilities are those of the temperature alone: no top-k, no top-p, as endpoints have it by default.

    Args:
        source: A folder made by ``save_pretrained``, or a hub id.
        batch_size: Answers computed together; a request's samples always are.

    Attributes:
        name: Folder name and hash of the weights, or hub id and commit.

    Raises:
        ValueError: In one line: it cannot be loaded, or it has no chat template.
    """

    def __init__(self, source: str, *, batch_size: int = 16) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
        self.batch_size = batch_size
        self.device = default_device()
        # Half precision as stored is for GPUs; processors mostly emulate it, slower than float32.
        dtype = "auto" if self.device.type == "cuda" else torch.float32
        try:
            with quiet_transformers():
                self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
                model: Any = AutoModelForCausalLM.from_pretrained(
                    source, dtype=dtype, use_safetensors=True, trust_remote_code=False
                )
        except (OSError, ValueError) as error:
            said = str(error).splitlines() or [type(error).__name__]
            raise ValueError(f"cannot load chat model {source}: {said[0]}") from error
        if self.tokenizer.chat_template is None:
            raise ValueError(f"{source}: its tokenizer has no chat template, expected a chat (instruct) model")
        self.model = model.to(self.device).eval()
        written = self.model.generation_config.eos_token_id
        ends = [*(written if isinstance(written, list) else [written]), self.tokenizer.eos_token_id]
        self._ends = {int(token) for token in ends if token is not None}
        # What a model brings along (top-k, penalties) would otherwise fill in what is left open below.
        self.model.generation_config = GenerationConfig()
        self.tokenizer.padding_side = "left"  # what is written follows the prompt without a gap
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.name = _name(source, commit=getattr(self.model.config, "_commit_hash", None))

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Completion]]:
        """As :meth:`language_models.chat.chat_model.ChatModel.complete`, in batches.

        Raises:
            ChatError: A request is too long for the model, or its template refuses it.
        """
        prompts = [self._prompt(request) for request in requests]
        batch: list[int] = []
        # Requests of one length limit together; short ones first, so that little is padded.
        order = sorted(range(len(requests)), key=lambda index: (requests[index].max_tokens, len(prompts[index])))
        for place, index in enumerate(order):
            batch.append(index)
            following = requests[order[place + 1]] if place + 1 < len(order) else None
            answers = sum(len(requests[one].samples) for one in batch)
            if (
                following is None
                or following.max_tokens != requests[index].max_tokens
                or answers + len(following.samples) > self.batch_size
            ):
                yield from self._batch(batch, requests, prompts)
                batch = []

    @torch.inference_mode()
    def _batch(
        self, batch: Sequence[int], requests: Sequence[ChatRequest], prompts: Sequence[list[int]]
    ) -> list[tuple[int, Completion]]:
        rows = [(index, sample) for index in batch for sample in requests[index].samples]
        longest = max(len(prompts[index]) for index in batch)
        padded = torch.full((len(rows), longest), int(self.tokenizer.pad_token_id))  # (rows, L)
        attended = torch.zeros_like(padded)
        for row, (index, _) in enumerate(rows):
            padded[row, longest - len(prompts[index]) :] = torch.tensor(prompts[index])
            attended[row, longest - len(prompts[index]) :] = 1
        written = self.model.generate(
            input_ids=padded.to(self.device),
            attention_mask=attended.to(self.device),
            generation_config=GenerationConfig(
                do_sample=False,  # _GumbelNoise has sampled already
                max_new_tokens=requests[batch[0]].max_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                eos_token_id=sorted(self._ends) or None,
            ),
            logits_processor=LogitsProcessorList([_GumbelNoise(self.name, requests, rows, self.device)]),
        )[:, longest:].tolist()
        answers = [list(takewhile(lambda token: token not in self._ends, tokens)) for tokens in written]
        texts = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        completions = []
        for index in batch:
            mine = [row for row, (origin, _) in enumerate(rows) if origin == index]
            samples, said = requests[index].samples, tuple(texts[row] for row in mine)
            tokens = sum(len(answers[row]) for row in mine)
            completions.append((index, Completion(samples, said, len(prompts[index]), tokens)))
        return completions

    def _prompt(self, request: ChatRequest) -> list[int]:
        messages = [{"role": str(message.role), "content": message.content} for message in request.messages]
        try:
            # Templates without such a switch pass over it; those with one write no thoughts.
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except (jinja2.TemplateError, ValueError) as error:
            raise ChatError(f"{self.name}: its chat template refuses the messages: {error}") from error
        tokens = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and len(tokens) + request.max_tokens > room:
            raise ChatError(
                f"{self.name}: {len(tokens)} tokens and {request.max_tokens} to write, but the model reads {room}"
            )
        return tokens


class _GumbelNoise(LogitsProcessor):
    """Makes the arg-max a sample, each row with a seed of its own.

    The arg-max of logits / temperature + Gumbel noise is distributed as softmax(logits / temperature): the Gumbel-max
    trick (Maddison et al., "A* Sampling", NeurIPS 2014, section 2). At temperature 0 no noise is added.
    """

    def __init__(
        self, model: str, requests: Sequence[ChatRequest], rows: Sequence[tuple[int, int]], device: torch.device
    ) -> None:
        self.temperatures = [requests[index].temperature for index, _ in rows]
        seeds = [int(requests[index].key(model, sample)[:15], 16) for index, sample in rows]  # 60 bits
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Shape of ``scores``: (rows, vocabulary)."""
        del input_ids  # demanded by the library; what was written so far is in the scores already
        noisy = scores.float().clone()
        for row, (temperature, generator) in enumerate(zip(self.temperatures, self.generators, strict=True)):
            if temperature > 0:
                noise = torch.empty_like(noisy[row]).exponential_(generator=generator).log().neg()
                noisy[row] = noisy[row] / temperature + noise
        return noisy


def _name(source: str, *, commit: str | None) -> str:
    """What the model is called: its weights decide, not where they lie."""
    folder = Path(source)
    if not folder.is_dir():
        return f"{source}@{commit[:12]}" if commit else source
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"
