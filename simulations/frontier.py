"""Strength apart from shape: a rule's scores at a given masked share, read off its ray of settings.

Along its ray a rule trades tokens for return.  Two rules are compared at the same masked share by linear
interpolation, seed by seed, between the two settings around that share; outside the ray nothing is said.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cppo_theory.errors import InputError
from simulations.records import Record

Array = Any


def at_masked_share(record: Record, share: float, score: str = "area") -> Array:
    """The score of every seed at a masked share, (N,).

    Parameters
    ----------
    record : Record
        Summary of a rule: arrays (N, settings) of ``masked`` and of the score.
    share : float
        Masked share, averaged over seeds, at which the ray is read.

    Raises
    ------
    InputError
        If the share lies outside those of the ray: nothing is extrapolated.
    """
    masked = record.arrays["masked"].mean(0).astype(float)
    order = np.argsort(masked, kind="stable")
    shares, scores = masked[order], record.arrays[score][:, order].astype(float)
    if not shares[0] <= share <= shares[-1]:
        found = f"found {share:.3f}"
        remedy = f"the ray of {record.config['rule']} runs from {shares[0]:.3f} to {shares[-1]:.3f}"
        raise InputError("masked share", found, remedy)
    right = int(np.clip(np.searchsorted(shares, share), 1, len(shares) - 1)) if len(shares) > 1 else 0
    if right == 0:
        return scores[:, 0]
    width = shares[right] - shares[right - 1]
    part = (share - shares[right - 1]) / width if width > 0 else 0.0
    return np.asarray((1 - part) * scores[:, right - 1] + part * scores[:, right])
