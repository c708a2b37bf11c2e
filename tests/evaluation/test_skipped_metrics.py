from evaluation.generator.score import skipped_text


def test_what_is_skipped_is_said_with_its_reason():
    text = skipped_text(vectors=False, bertscore=False)
    assert text.splitlines() == [
        "skipped: Extrema, Average, Greedy (no --vectors: a file of word vectors in GloVe's text format)",
        "skipped: BERTScore (no --bertscore: a model)",
    ]
    assert skipped_text(vectors=True, bertscore=False).startswith("skipped: BERTScore")
    assert skipped_text(vectors=True, bertscore=True) == ""
