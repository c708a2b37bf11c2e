"""Token sequences of conversations, under chat templates and tokenizers of every kind that is served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from corpus.dialogue import Role
from encoding.packaged_weights import cached_model
from language_models.decoding.constraints import Vocabulary
from language_models.layout import ChatTemplate, HistoryMessage, JoinedMessages, template_pieces, text_ids
from language_models.tiny import CHAT_TEMPLATE, train_tokenizer
from tests.language_models.conftest import TEXTS

INSTRUCT = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'assistant' %} {{ m.content }}{{ eos_token }}"
    "{% else %}{{ raise_exception('no system messages') }}{% endif %}{% endfor %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m.content | trim }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
TEMPLATES = {"chatml": CHAT_TEMPLATE, "instruct": INSTRUCT, "headers": HEADERS}
SPEAKERS = (Role.SEEKER, Role.SUPPORTER)


def tokenizer_with(template: str | None) -> PreTrainedTokenizerBase:
    tokenizer = train_tokenizer(TEXTS, size=400)
    tokenizer.chat_template = template
    return tokenizer


def history(tokenizer: PreTrainedTokenizerBase, *texts: str) -> list[HistoryMessage]:
    """Messages of seeker and supporter in turn."""
    end = int(tokenizer.eos_token_id)
    return [HistoryMessage(SPEAKERS[n % 2], text_ids(tokenizer, text), end) for n, text in enumerate(texts)]


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_context_is_what_the_template_renders(template):
    tokenizer = tokenizer_with(template)
    layout = ChatTemplate(tokenizer, "be kind")
    texts = ["i can't sleep", "some tea", "you know"]
    found = tokenizer.decode(layout.context(history(tokenizer, *texts), note=[], longest=500))
    said = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    system = [] if template == INSTRUCT else [{"role": "system", "content": "be kind"}]
    expected = tokenizer.apply_chat_template([*system, *said], tokenize=False, add_generation_prompt=True)
    assert "".join(found.split()) == "".join(expected.lower().split())


def test_pieces_of_a_template():
    pieces = template_pieces(tokenizer_with(INSTRUCT), "be kind")
    assert pieces == ("__start__", "[INST] ", "", " [/INST] ", "__end__", "", "")
    pieces = template_pieces(tokenizer_with(HEADERS), "be kind")
    assert (pieces.user, pieces.user_end) == ("<|user|>\n", "__end__")
    assert (pieces.assistant, pieces.assistant_end) == ("<|assistant|>\n", "__end__")
    assert (pieces.system, pieces.system_end) == ("<|system|>\n", "__end__")


@pytest.mark.parametrize("template", [None, "{% for m in messages %}{{ m.content + eos_token }}{% endfor %}", "{{ oh"])
def test_a_template_that_does_not_tell_speakers_apart_is_none(template):
    tokenizer = tokenizer_with(template)
    assert template_pieces(tokenizer) is None
    with pytest.raises(ValueError, match="no chat template that tells two speakers apart"):
        ChatTemplate(tokenizer, "")


def test_one_speaker_may_write_twice():
    tokenizer = tokenizer_with(CHAT_TEMPLATE)
    layout = ChatTemplate(tokenizer, "")
    twice = [
        HistoryMessage(Role.SUPPORTER, text_ids(tokenizer, text), layout.end) for text in ("some tea", "and music")
    ]
    read = tokenizer.decode(layout.context(twice, note=[], longest=500))
    assert read.count("assistant") == 3
    assert read.index("tea") < read.index("music")


@given(lengths=st.lists(st.integers(1, 12), max_size=8), longest=st.integers(45, 90), note=st.integers(0, 5))
def test_a_chat_context_keeps_whole_latest_messages_and_the_note(lengths, longest, note):
    layout = _CHAT
    ids = iter(range(1000, 2000))
    said = [HistoryMessage(SPEAKERS[n % 2], [next(ids) for _ in range(k)], layout.end) for n, k in enumerate(lengths)]
    words = list(range(5000, 5000 + note))
    found = layout.context(said, note=words, longest=longest)
    assert found[: len(layout.begin)] == layout.begin
    assert found[len(found) - len(layout.start) :] == layout.start
    assert len(found) - len(layout.start) <= longest
    assert [token for token in found if token >= 5000] == words
    kept = [token for token in found if 1000 <= token < 5000]
    every = [token for message in said for token in message.ids]
    assert kept == every[len(every) - len(kept) :]
    starts = {0, *(sum(lengths[: n + 1]) for n in range(len(lengths)))}
    assert len(every) - len(kept) in starts or len(kept) < lengths[-1]


_CHAT = ChatTemplate(tokenizer_with(CHAT_TEMPLATE), "be kind")


def test_joined_messages_are_cut_between_any_two_tokens():
    tokenizer = tokenizer_with(None)
    layout = JoinedMessages(tokenizer, [1])
    said = history(tokenizer, "some tea", "some music")
    first, second = said[0].ids, said[1].ids
    assert layout.context(said, note=[], longest=50) == [*first, 2, *second, 1]
    assert layout.context(said, note=[7, 8], longest=50) == [7, 8, 2, *first, 2, *second, 1]
    assert layout.context(said, note=[], longest=1) == [second[-1], 1]
    for one in (layout, ChatTemplate(tokenizer_with(CHAT_TEMPLATE), "")):
        with pytest.raises(ValueError, match=r"^history_tokens: got 3, but the reasoning takes \d+ and leaves nothing"):
            one.context(said, note=[7] * 30, longest=3)


def sentencepiece() -> PreTrainedTokenizerBase:
    """A tokenizer as LLaMA 2 has one: a blank is a letter of its own before each word, unknown bytes are tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )


def opening_words(tokenizer: PreTrainedTokenizerBase, make_backbone) -> set[str]:
    """What a message may begin with, as people read it."""
    vocabulary = Vocabulary(make_backbone(tokenizer), [])
    return {tokenizer.decode([token]).strip() for token in (~vocabulary.not_opening).nonzero().flatten().tolist()}


@pytest.fixture
def make_backbone(make_tiny):
    """A model of the size of a tokenizer's vocabulary."""

    def build(tokenizer):
        backbone = make_tiny("tiny-dialogpt", markers=False)
        backbone.model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        return type(backbone)(backbone.model, tokenizer)

    return build


def check(tokenizer, make_backbone):
    """Text comes back as it was, and a message may begin with letters, never with a blank, a byte, or an end."""
    for text in ("I can't sleep, you know?", "Some tea and music."):
        assert " ".join(tokenizer.decode(text_ids(tokenizer, text)).split()).lower().replace(" ", "") == (
            text.lower().replace(" ", "")
        )
    words = opening_words(tokenizer, make_backbone)
    assert {"i", "some"} <= {word.lower() for word in words}
    assert all(word[0].isascii() and word[0].isalnum() for word in words)


def test_sentencepiece(make_backbone):
    check(sentencepiece(), make_backbone)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["blenderbot_small-90M", "DialoGPT-small"])
def test_real_tokenizers(name, shared, make_backbone):
    check(AutoTokenizer.from_pretrained(shared / "models" / name), make_backbone)


def test_smollm2s_tokenizer(make_backbone):
    folder = cached_model("smollm2")
    if folder is None:
        pytest.skip("SmolLM2 is not in the cache")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    check(tokenizer, make_backbone)
    layout = ChatTemplate(tokenizer, "be kind")
    said = history(tokenizer, "I can't sleep.")
    assert tokenizer.decode(layout.context(said, note=[], longest=99)) == (
        "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nI can't sleep.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert tokenizer.decode([layout.end]) == "<|im_end|>"
