"""A chat model of a few thousand random weights, saved as any chat model is."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

WORDS = ["<pad>", "<end>", "<user>", "<self>", "<unk>", *"12345", "rain", "oven", "tired", "better", "hm", "ok"]
TEMPLATE = (
    "{% for message in messages %}{{ '<user> ' if message['role'] == 'user' else '<self> ' }}"
    "{{ message['content'] }} <end> {% endfor %}{% if add_generation_prompt %}<self> {% endif %}"
)


def save_tiny_chat(folder: Path, *, template: str | None = TEMPLATE, positions: int = 2048) -> Path:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>", additional_special_tokens=["<user>", "<self>"]
    )
    fast.chat_template = template
    fast.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = AutoConfig.for_model(
            "gpt2", vocab_size=len(WORDS), n_embd=16, n_layer=1, n_head=2, n_positions=positions, eos_token_id=1
        )
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder
