"""The card of a trained model: what it is made of, how good it is, what it is for and what it is not for."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from generator.files import GeneratorSummary
from language_models.backbone import HUB_IDS, PACKAGED
from language_models.families.chat import SYSTEM

ESCONV, ESCONV_LICENCE = "thu-coai/esconv", "cc-by-nc-4.0"
SAMPLE = "sample"  # what the corpus package calls the bundled sample, which is part of this program

_READS = {
    "vanilla": "the history, and writes a message",
    "strategy": "the history, and writes `[Strategy] message`",
    "one-by-one": "the history, and writes `[Strategy] message`, then the end token, or `[continue]` if more follows",
    "all-in-one": "the history, and writes a whole turn, `[Strategy] message [Strategy] message ...`",
}


def model_card(summary: GeneratorSummary, *, merged: bool = False) -> str:
    """The README.md of a model folder, with the front matter that the hub reads.

    Data of unknown name are taken for ESConv, whose licence is the stricter one: weights learned from it are not for
    commercial use.

    Args:
        merged: Whether the folder holds a whole model even where an adapter was trained.
    """
    assert summary.best_perplexity is not None, "a language model has a perplexity"
    config = summary.config
    backbone, sample = str(config["backbone"]), summary.corpus == SAMPLE
    scratch = backbone.startswith("tiny-")
    pretrained = {**HUB_IDS, **PACKAGED}.get(backbone)
    if pretrained is None and backbone.count("/") == 1 and not Path(backbone).is_dir():
        pretrained = backbone  # a hub id; a folder's path would say nothing elsewhere
    score = EvalResult(
        task_type="text-generation",
        dataset_type="custom" if sample else ESCONV,
        dataset_name="bundled sample" if sample else "ESConv",
        dataset_split="validation",
        metric_type="perplexity",
        metric_name="perplexity per token of the text",
        metric_value=round(summary.best_perplexity, 2),
    )
    name = f"esc-{backbone.rstrip('/').split('/')[-1]}-{summary.variant}"
    front = ModelCardData(
        language="en",
        license=_licence(backbone) if sample else ESCONV_LICENCE,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["emotional-support-conversation", summary.variant],
        base_model=pretrained,
        datasets=None if sample else [ESCONV],
        model_name=name,
        eval_results=[score],
    )
    origin = "trained from scratch" if scratch else f"fine-tuned from {pretrained or 'a local copy of its backbone'}"
    data = (
        "the sample bundled with the program, which shows that everything works, not what the method can do"
        if sample
        else f"ESConv ({summary.corpus or 'name not given'}), licence CC BY-NC 4.0: not for commercial use, and to be "
        "cited (Liu et al., ACL 2021)"
    )
    settings = "\n".join(
        f"| {name} | {value} |"
        for name, value in _flat(config)
        if name not in ("backbone", "decoding") and (scratch or not name.startswith("tiny."))
    )
    adapter = not merged and config.get("adapter", {}).get("rank")  # runs from before there were any lack it
    loading = (
        "This folder holds an adapter; `base.json` names the weights that it belongs to. `evaluate.py export` merges "
        "both into a whole model for `from_pretrained`."
        if adapter
        else "`from_pretrained` loads model and tokenizer."
    )
    optimisation = config["optimisation"]
    step = optimisation["batch_size"] * optimisation["accumulation_steps"] * summary.processes
    return f"""---
{front.to_yaml()}
---

# {name}

A response generator for emotional support conversations: {summary.variant} variant, {origin}.

- **Reads** {_READS[summary.variant]}.
  Where the tokenizer has a chat template, the person who seeks help is its user, the supporter its assistant, and the
  system message is "{SYSTEM}"; else messages are joined by the end token. The last
  {summary.lengths.history_tokens} tokens of the history are read.
- **Data**: {data}. {summary.examples["train"]:,} training and {summary.examples["valid"]:,} validation examples.
- **Perplexity** per token of the validation text, strategies given: {summary.best_perplexity:.2f}, after
  {summary.best_step:,} optimizer steps, the best of all validations.
- **Weights**: {summary.parameters:,}; seed {summary.seed}.

{loading}
The program that trained it also enforces plans of strategies in decoding, with the settings `{summary.decoding}`.

## Intended use and limits
Research on emotional support conversation. It is no therapist and no substitute for one, and must not be put in front
of people in distress: it does not notice a crisis, makes up experiences, can advise badly or hurt, and knows only
English as crowdworkers wrote it. Whoever studies it with people needs ethical approval, and a human who can step in.

## Settings
An optimizer step took {step} examples; processes: {summary.processes}.

| setting | value |
|---|---|
{settings}
"""


def _licence(backbone: str) -> str:
    """Of weights that learned from the sample alone: that of the weights they began from, where it is known."""
    return "apache-2.0" if backbone in PACKAGED else "mit"


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as pairs of dotted name and value."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "none" if value is None else value
