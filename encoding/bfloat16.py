"""Whether hardware multiplies bfloat16 natively; elsewhere it is emulated and slower than float32."""

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are native on a device."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Of the processors, those with AVX-512 BF16 or AMX.
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
