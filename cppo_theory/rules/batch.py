"""A batch of sampled tokens: the vocabulary in which trust-region rules are written.

A rule is a function of a batch that reads like its formula and never knows whether the batch came padded
or packed, nor from which library: every value has the shape of the tokens, (B, T), or broadcasts to it.

Source: arXiv:2606.10968v2, Sections 1 and 3.  p = pi(y_t|s_t), q = mu(y_t|s_t), o = pi_old(y_t|s_t).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..divergence import clip
from . import scans, validation
from .decision import Decision, decide
from .layout import Padded
from .tokens import Tokens, sealed

Array = Any


class Columns(dict[str, Array]):
    """The columns of some responses, each cut from those of the batch when it is first asked for."""

    def __init__(self, whole: dict[str, Array], cut: Callable[[Array], Array]) -> None:
        super().__init__()
        self._whole, self._cut = whole, cut

    def __missing__(self, name: str) -> Array:
        self[name] = x = self._cut(self._whole[name])
        return x


class TokenBatch(Tokens):
    """Sampled tokens of several responses with their log-probabilities and advantages.

    Parameters
    ----------
    logp_rollout, logp_current : float array, shape (B, T) or (N,)
        log mu(y_t|s_t) and log pi(y_t|s_t), at most 0.  Computed upon in float32 or wider.
    advantage : array, the same shape, or one number per response: (B,), (B, 1)
        Packed: also (B,), one per response, where B differs from N.
    mask : bool array of that shape, optional
        False at padding and at holes (tool tokens), whose values are never used.  Default: all True.
    logp_anchor : array, optional
        log pi_old(y_t|s_t) of the policy at the start of the update; default: ``logp_rollout``.
    source : Source, optional
        Where `tv` and `kl` come from; default `Binary`, the sampled tokens.
    lengths : sequence of int, optional
        Makes the batch packed: the arrays hold responses of these lengths, one after the other.
    key : integer array (B,), optional
        A name for each response, for schedules that draw at random; default: 0 for all.
    clamp : float, optional
        Bound on the absolute log-ratios; default: none.
    holes : bool
        False promises that every mask row is True up to some position and False after it.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit.  Values are checked by `validate`, not here.
    """

    # --- along a response -------------------------------------------------------------------------------

    def _masked(self, x: Array) -> Array:
        return self.spread(x) if self.full else scans.select(self.xp, self.mask, self.spread(x))

    def before(self, x: Array) -> Array:
        """Sum of x over the earlier valid tokens, 0 at the first; accumulated in float64."""
        x = self._masked(x) if self.holes else self.spread(x)
        return scans.sum_before(self.xp, x)

    def before_min(self, x: Array, empty: float = 0.0) -> Array:
        """Smallest x over the earlier valid tokens, ``empty`` at the first."""
        xp = self.xp
        x = self.spread(x)
        x = x if self.full else xp.where(self.mask, x, xp.inf)
        least = scans.min_before(xp, x)
        return xp.where(least == xp.inf, empty, least)

    def after(self, x: Array, discount: float = 1.0) -> Array:
        """Sum over k >= t of discount^(k - t) x_k, the token itself included, holes left out."""
        xp = self.xp
        return scans.discounted_rest(xp, xp.astype(self._masked(x), self.wide, copy=False), discount)

    def total(self, x: Array) -> Array:
        """Sum of x over the response, (B, 1)."""
        return scans.total(self.xp, self._masked(x))

    def mean(self, x: Array) -> Array:
        """Mean of x over the valid tokens of the response, (B, 1)."""
        return self.total(x) / clip(self.xp, self.count, low=1.0)

    def largest(self, x: Array) -> Array:
        """Largest x of the response, (B, 1)."""
        xp = self.xp
        x = self.spread(x)
        return xp.max(x if self.full else xp.where(self.mask, x, -xp.inf), axis=-1, keepdims=True)

    def quantile(self, x: Array, share: float) -> Array:
        """Quantile of x over the valid tokens by linear interpolation, (B, 1); Eq. (22) uses .9."""
        xp = self.xp
        x = self.spread(x)
        finite = float(xp.finfo(x.dtype).max)  # inf - inf and 0 * inf are no numbers
        x = clip(xp, x, high=finite)
        x = x if self.full else xp.where(self.mask, x, finite)
        last = clip(xp, self.count - 1, low=0.0)
        place = last * share
        low = xp.floor(place)
        ranks = (xp.astype(i, self.whole) for i in (low, xp.minimum(low + 1, last)))
        below, above = scans.ranked(xp, x, *ranks)
        return below + (place - low) * (above - below)

    # --- result -----------------------------------------------------------------------------------------

    def keep(self, g: Array | Decision, gate: Array | None = None, **conditions: Array) -> Decision:
        """The decision of a rule: keep the valid tokens that meet every condition.

        Parameters
        ----------
        g : array or Decision
            Coefficients, or what a base rule decided.
        gate : array, optional
            Factor of a soft rule; the share of the coefficient that it leaves.
        **conditions : bool array
            Named token, budget, sequence or clip; the first that fails is the reason.
        """
        return decide(self, g, gate, conditions)

    def validate(self, nan: str = "fail") -> TokenBatch:
        """Check every value at a valid token; returns the batch, or the same without NaN tokens.

        Parameters
        ----------
        nan : {"fail", "drop"}
            "drop" turns tokens with a NaN into holes.

        Raises
        ------
        ValueError
            For a positive or (rollout) infinite log-probability, a NaN, an infinite advantage, or a response
            without a valid token; the message names the first bad token.

        Warns
        -----
        InertWarning
            If pi = mu at every token: no rule can then do anything.
        """
        checked: TokenBatch = validation.check_values(self, nan)
        return checked

    def with_mask(self, mask: Array) -> TokenBatch:
        """The same tokens with another mask, bool (B, T)."""
        other = copy.copy(self)
        other.mask, other.holes, other._is_clean, other._memo = sealed(mask), True, False, {}
        other.full = False
        return other

    def part(self, rows: Any, lengths: Array) -> TokenBatch:
        """Some responses of a NumPy batch with the lengths (R, 1), cut to the longest, as a padded batch."""
        width = max(int(lengths.max()), 1)
        other = copy.copy(self)
        mask = self.mask[rows, :width]
        full = bool(mask.all())
        same = bool((lengths == lengths[0]).all())
        other.mask, other.layout = sealed(mask), Padded()
        other._memo = {"length": lengths[:1] if same else lengths, "position": self.position[:, :width]}
        other.shape = mask.shape
        other.full = full
        other.holes = not full and not bool((mask[:, 1:] <= mask[:, :-1]).all())
        short = np.flatnonzero(lengths[:, 0] < width)
        zeros = not (full or other.holes or isinstance(rows, slice)) and len(short) * 256 <= mask.size
        other._is_clean = full or zeros

        def cut(x: Array) -> Array:
            if x.shape == (1, 1):
                return x
            x = x[rows, :width]  # a copy unless the rows are neighbours
            for i in short if zeros else ():
                x[i, int(lengths[i, 0]) :] = 0
            return x

        other._data = Columns(self._data, cut)
        other.source = self.source.map(cut)
        other._key = None if self._key is None else self._key.reshape(-1)[rows]
        return other
