"""Which language model plays the seeker and the critic, and how it is reached: options, and what is built from them."""

from dataclasses import dataclass, field
from typing import Literal

from env.seekers.prompted.critic import CriticConfig
from env.seekers.prompted.intensity import IntensityConfig, IntensityEstimator
from env.seekers.prompted.prompt import check_settings
from env.seekers.prompted.seeker import ModelSeeker, ModelSeekerConfig
from language_models.chat.chat_model import ChatModel
from language_models.chat.record import CallRecord, Prices, RecordedChat

ENDPOINT = "endpoint:"


@dataclass(frozen=True)
class ModelSettings:
    """A language model as seeker and critic.

    Attributes:
        model: A folder or hub id of a chat model, which runs on this machine, or endpoint:NAME for a model behind the
            address in ESC_CHAT_URL (key in ESC_CHAT_KEY), to which all texts of the conversations are sent.
        concurrency: Most calls to the endpoint at the same time.
        timeout: Longest time of one attempt to get an answer from the endpoint (seconds).
        samples_per_call: Most answers asked for in one call; 1 for an endpoint that refuses the parameter n.
        token_limit: The endpoint's name of the parameter that limits the tokens of an answer.
        batch_size: Answers that a model on this machine computes together.
        price_prompt: Price of a million prompt tokens, in any currency; with --price-completion, the cost is shown.
        price_completion: Price of a million answer tokens, in the same currency.
        seeker: How the language model is asked for the seeker's replies.
        intensity: How the language model is asked for the seeker's emotion intensity.
        critic: How the language model is asked whether the seeker's problem is solved.
    """

    model: str = ""
    concurrency: int = 8
    timeout: float = 60.0
    samples_per_call: int = 10
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    batch_size: int = 16
    price_prompt: float | None = None
    price_completion: float | None = None
    seeker: ModelSeekerConfig = field(default_factory=ModelSeekerConfig)
    intensity: IntensityConfig = field(default_factory=IntensityConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def prices(self) -> Prices | None:
        """``None`` where none are given.

        Raises:
            ValueError: Only one is given.
        """
        if self.price_prompt is None and self.price_completion is None:
            return None
        if self.price_prompt is None or self.price_completion is None:
            raise ValueError("prices: got one of price_prompt and price_completion, expected both or none")
        return Prices(self.price_prompt, self.price_completion)


def open_chat(settings: ModelSettings) -> ChatModel:
    """The model that the settings name.

    Raises:
        ValueError: In one line: no model is named, it cannot be loaded, or the environment names no endpoint.
    """
    if not settings.model:
        raise ValueError(f"model: expected {ENDPOINT}NAME, or a folder or hub id of a chat model")
    # Each way needs a library that the other does without, and transformers takes seconds to import.
    if settings.model.startswith(ENDPOINT):
        from language_models.chat.endpoint import OpenAIChat, OpenAIChatConfig

        config = OpenAIChatConfig(
            model=settings.model.removeprefix(ENDPOINT),
            concurrency=settings.concurrency,
            timeout=settings.timeout,
            samples_per_call=settings.samples_per_call,
            token_limit=settings.token_limit,
        )
        return OpenAIChat(config)
    from language_models.chat.local import TransformersChat

    return TransformersChat(settings.model, batch_size=settings.batch_size)


def model_seeker(settings: ModelSettings, chat: ChatModel, record: CallRecord, *, seed: int) -> ModelSeeker:
    """The seeker that a model plays, its answers recorded; a critic may ask the same ``seeker.chat``.

    Args:
        settings: The options.
        chat: The model, as :func:`open_chat` gives it.
        record: Of its answers; one process at a time may use it.
        seed: Runs with different seeds share no recorded answer.
    """
    recorded = RecordedChat(chat, record, seed=seed, prices=settings.prices)
    return ModelSeeker(recorded, IntensityEstimator(recorded, config=settings.intensity), config=settings.seeker)
