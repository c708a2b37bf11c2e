"""Readers: sentence encoders fine-tuned to read the last messages together and say what the supporter does next."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from encoding.plan_codec import STOP

SEVERAL = STOP + 1  # the last output of a reader: the turn, of which nothing stands yet, will have several messages
OUTPUTS = STOP + 2


class Reader(nn.Module):
    """A transformer over the last messages with a small head.

    Token embeddings and the lowest layers stay as they were pretrained: they cost time and gain nothing on 910
    dialogues.

    Args:
        transformer: Pretrained; copied.
        frozen_layers: Lowest layers that are not trained.
        dropout: Share of the head's inputs dropped in training. Inside the transformer nothing is dropped: on a
            processor drawing the masks takes as long as the products.
    """

    def __init__(self, transformer: Any, *, frozen_layers: int, dropout: float) -> None:
        super().__init__()
        self.transformer = copy.deepcopy(transformer)
        # Plain attention is faster than the fused kernel in bf16 on processors, forward and backward.
        self.transformer.set_attn_implementation("eager")
        for module in self.transformer.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        self.transformer.embeddings.requires_grad_(False)
        for layer in self.transformer.encoder.layer[:frozen_layers]:
            layer.requires_grad_(False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * self.transformer.config.hidden_size, OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unnormalised scores of 8 strategies, STOP, and several messages.

        Args:
            ids: Token ids. Shape: (B, T).
            mask: 1 where there is a token. Shape: (B, T).

        Returns:
            Shape: (B, 10), float32.
        """
        with torch.autocast(ids.device.type, torch.bfloat16):
            states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state  # (B, T, D)
        states = states.float()
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(self.dropout(torch.cat([states[:, 0], mean], dim=1)))

    def tuned(self) -> dict[str, Tensor]:
        """The weights that training changes; the others are the pretrained model's."""
        return {name: value.detach() for name, value in self.named_parameters() if value.requires_grad}

    def restore(self, tuned: dict[str, Tensor]) -> None:
        """Puts :meth:`tuned` back.

        Raises:
            ValueError: These are other weights.
        """
        own = {name: value for name, value in self.named_parameters() if value.requires_grad}
        if set(own) != set(tuned):
            raise ValueError(f"reader: got {len(tuned)} weights, expected {len(own)}")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(tuned[name])


def log_probabilities(scores: Tensor, can_stop: Tensor) -> Tensor:
    """Decisions: STOP only where the supporter has said something. Shapes: (B, 10), (B,) bool -> (B, 9)."""
    decisions = scores[:, : STOP + 1]
    impossible = (torch.arange(STOP + 1, device=scores.device) == STOP) & ~can_stop[:, None]
    return decisions.masked_fill(impossible, -1e4).log_softmax(1)
