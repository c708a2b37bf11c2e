"""One token a step for a whole batch with the key-value cache, for both architectures."""

from collections.abc import Sequence

import torch
from transformers.modeling_outputs import BaseModelOutput

from language_models.backbone import Backbone
from language_models.batching import pad, positions


class CachedDecoder:
    """Logits of the next token, step by step.

    Contexts of a decoder-only model are padded on the left, so that all rows write at the same place; those of an
    encoder-decoder on the right. Rows that are finished can be dropped, with their part of the cache.

    Args:
        backbone: Model in evaluation mode and tokenizer.
        contexts: Token ids of the histories, B rows, possibly empty.
    """

    def __init__(self, backbone: Backbone, contexts: Sequence[Sequence[int]]) -> None:
        self.model = backbone.model
        self.encoder_decoder = backbone.encoder_decoder
        self.last_position = backbone.positions - 1
        start, padding = backbone.tokenizer.bos_token_id, backbone.tokenizer.pad_token_id
        device = self.model.device
        if self.encoder_decoder:
            rows = [list(context) or [start] for context in contexts]  # as the collator does
            self.mask = pad([[1] * len(row) for row in rows], value=0).to(device)
            encoder = self.model.get_encoder()
            self.encoded = encoder(
                input_ids=pad(rows, value=padding).to(device), attention_mask=self.mask
            ).last_hidden_state
            outputs = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded),
                attention_mask=self.mask,
                decoder_input_ids=torch.full((len(rows), 1), start, device=device),
                use_cache=True,
            )
        else:
            rows = [[*context, start] for context in contexts]
            self.mask = pad([[1] * len(row) for row in rows], value=0, left=True).to(device)
            outputs = self.model(
                input_ids=pad(rows, value=padding, left=True).to(device),
                attention_mask=self.mask,
                position_ids=positions(self.mask),
                use_cache=True,
                logits_to_keep=1,
            )
        self.cache = outputs.past_key_values
        self.logits: torch.Tensor = outputs.logits[:, -1]  # (B, V)

    def step(self, tokens: torch.Tensor) -> None:
        """Appends one token per row, int64 (B,), and computes the logits after it."""
        if self.encoder_decoder:
            outputs = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded),
                attention_mask=self.mask,
                decoder_input_ids=tokens[:, None],
                past_key_values=self.cache,
                use_cache=True,
            )
        else:
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
            # A finished row that is not dropped yet runs on beside longer ones; what it computes is never looked at.
            place = positions(self.mask)[:, -1:].clamp(max=self.last_position)
            outputs = self.model(
                input_ids=tokens[:, None],
                attention_mask=self.mask,
                position_ids=place,
                past_key_values=self.cache,
                use_cache=True,
            )
        self.cache = outputs.past_key_values
        self.logits = outputs.logits[:, -1]

    def keep(self, rows: torch.Tensor) -> None:
        """Drops all rows but the given ones (indices)."""
        self.mask = self.mask[rows]
        self.logits = self.logits[rows]
        if self.encoder_decoder:
            self.encoded = self.encoded[rows]
        self.cache.batch_select_indices(rows)
