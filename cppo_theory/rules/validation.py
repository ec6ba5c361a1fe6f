"""Checks of a batch: shapes when it is made, values once when asked; rules themselves trust it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .scans import host

Array = Any


class InertWarning(UserWarning):
    """All ratios are exactly 1, so that no rule can mask anything."""


def check_shapes(
    columns: dict[str, Array], advantage: Array, mask: Array | None, lengths: Sequence[int] | None
) -> list[int] | None:
    """Raise unless the columns fit together; the lengths of a packed batch as integers, else None."""
    first, shape = next((name, tuple(x.shape)) for name, x in columns.items())
    for name, x in [*columns.items(), *([] if mask is None else [("mask", mask)])]:
        if tuple(x.shape) != shape:
            raise ValueError(f"{name}: found shape {tuple(x.shape)}; {first} has {shape}")
    rows = shape[:1] if lengths is None else (len(lengths),)
    fine = [shape, (), rows, (*rows, 1)]
    if hasattr(advantage, "shape") and tuple(advantage.shape) not in fine:
        found = f"found shape {tuple(advantage.shape)}"
        raise ValueError(
            f"advantage: {found}; that of the tokens {shape} or of the responses {rows} is required"
        )
    if lengths is None:
        if len(shape) != 2 or 0 in shape:
            remedy = "shape (B, T) with B, T >= 1 is required; give lengths= for a packed batch (N,)"
            raise ValueError(f"{first}: found shape {shape}; {remedy}")
        return None
    return _packed_lengths(first, shape, lengths)


def _packed_lengths(first: str, shape: tuple[int, ...], lengths: Sequence[int]) -> list[int]:
    counts = [int(n) for n in lengths]
    if not counts:
        raise ValueError("lengths: found none; a batch has at least one response")
    if len(shape) != 1:
        raise ValueError(f"{first}: found shape {shape}; a packed batch has shape (N,)")
    for i, n in enumerate(counts):
        if n < 1:
            raise ValueError(f"lengths[{i}]: found {n}; a response has at least one token")
    if sum(counts) != shape[0]:
        raise ValueError(f"lengths: found a sum of {sum(counts)}; {first} holds {shape[0]} tokens")
    return counts


def check_key(xp: Any, key: Any, responses: int) -> Array:
    """The names of the responses as an array (B,), or ValueError."""
    names = xp.reshape(xp.asarray(key), (-1,))
    if names.shape[0] != responses:
        raise ValueError(f"key: found {names.shape[0]} names; there are {responses} responses")
    return names


def check_values(b: Any, nan: str) -> Any:
    """See `TokenBatch.validate`."""
    if nan not in ("fail", "drop"):
        raise ValueError(f"nan: found {nan!r}; 'fail' or 'drop' is required")
    xp = b.xp
    _check_mask(b)
    if nan == "drop":
        for _, x, _ in _columns(b):
            missing = xp.isnan(x)
            missing = xp.any(missing, axis=-1) if x.ndim == 3 else missing
            b = b.with_mask(b.mask & ~missing)
    for name, x, kind in _columns(b):
        for bad, found, remedy in faults(xp, x, kind):
            _raise_first(b, name, x, bad, found, remedy)
    empty = np.flatnonzero(host(b.count) == 0)
    if len(empty):
        raise ValueError(f"response {empty[0]}: no token is valid; leave the response out")
    ratios = b.logp_current == b.logp_rollout
    if bool(xp.all(ratios | ~b.mask)):
        message = "all ratios are exactly 1 (pi = mu at every token): the rule is inert"
        warnings.warn(message, InertWarning, stacklevel=3)
    return b


def _columns(b: Any) -> Iterator[tuple[str, Array, str]]:
    """Name, raw values (B, T) or (B, T, K), and kind of every column given."""
    for name in ("logp_rollout", "logp_current", *(("logp_anchor",) if b.has_anchor else ())):
        yield name, b.raw(name), "logp" if name == "logp_current" else name.removeprefix("logp_")
    yield "advantage", b.spread(b.raw("advantage")), "advantage"
    yield from b.source.columns()


def faults(xp: Any, x: Array, kind: str) -> Iterator[tuple[Array, str, str]]:
    """Masks of what is wrong with a column of this kind, and what to say."""
    yield xp.isnan(x), "nan", 'a number is required (nan="drop" leaves such tokens out)'
    if kind == "advantage":
        yield xp.isinf(x), "", "a finite number is required"
    elif kind in ("tv", "kl"):
        yield x < 0, "", "a divergence is not negative"
        yield x > (1 + 1e-6 if kind == "tv" else xp.inf), "", "a total variation is at most 1"
    else:
        yield x > 0, "", "a log-probability is at most 0"
    if kind == "rollout":
        yield xp.isinf(x), "", "mu cannot have drawn a token of probability 0"
    if kind == "anchor":
        yield xp.isinf(x), "", "p/o needs a positive o"


def _raise_first(b: Any, name: str, x: Array, bad: Array, found: str, remedy: str) -> None:
    xp = b.xp
    mask = b.mask if x.ndim == 2 else b.mask[..., None]
    bad = bad & mask
    if bool(xp.any(bad)):
        index = np.argwhere(host(bad))[0]
        value = found or f"{float(x[tuple(int(i) for i in index)]):g}"
        place = "".join(f"[{i}]" for i in index)
        raise ValueError(f"{name}{place}: found {value}; {remedy}")


def _check_mask(b: Any) -> None:
    mask = b.given_mask
    if mask is not None and mask.dtype != b.xp.bool:
        values = host(mask)
        bad = np.argwhere((values != 0) & (values != 1))
        if len(bad):
            place = "".join(f"[{i}]" for i in bad[0])
            raise ValueError(f"mask{place}: found {values[tuple(bad[0])]}; 0 or 1 is required")
