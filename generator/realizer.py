"""A plan becomes text: what a finished generator run is for.

- ``strategy`` realizes a plan One-by-One: a message for each strategy, fed back into the history before the next.
- ``all-in-one`` writes the whole turn in one pass, in which the plan's strategies are enforced in order.
- ``vanilla`` knows no strategies and writes one message, whatever the plan; its pairs have ``None`` for a strategy.

Without a plan the first draws one strategy and the second any number from the model's own distribution (the 2021
paper's *Joint*).
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from generator.backbone import Backbone
from generator.batching import Collator
from generator.decoding import Request, decode
from generator.decoding_config import DecodingConfig
from generator.inputs import Example, InputFormat
from generator.perplexity import Progress, response_losses
from generator.precision import default_device
from generator.run_files import read_backbone, read_summary
from generator.tidy import tidy

Response = tuple[Strategy | None, str]


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
        backbone = read_backbone(Path(run))
        backbone.model.to(default_device())  # type: ignore[arg-type]
        form = InputFormat(
            backbone.tokenizer,
            variant=summary.variant,
            max_history_tokens=summary.max_history_tokens,
            max_response_tokens=summary.max_response_tokens,
            max_history_messages=summary.max_history_messages,
        )
        return cls(backbone, form, decoding=decoding or summary.decoding, batch_size=batch_size, precision=precision)

    @property
    def variant(self) -> str:
        """``vanilla``, ``strategy`` or ``all-in-one``."""
        return self.form.variant

    @property
    def tokenizer_name(self) -> str:
        """What identifies the tokenizer: perplexities per token compare only under the same one."""
        vocabulary = self.backbone.tokenizer.get_vocab()
        digest = hashlib.sha256(json.dumps(sorted(vocabulary.items())).encode()).hexdigest()
        return f"{len(vocabulary)}-{digest[:8]}"

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> list[Response]:
        """Writes the next turn after one history; see :meth:`realize_all`. Without ``rng`` always the same text."""
        if strategies is not None and not strategies:
            return []  # the planner ends the turn here
        return self.realize_all([history], [strategies], rng=rng or np.random.default_rng(0))[0]

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
    ) -> list[list[Response]]:
        """Writes the next turn after every history.

        Args:
            histories: Messages before the turn, possibly none.
            plans: Strategies of every turn in order, or ``None``: the model chooses.
            rng: One number is drawn; turn number and message number make every text's own random numbers from it.

        Returns:
            (strategy, text) pairs of every turn. No text is empty or holds a special token.

        Raises:
            ValueError: Different numbers of histories and plans, an empty plan, or one too long for the backbone.
        """
        if len(histories) != len(plans):
            raise ValueError(f"got {len(histories)} histories and {len(plans)} plans")
        if any(plan is not None and not plan for plan in plans):
            raise ValueError("empty plan, expected at least one strategy")
        seed = int(rng.integers(2**32))
        if self.variant == "strategy":
            return self._one_by_one(histories, plans, seed=seed)
        whole = plans if self.variant == "all-in-one" else [None] * len(plans)
        return self._decode(histories, whole, keys=[(seed, index, 0) for index in range(len(plans))])

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
        *,
        with_strategies: bool = False,
        progress: Progress | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """How unlikely given turns are under their plans: text and end tokens, each given the true ones before it.

        A turn of several messages is scored as it would be written: in ``all-in-one`` as one sequence with one end
        token, else message by message, earlier ones in the history. ``vanilla`` does not look at the plans.

        Args:
            histories: Messages before each turn.
            plans: Strategies of each turn.
            responses: Texts of each turn, one per strategy.
            with_strategies: Count the strategy tokens as well; off in all published figures.
            progress: Called with the number of newly scored sequences.

        Returns:
            Sums in nats, float64 (N,), and numbers of counted tokens, int64 (N,).

        Raises:
            ValueError: The lengths do not match, or a turn is empty.
        """
        examples: list[Example] = []
        owners: list[int] = []  # the turn each example belongs to
        for index, (history, plan, texts) in enumerate(zip(histories, plans, responses, strict=True)):
            if not texts or len(plan) != len(texts):
                raise ValueError(f"turn {index + 1}: got {len(plan)} strategies and {len(texts)} texts")
            parts = self._examples(history, list(zip(plan, texts, strict=True)))
            examples += parts
            owners += [index] * len(parts)
        sums, tokens = response_losses(
            self.backbone.model,
            examples,
            collator=Collator(
                encoder_decoder=self.backbone.encoder_decoder,
                start=self.form.start,
                padding=self.backbone.tokenizer.pad_token_id,
            ),
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

    def _examples(self, history: Sequence[Message], pairs: Sequence[tuple[Strategy, str]]) -> list[Example]:
        if self.variant == "all-in-one":
            return [Example(self.form.context(history), self.form.target(pairs))]
        earlier = list(history)
        examples = []
        for strategy, text in pairs:
            examples.append(Example(self.form.context(earlier), self.form.target([(strategy, text)])))
            earlier.append(Message(Role.SUPPORTER, text, strategy))
        return examples

    def _one_by_one(
        self, histories: Sequence[Sequence[Message]], plans: Sequence[Sequence[Strategy] | None], *, seed: int
    ) -> list[list[Response]]:
        turns: list[list[Response]] = [[] for _ in plans]
        for number in range(max((1 if plan is None else len(plan) for plan in plans), default=0)):
            due = [index for index, plan in enumerate(plans) if number < (1 if plan is None else len(plan))]
            earlier = [
                [*histories[index], *(Message(Role.SUPPORTER, text, strategy) for strategy, text in turns[index])]
                for index in due
            ]
            chosen = [plan if plan is None else [plan[number]] for plan in (plans[index] for index in due)]
            written = self._decode(earlier, chosen, keys=[(seed, index, number) for index in due])
            for index, responses in zip(due, written, strict=True):
                turns[index] += responses
        return turns

    def _decode(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        keys: Sequence[tuple[int, ...]],
    ) -> list[list[Response]]:
        tokens = self.form.strategy_ids
        requests = [
            Request(self.form.context(history), None if plan is None else tuple(tokens[one] for one in plan), key)
            for history, plan, key in zip(histories, plans, keys, strict=True)
        ]
        written = decode(
            self.backbone,
            requests,
            strategies=tokens,
            free_messages=self.decoding.max_messages if self.variant == "all-in-one" else 1,
            config=self.decoding,
            batch_size=self.batch_size,
            precision=self.precision,
        )
        return [self._responses(ids) for ids in written]

    def _responses(self, ids: Sequence[int]) -> list[Response]:
        """Splits a written turn at its strategy tokens and decodes the texts."""
        strategy_of = {token: Strategy(index) for index, token in enumerate(self.form.strategy_ids)}
        parts: list[tuple[Strategy | None, list[int]]] = [] if strategy_of else [(None, [])]
        for token in ids:
            if token in strategy_of:
                parts.append((strategy_of[token], []))
            else:
                parts[-1][1].append(token)
        decode_ids = self.backbone.tokenizer.decode
        return [
            (strategy, tidy(str(decode_ids(text, skip_special_tokens=True, clean_up_tokenization_spaces=False))))
            for strategy, text in parts
        ]
