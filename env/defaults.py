"""What ``gymnasium.make`` and ``make_vec`` give for the registered ids; without a task, the bundled sample is played.

Conversations need a seeker. Everywhere else one is passed in, so that environments know no model; a conversation on the
bundled sample has the retrieval seeker fitted on it. So this is the only module of ``env`` that may import
:mod:`env.seekers`, and it does so only when no task is given.
"""

from corpus.load import load_corpus
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer
from encoding.sentence_encoder import SentenceEncoder
from env.actions import Mode
from env.dialogues import DialogueProcess, DialogueTask
from env.environments import SupportEnv, SupportVectorEnv
from env.rewards import DialogueRewardWeights, RewardWeights
from env.turns import TurnProcess, TurnTask


def bundled_turns() -> TurnTask:
    """The turns of the bundled sample's training split under the default text encoder."""
    return TurnTask.build(load_corpus(None).split("train"), observer=Observer(_encoder()))


def bundled_dialogues() -> DialogueTask:
    """The seekers of the bundled sample's training split, played by the retrieval seeker fitted on it (seconds)."""
    from env.seekers.retrieval.seeker import RetrievalSeeker

    train, encoder = load_corpus(None).split("train"), _encoder()
    return DialogueTask.build(
        train, seeker=RetrievalSeeker.fit(train, text_encoder=encoder), observer=Observer(encoder)
    )


def _encoder() -> EmbeddingCache:
    return EmbeddingCache(SentenceEncoder(), folder=cache_folder())


_TURN, _DIALOGUE = RewardWeights(), DialogueRewardWeights()


def turn_env(task: TurnTask | None = None, *, mode: Mode, reward: RewardWeights = _TURN) -> SupportEnv:
    """One supporter turn of a real conversation is one episode."""
    return SupportEnv(TurnProcess(task or bundled_turns(), mode=mode, reward=reward))


def turn_vector_env(
    num_envs: int = 1, *, task: TurnTask | None = None, mode: Mode, reward: RewardWeights = _TURN
) -> SupportVectorEnv:
    """Many of :func:`turn_env`, stepped together."""
    return SupportVectorEnv(TurnProcess(task or bundled_turns(), episodes=num_envs, mode=mode, reward=reward))


def dialogue_env(
    task: DialogueTask | None = None, *, mode: Mode, reward: DialogueRewardWeights = _DIALOGUE
) -> SupportEnv:
    """One conversation with a simulated seeker is one episode."""
    return SupportEnv(DialogueProcess(task or bundled_dialogues(), mode=mode, reward=reward))


def dialogue_vector_env(
    num_envs: int = 1, *, task: DialogueTask | None = None, mode: Mode, reward: DialogueRewardWeights = _DIALOGUE
) -> SupportVectorEnv:
    """Many of :func:`dialogue_env`, stepped together."""
    return SupportVectorEnv(DialogueProcess(task or bundled_dialogues(), episodes=num_envs, mode=mode, reward=reward))
