"""The compiled CPPO against the rule that it copies: equal bits, on every form of a batch.

The rule itself is tested against exact references elsewhere; here it is the reference.  The kernel also
runs as plain Python, so that most of it is tested without numba.
"""

import sys
from unittest import mock

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cppo_theory import schedules
from cppo_theory.rules import Measured, TokenBatch, apply, compiled, kl
from tests.rules import batches

OUTPUTS = ("g", "keep", "reason")
BUDGETS = (0.0, 0.001, 0.015, 0.1, np.inf)
GIVEN = {
    "defaults": {},
    "weights of 1": {"weights": schedules.uniform},
    "weights over a given horizon": {"weights": schedules.Linear(7)},
    "last weight 0": {"weights": schedules.Remaining()},
    "rising weights": {"weights": schedules.Reversed()},
    "adaptive budget": {"budget": schedules.adaptive},
    "adaptive budget from KL": {"budget": schedules.Adaptive(5.0), "divergence": kl},
    "no budget": {"budget": schedules.no_budget},
    "KL": {"divergence": kl, "delta": 0.05, "delta_b": 0.002},
}


def as_python(kernel):
    return kernel


both = pytest.mark.parametrize(
    "kernels",
    [
        pytest.param(as_python, id="python"),
        pytest.param(compiled.compiled, id="numba", marks=pytest.mark.fast),
    ],
)


def assert_same_bits(batch, kernels, **given):
    with mock.patch.object(compiled, "compiled", kernels), np.errstate(all="ignore"):
        found = compiled.cppo(batch, check=False, **given)
    with np.errstate(all="ignore"):  # delta_b = inf inside an array of budgets makes inf - inf
        expected = apply("cppo", batch, check=False, **given)
    for name in OUTPUTS:
        mine, reference = getattr(found, name), getattr(expected, name)
        assert mine.dtype == reference.dtype
        np.testing.assert_array_equal(mine, reference, err_msg=name)


def random_batch(rng, size, *, dtype=np.float64, mask="ragged", advantage="response", **given):
    """Log-probabilities with a walk in them, so that budgets bind; garbage where there is no token."""
    lq = -rng.exponential(1.0, size)
    lp = np.minimum(lq + rng.normal(0, 0.2, size), 0)
    lengths = rng.integers(1, size[1] + 1, (size[0], 1))
    valid = np.arange(size[1]) < lengths
    if mask == "holes":
        valid = (valid & (rng.random(size) < 0.7)) | (np.arange(size[1]) == 0)
    elif mask == "full":
        valid = np.ones(size, bool)
    lq[~valid], lp[~valid] = np.nan, 900.0
    a = rng.choice([-1.5, -0.25, 0.0, 0.5, 2.0], size if advantage == "token" else size[:1])
    return TokenBatch(lq.astype(dtype), lp.astype(dtype), a.astype(dtype), valid, **given)


@both
@given(rows=batches.several(), delta_b=st.sampled_from(BUDGETS), form=st.sampled_from(["padded", "packed"]))
def test_random_responses(kernels, rows, delta_b, form):
    assert_same_bits(getattr(batches, form)(rows), kernels, delta_b=delta_b)


@both
@given(case=batches.dyadic())
def test_ties(kernels, case):
    row, thresholds = case
    numbers = {name: float(x) for name, x in thresholds.items()}
    assert_same_bits(batches.padded([row], extra=2), kernels, **numbers)


@both
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("mask", ["full", "ragged", "holes"])
@pytest.mark.parametrize("advantage", ["response", "token"])
def test_forms(kernels, dtype, mask, advantage):
    rng = np.random.default_rng(1)
    for size in ((7, 40), (3, 1), (1, 23)):
        batch = random_batch(rng, size, dtype=dtype, mask=mask, advantage=advantage)
        for delta_b in BUDGETS:
            assert_same_bits(batch, kernels, delta_b=delta_b)


@both
@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("mask", ["full", "ragged", "holes"])
def test_schedules_budgets_and_divergences(kernels, name, mask):
    batch = random_batch(np.random.default_rng(2), (6, 30), mask=mask)
    assert_same_bits(batch, kernels, **GIVEN[name])


@both
def test_clamp_and_other_sources(kernels):
    rng = np.random.default_rng(3)
    assert_same_bits(random_batch(rng, (4, 20), clamp=0.1), kernels)
    measured = Measured(rng.random((4, 20)) * 0.1)
    assert_same_bits(random_batch(rng, (4, 20), source=measured), kernels)


@both
def test_zero_probabilities_under_pi(kernels):
    lp = np.array([[-np.inf, -1.0, -np.inf], [-2.0, -np.inf, -1.0]])
    lq = np.full((2, 3), -0.5)
    for a in (np.array([1.0, -1.0]), np.array([-1.0, 1.0])):
        assert_same_bits(TokenBatch(lq, lp, a), kernels)
        assert_same_bits(TokenBatch(lq, lp, a), kernels, divergence=kl)


@both
def test_pieces_of_a_response_and_of_a_batch(kernels):
    # Chunks shorter than the responses and blocks of a few of them: the running sum is carried over.
    batch = random_batch(np.random.default_rng(4), (9, 50), mask="holes")
    with mock.patch.object(compiled, "CHUNK", 7 if kernels is as_python else compiled.CHUNK):
        for tokens in (1, 60, 200):
            with mock.patch.object(compiled, "BLOCK_TOKENS", tokens):
                assert_same_bits(batch, kernels)


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mask", ["full", "ragged", "holes"])
def test_long_responses(dtype, mask):
    batch = random_batch(np.random.default_rng(5), (12, 5000), dtype=dtype, mask=mask)
    for delta_b in (0.015, 0.06):
        assert_same_bits(batch, compiled.compiled, delta_b=delta_b)


def test_what_it_refuses():
    tokens = np.array([[0.5]])
    with pytest.raises(
        ValueError, match=r"logp_rollout\[0\]\[0\]: found 0.5; a log-probability is at most 0"
    ):
        compiled.cppo(TokenBatch(tokens, -tokens, 1.0))
    other = TokenBatch(*(strict.asarray(-tokens),) * 2, 1.0)
    with pytest.raises(TypeError, match=r"found arrays of array_api_strict; .* needs NumPy arrays"):
        compiled.cppo(other)


def test_without_numba():
    hidden = mock.patch.dict(sys.modules, {"numba": None})
    fresh = mock.patch.object(compiled, "compiled", compiled.compiled.__wrapped__)
    batch = TokenBatch(np.full((1, 2), -1.0), np.full((1, 2), -2.0), 1.0)
    with hidden, fresh, pytest.raises(ImportError, match=r"needs numba: pip install 'cppo-theory\[fast\]'"):
        compiled.cppo(batch)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"delta": float("nan")}, "delta"), ({"w_min": -3.0}, "w_min"), ({"delta_b": -1.0}, "delta_b")],
)
def test_numbers_that_are_no_parameters(given, words):
    batch = TokenBatch(np.log([[0.5]]), np.log([[0.6]]), np.ones(1))
    with pytest.raises(ValueError, match=words):
        compiled.cppo(batch, **given)
