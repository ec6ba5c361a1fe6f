"""The ledger against Algorithm 1 written as a loop with S and W, and against the reasons of the rules."""

from fractions import Fraction
from math import inf, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cppo_theory import schedules
from cppo_theory.rules import Measured, TokenBatch, explain, kl
from cppo_theory.rules.ledger import ledger
from tests.tolerances import ROUNDING

COLUMNS = ("divergence", "weight", "weighted", "cum_divergence", "cum_weights", "excess", "threshold")
KEPT, TOKEN, BUDGET, HOLE = 0, 1, 2, 5

TOKENS = st.tuples(
    st.sampled_from([0, 0, 1, 2, 4, 8, 15, 16, 17, 24, 40, 64]),  # D in 64ths
    st.sampled_from([-1, 0, 1, 1]),  # sign of log r
    st.sampled_from([True, True, True, False]),  # valid
)
RESPONSES = st.lists(
    st.tuples(st.lists(TOKENS, min_size=1, max_size=9), st.sampled_from([-2, 0, 1, 1])),
    min_size=1,
    max_size=4,
)


def with_a_valid_token(response):
    tokens, advantage = response
    return [*tokens[:-1], (*tokens[-1][:2], True)], advantage


def batch_of(responses, packed=False, **more):
    """Responses of (tokens, advantage) as a batch whose divergences are given; holes hold NaN."""
    width = max(len(tokens) for tokens, _ in responses)
    shape = (len(responses), width)
    columns = {
        name: np.full(shape, np.nan) for name in ("logp_rollout", "logp_current", "advantage", "divergence")
    }
    mask = np.zeros(shape, bool)
    for i, (tokens, advantage) in enumerate(responses):
        for t, (d, sign, valid) in enumerate(tokens):
            mask[i, t] = valid
            if valid:
                values = (log(0.25), log(0.25) + 0.5 * sign, advantage, d / 64)
                for x, value in zip(columns.values(), values, strict=True):
                    x[i, t] = value
    lengths = None
    if packed:
        lengths = [len(tokens) for tokens, _ in responses]
        inside = np.arange(width) < np.array(lengths)[:, None]
        columns, mask = {name: x[inside] for name, x in columns.items()}, mask[inside]
    d = columns.pop("divergence")
    return TokenBatch(**columns, mask=mask, source=Measured(d, d), lengths=lengths, **more)


def algorithm_1(response, delta, delta_b, w_min):
    """The rows of the account: Algorithm 1 with the sums S and W, in whatever numbers are given."""
    tokens, advantage = response
    length = max(t for t, token in enumerate(tokens, 1) if token[2])
    spent = allowed = 0 * delta
    rows = []
    for t, (part, sign, valid) in enumerate(tokens, start=1):
        w = 1 - (1 - w_min) * Fraction(t - 1, length - 1) if length > 1 else 1
        d = Fraction(part, 64) if valid else Fraction(0)
        z, c = w * d, min(delta, delta + delta_b * allowed - spent)
        toward = not valid or advantage * sign <= 0
        if valid:
            spent, allowed = spent + z, allowed + w
        reason = KEPT if toward or z <= c else TOKEN if z > delta else BUDGET
        rows.append(
            {
                "divergence": d,
                "weight": w,
                "weighted": z,
                "cum_divergence": spent,
                "cum_weights": allowed,
                "excess": spent - delta_b * allowed,
                "threshold": c,
                "toward": toward,
                "reason": reason if valid else HOLE,
            }
        )
    return rows


def cells(found, responses, name):
    """The column of every response, without padding, whichever form the batch has."""
    x = getattr(found, name)
    if x.ndim == 2:
        return [x[i, : len(tokens)] for i, (tokens, _) in enumerate(responses)]
    return np.split(x, np.cumsum([len(tokens) for tokens, _ in responses])[:-1])


def is_dyadic(response):
    """Whether weights (1 + k/(T-1)) / 2 are exact in binary, so that no number of the account is rounded."""
    return max(t for t, token in enumerate(response[0]) if token[2]) in (0, 1, 2, 4, 8)


@given(RESPONSES, st.sampled_from([1, 8, 16, 32]), st.sampled_from([0, 1, 4, 16]), st.sampled_from([1, 2]))
def test_the_ledger_is_algorithm_1(responses, delta, delta_b, parts):
    responses = [r for r in map(with_a_valid_token, responses) if parts == 1 or is_dyadic(r)]
    assume(responses)
    delta, delta_b, w_min = Fraction(delta, 64), Fraction(delta_b, 64), Fraction(1, parts)
    numbers = {"delta": float(delta), "delta_b": float(delta_b), "w_min": float(w_min)}
    for packed in (False, True):
        decision, found = explain("cppo", batch_of(responses, packed), **numbers)
        expected = [algorithm_1(response, delta, delta_b, w_min) for response in responses]
        for name in (*COLUMNS, "toward", "reason"):
            for x, rows in zip(cells(found, responses, name), expected, strict=True):
                assert x.tolist() == [row[name] for row in rows], name
        for x, rows in zip(cells(decision, responses, "keep"), expected, strict=True):
            assert x.tolist() == [row["reason"] == KEPT for row in rows]


@given(RESPONSES)
def test_weights_that_are_no_binary_fractions(responses):
    responses = list(map(with_a_valid_token, responses))
    numbers = {"delta": Fraction(3, 20), "delta_b": Fraction(3, 200), "w_min": Fraction(4, 5)}
    found = explain("cppo", batch_of(responses))[1]
    for name in COLUMNS:
        for x, response in zip(cells(found, responses, name), responses, strict=True):
            expected = [float(row[name]) for row in algorithm_1(response, **numbers)]
            assert x == pytest.approx(expected, rel=0, abs=ROUNDING), name


@given(RESPONSES, st.sampled_from(["cppo", "dppo"]))
def test_reasons_follow_from_the_account(responses, name):
    """Away from mu: token iff Z > delta, budget iff Z <= delta and Z + max(X_{t-1}, 0) > delta."""
    responses = list(map(with_a_valid_token, responses))
    decision, found = explain(name, batch_of(responses))
    valid, away = decision.batch.mask, ~found.toward
    over = valid & away & (found.weighted > 0.15)
    before = np.pad(found.excess, ((0, 0), (1, 0)))[:, :-1]
    spent = valid & away & ~over & (found.weighted + np.maximum(before, 0) > 0.15)
    assert np.array_equal(found.reason == TOKEN, over)
    assert np.array_equal(found.reason == BUDGET, spent)
    assert np.array_equal(found.reason == HOLE, ~valid)
    assert np.array_equal(found.reason == KEPT, decision.keep)
    assert np.array_equal(found.reason, decision.reason)


@given(RESPONSES)
def test_packed_and_padded_have_the_same_bits(responses):
    responses = list(map(with_a_valid_token, responses))
    keys = np.arange(len(responses))
    for more in ({}, {"budget": schedules.adaptive}, {"weights": schedules.Shuffled(3)}):
        padded, packed = (
            explain("cppo", batch_of(responses, form, key=keys), **more)[1] for form in (False, True)
        )
        for name in (*COLUMNS, "toward", "delta_b", "reason"):
            for x, y in zip(cells(padded, responses, name), cells(packed, responses, name), strict=True):
                assert x.tobytes() == y.tobytes()


ONE = [([(8, 1, True), (16, 1, True), (16, -1, False), (24, 1, True)], 1)]
"""D = 1/8, 1/4, a hole, 3/8."""


def test_a_hole_moves_the_position_and_spends_nothing():
    found = explain("cppo", batch_of(ONE), delta=1.0, delta_b=0.0625, w_min=0.25)[1]
    # T = 4, so w = 1, 3/4, 1/2, 1/4: the hole is a position, but neither in S nor in W
    assert found.weight.tolist() == [[1, 0.75, 0.5, 0.25]]
    assert found.cum_divergence.tolist() == [[0.125, 0.3125, 0.3125, 0.40625]]
    assert found.cum_weights.tolist() == [[1, 1.75, 1.75, 2]]
    assert found.excess.tolist() == [[0.0625, 0.203125, 0.203125, 0.28125]]
    assert found.threshold.tolist() == [[1, 0.9375, 0.796875, 0.796875]]


def test_a_rule_without_budget_has_one_threshold():
    found = explain("dppo", batch_of(ONE), delta=0.25)[1]
    assert found.threshold.tolist() == [[0.25] * 4]
    assert found.weight.tolist() == [[1] * 4]
    assert found.delta_b.tolist() == [[inf] * 4]
    assert found.reason.tolist() == [[KEPT, KEPT, HOLE, TOKEN]]


def test_a_rule_without_divergence_has_no_threshold():
    decision, found = explain("pg-is", batch_of(ONE))
    assert found.threshold.tolist() == [[inf] * 4]
    assert found.weighted.tolist() == [[0.125, 0.25, 0, 0.375]]
    assert ledger(decision.batch, decision).cum_divergence.tolist() == [[0.125, 0.375, 0.375, 0.75]]


@pytest.mark.parametrize(
    ("ceiling", "budget"),
    # P90 of 1/8, 1/4, 3/8 is 1/4 + (.9 * 2 - 1) / 8 = .35; the ceilings are .125, .25 and .5
    [(2, 0.125), (4, 0.25), (8, 0.35)],
)
def test_the_adaptive_budget_is_the_clamped_quantile(ceiling, budget):
    given = {"budget": schedules.Adaptive(ceiling), "delta_b": 0.0625, "w_min": 1.0}
    found = explain("cppo", batch_of(ONE), **given)[1]
    assert found.delta_b == pytest.approx(np.full((1, 4), budget), rel=0, abs=ROUNDING)
    assert found.excess[0, -1] == pytest.approx(0.75 - 3 * budget, rel=0, abs=ROUNDING)


def test_the_divergence_of_the_rule_is_shown():
    source = Measured(np.array([[0.5, 0.25]]), np.array([[0.0625, 0.125]]))
    batch = TokenBatch(np.log([[0.25, 0.25]]), np.log([[0.5, 0.5]]), 1.0, source=source)
    shown = explain("cppo", batch, divergence=kl, delta=0.1, delta_b=0.5, w_min=1.0)[1]
    assert shown.divergence.tolist() == [[0.0625, 0.125]]
    assert shown.reason.tolist() == [[KEPT, TOKEN]]
    assert explain("cppo", batch)[1].divergence.tolist() == [[0.5, 0.25]]


def test_an_infinite_budget_leaves_the_threshold_at_delta():
    for weights in (schedules.linear, schedules.uniform):
        found = explain("cppo", batch_of(ONE), delta_b=inf, weights=weights)[1]
        assert found.threshold.tolist() == [[0.15] * 4]
        assert found.excess.tolist() == [[-inf] * 4]


def test_an_infinite_budget_with_a_weight_of_zero():
    found = explain("cppo", batch_of(ONE), delta_b=inf, weights=schedules.Remaining())[1]
    assert found.threshold.tolist() == [[0.15] * 4]
    assert not np.isnan(found.excess).any()


def test_an_infinite_divergence_without_a_budget():
    batch = TokenBatch(np.log([[0.5, 0.5]]), np.log([[1.0, 0.25]]), 1.0)  # KL(Bern .5 || Bern 1) = inf
    decision, found = explain("cppo", batch, divergence=kl, delta=0.1, delta_b=inf, w_min=1.0)
    assert found.divergence[0, 0] == found.cum_divergence[0, 1] == inf
    assert found.excess.tolist() == [[-inf, -inf]]
    assert decision.reason.tolist() == [[TOKEN, KEPT]]


def test_what_cannot_be_explained_is_refused():
    with pytest.raises(ValueError, match="did you mean 'cppo'"):
        explain("cpo", batch_of(ONE))
    with pytest.raises(TypeError, match="the rule returned list"):
        explain(lambda b: [1.0], batch_of(ONE))


def test_a_parameter_of_another_rule_is_refused():
    with pytest.raises(ValueError, match="dppo has no parameter w_min; it has delta, divergence"):
        explain("dppo", batch_of(ONE), w_min=1.0)
