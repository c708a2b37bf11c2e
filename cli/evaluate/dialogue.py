"""evaluate.py dialogue: planners and a ladder of policies in dialogues with a simulated seeker."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro

from cli.evaluate.command import ModelCommand
from cli.machine import versions
from cli.run_folder import check_folders
from corpus.files import write_whole
from corpus.load import load_corpus
from env.seekers.prompted.settings import ModelSettings

if TYPE_CHECKING:
    from evaluation.dialogue.benchmark import DialogueBenchmark


@dataclasses.dataclass(frozen=True)
class EvaluateDialogue(ModelCommand):
    """Let planners and a ladder of policies talk to a simulated seeker: success, turns, intensity, strategies."""

    RENAMED_VALUES: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "--acting": {"drawn": "sampled", "planned": "expected-lr"}
    }

    data: str | None = None
    """Corpus; seeker and ladder learn from its training split. Without it, the bundled sample."""
    split: Literal["train", "valid", "test"] = "valid"
    """Part of the corpus whose seekers are simulated."""
    planner: tuple[Path, ...] = ()
    """Run folders of trained planners, each a row of its own."""
    acting: Literal["sampled", "expected-lr"] = "sampled"
    """How planners plan: sampled from their distribution (row NAME), or the expected-LR plan (row "NAME, planned")."""
    generator: Path | None = None
    """Run folder of a generator that writes the supporter's texts; all is then played with and without texts."""
    seeker: Literal["retrieval", "model"] = "retrieval"
    """retrieval: answers with real messages of the training split; model: a language model (--model, --record)."""
    seeker_run: Path | None = None
    """Run folder of a retrieval seeker (train.py seeker); without it, one is fitted here, on successes only."""
    seekers: int = 200
    """Most seekers, chosen at random from the split."""
    seeds: int = 5
    """How often each policy talks to each seeker."""
    ladder: Literal["full", "short", "none"] = "full"
    """Compared policies: short: annotated plans, random, Markov; full: and 36 fixed rules and the other --acting."""
    max_turns: int = 10
    """Supporter turns after which a conversation is cut off."""
    workers: str = "1"
    """Processes: a number, ray or ray:NUMBER (Ray on this machine), or ray://ADDRESS. Results do not depend on it."""
    chat: Annotated[ModelSettings, tyro.conf.arg(name="")] = dataclasses.field(default_factory=ModelSettings)
    record: Path | None = None
    """Folder that stores the language model's answers; a run with the same folder asks for nothing twice."""
    transcripts: Path | None = None
    """File for the first seed's conversations as JSON lines."""
    html: Path | None = None
    """File for a report page with curves, strategies over turns, and conversations to read."""

    def evaluate(self) -> None:
        """Plays, scores, shows and writes."""
        check_folders(*self.planner)
        corpus = load_corpus(self.data)

        from evaluation.dialogue.benchmark import benchmark_dialogues
        from evaluation.dialogue.critic import score_with_critic
        from evaluation.dialogue.recipe import CorpusRecipe, SeekerChoice
        from evaluation.dialogue.report import render_dialogue_report
        from evaluation.dialogue.tables import alone_text, dialogue_text, main_table, with_alone
        from evaluation.dialogue.transcripts import write_transcripts
        from evaluation.dialogue.workers import WorkerPool

        workers = WorkerPool.parse(self.workers)
        if self.seeker == "model" and workers != WorkerPool():
            raise ValueError(f"workers: got {self.workers}; the record of a language model is for one process")
        seeker = SeekerChoice(self.seeker, run=self.seeker_run, model=self.chat, record=self.record)
        data = corpus.identity("train", self.split)
        recipe = CorpusRecipe(
            data=self.data,
            split=self.split,
            planners=self.planner,
            generator=self.generator,
            seeker=seeker,
            seekers=self.seekers,
            runs=self.seeds,
            seed=self.seed,
            ladder=self.ladder,
            acting=self.acting,
            max_turns=self.max_turns,
        )

        def play(recipe: CorpusRecipe) -> "DialogueBenchmark":
            return benchmark_dialogues(
                recipe, seeds=self.seeds, seed=self.seed, split=self.split, data=data, workers=workers
            )

        benchmark, alone = play(recipe), None
        closer = dialogue_text(benchmark)
        if self.generator is not None and self.seeker == "retrieval":
            alone = play(dataclasses.replace(recipe, generator=None))
            benchmark = dataclasses.replace(benchmark, result=with_alone(benchmark.result, alone))
            closer += f"\n\n{alone_text(alone)}"
        if self.seeker == "model":
            critic = score_with_critic(benchmark, config=self.chat.critic, seed=self.seed)
            details = {**benchmark.result.details, "critic": critic.to_json()}
            benchmark = dataclasses.replace(benchmark, result=dataclasses.replace(benchmark.result, details=details))
            closer += f"\n\n{critic.text()}"
        self.report(benchmark.result, table=main_table(benchmark, columns=self.columns), closer=closer)
        if self.transcripts is not None:
            write_transcripts(self.transcripts, benchmark.played)
        if self.html is not None:
            world = benchmark.world
            facts = [("data", data), ("seeker", world.seeker(0).name), ("texts", world.responder_name)]
            facts += [("seed", str(self.seed)), *versions().items()]
            write_whole(self.html, render_dialogue_report(benchmark, facts=facts, alone=alone))
