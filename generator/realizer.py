"""A plan becomes text: what a finished generator run is for.

- ``strategy`` realizes a plan message by message: one for each strategy, fed back into the history before the next.
- ``one-by-one`` does so too, and closes every message with its decision whether another follows.
- ``all-in-one`` writes the whole turn in one pass, in which the plan's strategies are enforced in order.
- ``vanilla`` knows no strategies and writes one message, whatever the plan; its pairs have ``None`` for a strategy.

A plan says what is written and how much. Without one the model draws the strategies from its own distribution (the
2021 paper's *Joint*): ``strategy`` one of them, the others as many as they decide, up to ``max_messages``.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus.dialogue import Message
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from generator.config import DECODING_PRESETS, LengthConfig, authors_lengths
from generator.files import MODEL, read_summary
from generator.inputs import InputFormat
from generator.strategy_tokens import added_tokens
from generator.turn_writer import Response, TurnWriter
from language_models.backbone import Backbone, load_backbone
from language_models.families.family import Example
from language_models.perplexity import Progress, target_losses
from language_models.precision import default_device
from language_models.settings import DecodingConfig


class Realizer:
    """Writes the texts of plans and measures how likely given texts are.

    Args:
        backbone: Trained model and tokenizer.
        form: Inputs it was trained with.
        decoding: Sampling settings.
        batch_size: Responses computed side by side.
        precision: ``bf16`` or ``fp32``.
    """

    def __init__(
        self,
        backbone: Backbone,
        form: InputFormat,
        *,
        decoding: DecodingConfig,
        batch_size: int = 64,
        precision: str = "fp32",
    ) -> None:
        self.backbone = backbone
        self.form = form
        self.decoding = decoding
        self.batch_size = batch_size
        self.precision = precision
        self._writer = TurnWriter(backbone, form, decoding=decoding, batch_size=batch_size, precision=precision)

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        decoding: DecodingConfig | None = None,
        batch_size: int = 64,
        precision: str = "fp32",
    ) -> "Realizer":
        """Loads a finished run, on the GPU where there is one. Runs no pickled code.

        Args:
            run: Run folder.
            decoding: Other sampling settings than the run's own.
            batch_size: Responses computed side by side.
            precision: ``bf16`` or ``fp32``.

        Raises:
            ValueError: No finished generator run there, or a file of it is broken.
        """
        summary = read_summary(Path(run))
        backbone = load_backbone(Path(run) / MODEL)
        backbone.model.to(default_device())  # type: ignore[arg-type]
        form = InputFormat(
            backbone.tokenizer,
            variant=summary.variant,
            lengths=summary.lengths,
            # Runs of the time before there was reasoning do not have the field.
            with_reasoning=summary.config.get("reasoning_share", 0.0) > 0,
        )
        return cls(backbone, form, decoding=decoding or summary.decoding, batch_size=batch_size, precision=precision)

    @classmethod
    def pretrained(
        cls, backbone: str | Path, *, like: str | Path | None = None, batch_size: int = 64, precision: str = "fp32"
    ) -> "Realizer":
        """A backbone without fine-tuning, on the GPU where there is one; its variant is ``vanilla``.

        Args:
            backbone: ``blenderbot``, ``dialogpt``, a hub id, or a folder made by ``save_pretrained``.
            like: A finished run whose lengths and sampling settings it takes, so that both compare; by default the
                2021 authors' lengths (second code) and the paper's sampling.
            batch_size: Responses computed side by side.
            precision: ``bf16`` or ``fp32``.

        Raises:
            ValueError: In one line: the backbone, or the run, cannot be loaded.
        """
        if str(backbone).startswith("tiny-"):
            raise ValueError(f"backbone {backbone}: has no pretrained weights, train it first")
        summary = read_summary(Path(like)) if like is not None else None
        loaded = load_backbone(backbone)
        loaded.model.to(default_device())  # type: ignore[arg-type]
        if summary is not None:
            lengths, decoding = summary.lengths, summary.decoding
        else:
            history, response = authors_lengths(encoder_decoder=loaded.family.encoder_decoder)
            lengths = LengthConfig(history_tokens=history, response_tokens=response)
            decoding = dataclasses.replace(DECODING_PRESETS["esconv2021"], max_message_tokens=response)
        form = InputFormat(loaded.tokenizer, variant="vanilla", lengths=lengths)
        return cls(loaded, form, decoding=decoding, batch_size=batch_size, precision=precision)

    @property
    def variant(self) -> str:
        """One of ``generator.config.VARIANTS``."""
        return self.form.variant

    @property
    def with_reasoning(self) -> bool:
        """Whether it was trained on histories that begin with reasoning, and may be given some."""
        return self.form.with_reasoning

    @property
    def tokenizer_name(self) -> str:
        """What identifies the segmentation of text: perplexities per token compare only under the same one.

        Tokens that a variant adds do not count, as no text holds them: all variants of a backbone share the name.
        """
        added = set(added_tokens(stop_decision=True))
        vocabulary = {
            token: index for token, index in self.backbone.tokenizer.get_vocab().items() if token not in added
        }
        digest = hashlib.sha256(json.dumps(sorted(vocabulary.items())).encode()).hexdigest()
        return f"{len(vocabulary)}-{digest[:8]}"

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
        reasoning: Reasoning | None = None,
    ) -> list[Response]:
        """Writes the next turn after one history; see :meth:`realize_all`. Without ``rng`` always the same text."""
        if strategies is not None and not strategies:
            return []  # the planner ends the turn here
        rng = rng or np.random.default_rng(0)
        return self.realize_all([history], [strategies], rng=rng, reasoning=[reasoning])[0]

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> list[list[Response]]:
        """Writes the next turn after every history.

        Args:
            histories: Messages before the turn, possibly none.
            plans: Strategies of every turn in order, or ``None``: the model chooses.
            rng: One number is drawn; turn number and message number make every text's own random numbers from it.
            reasoning: What the planner concluded about every turn, read before its history; ``None`` where nothing is.

        Returns:
            (strategy, text) pairs of every turn. No text is empty or holds a special token.

        Raises:
            ValueError: Different numbers of histories, plans and reasoning, an empty plan or one of more messages than
                the backbone has positions for, or reasoning for a generator that was trained without any.
        """
        if len(histories) != len(plans):
            raise ValueError(f"got {len(histories)} histories and {len(plans)} plans")
        if any(plan is not None and not plan for plan in plans):
            raise ValueError("empty plan, expected at least one strategy")
        prefixes = self._prefixes(reasoning, len(histories))
        return self._writer.write(histories, plans, prefixes, seed=int(rng.integers(2**32)))

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
        *,
        with_strategies: bool = False,
        reasoning: Sequence[Reasoning | None] | None = None,
        progress: Progress | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """How unlikely given turns are under their plans: text and end tokens, each given the true ones before it.

        A turn of several messages is scored as it would be written: in ``all-in-one`` as one sequence with one end
        token, else message by message, earlier ones in the history; in ``one-by-one`` the token that closes a message
        says whether another follows, and counts as the end token does. ``vanilla`` does not look at the plans.

        Args:
            histories: Messages before each turn.
            plans: Strategies of each turn.
            responses: Texts of each turn, one per strategy.
            with_strategies: Count the strategy tokens as well; off in all published figures.
            reasoning: As in :meth:`realize_all`.
            progress: Called with the number of newly scored sequences.

        Returns:
            Sums in nats, float64 (N,), and numbers of counted tokens, int64 (N,).

        Raises:
            ValueError: The lengths do not match, a turn is empty, or the generator was trained without reasoning.
        """
        examples: list[Example] = []
        owners: list[int] = []  # the turn each example belongs to
        prefixes = self._prefixes(reasoning, len(histories))
        for index, (history, plan, texts) in enumerate(zip(histories, plans, responses, strict=True)):
            if not texts or len(plan) != len(texts):
                raise ValueError(f"turn {index + 1}: got {len(plan)} strategies and {len(texts)} texts")
            parts = self.form.turn_examples(history, list(zip(plan, texts, strict=True)), prefixes[index])
            examples += parts
            owners += [index] * len(parts)
        sums, tokens = target_losses(
            self.backbone,
            examples,
            uncounted=() if with_strategies else self.form.strategy_ids,
            batch_size=self.batch_size,
            precision=self.precision,
            progress=progress,
        )
        count = len(histories)
        return (
            np.bincount(owners, weights=sums, minlength=count),
            np.bincount(owners, weights=tokens, minlength=count).astype(np.int64),
        )

    def _prefixes(self, reasoning: Sequence[Reasoning | None] | None, count: int) -> Sequence[Reasoning | None]:
        if reasoning is None:
            return [None] * count
        if len(reasoning) != count:
            raise ValueError(f"got {count} histories and {len(reasoning)} times reasoning")
        return reasoning
