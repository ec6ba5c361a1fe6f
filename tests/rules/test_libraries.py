"""The same decisions from every library and width of floats; sums where float64 does not exist."""

from __future__ import annotations

from math import fsum
from typing import Any

import array_api_strict
import numpy as np
import pytest

from cppo_theory.rules import RULES, TokenBatch, apply, scans
from tests.rules import batches
from tests.rules.cases import CASES
from tests.tolerances import RELATIVE, ROUNDING

ROWS = batches.ROWS[:15]
NARROW = 1e-5
"""Margin above which float32 decides as Fractions do: its log-probabilities are off by 6e-8 relative, a ratio
near a threshold of at most 10 by 1e-6."""


def numbers_of(name: str) -> list[dict[str, Any]]:
    """Two settings of each case: the first choices of all parameters, and the last."""
    return [{key: values[i] for key, values in CASES[name].numbers.items()} for i in (0, -1)]


def decided(name: str, b: TokenBatch, numbers: dict[str, Any]) -> Any:
    case = CASES[name]
    parameters = {key: float(x) for key, x in numbers.items()} | case.objects
    with np.errstate(all="ignore"):
        return apply(case.name, b, check=False, **parameters)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("make", [batches.padded, batches.packed], ids=["padded", "packed"])
def test_array_api_strict_decides_as_numpy(make, name):
    """Only what the standard names is used, and the answers are arrays of the same library."""
    for numbers in numbers_of(name):
        found = decided(name, make(ROWS, change=array_api_strict.asarray), numbers)
        expected = decided(name, make(ROWS), numbers)
        assert type(found.g) is type(array_api_strict.asarray(0))
        assert np.array_equal(np.asarray(found.keep), expected.keep)
        assert np.array_equal(np.asarray(found.reason), expected.reason)
        assert np.asarray(found.g) == pytest.approx(expected.g, rel=RELATIVE, abs=ROUNDING)


@pytest.mark.parametrize("name", CASES)
def test_float32_decides_as_fractions(name):
    def narrow(x: np.ndarray) -> np.ndarray:
        return x if x.dtype == bool else x.astype(np.float32)

    for numbers in numbers_of(name):
        answer = decided(name, batches.padded(ROWS, change=narrow), numbers)
        for row, keep, reason in zip(
            ROWS, batches.cut(ROWS, answer.keep), batches.cut(ROWS, answer.reason), strict=True
        ):
            for t, token in enumerate(CASES[name].reference(row, **numbers)):
                if token.margin > NARROW:
                    assert (keep[t], reason[t]) == (token.keep, token.reason), (numbers, row, t, token)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_widths(dtype):
    """Ratios in float32 at least, divergences in float64, whatever comes in."""
    x, y = np.log(np.array([[0.5, 0.25]])).astype(dtype), np.log(np.array([[0.25, 0.5]])).astype(dtype)
    b = TokenBatch(x, y, 1.0)
    assert b.ratio.dtype == max(np.dtype(dtype), np.dtype(np.float32))
    assert b.tv.dtype == b.kl.dtype == np.float64
    assert RULES["cppo"](b).g.dtype == b.ratio.dtype


def test_half_precision_decides_as_its_float32_cast():
    rng = np.random.default_rng(5)
    q = np.log(rng.uniform(0.05, 0.95, (8, 40))).astype(np.float16)
    p = np.minimum(q + rng.normal(0, 0.1, q.shape), 0).astype(np.float16)
    a = rng.choice([-1.0, 1.0], (8, 1))
    for name in ("cppo", "dppo", "ppo", "gspo"):
        half = RULES[name](TokenBatch(q, p, a))
        single = RULES[name](TokenBatch(q.astype(np.float32), p.astype(np.float32), a))
        assert np.array_equal(half.reason, single.reason)
        assert np.array_equal(half.g, single.g)


@pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "strict"])
def test_compensated_sums_at_full_horizon(xp):
    """Excesses of mean 0 over 16,384 tokens: below 1e-6 everywhere; plain float32 sums are off by more."""
    increments = np.random.default_rng(3).uniform(-0.05, 0.05, (2, 16_384)).astype(np.float32)
    exact = np.cumsum(increments, axis=-1, dtype=np.longdouble)
    assert [fsum(row.tolist()) for row in increments] == pytest.approx(exact[:, -1].astype(float), abs=1e-12)
    found = np.asarray(scans._compensated(xp, xp.asarray(increments)))
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() < 1e-6
    assert np.abs(np.cumsum(increments, axis=-1) - exact).max() > 5e-6


def test_compensated_sums_are_rounded_once():
    """Large sums and cancellation: the float32 nearest to the exact sum, or its neighbour."""
    x = np.random.default_rng(4).uniform(0, 1, (3, 5000)).astype(np.float32)
    x[1] *= 2.0 ** np.arange(5000, dtype=np.float32).clip(max=60)
    x[2, 2500:] = -x[2, :2500]
    exact = np.cumsum(x, axis=-1, dtype=np.longdouble)
    found = scans._compensated(np, x)
    assert (np.abs(found - exact) <= np.spacing(np.abs(exact).astype(np.float32)) + 1e-9).all()


def test_compensated_sums_pass_infinity_on():
    x = np.array([[1.0, np.inf, 1.0, 2.0]], dtype=np.float32)
    with np.errstate(invalid="ignore"):
        assert scans._compensated(np, x).tolist() == [[1.0, np.inf, np.inf, np.inf]]
