"""Loads every corpus: a file, a directory of split files, the hub's ESConv, or the bundled sample."""

import logging
import re
from pathlib import Path

from corpus.errors import CorpusError
from corpus.formats.detection import read_dialogues
from corpus.splits import SPLITS, Corpus, official_split

logger = logging.getLogger(__name__)

SAMPLE = Path(__file__).parent / "sample" / "sample.json"

HUB_ID = "thu-coai/esconv"  # three reformatted files; the hub's own client keeps them after the first download

ESCONV_DIALOGUES = 1300  # the corpus that the official split is defined on

_SPLIT_FILE = re.compile(r"(?P<split>train|valid|val|dev|test)(WithStrategy_short)?\.(txt|jsonl|json|tsv)")
_SPLIT_ALIASES = {"val": "valid", "dev": "valid"}


def load_corpus(source: str | Path | None = None) -> Corpus:
    """Loads a corpus; the format of every file is recognised from its content.

    Args:
        source: One of

            * ``None``: the bundled sample, split by the official rule;
            * a file whose name is that of a split (as below): this one split, as it is;
            * any other file: split by the official rule. On ESConv's 1,300 dialogues, in their order, this is the
              official split; with any other number of dialogues it is not, and a warning says so;
            * a directory: its files ``train|valid|test.(txt|jsonl|json|tsv)``, as they are; ``dev`` and ``val`` are
              valid, and the 2021 names such as ``devWithStrategy_short.tsv`` are known too. Other files in it are
              ignored; a directory without a split file is an error;
            * the hub id ``thu-coai/esconv``, unless a path of that name exists.

    Raises:
        CorpusError: There is no such source, a directory has no split files or two for one split, or a file
            is not what its format says.
    """
    if source is None:
        return Corpus("sample", str(SAMPLE), official_split(read_dialogues(SAMPLE)))
    path = Path(source)
    if path.is_dir():
        return _read_splits(path.resolve().name, str(path), _split_files(path))
    if path.exists():
        split = _split_name(path)
        if split is not None:
            return _read_splits(path.stem, str(path), {split: path})
        dialogues = read_dialogues(path)
        if len(dialogues) != ESCONV_DIALOGUES:
            logger.warning(
                "%s: the official rule splits %d dialogues, not ESConv's %d: this is not the official split",
                path,
                len(dialogues),
                ESCONV_DIALOGUES,
            )
        return Corpus(path.stem, str(path), official_split(dialogues))
    if str(source) == HUB_ID:
        return _read_splits(HUB_ID, HUB_ID, _download_splits())
    raise CorpusError(f"does not exist, expected a file, a directory or the hub id {HUB_ID}", path=source)


def _read_splits(name: str, source: str, files: dict[str, Path]) -> Corpus:
    return Corpus(name, source, {split: read_dialogues(files[split]) for split in SPLITS if split in files})


def _split_files(directory: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    names: list[str] = []
    for path in sorted(directory.iterdir()):
        names.append(path.name)
        split = _split_name(path)
        if split is None:
            continue
        if split in files:
            raise CorpusError(
                f"has two files for split {split!r}, {files[split].name} and {path.name}, expected one", path=directory
            )
        files[split] = path
    if not files:
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "nothing"
        raise CorpusError(
            f"has no split file, expected train|valid|test.(txt|jsonl|json|tsv) in the directory or the path of one "
            f"file; it holds {listed}",
            path=directory,
        )
    return files


def _split_name(path: Path) -> str | None:
    match = _SPLIT_FILE.fullmatch(path.name)
    return _SPLIT_ALIASES.get(match["split"], match["split"]) if match else None


def _download_splits() -> dict[str, Path]:
    """Paths of the split files in the local cache, after a download where they are not there yet.

    Raises:
        CorpusError: There is no connection and no cached copy, or the hub refuses.
    """
    # imported here: everything else in the corpus works without this package and without a network
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise CorpusError("the package huggingface_hub is missing, expected it to be installed", path=HUB_ID) from error
    try:
        return {
            split: Path(hf_hub_download(repo_id=HUB_ID, filename=f"{split}.txt", repo_type="dataset"))
            for split in SPLITS
        }
    except OSError as error:  # every error of the client, no connection and no such file included, is an OSError
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(
            f"cannot be downloaded ({type(error).__name__}: {reason}); connect to the network, or download train.txt, "
            f"valid.txt and test.txt from https://huggingface.co/datasets/{HUB_ID} and give their directory instead",
            path=HUB_ID,
        ) from error
