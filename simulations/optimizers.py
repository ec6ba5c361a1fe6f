"""Gradient ascent on parameters with a seed axis: plain, and Adam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any
Step = Callable[[Sequence[Array], Sequence[Array]], list[Array]]


def sgd(rate: float) -> Step:
    """theta + rate * gradient."""
    return lambda parameters, slopes: [p + rate * s for p, s in zip(parameters, slopes, strict=True)]


def adam(rate: float, decay: float = 0.9, decay_square: float = 0.999, floor: float = 1e-8) -> Step:
    """Adam (Kingma and Ba, arXiv:1412.6980, Algorithm 1), ascending."""
    means: list[Array] = []
    squares: list[Array] = []
    count = 0

    def step(parameters: Sequence[Array], slopes: Sequence[Array]) -> list[Array]:
        nonlocal means, squares, count
        if not means:
            means, squares = ([np.zeros_like(s) for s in slopes] for _ in range(2))
        count += 1
        means = [decay * m + (1 - decay) * s for m, s in zip(means, slopes, strict=True)]
        squares = [
            decay_square * v + (1 - decay_square) * s * s for v, s in zip(squares, slopes, strict=True)
        ]
        up, down = 1 / (1 - decay**count), 1 / (1 - decay_square**count)
        return [
            p + rate * (up * m) / (np.sqrt(down * v) + floor)
            for p, m, v in zip(parameters, means, squares, strict=True)
        ]

    return step


OPTIMIZERS: dict[str, Callable[[float], Step]] = {"sgd": sgd, "adam": adam}
