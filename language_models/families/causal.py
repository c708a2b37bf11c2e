"""Causal (decoder-only) models, such as DialoGPT (a GPT-2): one sequence of context and target."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

import torch
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    Cache,
    DynamicCache,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.cache_utils import DynamicLayer
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

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
        self,
        model: PreTrainedModel,
        contexts: Sequence[Sequence[int]],
        *,
        start: int,
        padding: int,
        earlier: CachedDecoder | None = None,
    ) -> CachedDecoder:
        """Reads the contexts, on whose cache every step builds."""
        last = self.positions(model.config) - 1
        rows = [list(context) or [start] for context in contexts]
        taken = earlier if isinstance(earlier, _ReadContexts) and len(rows) == 1 and earlier.known(rows[0]) else None
        return _ReadContexts(model, rows, padding=padding, last_position=last, earlier=taken)


class _ReadContexts(CachedDecoder):
    def __init__(
        self,
        model: PreTrainedModel,
        sequences: Sequence[list[int]],
        *,
        padding: int,
        last_position: int,
        earlier: "_ReadContexts | None" = None,
    ) -> None:
        self.model = model
        self.last_position = last_position
        self.row = list(sequences[0]) if len(sequences) == 1 else None  # what the cache of a single row holds
        self.mask = pad([[1] * len(row) for row in sequences], value=0, left=True).to(model.device)
        if earlier is not None:
            self.cache, self.logits = self._read_on(earlier, sequences[0])
            return
        read = [
            self._read(sequences[part], padding) for part in parts([len(row) for row in sequences], device=model.device)
        ]
        if len(read) > 1 and not all(_grows(cache) for cache, _ in read):
            read = [self._read(sequences, padding)]
        self.cache = _joined([cache for cache, _ in read])
        self.logits = torch.cat([logits for _, logits in read])

    def known(self, context: Sequence[int]) -> int:
        """Tokens that the cache holds, without the last one of the context: what follows it is not in the cache."""
        if self.row is None or not _grows(self.cache):
            return 0
        pairs = zip(self.row, context[:-1], strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def _read_on(self, earlier: "_ReadContexts", sequence: list[int]) -> tuple[Cache, torch.Tensor]:
        """The cache of a row that begins like an earlier one, from where they differ."""
        assert earlier.row is not None
        known = earlier.known(sequence)
        earlier.cache.crop(known - len(earlier.row))  # a negative number: so many fewer
        outputs = self.model(
            input_ids=torch.tensor([sequence[known:]], device=self.model.device),
            attention_mask=self.mask,
            position_ids=_positions(self.mask)[:, known:],
            cache=earlier.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return outputs.cache, outputs.logits[:, -1]

    def _read(self, sequences: Sequence[list[int]], padding: int) -> tuple[Cache, torch.Tensor]:
        """The cache of some rows, and the logits after them."""
        mask = pad([[1] * len(row) for row in sequences], value=0, left=True).to(self.model.device)
        outputs = self.model(
            input_ids=pad(sequences, value=padding, left=True).to(self.model.device),
            attention_mask=mask,
            position_ids=_positions(mask),
            use_cache=True,
            logits_to_keep=1,
        )
        return outputs.cache, outputs.logits[:, -1]

    def step(self, tokens: torch.Tensor) -> None:
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        if self.row is not None:
            self.row.append(int(tokens[0]))
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
        self.mask, self.logits, self.row = self.mask[rows], self.logits[rows], None
        self.cache.batch_select_indices(rows)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Position numbers that count real tokens only, 0 on left padding; (B, T) from an attention mask (B, T)."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


def _grows(cache: Cache) -> bool:
    """Whether a cache holds the keys and values of all positions, in their order."""
    return isinstance(cache, DynamicCache) and all(type(layer) is DynamicLayer for layer in cache.layers)


def _joined(caches: list[Cache]) -> Cache:
    """The rows of several caches in the first one, filled up on the left as their masks are."""
    first, *others = caches
    if not others:
        return first
    width = max(cache.get_seq_length() for cache in caches)
    for layers in zip(*(cache.layers for cache in caches), strict=True):
        for name in ("keys", "values"):
            rows = [getattr(layer, name) for layer in layers]
            filled = torch.cat([functional.pad(one, (0, 0, width - one.shape[-2], 0)) for one in rows])
            setattr(layers[0], name, filled)
    return first
