"""Division that says what an empty denominator means."""

import numpy as np


def ratio(numerator: np.ndarray, denominator: np.ndarray, *, empty: float) -> np.ndarray:
    """Divides element by element.

    Args:
        numerator: Any shape that broadcasts with ``denominator``.
        denominator: Counts or other sums that are never negative.
        empty: The result where the denominator is 0.

    Returns:
        float64 array of the broadcast shape.
    """
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    result = np.full(shape, empty, dtype=np.float64)
    return np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
