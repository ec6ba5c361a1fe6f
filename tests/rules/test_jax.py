"""Rules on JAX: equal decisions, also in float32 alone, and under `jit`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cppo_theory import schedules
from cppo_theory.rules import RULES, TokenBatch, cppo, inverse_gate
from tests.rules import batches
from tests.rules.cases import CASES
from tests.tolerances import RELATIVE, ROUNDING

jax = pytest.importorskip("jax")
ROWS = batches.ROWS[:6]
NARROW = 1e-5
"""Margin above which float32 decides as Fractions do; see test_libraries.py."""
NAMES = ["cppo, adaptive", "cppo-soft", "ppo", "minpro", "fipo", "trm-max-avg"]


def asarray(x: np.ndarray) -> object:
    return jax.numpy.asarray(x)


def parameters_of(name: str) -> tuple[dict, dict]:
    numbers = {key: values[len(values) // 2] for key, values in CASES[name].numbers.items()}
    return numbers, {key: float(x) for key, x in numbers.items()} | CASES[name].objects


@pytest.mark.parametrize("name", NAMES)
def test_float32_decides_as_fractions(name):
    numbers, parameters = parameters_of(name)
    found = RULES[CASES[name].name](batches.padded(ROWS, change=asarray), **parameters)
    assert found.g.dtype == np.float32
    cells = (batches.cut(ROWS, x) for x in (found.keep, found.reason))
    for row, keep, reason in zip(ROWS, *cells, strict=True):
        for t, token in enumerate(CASES[name].reference(row, **numbers)):
            if token.margin > NARROW:
                assert (keep[t], reason[t]) == (token.keep, token.reason)


@pytest.fixture
def wide() -> Iterator[None]:
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def flat(x: object) -> np.ndarray:
    return np.concatenate(batches.cut(ROWS, x))


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("name", NAMES)
def test_float64_decides_as_numpy(name):
    _, parameters = parameters_of(name)
    expected = RULES[CASES[name].name](batches.padded(ROWS), **parameters)
    for make in (batches.padded, batches.packed):
        found = RULES[CASES[name].name](make(ROWS, change=asarray), **parameters)
        assert found.g.dtype == np.float64
        for key in ("keep", "reason"):
            assert np.array_equal(*(flat(getattr(x, key)) for x in (found, expected)))
        assert flat(found.g) == pytest.approx(flat(expected.g), rel=RELATIVE, abs=ROUNDING)


@pytest.mark.parametrize(
    "given", [{}, {"gate": inverse_gate}, {"budget": schedules.adaptive}], ids=["hard", "soft", "adaptive"]
)
def test_jit_decides_as_without(given):
    b = batches.padded(ROWS, garbage=(0.0,), anchored=False)
    columns = [asarray(b.raw(key)) for key in ("logp_rollout", "logp_current", "advantage")]
    mask = asarray(b.mask)

    def decide(q, p, a, mask):
        found = cppo(TokenBatch(q, p, a, mask), **given)
        return found.keep, found.reason, found.g

    keep, reason, g = decide(*columns, mask)
    again = jax.jit(decide)(*columns, mask)
    assert np.array_equal(keep, again[0])
    assert np.array_equal(reason, again[1])
    assert np.asarray(g) == pytest.approx(np.asarray(again[2]), rel=1e-5)


def test_long_excess_without_float64():
    """D alternates around delta_b over 16,384 tokens; the excess, compensated, decides as exact sums do."""
    length = 16_384
    d = np.random.default_rng(0).uniform(0, 0.03, length).astype(np.float32)
    exact = np.concatenate([[0.0], np.cumsum(d.astype(float) - np.float64(np.float32(0.015)))])[:-1]
    b = TokenBatch(
        *(asarray(np.full((1, length), x, np.float32)) for x in (-2.0, -1.0)),
        1.0,
        asarray(np.ones((1, length), bool)),
        source=batches.Measured(asarray(d[None])),
    )
    found = np.asarray(b.before(b.tv - 0.015))[0]
    assert np.abs(found - exact).max() < 1e-5
