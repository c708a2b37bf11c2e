"""Hypothesis strategies for dialogues, shared by the property tests of the formats."""

from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.strategy import Strategy


def texts(*, forbidden: str = "") -> st.SearchStrategy[str]:
    """Any text a message may have: not empty, no surrounding white space; quotes, emoji and U+2028 included."""
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters=forbidden)
    return st.text(alphabet, min_size=1, max_size=12).map(str.strip).filter(bool)


ratings = st.none() | st.integers(1, 5)


def seekers(*, forbidden: str = "", with_feedback: bool = True) -> st.SearchStrategy[Message]:
    feedback = ratings if with_feedback else st.none()
    return st.builds(Message, st.just(Role.SEEKER), texts(forbidden=forbidden), feedback=feedback)


def supporters(*, forbidden: str = "") -> st.SearchStrategy[Message]:
    strategy = st.sampled_from(Strategy)
    return st.builds(Message, st.just(Role.SUPPORTER), texts(forbidden=forbidden), strategy=strategy)


@st.composite
def corpora(draw: st.DrawFn, *, all_fields: bool) -> tuple[Dialogue, ...]:
    """One to four dialogues numbered from 1; ``all_fields`` adds those that only the official schema carries."""
    texts_or_empty = st.just("") | texts()
    return tuple(
        Dialogue(
            number=number,
            messages=tuple(draw(st.lists(seekers() | supporters(), min_size=1, max_size=8))),
            problem=draw(texts_or_empty),
            emotion=draw(texts_or_empty),
            situation=draw(texts_or_empty),
            experience=draw(texts_or_empty) if all_fields else "",
            survey=Survey(
                *draw(st.tuples(ratings, ratings, ratings, ratings)),
                supporter_relevance=draw(ratings) if all_fields else None,
            ),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )
