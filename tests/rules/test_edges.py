"""What a batch is given at the edges, and what a rule may not do with it."""

import numpy as np
import pytest

from cppo_theory.rules import RULES, TokenBatch, apply, cppo, inverse_gate, sapo, spo

LOG_Q, LOG_P = np.log([[0.5, 0.5, 0.5]]), np.log([[0.9, 0.4, 0.8]])


def batch(advantage=1.0, **more):
    return TokenBatch(LOG_Q, LOG_P, advantage, **more)


@pytest.mark.parametrize("one", [np.float64(2), np.array(2.0), np.float32(2)])
def test_one_advantage_for_all_as_a_number_of_numpy(one):
    for name in ("ppo", "cppo"):
        found, expected = apply(name, batch(one)), apply(name, batch(np.array([2.0])))
        np.testing.assert_array_equal(found.g, expected.g)
        np.testing.assert_array_equal(found.keep, expected.keep)


@pytest.mark.parametrize(
    "gate",
    [
        lambda b, x: np.where(x <= 1, 1, 0),
        lambda b, x: x <= 1,
        lambda b, x: (x <= 1).astype(np.float32),
        lambda b, x: (x <= 1).astype(np.float16),
    ],
)
def test_a_gate_may_answer_in_any_numbers(gate):
    limits = {"delta": 0.15, "delta_b": 0.015}
    found = cppo(batch(), **limits, gate=gate)
    expected = cppo(batch(), **limits, gate=lambda b, x: np.where(x <= 1, 1.0, 0.0))
    np.testing.assert_array_equal(found.g, expected.g)
    assert found.g.tolist()[0] == [0.0, pytest.approx(0.8), 0.0]
    one = cppo(batch(), **limits, gate=lambda b, x: 0.5)  # the token towards mu is left alone
    np.testing.assert_allclose(one.g, [[0.9, 0.8, 0.8]])
    assert (cppo(batch(), **limits, gate=inverse_gate).g > 0).all()


def test_names_of_responses():
    two = [np.repeat(x, 2, axis=0) for x in (LOG_Q, LOG_P)]
    for key in ([3, 4], np.array([[3], [4]]), np.array([3, 4], dtype=np.int32)):
        assert TokenBatch(*two, 1.0, key=key).key[:, 0].tolist() == [3, 4]
        assert apply("cppo", TokenBatch(*two, 1.0, key=key)).keep.shape == (2, 3)
    with pytest.raises(ValueError, match="key: found 3 names; there are 2 responses"):
        TokenBatch(*two, 1.0, key=[1, 2, 3])


def test_no_response_at_all():
    with pytest.raises(ValueError, match="lengths: found none"):
        TokenBatch(np.zeros(0), np.zeros(0), np.zeros(0), lengths=[])


@pytest.mark.parametrize("advantage", [-1.0, 0.0, 1.0])
def test_a_ratio_beyond_the_floats_is_no_missing_number(advantage):
    """exp(100) is infinite in float32; nothing is multiplied by it that is 0."""
    given = TokenBatch(np.full((1, 1), -100, np.float32), np.zeros((1, 1), np.float32), advantage)
    for name, parameters in (("spo", {"eps": 0.2}), ("sapo", {}), ("pg-is", {})):
        found = apply(name, given, **parameters)
        assert not np.isnan(found.g).any(), name
    with np.errstate(over="ignore", invalid="ignore"):
        assert sapo(given).g.tolist() == [[0.0]]
        assert spo(given, 0.2).g.tolist() == [[{-1.0: np.inf, 0.0: np.inf, 1.0: -np.inf}[advantage]]]


@pytest.mark.parametrize("name", ["spo", "drpo"])
def test_a_divisor_is_above_0(name):
    for value in (0, 0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"eps: found .*; a positive number is required"):
            RULES[name].with_parameters(eps=value)
    RULES[name].with_parameters(eps=0.2)


@pytest.mark.parametrize("column", ["mask", "logp_current", "ratio", "tv", "advantage", "away", "position"])
def test_what_a_rule_reads_cannot_be_changed(column):
    """A rule that writes into the batch would change what the next reads, or the user's arrays."""

    def meddles(b):
        x = getattr(b, column)
        x[...] = 0
        return b.ratio

    mask, before = np.array([[True, True, False]]), [x.copy() for x in (LOG_Q, LOG_P)]
    for given in (batch(np.ones((1, 3))), batch(np.ones((1, 3)), mask=mask)):
        for call in (meddles, lambda b: apply(meddles, b)):
            with pytest.raises(ValueError, match="read-only"):
                call(given)
    assert mask.tolist() == [[True, True, False]]
    np.testing.assert_array_equal([LOG_Q, LOG_P], before)
    mask[...] = False  # the user's own arrays stay writable
    LOG_P[...] = LOG_P
