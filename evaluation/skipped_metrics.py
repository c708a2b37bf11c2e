"""Which text metrics were not computed, and what they would need."""


def skipped_text(*, vectors: bool, bertscore: bool) -> str:
    """One line for each kind of metric that was skipped, each ended by a line break; empty where none was.

    Args:
        vectors: Whether word vectors were given.
        bertscore: Whether a BERTScore model was given.
    """
    lines = []
    if not vectors:
        lines.append("skipped: Extrema, Average, Greedy (no --vectors: a file of word vectors in GloVe's text format)")
    if not bertscore:
        lines.append("skipped: BERTScore (no --bertscore: a model)")
    return "".join(f"{line}\n" for line in lines)
