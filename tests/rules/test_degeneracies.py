"""What holds exactly between rules, and between the forms of one batch: equal bits, no tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import inf, nan
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cppo_theory import schedules
from cppo_theory.rules import (
    RULES,
    Decision,
    Measured,
    TokenBatch,
    apply,
    cispo,
    cppo,
    dppo,
    drpo,
    gspo,
    hard_gate,
    inverse_gate,
    minpro,
    pg_is,
    ppo,
    spo,
    trm_avg,
    trm_max,
    trm_max_avg,
)
from tests.rules import batches, oracles
from tests.rules.cases import CASES, FORMS

F = Fraction
DELTAS, BUDGETS, FLOORS = [0.0, 0.05, 0.15, 0.5, inf], [0.0, 0.01, 0.1, 1.0, inf], [0.1, 0.8, 1.0]


def same(a: Any, b: Any, *, reasons: bool = True) -> None:
    """Equal coefficients, flags and reasons, bit for bit."""
    for name in ("g", "keep", "reason") if reasons else ("g", "keep"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


# --- rules that are limits of others ----------------------------------------------------------------------


@given(batches.several(), st.sampled_from(DELTAS), st.sampled_from(FORMS[:2]))
def test_cppo_without_weights_and_budget_is_dppo(rows, delta, form):
    b = (batches.packed if form == "packed" else batches.padded)(rows)
    same(cppo(b, delta, inf, 1.0), dppo(b, delta))
    same(cppo(b, delta, 0.0, weights=schedules.uniform, budget=schedules.no_budget), dppo(b, delta))


@given(batches.several())
def test_no_trust_region_is_pg_is(rows):
    b = batches.padded(rows, anchored=False)
    for decision in (drpo(b, inf), spo(b, inf), cispo(b, inf, inf), ppo(b, inf, inf), dppo(b, inf)):
        same(decision, pg_is(b))
    same(cppo(b, inf, inf), pg_is(b))


@given(st.lists(batches.responses(longest=1), min_size=1, max_size=3), st.sampled_from([0.0, 0.1, 0.5]))
def test_gspo_on_one_token_is_ppo(rows, eps):
    b = batches.padded(rows, extra=2)
    same(gspo(b, eps, 2 * eps), ppo(b, eps, 2 * eps), reasons=False)


@pytest.mark.parametrize("base", [pg_is, ppo, dppo, cppo])
@given(rows=batches.several())
def test_trm_without_threshold_is_its_base(base, rows):
    b = batches.padded(rows)
    same(trm_max(b, inf, base=base), base(b))
    same(trm_avg(b, inf, base=base), base(b))
    same(trm_max_avg(b, inf, inf, base=base), base(b))


@given(batches.several())
def test_minpro_of_the_first_token_is_cispo(rows):
    """The minimum over no earlier valid token is 1."""
    b = batches.padded(rows)
    found, expected = minpro(b, 0.2, 0.3).g, cispo(b, 0.2, 0.3).g
    for i, row in enumerate(rows):
        first = row.tokens[0]
        assert found[i, first] == expected[i, first]


@given(batches.several(), st.sampled_from(DELTAS[1:]), st.sampled_from(BUDGETS), st.sampled_from(FLOORS))
def test_soft_cppo_with_a_hard_gate_is_cppo(rows, delta, delta_b, w_min):
    b = batches.padded(rows)
    hard, soft = cppo(b, delta, delta_b, w_min), cppo(b, delta, delta_b, w_min, gate=hard_gate)
    assert np.array_equal(hard.g, soft.g)
    assert np.array_equal(hard.gate, soft.gate)


@given(st.integers(1, 60), st.integers(0, 2**20))
def test_soft_and_hard_agree_where_one_bit_decides(length, seed):
    """Random sums land within some 2^-54 of delta; a large budget spent makes the share of that vanish."""
    random = Random(seed)
    spent = [0.5 + 0.05 * random.random(), *[0.5] * length]
    last = 0.15 - (spent[0] - 0.5)
    d = np.array([[*spent, np.nextafter(last, random.choice([0.0, 1.0]))]])
    ones = np.full_like(d, -1.0)
    b = TokenBatch(ones - 1.0, ones, 1.0, source=Measured(d))
    hard = cppo(b, 0.15, 0.5, 1.0)
    assert np.array_equal(hard.g, cppo(b, 0.15, 0.5, 1.0, gate=hard_gate).g)


@given(batches.several(), st.sampled_from(DELTAS), st.sampled_from(BUDGETS), st.sampled_from(FLOORS))
def test_the_first_threshold_is_delta(rows, delta, delta_b, w_min):
    """c_1 = delta and w_1 = 1, so that the first token is kept by CPPO iff by DPPO."""
    rows = [replace(row, valid=(True, *row.valid[1:])) for row in rows]
    b = batches.padded(rows)
    found = cppo(b, delta, delta_b, w_min)
    assert np.array_equal(found.reason[:, 0], dppo(b, delta).reason[:, 0])


@given(batches.several(), st.sampled_from(FLOORS))
def test_an_infinite_budget_is_handled_before_the_sum(rows, w_min):
    """0 * inf never occurs, whatever the divergences; no coefficient is NaN."""
    rows = [replace(row, tv=(F(0),) * len(row.p)) for row in rows]
    b = batches.padded(rows)
    for gate in (None, hard_gate, inverse_gate):
        found = cppo(b, 0.15, inf, w_min, gate=gate)
        assert found.keep[b.mask].all()
        assert np.array_equal(found.g[b.mask], b.ratio[b.mask])


# --- toward, monotone -------------------------------------------------------------------------------------


@given(batches.several(), st.sampled_from(BUDGETS), st.sampled_from(FLOORS), st.booleans())
def test_toward_tokens_are_never_masked(rows, delta_b, w_min, per_kl):
    b = batches.padded(rows, anchored=False)
    toward = np.zeros(b.shape, bool)
    for i, row in enumerate(rows):
        toward[i, row.tokens] = [row.toward(t) for t in row.tokens]
    given = {"divergence": lambda b: b.kl} if per_kl else {}
    decisions = (
        cppo(b, 0.0, delta_b, w_min, **given),
        cppo(b, 0.05, delta_b, w_min, gate=hard_gate, **given),
        dppo(b, 0.0, **given),
        ppo(b, 0.0, 0.0),
    )
    for found in decisions:
        assert found.keep[toward].all()
        assert np.array_equal(found.g[toward], b.ratio[toward])


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.parameters])
@given(rows=batches.several(), data=st.data())
def test_keep_is_monotone_in_every_threshold(name, rows, data):
    """A larger threshold keeps every token that a smaller one keeps."""
    rule, b = RULES[name], batches.padded(rows)
    needed = {key: 0.2 for key, p in rule.parameters.items() if p.required}
    values = sorted(
        data.draw(st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.3, 1.0, 2.5, inf]), min_size=2, max_size=3))
    )
    for key, p in rule.parameters.items():
        if p.direction == 0 or (name.startswith(("cppo-soft", "drpo", "spo")) and 0.0 in values):
            continue  # the soft rules divide by their threshold
        with np.errstate(over="ignore"):
            keeps = [rule(b, **{**needed, key: value}).keep for value in values]
        for smaller, larger in pairwise(keeps[:: p.direction]):
            assert not (smaller & ~larger).any()


# --- forms of one batch -----------------------------------------------------------------------------------

NAMES = [name for name in CASES if "defaults" not in name or name.startswith("icepop")]


def numbers_of(name: str) -> dict[str, Any]:
    """The middle of each parameter's choices."""
    return {key: values[len(values) // 2] for key, values in CASES[name].numbers.items()}


@pytest.mark.parametrize("name", NAMES)
@given(rows=batches.several(), extra=st.integers(0, 20), order=st.randoms(use_true_random=False))
def test_padding_packing_order_and_neighbours_change_no_bit(name, rows, extra, order):
    """Wider, packed, permuted, in blocks, or one response at a time: the same bits."""
    case, numbers = CASES[name], numbers_of(name)

    def parts(form: str, some: list[Any], **given: Any) -> list[Any]:
        answer = case.run(form, some, numbers, **given)
        cells = [batches.cut(some, x) for x in (answer.g, answer.keep, answer.reason)]
        return list(zip(*cells, strict=True))

    def equal(found: list[Any], expected: list[Any]) -> bool:
        return all(
            np.array_equal(x, y)
            for row, other in zip(found, expected, strict=True)
            for x, y in zip(row, other, strict=True)
        )

    expected = parts("padded", rows)
    assert all(np.isfinite(g).all() for g, *_ in expected)
    for form in FORMS:
        assert equal(parts(form, rows), expected), form
    assert equal(parts("padded", rows, extra=extra), expected)
    assert equal(parts("padded", rows, garbage=(0.0,)), expected)
    assert equal([parts("padded", [row])[0] for row in rows], expected)
    shuffled = order.sample(range(len(rows)), len(rows))
    assert equal(parts("padded", [rows[i] for i in shuffled]), [expected[i] for i in shuffled])


@pytest.mark.parametrize("name", NAMES)
@given(rows=batches.several())
def test_a_mask_of_ones_is_no_mask(name, rows):
    """The paths without holes, with holes promised absent and with a mask give the same bits."""
    case, numbers = CASES[name], numbers_of(name)
    width = min(len(row.p) for row in rows)
    full = [
        replace(
            row,
            **{key: getattr(row, key)[:width] for key in ("p", "q", "o", "advantage")},
            valid=(True,) * width,
        )
        for row in rows
    ]
    b = batches.padded(full)
    parameters = {key: float(x) for key, x in numbers.items()} | case.objects
    columns = (b.raw("logp_rollout"), b.raw("logp_current"), b.raw("advantage"))
    anchor = b.raw("logp_anchor")
    mask = np.arange(width + 2) < np.full((len(rows), 1), width)
    wide = [np.pad(x, ((0, 0), (0, 2)), constant_values=nan) for x in (*columns, anchor)]
    with np.errstate(over="ignore"):
        answers = [
            RULES[case.name](batch, **parameters)
            for batch in (
                b,
                TokenBatch(*columns, None, anchor),
                TokenBatch(*columns, np.ones(b.shape, bool), anchor, holes=False),
                TokenBatch(*wide[:3], mask, wide[3], holes=False),
            )
        ]
    for other in answers[1:]:
        for key in ("g", "keep", "reason"):
            assert np.array_equal(getattr(other, key)[:, :width], getattr(answers[0], key)), key


@pytest.mark.parametrize("name", NAMES)
@given(rows=batches.several(), a=st.sampled_from([1.0, -0.5, 0.0]))
def test_forms_of_the_advantage(name, rows, a):
    """A number, one per response, or one per token that is the same for all."""
    rows = [replace(row, advantage=(F(a),) * len(row.p)) for row in rows]
    parameters = {key: float(x) for key, x in numbers_of(name).items()} | CASES[name].objects
    column = np.full(len(rows), a)
    with np.errstate(over="ignore"):
        expected = RULES[CASES[name].name](batches.padded(rows), **parameters)
        for advantage in (a, column, column[:, None]):
            same(RULES[CASES[name].name](batches.padded(rows, advantage=advantage), **parameters), expected)


def by_hand(mask: list[bool], d: list[float], **given: Any) -> Decision:
    """CPPO with delta = 1/4, delta_b = 1/16, w_min = 1/2 on away tokens of measured divergences."""
    ones = np.full((1, len(d)), -1.0)
    b = TokenBatch(ones - 1, ones, 1.0, np.array([mask]), source=Measured(np.array([d])))
    return cppo(b, 0.25, 0.0625, 0.5, **given)


def test_holes_advance_the_position_and_spend_nothing():
    """T = 5, weights 1, 7/8, 6/8, 5/8, 4/8; D = 1/4 at tokens 1 and 5, holes at 2 to 4.

    Token 5: Z = 1/8, allowed 1/4 + 1/16 - 1/4 = 1/16 < 1/8: budget.  If holes allowed delta_b each, another
    1/16 (7/8 + 6/8 + 5/8) would keep it.  With D_5 = 1/8, Z = 1/16 is a tie: kept.
    """
    holes = [True, False, False, False, True]
    assert by_hand(holes, [0.25, nan, inf, 9.0, 0.25]).reason.tolist() == [[0, 5, 5, 5, 2]]
    assert by_hand(holes, [0.25, nan, inf, 9.0, 0.125]).reason.tolist() == [[0, 5, 5, 5, 0]]
    # at t = 4 the weight is 5/8: 5/8 * 3/32 = 15/256 is below 1/16; as second of three it would be 18/256
    fourth = [True, False, False, True, True]
    assert by_hand(fourth, [0.25, nan, nan, 0.09375, 0.0]).reason.tolist() == [[0, 5, 5, 0, 0]]
    assert by_hand(fourth, [0.25, nan, nan, 0.11, 0.0]).reason.tolist() == [[0, 5, 5, 2, 0]]


@pytest.mark.parametrize("name", NAMES)
def test_a_response_without_valid_tokens_is_all_holes(name):
    row = batches.response_of(batches.AWAY)
    rows = [row, replace(row, valid=(True, False))]
    b = batches.padded(rows).with_mask(np.array([[False, False], [True, False]]))
    parameters = {key: float(x) for key, x in numbers_of(name).items()} | CASES[name].objects
    found = RULES[CASES[name].name](b, **parameters)
    assert found.reason.tolist()[0] == [oracles.HOLE] * 2
    assert not found.keep[0].any()
    assert not found.g[0].any()
    assert np.isfinite(found.g).all()


def test_an_infinite_divergence_spends_the_budget_only_from_then_on():
    """KL = inf at token 3 of 4: earlier tokens are decided as if it were large, later ones are masked."""
    ones = np.full((1, 4), -1.0)
    d = np.array([[0.01, 0.01, inf, 0.01]])
    b = TokenBatch(ones - 1, ones, 1.0, source=Measured(tv=d, kl=d))
    budgets: tuple[Callable[..., Any], ...] = (schedules.fixed, schedules.adaptive)
    for budget in budgets:
        found = cppo(b, 0.15, 0.02, budget=budget)
        assert found.reason.tolist() == [[0, 0, 1, 2]]
    d = np.array([[0.12, 0.01, 0.01, inf, inf, inf]])  # the quantile lies between infinite ones: 2 delta_b
    ones = np.full((1, 6), -1.0)
    many = TokenBatch(ones - 1, ones, 1.0, source=Measured(tv=d, kl=d))
    assert cppo(many, 0.15, 0.015, budget=schedules.adaptive).reason.tolist() == [[0, 0, 0, 1, 1, 1]]
    soft = cppo(b, 0.15, 0.02, gate=inverse_gate)
    assert soft.g[0, 2:].tolist() == [0.0, 0.0]
    assert np.array_equal(soft.g[0, :2], b.ratio[0, :2])


def test_apply_on_one_response_with_trailing_padding():
    row = batches.response_of(batches.AWAY * 2 + batches.HOLES)
    b = batches.padded([row], extra=3)
    same(apply("cppo", b), RULES["cppo"](b))
