"""Encoder-decoders: the encoder reads the context, the decoder writes the target. BlenderBot_small is one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from language_models.families.family import IGNORED, CachedDecoder, Example, Family, pad, register
from language_models.settings import TinyModelConfig


class EncoderDecoder(Family):
    """The context is the encoder's input, start token and target are the decoder's; padding is on the right.

    An encoder needs a token to attend to: an empty context is one start token.
    """

    encoder_decoder = True
    automatic = AutoModelForSeq2SeqLM

    def collate(self, examples: Sequence[Example], *, start: int, padding: int) -> dict[str, torch.Tensor]:
        """``input_ids`` and ``attention_mask`` (B, T), ``decoder_input_ids`` and ``labels`` (B, L)."""
        contexts = [example.context or [start] for example in examples]
        return {
            "input_ids": pad(contexts, value=padding),
            "attention_mask": pad([[1] * len(one) for one in contexts], value=0),
            "decoder_input_ids": pad([[start, *one.target[:-1]] for one in examples], value=padding),
            "labels": pad([one.target or [IGNORED] for one in examples], value=IGNORED),
        }

    def target_logits(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the decoder says at its every position."""
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        return model(**inputs, use_cache=False).logits, batch["labels"]

    def begin(
        self, model: PreTrainedModel, contexts: Sequence[Sequence[int]], *, start: int, padding: int
    ) -> CachedDecoder:
        """Encodes the contexts once; every step attends to them."""
        return _EncodedContexts(model, [list(context) or [start] for context in contexts], start=start, padding=padding)


class _EncodedContexts(CachedDecoder):
    def __init__(self, model: PreTrainedModel, contexts: Sequence[list[int]], *, start: int, padding: int) -> None:
        self.model = model
        self.mask = pad([[1] * len(row) for row in contexts], value=0).to(model.device)
        ids = pad(contexts, value=padding).to(model.device)
        self.encoded = model.get_encoder()(input_ids=ids, attention_mask=self.mask).last_hidden_state
        self.cache: Any = None
        self.step(torch.full((len(contexts),), start, device=model.device))

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


@register
class BlenderbotSmall(EncoderDecoder):
    """BlenderBot_small (Roller et al., EACL 2021)."""

    model_type = "blenderbot-small"
    pretrained: ClassVar[Mapping[str, str]] = {"blenderbot": "facebook/blenderbot_small-90M"}
    tiny = "tiny-blenderbot"

    def tiny_config(self, size: TinyModelConfig, *, positions: int, **vocabulary: int) -> PretrainedConfig:
        """As many layers on either side; embeddings are scaled as in the 90M model."""
        side = {"layers": size.layers, "attention_heads": size.heads, "ffn_dim": 4 * size.width}
        return AutoConfig.for_model(
            self.model_type,
            d_model=size.width,
            **{f"{name}_{key}": value for name in ("encoder", "decoder") for key, value in side.items()},
            dropout=size.dropout,
            max_position_embeddings=positions,
            scale_embedding=True,
            decoder_start_token_id=vocabulary["bos_token_id"],
            **vocabulary,
        )
