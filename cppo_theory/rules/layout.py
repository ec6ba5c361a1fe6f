"""The two forms of a batch of responses: padded (B, T), and packed (N,) with the length of each response.

Inside, every batch is padded: a packed one is laid out by an index made once, so that the passes along a
response are the same code, hence the same bits, for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import device

Array = Any


@dataclass(frozen=True, eq=False)
class Padded:
    """Rows are responses: nothing to do."""

    def rows(self, xp: Any, x: Array) -> Array:
        return x

    def tokens(self, xp: Any, x: Array) -> Array:
        return x


@dataclass(frozen=True, eq=False)
class Packed:
    """Responses one after the other.

    Parameters
    ----------
    gather : integer array (B, T)
        Token of every cell; the cells after a response's end repeat its last token.
    scatter : integer array (N,)
        Cell of every token, in the flattened (B, T).
    inside : bool array (B, T)
        Cells that hold a token.
    """

    gather: Array
    scatter: Array
    inside: Array

    @classmethod
    def of(cls, xp: Any, lengths: Sequence[int], like: Array) -> Packed:
        """Layout of responses of these lengths, on the device of ``like``."""
        counts = np.asarray(lengths, dtype=np.int64)
        starts = np.cumsum(counts) - counts
        column = np.arange(counts.max())
        gather = starts[:, None] + np.minimum(column, counts[:, None] - 1)
        inside = column < counts[:, None]
        scatter = np.flatnonzero(inside)
        return cls(*(xp.asarray(a, device=device(like)) for a in (gather, scatter, inside)))

    def rows(self, xp: Any, x: Array) -> Array:
        """(N, ...) to (B, T, ...)."""
        flat = xp.take(x, xp.reshape(self.gather, (-1,)), axis=0)
        return xp.reshape(flat, (*self.gather.shape, *x.shape[1:]))

    def tokens(self, xp: Any, x: Array) -> Array:
        """(B, T) to (N,)."""
        return xp.take(xp.reshape(x, (-1,)), self.scatter, axis=0)
