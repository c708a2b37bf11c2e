"""The eight strategies as special tokens of a backbone's vocabulary.

Variant ``one-by-one`` has one more: ``[continue]`` ends a message that another of the same turn follows, where the end
token ends the last. Together they are its stop decision.
"""

from transformers import PreTrainedTokenizerBase

from corpus.strategy import Strategy
from language_models.backbone import Backbone, add_tokens

CONTINUE = "[continue]"


def strategy_token(strategy: Strategy) -> str:
    """A strategy in a token sequence: its label in square brackets, as in the 2021 release."""
    return f"[{strategy.label}]"


def added_tokens(*, stop_decision: bool) -> list[str]:
    """The tokens a variant adds to a tokenizer, in their order: eight strategies, then the decision to continue."""
    return [*(strategy_token(strategy) for strategy in Strategy), *([CONTINUE] if stop_decision else [])]


def add_strategy_tokens(backbone: Backbone, *, stop_decision: bool = False) -> list[int]:
    """Adds the eight strategy tokens, in place; their embeddings begin as the mean of their labels' words.

    Returns:
        Token ids in the order of :class:`Strategy`, 8 numbers; with a stop decision a ninth, of ``[continue]``.

    Raises:
        ValueError: The tokenizer has one of the tokens already.
    """
    return add_tokens(backbone, {token: token.strip("[]") for token in added_tokens(stop_decision=stop_decision)})


def strategy_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token ids of the eight strategies in the order of :class:`Strategy`.

    Raises:
        ValueError: The tokenizer lacks one of them.
    """
    vocabulary = tokenizer.get_vocab()
    missing = [strategy_token(strategy) for strategy in Strategy if strategy_token(strategy) not in vocabulary]
    if missing:
        raise ValueError(f"the tokenizer lacks the strategy tokens {', '.join(missing)}")
    return [vocabulary[strategy_token(strategy)] for strategy in Strategy]


def continue_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Token id of the decision that another message of the turn follows.

    Raises:
        ValueError: The tokenizer lacks it.
    """
    vocabulary = tokenizer.get_vocab()
    if CONTINUE not in vocabulary:
        raise ValueError(f"the tokenizer lacks the token {CONTINUE} of variant one-by-one")
    return vocabulary[CONTINUE]
