"""Table 5 of the 2021 paper as data: Joint against three other systems, judged by people who had talked with both."""

from evaluation.published import Provenance, PublishedRow, PublishedTable

QUESTIONS = ("fluency", "identification", "comforting", "suggestion", "overall")


def _joint_against(other: str, *shares: tuple[float, float]) -> PublishedRow:
    """A row from (wins, loses) of Joint in percent, in the order of the questions."""
    metrics = {}
    for question, (win, lose) in zip(QUESTIONS, shares, strict=True):
        metrics[f"{question}_win"], metrics[f"{question}_lose"] = win, lose
    return PublishedRow(f"Joint vs {other}", metrics, Provenance.READ)


HUMAN_ESCONV_2021 = PublishedTable(
    protocol="human",
    setting="BlenderBot_small-90M, 100 conversations a pair, win / lose of the first named, %",
    source="Liu et al., ACL 2021, Table 5",
    rows=(
        _joint_against("no fine-tuning", (71, 24), (65, 25), (75, 20), (72, 21), (73, 20)),
        _joint_against("Vanilla", (52, 35), (50, 34), (54, 34), (47, 39), (51, 34)),
        _joint_against("Random", (53, 35), (54, 37), (47, 39), (48, 27), (56, 36)),
    ),
)
