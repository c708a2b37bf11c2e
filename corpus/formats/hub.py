"""ESConv from the Hugging Face hub: three reformatted files, downloaded once and cached by the hub's own client."""

from pathlib import Path

from corpus.errors import CorpusError
from corpus.splits import SPLITS

HUB_ID = "thu-coai/esconv"


def download_splits() -> dict[str, Path]:
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
