"""Causal (decoder-only) models, such as DialoGPT (a GPT-2): one sequence of context and target."""

from collections.abc import Mapping, Sequence

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from language_models.families.family import IGNORED, CachedDecoder, Example, Family, pad, register
from language_models.layout import JoinedMessages, Layout


@register
class Causal(Family):
    """One sequence ``context target``, of which the target alone has labels.

    Padding is on the left, so that all targets end together and logits are needed for the last positions alone, and so
    that all rows write at the same place.
    """

    name = "a causal model"
    encoder_decoder = False
    automatic = AutoModelForCausalLM

    def serves(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> bool:  # noqa: ARG002
        """Every model of ``AutoModelForCausalLM`` that is not made to fill gaps, as BERT is."""
        kind = config.model_type
        return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES

    def layout(self, tokenizer: PreTrainedTokenizerBase) -> Layout:
        """Messages joined by the end token; an answer begins after the start token, or the end token without one."""
        start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        return JoinedMessages(tokenizer, [int(start)])

    def collate(self, examples: Sequence[Example], *, start: int, padding: int) -> dict[str, torch.Tensor]:
        """``input_ids``, ``attention_mask``, ``position_ids`` and ``labels``, each (B, T + L)."""
        sequences = [[*one.context, *one.target] or [start] for one in examples]
        labels = [[IGNORED] * len(one.context) + one.labels or [IGNORED] for one in examples]
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
        """Logits are computed only where some row has a label: what comes before it says what follows."""
        labels = batch["labels"]
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        columns = (labels != IGNORED).any(dim=0).nonzero().squeeze(1)  # (L,); none where all targets are empty
        return model(**inputs, use_cache=False, logits_to_keep=columns - 1).logits, labels[:, columns]

    def begin(
        self, model: PreTrainedModel, contexts: Sequence[Sequence[int]], *, start: int, padding: int
    ) -> CachedDecoder:
        """Reads the contexts, on whose cache every step builds."""
        last = self.positions(model.config) - 1
        rows = [list(context) or [start] for context in contexts]
        return _ReadContexts(model, rows, padding=padding, last_position=last)


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
