from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from corpus.dialogue import Dialogue, Message, Role
from corpus.errors import CorpusError
from corpus.formats import reformatted as reformatted_format
from corpus.load import load_corpus

DIALOGUE = Dialogue(1, (Message(Role.SEEKER, "hello"),))


def test_the_three_files_are_downloaded_and_kept_as_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def download(*, repo_id: str, filename: str, repo_type: str) -> str:
        asked.append((repo_id, filename, repo_type))
        path = tmp_path / filename
        reformatted_format.write(path, [DIALOGUE] * len(asked))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    corpus = load_corpus("thu-coai/esconv")
    assert asked == [("thu-coai/esconv", f"{name}.txt", "dataset") for name in ("train", "valid", "test")]
    assert {name: len(part) for name, part in corpus.splits.items()} == {"train": 1, "valid": 2, "test": 3}
    assert (corpus.name, corpus.source) == ("thu-coai/esconv", "thu-coai/esconv")


def test_without_network_one_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(**_: str) -> str:
        raise LocalEntryNotFoundError("no connection\nand nothing cached")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(CorpusError) as caught:
        load_corpus("thu-coai/esconv")
    assert str(caught.value) == (
        "thu-coai/esconv: cannot be downloaded (LocalEntryNotFoundError: no connection and nothing cached); connect to "
        "the network, or download train.txt, valid.txt and test.txt from "
        "https://huggingface.co/datasets/thu-coai/esconv and give their directory instead"
    )


def test_a_local_path_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    directory = Path("thu-coai/esconv")
    directory.mkdir(parents=True)
    reformatted_format.write(directory / "train.txt", [DIALOGUE])
    assert load_corpus("thu-coai/esconv").splits == {"train": (DIALOGUE,)}


def test_other_hub_ids_are_refused() -> None:
    with pytest.raises(CorpusError, match="expected a file, a directory or the hub id thu-coai/esconv"):
        load_corpus("someone/else")
