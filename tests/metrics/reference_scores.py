"""Scores of 20 invented pairs by reference formulas that share no code with :mod:`metrics`.

``python -m tests.metrics.reference_scores`` writes them to ``tests/data/text_scores.json``. BLEU is that of NLTK,
ROUGE-L a textbook table of the longest common subsequence, Distinct-n a set of n-grams.
"""

import json
from pathlib import Path

from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

FILE = Path(__file__).resolve().parents[1] / "data" / "text_scores.json"

PAIRS = (
    ("I am sorry to hear that.", "I'm so sorry to hear that, it must be hard."),
    ("Have you talked to your manager?", "Did you talk to your boss about it?"),
    ("That sounds very hard.", "That sounds really hard!"),
    ("It's normal to feel tired after a move.", "Feeling tired after moving house is normal."),
    ("You could try to go for a walk each day.", "Maybe a walk every day could help you sleep."),
    ("Hello! How are you today?", "Hi, how are you doing today?"),
    ("I see.", "I see what you mean."),
    ("You did your best, and your friends know it.", "Your friends know that you did your best."),
    ("What would help you most right now?", "What would help you most right now?"),
    ("My sister lost her job too, and it took her a year.", "When I lost mine, it took me nearly a year."),
    ("Yes", "Yes, exactly."),
    ("Thank you for telling me.", "Thanks for sharing that with me. Go on?"),
    ("I would write a list of what went well.", "Try writing down three things that went well."),
    ("So you feel left alone with the exam?", "You feel alone with this exam, don't you?"),
    ("Dr. Lee's office opens at 9 a.m. tomorrow.", "The office opens at nine tomorrow."),
    ("No one can do all of that at once!", "Nobody can do everything at once."),
    ("Take care, good night.", "Good night, and take care of yourself."),
    ("How long has this been going on?", "Since when do you feel like this?"),
    ("It is okay to say no.", "It's okay to say no to them."),
    ("The the the the", "The cat sat on the mat."),
)


def tokens(text: str) -> list[str]:
    """Sentences, then words, lower-cased: NLTK's word_tokenize with an untrained Punkt."""
    sentences = PunktSentenceTokenizer().tokenize(text.lower())
    return [word for sentence in sentences for word in NLTKWordTokenizer().tokenize(sentence)]


def rouge_l(hypothesis: list[str], reference: list[str]) -> float:
    """Lin 2004, equations 2 to 4, with beta 1.2: the table of longest common subsequences cell by cell."""
    table = [[0] * (len(reference) + 1) for _ in range(len(hypothesis) + 1)]
    for i, word in enumerate(hypothesis, start=1):
        for j, other in enumerate(reference, start=1):
            table[i][j] = table[i - 1][j - 1] + 1 if word == other else max(table[i - 1][j], table[i][j - 1])
    precision, recall = table[-1][-1] / len(hypothesis), table[-1][-1] / len(reference)
    return 0.0 if precision == 0 else (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision)


def reference_scores() -> dict[str, float]:
    """Every score in percent."""
    pairs = [(tokens(hypothesis), tokens(reference)) for hypothesis, reference in PAIRS]
    hypotheses, references = [pair[0] for pair in pairs], [[pair[1]] for pair in pairs]
    scores = {}
    for order in range(1, 5):
        weights = tuple([1 / order] * order)
        value = corpus_bleu(references, hypotheses, weights, SmoothingFunction().method3)
        scores[f"bleu_{order}"] = 100.0 * float(value)
    scores["rouge_l"] = 100.0 * sum(rouge_l(*pair) for pair in pairs) / len(pairs)
    for order in range(1, 4):
        grams = [tuple(text[k : k + order]) for text in hypotheses for k in range(len(text) - order + 1)]
        scores[f"distinct_{order}"] = 100.0 * len(set(grams)) / len(grams)
    return scores


if __name__ == "__main__":
    scores = {name: round(value, 6) for name, value in reference_scores().items()}
    FILE.write_text(json.dumps({"pairs": PAIRS, "scores": scores}, indent=1) + "\n", encoding="utf-8")
