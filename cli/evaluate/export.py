"""evaluate.py export: a trained generator as a whole model that transformers loads."""

import dataclasses
import json as json_format
import shutil
from pathlib import Path

from cli.evaluate.command import EvaluationCommand
from corpus.files import write_whole


@dataclasses.dataclass(frozen=True)
class ExportGenerator(EvaluationCommand):
    """Write a generator as a whole model that transformers loads, its adapter merged."""

    generator: Path = dataclasses.field(kw_only=True)
    """Run folder of a generator."""
    out: Path = dataclasses.field(kw_only=True)
    """New folder: weights in bfloat16, configuration, tokenizer with chat template, model card."""
    seed: int = 0
    """Accepted as by every command, without effect: nothing here is random."""

    def evaluate(self) -> None:
        """Loads the run, merges and writes; a folder that is there already stays as it is."""
        if self.out.exists():
            raise ValueError(f"{self.out}: exists already, choose another --out")

        import torch

        from generator.files import MODEL, read_summary
        from generator.model_card import model_card
        from language_models.adapters import load_model
        from language_models.quiet import quiet_transformers

        summary = read_summary(self.generator)
        partial = self.out.with_name(f".{self.out.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        with quiet_transformers():
            backbone = load_model(self.generator / MODEL, dtype=torch.bfloat16)
            backbone.model.save_pretrained(partial)
            backbone.tokenizer.save_pretrained(partial)
        write_whole(partial / "README.md", model_card(summary, merged=True))
        for path in partial.iterdir():
            path.chmod(0o644)  # safetensors are written for their owner alone
        partial.rename(self.out)
        size = sum(path.stat().st_size for path in self.out.iterdir())
        print(f"{self.out}: {size / 1e6:,.0f} MB, for from_pretrained")
        if self.json is not None:
            facts = {"command": "export", "generator": str(self.generator), "folder": str(self.out), "bytes": size}
            write_whole(self.json, json_format.dumps(facts, indent=2) + "\n")
