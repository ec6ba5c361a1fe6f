"""One fused pass over a complete prefix tree in float64: the fast form of the generic fold.

Statement, with a double prime for the value at the child s a; r(s, a) is added only inside Q:

    Q^mu = r + V_mu'',  V_mu = sum_a mu Q^mu,  Q^pi = r + V_pi'',  V_pi = sum_a pi Q^pi
    L'    = sum_a (pi - mu) Q^mu + sum_a mu L''         surrogate
    G     = sum_a (pi - mu) Q^mu + sum_a pi G''         gain, needed by the residual
    Delta = sum_a mu Delta'' - sum_a (pi - mu) G''      residual
    f     = sum_a min(mu, pi) f''                       overlap
    D     = sum_a (pi - mu)_+                           token_tv
    u_t   = sum_s d_t D_t,  d_{t+1}(s a) = d_t(s) mu(a|s)   expected_tv, occupancy

with V_mu = V_pi = reward, L' = G = Delta = 0 and f = 1 after the last token.

Hypotheses: validated tables, finite numbers, the child of prefix s by token a has index s V + a.

Method. The rows of a subtree are contiguous at every level, so the tree is cut into stages of a few
levels, a stage into blocks of whole subtrees, a level of a block into chunks that stay in the cache.
After the last level G = L' and Delta = 0, which leaves five sums there. Products are formed in aligned
buffers, added there, and summed over the actions once, by a matrix product that takes several rows side
by side: up to ten times faster than `.sum(-1)`, and too small for BLAS to start threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

TV, OVERLAP, RESIDUAL, SURROGATE, VALUE_MU, GAIN, VALUE_PI = range(7)
CHUNK: Final = 32_768  # entries of a table worked on at once: the three buffers fit a 1 MiB cache
ROWS: Final = 32_768  # rows of a block's lowest level; more lets values leave the cache, fewer costs calls
FAN: Final = 64  # leaves of one subtree of a stage, at least: what it hands upwards is that much smaller


@dataclass(frozen=True, slots=True)
class FusedTree:
    """What the pass returns: values at the roots, and the expected TV of every level.

    Attributes
    ----------
    value_mu, value_pi, surrogate, residual, overlap : (..., n_0)
        One number per prompt; the initial law is not applied.
    expected_tv : (..., T)
        u_t, summed over the prompts with the initial law.
    """

    value_mu: Array
    value_pi: Array
    surrogate: Array
    residual: Array
    overlap: Array
    expected_tv: Array


class _Level(NamedTuple):
    """The tables of one level, (rows, V) each."""

    mu: Array
    pi: Array
    step: Array | None

    def at(self, rows: slice) -> _Level:
        return _Level(self.mu[rows], self.pi[rows], None if self.step is None else self.step[rows])


class _Work(NamedTuple):
    """Buffers of a block: scratch (3, chunk, V), flow (rows,) and values (7, rows) per level, patterns."""

    scratch: Array
    flow: list[Array]
    values: list[Array]
    fold: Array
    spread: Array

    def chunks(self, level: int) -> Iterator[tuple[slice, slice]]:
        """Consecutive rows of a level that fit the scratch, and their children."""
        _, chunk, actions = self.scratch.shape
        rows = self.flow[level].size
        for low in range(0, rows, chunk):
            high = min(low + chunk, rows)
            yield slice(low, high), slice(low * actions, high * actions)


class _Pad(NamedTuple):
    """Three buffers (rows, V) and the sums (7, rows) of a chunk; `wide` is x with rows side by side."""

    x: Array
    y: Array
    diff: Array
    wide: Array
    fold: Array
    sums: Array

    def total(self, name: int) -> None:
        """Sum x over the actions."""
        np.matmul(self.wide, self.fold, out=self.sums[name])


def _pad(work: _Work, out: Array) -> _Pad:
    x, y, diff = work.scratch[:, : out.shape[1]]
    actions, fold, (wide, side) = x.shape[1], work.fold, work.fold.shape
    if len(x) % side:
        fold, wide, side = fold[:actions, :1], actions, 1
    return _Pad(x, y, diff, x.reshape(-1, wide), fold, out.reshape(7, -1, side))


def _aligned(*shape: int) -> Array:
    """An empty array on a 64-byte boundary: vector units write about twice as fast to one."""
    size = prod(shape)
    raw = np.empty(size + 7)
    start = -(raw.ctypes.data // 8) % 8
    return raw[start : start + size].reshape(shape)


def _work(roots: int, height: int, actions: int) -> _Work:
    rows = [roots * actions**j for j in range(height)]
    chunk = min(rows[-1], max(16, CHUNK // actions // 16 * 16))
    side = 1 << (15 // actions).bit_length()  # rows side by side, 16 entries or a few more
    fold = np.repeat(np.eye(side), actions, axis=0)
    spread = np.ascontiguousarray(fold.T)
    flow, values = [_aligned(n) for n in rows], [_aligned(7, n) for n in rows]
    return _Work(_aligned(3, chunk, actions), flow, values, fold, spread)


def _spread(flow: Array, mu: Array, spread: Array, out: Array) -> None:
    """Occupancy of the children: flow(s) mu(a|s)."""
    side, wide = spread.shape
    if side == 1 or len(flow) % side:
        np.multiply(flow[:, None], mu, out=out.reshape(mu.shape))
    else:
        np.matmul(flow.reshape(-1, side), spread, out=out.reshape(-1, wide))
        np.multiply(out, mu.reshape(-1), out=out)


def _last(level: _Level, reward: Array, pad: _Pad) -> None:
    """Sums of the last level from the final rewards, without those that are trivial there, G and Delta."""
    mu, pi, step = level
    x = pad.x
    q = reward.reshape(mu.shape)
    if step is not None:
        q = np.add(q, step, out=pad.y)
    for table, name in ((mu, VALUE_MU), (pi, VALUE_PI)):
        np.multiply(table, q, out=x)
        pad.total(name)
    np.minimum(mu, pi, out=x)
    pad.total(OVERLAP)
    np.subtract(pi, x, out=x)  # pi - min(mu, pi) = (pi - mu)_+, exactly
    pad.total(TV)
    np.subtract(pi, mu, out=x)
    np.multiply(x, q, out=x)
    pad.total(SURROGATE)


def _all_but_residual(level: _Level, child: Array, gain: Array, pad: _Pad) -> None:
    """All sums of a level but Delta, from child = V_mu'' and so on, gain = G''; leaves pi - mu in diff."""
    (mu, pi, step), (x, y, diff, *_) = level, pad
    if step is not None:
        child[VALUE_MU] += step
        child[VALUE_PI] += step
    np.subtract(pi, mu, out=diff)
    np.maximum(diff, 0.0, out=x)
    pad.total(TV)
    np.minimum(mu, pi, out=x)
    np.multiply(x, child[OVERLAP], out=x)
    pad.total(OVERLAP)
    for table, name in ((mu, VALUE_MU), (pi, VALUE_PI)):
        np.multiply(table, child[name], out=x)
        pad.total(name)
    np.multiply(diff, child[VALUE_MU], out=y)
    for table, value, name in ((mu, child[SURROGATE], SURROGATE), (pi, gain, GAIN)):
        np.multiply(table, value, out=x)
        np.add(x, y, out=x)
        pad.total(name)


def _inner(level: _Level, below: Array, pad: _Pad) -> None:
    """Sums of a level from the values (7, rows V) of the level below, which are used up."""
    child = below.reshape(7, *level.mu.shape)
    _all_but_residual(level, child, child[GAIN], pad)
    np.multiply(level.mu, child[RESIDUAL], out=pad.x)
    np.multiply(pad.diff, child[GAIN], out=pad.y)
    np.subtract(pad.x, pad.y, out=pad.x)
    pad.total(RESIDUAL)


def _above_last(level: _Level, below: Array, pad: _Pad) -> None:
    """The same where G'' = L'' and Delta'' = 0."""
    child = below.reshape(7, *level.mu.shape)
    _all_but_residual(level, child, child[SURROGATE], pad)
    np.multiply(pad.diff, child[SURROGATE], out=pad.x)
    pad.total(RESIDUAL)
    np.negative(pad.sums[RESIDUAL], out=pad.sums[RESIDUAL])


_Sweep: TypeAlias = Callable[[_Level, Array, _Pad], None]


def _block(levels: list[_Level], flow: Array, leaf: Array, work: _Work, sweeps: list[_Sweep]) -> Array:
    """Values (7, roots) of a block; leaves d_t D_t in the flows of `work`."""
    work.flow[0][:] = flow
    for t in range(len(levels) - 1):
        for rows, children in work.chunks(t):
            _spread(work.flow[t][rows], levels[t].mu[rows], work.spread, work.flow[t + 1][children])
    for t in reversed(range(len(levels))):
        for rows, children in work.chunks(t):
            sweeps[t](levels[t].at(rows), leaf[..., children], _pad(work, work.values[t][:, rows]))
        leaf = work.values[t]
        np.multiply(work.flow[t], leaf[TV], out=work.flow[t])
    return leaf


def _stage(levels: list[_Level], flow: Array, leaf: Array, expected_tv: Array, rows: int) -> Array:
    """Values (7, n) at the top of consecutive levels, block by block.

    Parameters
    ----------
    levels : h levels, the first with n rows
    flow : (n,), occupancy of the first
    leaf : (n V^h,) final rewards, or (7, n V^h) values of the level below
    expected_tv : (h, batch), added to
    rows : most rows of a block at the lowest level
    """
    (n, actions), height = levels[0].mu.shape, len(levels)
    last: list[_Sweep] = [_above_last, _last] if leaf.ndim == 1 else [_inner, _inner]
    sweeps = [_inner] * (height - 2) + last[-height:]
    sizes = [actions**j for j in range(height + 1)]
    roots = min(n, max(16, rows // sizes[-2] // 16 * 16))
    work = _work(roots, height, actions)
    values = np.empty((7, n))
    tree = n // expected_tv.shape[1]
    for low in range(0, n, roots):
        high = min(n, low + roots)
        if high - low < roots:
            work = _work(high - low, height, actions)
        cut = [level.at(slice(low * size, high * size)) for level, size in zip(levels, sizes, strict=False)]
        part = leaf[..., low * sizes[-1] : high * sizes[-1]]
        values[:, low:high] = _block(cut, flow[low:high], part, work, sweeps)
        first, end = low // tree, (high - 1) // tree + 1
        edges = np.maximum(np.arange(first, end) * tree, low) - low
        for u, weighted, size in zip(expected_tv, work.flow, sizes, strict=False):
            u[first:end] += np.add.reduceat(weighted, edges * size)
    if sweeps == [_last]:
        values[GAIN], values[RESIDUAL] = values[SURROGATE], 0.0
    return values


def fused_tree(
    initial: Array,
    mu: Sequence[Array],
    pi: Sequence[Array],
    reward: Array,
    step_reward: Sequence[Array] | None = None,
) -> FusedTree:
    """Values, surrogate, residual, overlap and expected TV of a prefix tree or a batch of them.

    Parameters
    ----------
    initial : (n_0,) or (..., n_0)
    mu, pi : T tables, level t of shape (..., n_0 V^t, V)
    reward : (..., n_0 V^T)
    step_reward : T tables shaped like mu, or None

    Returns
    -------
    FusedTree
    """
    *batch, prompts, actions = mu[0].shape
    horizon = len(mu)
    steps = [None] * horizon if step_reward is None else [r.reshape(-1, actions) for r in step_reward]
    levels = [
        _Level(m.reshape(-1, actions), p.reshape(-1, actions), r)
        for m, p, r in zip(mu, pi, steps, strict=True)
    ]
    height = next(h for h in range(1, 9) if actions**h >= FAN or h == 8)
    tops = [t for t in range(horizon) if (horizon - t) % height == 0 or t == 0]
    flow = np.broadcast_to(initial, (*batch, prompts)).reshape(-1)
    flows = {0: flow}
    for t in range(tops[-1]):
        flow = (flow[:, None] * levels[t].mu).reshape(-1)
        if t + 1 in tops:
            flows[t + 1] = flow
    values = reward.reshape(-1)
    rows = min(ROWS, max(ROWS // 8, values.size // actions // 8))  # the buffers stay a fraction of the input
    expected_tv = np.zeros((horizon, prod(batch)))
    for top, bottom in zip(reversed(tops), reversed([*tops[1:], horizon]), strict=True):
        values = _stage(levels[top:bottom], flows.pop(top), values, expected_tv[top:bottom], rows)
    roots = values.reshape(7, *batch, prompts)
    u = np.ascontiguousarray(expected_tv.T).reshape(*batch, horizon)
    return FusedTree(roots[VALUE_MU], roots[VALUE_PI], roots[SURROGATE], roots[RESIDUAL], roots[OVERLAP], u)
