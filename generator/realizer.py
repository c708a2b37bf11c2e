"""Writes what a plan says: history and strategies -> texts. Everything that uses a trained generator begins here.

>>> from corpus.dialogue import Message, Role
>>> from corpus.strategy import Strategy
>>> realizer = Realizer.load("tests/data/golden/generator", decoding="greedy")
>>> history = [Message(Role.SEEKER, "I lost my job and cannot sleep.")]
>>> turn = realizer.realize(history, [Strategy.QUESTION, Strategy.SUGGESTIONS])
>>> [(strategy.label, text != "") for strategy, text in turn]
[('Question', True), ('Providing Suggestions', True)]

A generator is one of four variants (:mod:`generator.inputs` has their token sequences):

- ``strategy`` realizes a plan message by message: one for each strategy, fed back into the history before the next.
- ``one-by-one`` does so too, and closes every message with its decision whether another follows.
- ``all-in-one`` writes the whole turn in one pass, in which the plan's strategies are enforced in order.
- ``vanilla`` knows no strategies and writes one message, whatever the plan; its pairs have ``None`` for a strategy.

A plan decides what is written and how much. Without one the model samples the strategies from its own distribution (the
2021 paper's *Joint*): ``strategy`` one of them, the others as many as they decide, up to ``max_messages``. How tokens
follow one another is :mod:`language_models.decoding`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corpus.dialogue import Message
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from generator.config import CHAT_MESSAGE_TOKENS, DECODING_PRESETS, LengthConfig, default_lengths
from generator.files import MODEL, read_summary
from generator.inputs import InputFormat, Response
from generator.strategy_tokens import added_tokens
from generator.turn_writer import TurnWriter, check_plans, turn_messages
from language_models.adapters import load_model
from language_models.backbone import Backbone, load_backbone
from language_models.decoding.constraints import Vocabulary
from language_models.decoding.decoder import ReadConversation, Request, decode
from language_models.families.family import Example
from language_models.layout import ChatTemplate
from language_models.perplexity import Progress, TargetLosses, target_losses
from language_models.precision import default_device, resolve_precision, weights_type
from language_models.settings import DecodingConfig, check_choice

if TYPE_CHECKING:
    from generator.choosing import SampleChooser


class Realizer(TurnWriter):
    """Writes the texts of plans and measures how likely given texts are.

    Args:
        form: Inputs that the backbone was trained with, or is prompted with.
        batch_size: Responses computed side by side.
        precision: ``bf16`` or ``fp32``.
        remembers: Whether keys and values of the latest history that was asked for alone are kept, so that the next
            turn of a conversation is read from where it differs; its texts are the same up to rounding.
        screened: Whether :meth:`realize` keeps back what must not be said; :meth:`realize_all`, which benchmarks use,
            never does.
        chooser: Takes the best of several samples of every message (of ``all-in-one``, of every turn); ``None``: one
            sample is written and taken.
    """

    def __init__(
        self,
        backbone: Backbone,
        form: InputFormat,
        *,
        decoding: DecodingConfig,
        batch_size: int = 64,
        precision: str = "fp32",
        remembers: bool = False,
        screened: bool = True,
        chooser: "SampleChooser | None" = None,
    ) -> None:
        self.backbone = backbone
        self.form = form
        self.decoding = decoding
        self.batch_size = batch_size
        self.precision = precision
        self._conversation = ReadConversation() if remembers else None
        self.screened = screened
        self.chooser = chooser

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        decoding: DecodingConfig | str | None = None,
        batch_size: int = 64,
        precision: str = "fp32",
        remembers: bool = False,
        screened: bool = True,
    ) -> "Realizer":
        """Loads a finished run, on the GPU where there is one. Runs no pickled code.

        Args:
            precision: ``bf16``, ``fp32``, or ``auto``: ``bf16`` where the hardware multiplies it natively.
            decoding: Other settings of decoding than the run's own; or the name of some in ``DECODING_PRESETS``, such
                as ``greedy`` (always the likeliest token that may come next), with the run's own longest message.

        Raises:
            ValueError: No finished generator run there, a file of it is broken, or no decoding of that name.
        """
        summary = read_summary(Path(run))
        folder = Path(run) / MODEL
        precision = resolve_precision(precision, default_device())
        dtype = weights_type(precision)
        backbone = load_model(folder, dtype=dtype)
        backbone.model.to(default_device())  # type: ignore[arg-type]
        form = InputFormat(
            backbone,
            variant=summary.variant,
            lengths=summary.lengths,
            # Runs that were made before there was reasoning do not have the field.
            with_reasoning=summary.config.get("reasoning_share", 0.0) > 0,
        )
        if isinstance(decoding, str):
            check_choice("decoding", decoding, tuple(DECODING_PRESETS))
            longest = summary.decoding.max_message_tokens
            decoding = dataclasses.replace(DECODING_PRESETS[decoding], max_message_tokens=longest)
        return cls(
            backbone,
            form,
            decoding=decoding or summary.decoding,
            batch_size=batch_size,
            precision=precision,
            remembers=remembers,
            screened=screened,
        )

    @classmethod
    def pretrained(
        cls, backbone: str | Path, *, like: str | Path | None = None, batch_size: int = 64, precision: str = "fp32"
    ) -> "Realizer":
        """A backbone without fine-tuning, on the GPU where there is one; its variant is ``vanilla``.

        Args:
            backbone: ``blenderbot``, ``dialogpt``, a hub id, or a folder made by ``save_pretrained``.
            like: A finished run whose lengths and decoding it takes, so that both compare; by default the
                2021 authors' lengths (second code) and the paper's decoding.

        Raises:
            ValueError: In one line: the backbone, or the run, cannot be loaded.
        """
        if str(backbone).startswith("tiny-"):
            raise ValueError(f"backbone {backbone}: has no pretrained weights, train it first")
        summary = read_summary(Path(like)) if like is not None else None
        loaded = load_backbone(backbone, dtype=weights_type(precision))
        loaded.model.to(default_device())  # type: ignore[arg-type]
        if summary is not None:
            lengths, decoding = summary.lengths, summary.decoding
        else:
            chat = isinstance(loaded.layout, ChatTemplate)
            history, response = default_lengths(encoder_decoder=loaded.family.encoder_decoder, chat=chat)
            lengths = LengthConfig(history_tokens=history, response_tokens=response)
            longest = CHAT_MESSAGE_TOKENS if chat else response
            decoding = dataclasses.replace(DECODING_PRESETS["esconv2021"], max_message_tokens=longest)
        form = InputFormat(loaded, variant="vanilla", lengths=lengths)
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

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> list[list[Response]]:
        """As :meth:`TurnWriter.realize_all`; without a plan the model chooses.

        Raises:
            ValueError: As there; a plan may have more messages than the backbone has positions for.
        """
        check_plans(histories, plans)
        prefixes = self._prefixes(reasoning, len(histories))
        seed = int(rng.integers(2**32))
        if self.variant in ("strategy", "one-by-one"):
            return self._message_by_message(histories, plans, prefixes, seed=seed)
        requests = [
            self._request(history, plan, prefix, seed=(seed, index, 0))
            for index, (history, plan, prefix) in enumerate(zip(histories, plans, prefixes, strict=True))
        ]
        return [self.form.responses(ids) for ids in self._written(requests, histories, plans)]

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
        *,
        reasoning: Sequence[Reasoning | None] | None = None,
        progress: Progress | None = None,
    ) -> TargetLosses:
        """How unlikely given turns are under their plans: text and end tokens, each given the true ones before it.

        A turn of two or more messages is scored as it would be written: in ``all-in-one`` as one sequence with one end
        token, else message by message, earlier ones in the history; in ``one-by-one`` the token that closes a message
        says whether another follows, and counts as the end token does. ``vanilla`` does not look at the plans.

        Args:
            histories: Messages before each turn.
            plans: Strategies of each turn.
            responses: Texts of each turn, one per strategy.
            progress: Called with the number of newly scored sequences.

        Returns:
            Losses of N turns, strategy tokens apart: no published figure counts them.

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
        losses = target_losses(
            self.backbone,
            examples,
            apart=self.form.strategy_ids,
            batch_size=self.batch_size,
            precision=self.precision,
            progress=progress,
        )
        return losses.joined(owners, len(histories))

    def _message_by_message(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        prefixes: Sequence[Reasoning | None],
        *,
        seed: int,
    ) -> list[list[Response]]:
        """Writes the next message of every turn at a time, each after the ones before, until plan or model ends it."""
        turns: list[list[Response]] = [[] for _ in plans]
        due = list(range(len(plans)))
        while due:
            requests, before, parts = [], [], []
            for index in due:
                plan, number = plans[index], len(turns[index])
                before.append([*histories[index], *turn_messages(turns[index])])
                parts.append(None if plan is None else [plan[number]])
                requests.append(
                    self._request(
                        before[-1],
                        parts[-1],
                        prefixes[index],
                        seed=(seed, index, number),
                        closing=self._closing(plan, number),
                    )
                )
            written = self._written(requests, before, parts)
            for index, ids, part in zip(due, written, parts, strict=True):
                turns[index] += self._pairs(ids, part)
            due = [
                index for index, ids in zip(due, written, strict=True) if self._follows(ids, plans[index], turns[index])
            ]
        return turns

    def _closing(self, plan: Sequence[Strategy] | None, number: int) -> tuple[int, ...]:
        """What may close the message of this number (from 0): the plan's decision, the model's, or at last the end."""
        if self.form.continuation is None:
            return (self.form.end,)
        if plan is not None:
            return (self.form.end if number + 1 == len(plan) else self.form.continuation,)
        return (self.form.end,) if number + 1 == self.decoding.max_messages else (self.form.end, self.form.continuation)

    def _follows(self, ids: Sequence[int], plan: Sequence[Strategy] | None, turn: Sequence[Response]) -> bool:
        """Whether another message follows what was written; variant ``strategy`` writes one where it has no plan."""
        return len(turn) < len(plan) if plan is not None else ids[-1] == self.form.continuation

    def _request(
        self,
        history: Sequence[Message],
        plan: Sequence[Strategy] | None,
        reasoning: Reasoning | None,
        *,
        seed: tuple[int, ...],
        closing: tuple[int, ...] = (),
    ) -> Request:
        markers = None
        if plan is not None and self.form.strategy_ids:
            markers = tuple(self.form.strategy_ids[strategy] for strategy in plan)
        context = self.form.context(history, reasoning, strategy=None if plan is None else plan[0])
        return Request(context, markers, seed, closing or (self.form.end,))

    def _pairs(self, ids: Sequence[int], plan: Sequence[Strategy] | None) -> list[Response]:
        """What was written, with its strategies; a prompted model has no tokens for those it was told."""
        pairs = self.form.responses(ids)
        if plan is None or self.form.strategy_ids or self.variant == "vanilla":
            return pairs
        return [(strategy, text) for strategy, (_, text) in zip(plan, pairs, strict=True)]

    def _written(
        self,
        requests: Sequence[Request],
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
    ) -> list[list[int]]:
        """Token ids of every request: of its one sample, or of the best of several."""
        if self.chooser is None:
            return self._decode(requests)
        count = self.chooser.candidates
        # The first of the samples is the one that would be taken without choosing.
        several = [
            one if number == 0 else dataclasses.replace(one, seed=(*one.seed, number))
            for one in requests
            for number in range(count)
        ]
        samples = self._decode(several)
        owners = np.repeat(np.arange(len(requests)), count).tolist()
        pairs = [self._pairs(ids, plans[owner]) for ids, owner in zip(samples, owners, strict=True)]
        # Of the plan only the strategy of its first message is ever told in a context.
        bare = [self.form.context([], strategy=None if plan is None else plan[0]) for plan in plans]
        known, unknown = (
            self._mean_nats([contexts[owner] for owner in owners], samples)
            for contexts in ([one.context for one in requests], bare)
        )
        return [samples[row] for row in self.chooser.best(histories, pairs, unknown - known).tolist()]

    def _mean_nats(self, contexts: Sequence[list[int]], targets: Sequence[list[int]]) -> np.ndarray:
        """Negative log-likelihood per token of each target after its context, strategy tokens left out. Shape: (N,)."""
        losses = target_losses(
            self.backbone,
            [Example(context, target) for context, target in zip(contexts, targets, strict=True)],
            apart=self.form.strategy_ids,
            batch_size=self.batch_size,
            precision=self.precision,
        )
        return losses.nats / losses.tokens

    def _decode(self, requests: Sequence[Request]) -> list[list[int]]:
        return decode(
            self.backbone,
            requests,
            vocabulary=self._vocabulary,
            free_messages=self.decoding.max_messages if self.variant == "all-in-one" else 1,
            config=self.decoding,
            batch_size=self.batch_size,
            precision=self.precision,
            conversation=self._conversation,
        )

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        """Token ids by what they do in a turn; to look at every token of a vocabulary takes a while."""
        return Vocabulary(self.backbone, self.form.strategy_ids, continuation=self.form.continuation)

    def _prefixes(self, reasoning: Sequence[Reasoning | None] | None, count: int) -> Sequence[Reasoning | None]:
        if reasoning is None:
            return [None] * count
        if len(reasoning) != count:
            raise ValueError(f"got {count} histories and {len(reasoning)} times reasoning")
        return reasoning
