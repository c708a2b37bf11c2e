"""Causal (decoder-only) models, such as DialoGPT (a GPT-2). To add one is to add a module of three lines here.

Another causal model is a few lines in a module of its own::

    @register
    class Llama(Causal):
        model_type, tiny = "llama", "tiny-llama"

A model whose weights transformers renames in saving (GPT-NeoX in 5.24) is refused in training.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from language_models.families.family import IGNORED, CachedDecoder, Example, Family, pad, register
from language_models.settings import TinyModelConfig


class Causal(Family):
    """One sequence ``context start target``, of which the target alone has labels.

    Padding is on the left, so that all targets end together and logits are needed for the last positions alone, and so
    that all rows write at the same place.
    """

    encoder_decoder = False
    automatic = AutoModelForCausalLM

    def collate(self, examples: Sequence[Example], *, start: int, padding: int) -> dict[str, torch.Tensor]:
        """``input_ids``, ``attention_mask``, ``position_ids`` and ``labels``, each (B, T + L)."""
        sequences = [[*one.context, start, *one.target] for one in examples]
        labels = [[IGNORED] * (len(one.context) + 1) + one.target for one in examples]
        mask = pad([[1] * len(one) for one in sequences], value=0, left=True)
        return {
            "input_ids": pad(sequences, value=padding, left=True),
            "attention_mask": mask,
            "position_ids": _positions(mask),
            "labels": pad(labels, value=IGNORED, left=True),
        }

    def target_logits(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits are computed at the last positions alone: each says what follows it."""
        labels = batch["labels"]
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        longest = int((labels != IGNORED).sum(dim=1).max())
        logits = model(**inputs, use_cache=False, logits_to_keep=longest + 1).logits[:, :-1]
        return logits, labels[:, labels.shape[1] - longest :]  # none where all targets are empty

    def begin(
        self, model: PreTrainedModel, contexts: Sequence[Sequence[int]], *, start: int, padding: int
    ) -> CachedDecoder:
        """Reads the contexts, on whose cache every step builds."""
        last = self.positions(model.config) - 1
        return _ReadContexts(model, [[*context, start] for context in contexts], padding=padding, last_position=last)


class _ReadContexts(CachedDecoder):
    def __init__(
        self, model: PreTrainedModel, sequences: Sequence[list[int]], *, padding: int, last_position: int
    ) -> None:
        self.model = model
        self.last_position = last_position
        self.mask = pad([[1] * len(row) for row in sequences], value=0, left=True).to(model.device)
        outputs = model(
            input_ids=pad(sequences, value=padding, left=True).to(model.device),
            attention_mask=self.mask,
            position_ids=_positions(self.mask),
            use_cache=True,
            logits_to_keep=1,
        )
        self.cache = outputs.cache
        self.logits = outputs.logits[:, -1]

    def step(self, tokens: torch.Tensor) -> None:
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        # A finished row that is not dropped yet runs on beside longer ones; what it computes is never looked at.
        place = _positions(self.mask)[:, -1:].clamp(max=self.last_position)
        outputs = self.model(
            input_ids=tokens[:, None],
            attention_mask=self.mask,
            position_ids=place,
            cache=self.cache,
            use_cache=True,
        )
        self.cache = outputs.cache
        self.logits = outputs.logits[:, -1]

    def keep(self, rows: torch.Tensor) -> None:
        self.mask, self.logits = self.mask[rows], self.logits[rows]
        self.cache.batch_select_indices(rows)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Position numbers that count real tokens only, 0 on left padding; (B, T) from an attention mask (B, T)."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


@register
class GPT2(Causal):
    """GPT-2, and with it DialoGPT (Zhang et al., ACL 2020)."""

    model_type = "gpt2"
    pretrained: ClassVar[Mapping[str, str]] = {"dialogpt": "microsoft/DialoGPT-small"}
    tiny = "tiny-dialogpt"

    def tiny_config(self, size: TinyModelConfig, *, positions: int, **vocabulary: int) -> PretrainedConfig:
        """Dropout everywhere where GPT-2 has one."""
        return AutoConfig.for_model(
            self.model_type,
            n_embd=size.width,
            n_layer=size.layers,
            n_head=size.heads,
            n_positions=positions,
            **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), size.dropout),
            **vocabulary,
        )
