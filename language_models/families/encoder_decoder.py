"""Encoder-decoders: the encoder reads the context, the decoder writes the target. BlenderBot_small is one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModelForSeq2SeqLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

from language_models.families.family import (
    IGNORED,
    CachedDecoder,
    Example,
    Family,
    pad,
    parts,
    register,
)
from language_models.layout import JoinedMessages, Layout


@register
class EncoderDecoder(Family):
    """The context is the encoder's input, start token and target are the decoder's; padding is on the right.

    An encoder needs a token to attend to: an empty context is one start token.
    """

    name = "an encoder-decoder"
    priority = 2  # some of them could be read as causal models too
    encoder_decoder = True
    automatic = AutoModelForSeq2SeqLM

    def serves(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> bool:  # noqa: ARG002
        """Every model of ``AutoModelForSeq2SeqLM``."""
        return config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

    def layout(self, tokenizer: PreTrainedTokenizerBase) -> Layout:
        """Messages joined by the end token; the decoder has a start token of its own."""
        return JoinedMessages(tokenizer)

    def collate(self, examples: Sequence[Example], *, start: int, padding: int) -> dict[str, torch.Tensor]:
        """``input_ids`` and ``attention_mask`` (B, T), ``decoder_input_ids`` and ``labels`` (B, L)."""
        contexts = [example.context or [start] for example in examples]
        return {
            "input_ids": pad(contexts, value=padding),
            "attention_mask": pad([[1] * len(one) for one in contexts], value=0),
            "decoder_input_ids": pad([[start, *one.target[:-1]] for one in examples], value=padding),
            "labels": pad([one.labels or [IGNORED] for one in examples], value=IGNORED),
        }

    def target_logits(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the decoder says at its every position."""
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        return model(**inputs, use_cache=False).logits, batch["labels"]

    def begin(
        self,
        model: PreTrainedModel,
        contexts: Sequence[Sequence[int]],
        *,
        start: int,
        padding: int,
        earlier: CachedDecoder | None = None,  # noqa: ARG002 - every token of a context sees those after it
    ) -> CachedDecoder:
        """Encodes the contexts once; every step attends to them."""
        return _EncodedContexts(model, [list(context) or [start] for context in contexts], start=start, padding=padding)


class _EncodedContexts(CachedDecoder):
    def __init__(self, model: PreTrainedModel, contexts: Sequence[list[int]], *, start: int, padding: int) -> None:
        self.model = model
        self.mask = pad([[1] * len(row) for row in contexts], value=0).to(model.device)
        encoded = [
            self._encode(contexts[part], padding) for part in parts([len(row) for row in contexts], device=model.device)
        ]
        width = self.mask.shape[1]
        self.encoded = torch.cat([functional.pad(one, (0, 0, 0, width - one.shape[1])) for one in encoded])
        self.cache: Any = None
        self.step(torch.full((len(contexts),), start, device=model.device))

    def _encode(self, contexts: Sequence[list[int]], padding: int) -> torch.Tensor:
        ids = pad(contexts, value=padding).to(self.model.device)
        mask = pad([[1] * len(row) for row in contexts], value=0).to(self.model.device)
        states: torch.Tensor = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    def step(self, tokens: torch.Tensor) -> None:
        outputs = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded),
            attention_mask=self.mask,
            decoder_input_ids=tokens[:, None],
            cache=self.cache,
            use_cache=True,
        )
        self.cache = outputs.cache
        self.logits = outputs.logits[:, -1]

    def keep(self, rows: torch.Tensor) -> None:
        self.mask, self.logits, self.encoded = self.mask[rows], self.logits[rows], self.encoded[rows]
        self.cache.batch_select_indices(rows)
