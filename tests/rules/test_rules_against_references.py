"""Every rule against its per-token reference: padded, packed, in blocks; random, adversarial, tie cases.

The references work on Fractions, the rules on floats.  Where the numbers are dyadic both are exact and every
decision must agree, ties included: equality keeps.  Elsewhere a decision is compared only if the exact margin
exceeds `MARGIN`, because log-probabilities are rounded before the package sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import inf
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from cppo_theory import schedules
from cppo_theory.rules import RULES, Full, TokenBatch, TopK, cppo, dppo, kl, tv
from tests.rules import batches, oracles
from tests.rules.cases import CASES, CPPO, FORMS, MARGIN, compare
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction


def test_every_rule_has_a_case():
    assert {case.name for case in CASES.values()} == set(RULES)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data(), rows=batches.several(), form=st.sampled_from(FORMS), anchored=st.booleans())
def test_rule(name, data, rows, form, anchored):
    case, rows = CASES[name], batches.with_anchor(rows, anchored)
    numbers = data.draw(case.parameters())
    answer = case.run(form, rows, numbers, anchored=anchored)
    compare(rows, answer, [case.reference(row, **numbers) for row in rows])


REASONS = {
    ("ppo", "dapo, defaults", "gmpo", "icepop", "fipo", "ratio-window"): {oracles.CLIP},
    ("dppo", "dppo, KL", "ipo", "kpop", "cppo, no budget"): {oracles.TOKEN},
    ("cppo", "cppo, defaults", "cppo, KL", "cppo, reversed"): {oracles.TOKEN, oracles.BUDGET},
    ("cppo, adaptive", "cppo, horizon"): {oracles.TOKEN, oracles.BUDGET},
    ("trm-max", "trm-avg", "trm-max-avg", "gspo", "opsm"): {oracles.SEQUENCE},
    ("trm-max-avg over ppo, o/q", "seq-mis", "geometric-mis"): {oracles.SEQUENCE, oracles.CLIP},
    ("opsm over dppo",): {oracles.SEQUENCE, oracles.TOKEN},
}


@pytest.mark.parametrize(
    ("name", "reasons"), [(name, reasons) for names, reasons in REASONS.items() for name in names]
)
def test_both_sides_of_each_threshold_occur(name, reasons):
    """By the references alone, on 60 responses: each reason, and tokens that are kept for being below."""
    case, random, seen = CASES[name], Random(2), set()
    for row in batches.ROWS:
        numbers = {key: random.choice(values) for key, values in case.numbers.items()}
        found = case.reference(row, **numbers)
        seen |= {token.reason for token in found if MARGIN < token.margin < inf}
    assert seen == reasons | {oracles.KEPT}


@pytest.mark.parametrize("name", CASES)
def test_rule_on_sixty_responses(name):
    """One batch of many responses: what a few drawn ones would seldom tell apart, these always do."""
    case, random = CASES[name], Random(name)
    middle = {key: values[len(values) // 2] for key, values in case.numbers.items()}
    drawn = {key: random.choice(values) for key, values in case.numbers.items()}
    for form, numbers in (("padded", middle), ("packed blocks", drawn)):
        expected = [case.reference(row, **numbers) for row in batches.ROWS]
        compare(batches.ROWS, case.run(form, batches.ROWS, numbers), expected)


# --- ties: equality keeps ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["cppo", "cppo, KL", "cppo, uniform", "cppo, no budget", "cppo-soft, hard gate"]
)
@given(drawn=st.lists(batches.dyadic(), min_size=1, max_size=3), form=st.sampled_from(FORMS))
def test_ties_of_cppo_are_kept(name, drawn, form):
    """Divergences equal to delta or spending exactly the budget, in exact floats: every decision agrees."""
    case, numbers = CASES[name], drawn[0][1]
    length = drawn[0][0].length
    rows = [
        row for row, _ in drawn if row.length in (length, 1, 2, 3)
    ]  # T - 1 a power of two: dyadic weights
    expected = [case.reference(row, **numbers) for row in rows]
    if any(token.keep and token.margin == 0 for tokens in expected for token in tokens):
        event("a tie")
    compare(rows, case.run(form, rows, numbers), expected, exact=True)


@pytest.mark.parametrize("name", ["dppo", "dppo, KL"])
@given(drawn=st.lists(batches.dyadic(), min_size=1, max_size=3), form=st.sampled_from(FORMS))
def test_ties_of_dppo_are_kept(name, drawn, form):
    case, numbers = CASES[name], {"delta": drawn[0][1]["delta"]}
    rows = [row for row, _ in drawn]
    expected = [case.reference(row, **numbers) for row in rows]
    compare(rows, case.run(form, rows, numbers), expected, exact=True)


@pytest.mark.parametrize("name", ["trm-max", "trm-avg"])
@given(drawn=batches.dyadic(), form=st.sampled_from(FORMS))
def test_ties_of_trm_are_kept(name, drawn, form):
    """The threshold is the largest, or the mean, of the divergences of four valid tokens: dyadic."""
    row = drawn[0]
    four = batches.response_of([(F(1, 2), F(1, 4), F(1, 4), F(1), True)] * 4)
    row = replace(four, kl=tuple(row.kl[t % len(row.kl)] for t in range(4)))
    delta = max(row.kl) if name == "trm-max" else sum(row.kl, F(0)) / 4
    below = [(delta - F(1, 2**20), False)] if delta else []  # no threshold is negative
    for threshold, kept in ((delta, True), *below):
        numbers = {"delta" if name == "trm-max" else "delta_avg": threshold}
        answer = CASES[name].run(form, [row], numbers)
        assert answer.keep.tolist() in ([kept] * 4, [[kept] * 4])


def test_a_long_tie():
    """D = delta_b at all 129 tokens spends the budget exactly: the token threshold alone decides."""
    row = batches.response_of(batches.AWAY[:1] * 129)
    row = replace(row, tv=(F(1, 64),) * 129)
    keep = CASES["cppo"].run("padded", [row], {"delta": F(1, 8), "delta_b": F(1, 64), "w_min": F(1, 2)}).keep
    assert keep.all()
    row = replace(row, tv=(F(9, 64), *row.tv[1:]))  # rejected itself, it leaves nothing to the later ones
    answer = CASES["cppo"].run("padded", [row], {"delta": F(1, 8), "delta_b": F(1, 64), "w_min": F(1)})
    assert answer.reason[0].tolist() == [oracles.TOKEN] + [oracles.BUDGET] * 128


EDGES = [  # rule, log r of the only token, A, the parameter, its value, kept there
    ("ppo", 0.5, 1.0, "eps_high", np.exp(0.5) - 1, True),
    ("ppo", -0.25, -1.0, "eps_low", 1 - np.exp(-0.25), True),
    ("ppo", 1.5, -1.0, "dual_clip", np.exp(1.5), True),
    ("gspo", 0.5, 1.0, "eps_high", np.exp(0.5) - 1, True),
    ("gspo", -0.25, -1.0, "eps_low", 1 - np.exp(-0.25), True),
    ("gmpo", 0.5, 1.0, "eps_high", 0.5, True),
    ("gmpo", -0.25, -1.0, "eps_low", 0.25, True),
    ("ratio-window", 0.5, 1.0, "high", np.exp(0.5), False),
    ("ratio-window", -0.5, 1.0, "low", np.exp(-0.5), False),
    ("trm-max", 0.5, 1.0, "delta", 0.125, True),
    ("opsm", -0.5, -1.0, "delta", 0.5, True),
    ("ipo", 0.5, 1.0, "delta", np.exp(-1.5) - np.exp(-2.0), True),
    ("dppo", 0.5, 1.0, "delta", np.exp(-1.5) - np.exp(-2.0), True),
    ("cppo", 0.5, 1.0, "delta", np.exp(-1.5) - np.exp(-2.0), True),
    ("icepop", 0.5, 1.0, "high", np.exp(0.5), True),
    ("icepop", -0.5, 1.0, "low", np.exp(-0.5), True),
    ("seq-mis", 0.5, 1.0, "cap", np.exp(0.5), True),
    ("geometric-mis", 0.5, 1.0, "high", np.exp(0.5), True),
    ("geometric-mis", -0.5, 1.0, "low", np.exp(-0.5), True),
]


@pytest.mark.parametrize(("name", "x", "a", "parameter", "value", "kept"), EDGES)
def test_on_the_edge(name, x, a, parameter, value, kept):
    """At a threshold that equals the float of the ratio itself, and one part in 2^40 to either side.

    r - 1 is exact for r in [1/2, 2] (Sterbenz), so 1 + eps gives r back.
    """
    rollout, current = np.array([[-2.0]]), np.array([[-2.0 + x]])
    corrects = name in ("icepop", "seq-mis", "geometric-mis")  # their ratio is o/q; p = o
    b = TokenBatch(rollout, current, a, logp_anchor=current if corrects else None)
    given = {"low": 0.0, "high": 9.0} if name in ("ratio-window", "icepop", "geometric-mis") else {}
    lower = parameter == "low"
    for threshold, keep in (
        (value, kept),
        (value + 2.0**-40, not lower),
        (value - 2.0**-40, lower),
    ):
        assert RULES[name](b, **{**given, parameter: float(threshold)}).keep.item() == keep


@pytest.mark.parametrize("name", ["ppo", "dppo", "cppo", "gspo", "gmpo", "kpop", "ipo", "opsm", "trm-max"])
@pytest.mark.parametrize("a", [1.0, -1.0, 0.0])
def test_equal_policies_are_kept_at_threshold_zero(name, a):
    x = np.log(np.array([[0.25, 0.5, 0.125]]))
    zero = {key: 0.0 for key, p in RULES[name].parameters.items() if p.direction == 1 and key != "dual_clip"}
    assert RULES[name](TokenBatch(x, x, a), **zero).keep.all()


# --- CPPO: one token, no budget, weights, two clauses -----------------------------------------------------


@given(batches.responses(longest=1), st.sampled_from(CPPO["delta_b"]), st.sampled_from(CPPO["w_min"]))
def test_one_token_is_dppo(row, delta_b, w_min):
    """T = 1: w_1 = 1 and no budget is spent, so that c_1 = delta; for every schedule."""
    for weights in (
        schedules.linear,
        schedules.Reversed(),
        schedules.Remaining(),
        schedules.Shuffled(),
        schedules.uniform,
    ):
        b = batches.padded([row], extra=2)
        found = cppo(b, 0.15, float(delta_b), float(w_min), weights=weights)
        assert np.array_equal(found.reason, dppo(b, 0.15).reason)


@given(batches.several(), st.sampled_from([1, 2, 3, 7, 30]), st.booleans())
def test_weights(rows, horizon, in_pack):
    """Linear, reversed and remaining weights of each response, own horizon and a given one."""
    b = (batches.packed if in_pack else batches.padded)(rows)
    w_min = F(3, 5)
    for schedule, reference in (
        (schedules.linear, oracles.linear),
        (schedules.Reversed(), oracles.reversed_),
        (schedules.Remaining(), oracles.remaining),
        (schedules.uniform, oracles.uniform),
        (schedules.Linear(horizon), partial(oracles.linear, horizon=horizon)),
    ):
        found = batches.cut(rows, b.tokens(schedule(b, float(w_min))))
        for row, x in zip(rows, found, strict=True):
            expected = [float(w) for w in reference(row, w_min)]
            assert x[: row.length] == pytest.approx(expected[: row.length], abs=ROUNDING)


@given(batches.several(), st.sampled_from([F(0), F(1, 2), F(9, 10), F(1)]), st.booleans())
def test_quantiles(rows, share, in_pack):
    """Eq. (22) interpolates linearly between the divergences of the valid tokens."""
    b = (batches.packed if in_pack else batches.padded)(rows)
    found = b.quantile(b.tv, float(share))
    assert found.shape == (len(rows), 1)
    for row, x in zip(rows, found[:, 0], strict=True):
        expected = oracles.quantile([oracles.tv(row, t) for t in row.tokens], share)
        assert x == pytest.approx(float(expected), abs=ROUNDING)


@given(batches.several(), st.sampled_from([F(1, 1000), F(1, 50), F(1, 5), F(1)]), st.sampled_from([2, 5]))
def test_adaptive_budget(rows, delta_b, ceiling):
    """Eq. (22): never below delta_b, never above the ceiling, one number per response."""
    b = batches.padded(rows)
    found = schedules.Adaptive(float(ceiling))(b, float(delta_b), b.tv)
    for row, x in zip(rows, found[:, 0], strict=True):
        divergences = [oracles.tv(row, t) for t in row.tokens]
        assert x == pytest.approx(float(oracles.adaptive(divergences, delta_b, ceiling)), abs=ROUNDING)


@given(
    batches.several(most=2), st.integers(0, 10**6), st.lists(st.integers(0, 2**40), min_size=2, max_size=2)
)
def test_shuffled_weights(rows, seed, keys):
    """The multiset of the linear weights, whatever padding or neighbours there are."""
    keys = np.array(keys[: len(rows)])
    schedule = schedules.Shuffled(seed)
    b = batches.padded(rows, key=keys)
    found = batches.cut(rows, b.spread(schedule(b, 0.6)))
    wider, narrow = batches.padded(rows, extra=5, key=keys), batches.packed(rows, key=keys)
    for other in (wider, narrow):
        again = batches.cut(rows, other.tokens(other.spread(schedule(other, 0.6))))
        assert all(
            np.array_equal(x[: row.length], y[: row.length])
            for row, x, y in zip(rows, found, again, strict=True)
        )
    for row, key, x in zip(rows, keys, found, strict=True):
        weights = [float(w) for w in oracles.linear(row, F(3, 5))[: row.length]]
        assert sorted(x[: row.length]) == pytest.approx(sorted(weights), abs=ROUNDING)
        alone = batches.padded([row], key=np.array([key]))
        assert np.array_equal(schedule(alone, 0.6)[0, : row.length], x[: row.length])


def test_shuffled_weights_depend_on_seed_and_key():
    """Twelve tokens have 12! orders: equal ones by chance 1 in 479,001,600 for each pair."""
    row = batches.response_of(batches.AWAY[:1] * 12)
    orders = {
        tuple(schedules.Shuffled(seed)(b, 0.6)[i].tolist())
        for seed in range(4)
        for b in [batches.padded([row] * 3, key=np.array([5, 6, 7]))]
        for i in range(3)
    }
    assert len(orders) == 12


@pytest.mark.parametrize("divergence", [tv, kl])
@given(rows=batches.several(), data=st.data())
def test_two_clauses(divergence, rows, data):
    """Eq. (10), Z_t <= delta and S_t <= delta + delta_b W_{t-1}, is Eq. (8): keep iff Z_t <= c_t.

    Both are worked with the running sums S and W, and in the package with the excess.
    """
    numbers = data.draw(CASES["cppo"].parameters())
    case = CASES["cppo" if divergence is tv else "cppo, KL"]
    answer = case.run("padded", rows, numbers)
    measure = oracles.tv if divergence is tv else oracles.kl
    for row, keep in zip(rows, batches.cut(rows, answer.keep), strict=True):
        book = oracles.algorithm_1(
            row, numbers["delta_b"], numbers["w_min"], oracles.linear, oracles.fixed, measure
        )
        exact = divergence is tv
        delta = numbers["delta"] if exact else oracles.real(numbers["delta"])
        for t, (spent, before, allowed) in book.items():
            threshold = min(delta, delta + allowed - before)
            eq_8 = row.toward(t) or spent <= threshold
            eq_10 = row.toward(t) or (spent <= delta and before + spent <= delta + allowed)
            assert eq_8 == eq_10
            if abs(spent - threshold) > MARGIN:
                assert keep[t] == eq_8


# --- sources of divergence --------------------------------------------------------------------------------

VOCABULARY, K = 5, 3


@st.composite
def tables(draw: Callable[..., Any]) -> tuple[list[F], list[F], int]:
    """Two rows over five tokens and the sampled one; zeros, near-sure rows and equal rows among them."""
    rows = []
    for _ in range(2):
        parts = draw(st.lists(st.sampled_from([1, 2, 3, 5, 8, 40, 10**6]), min_size=5, max_size=5))
        rows.append([F(x, sum(parts)) for x in parts])
    if draw(st.integers(0, 5)) == 0:
        rows[1] = rows[0]
    return rows[0], rows[1], draw(st.integers(0, VOCABULARY - 1))


def listed_of(row: list[F], sampled: int) -> list[int]:
    """The K likeliest tokens of mu and the sampled one, each once."""
    best = sorted(range(VOCABULARY), key=lambda i: -row[i])[:K]
    return [*best, *([] if sampled in best else [sampled])]


@given(st.lists(tables(), min_size=1, max_size=6), st.sampled_from(FORMS[:2]), st.booleans())
def test_divergences_of_the_sources(drawn, form, by_ids):
    """Exact, Top-K and Binary against sums over the partition in exact arithmetic, in both directions."""
    tokens = [(pi[i], mu[i], mu[i], F(1), True) for mu, pi, i in drawn]
    row = batches.response_of(tokens)
    logs = [np.array([[batches.log(x) for x in table] for table in pair]) for *pair, _ in drawn]
    mu, pi = (np.stack([x[side] for x in logs]) for side in (0, 1))
    best = np.array([sorted(range(VOCABULARY), key=lambda i, m=m: -m[i])[:K] for m, _, _ in drawn])
    sampled = np.array([i for *_, i in drawn])
    top = [np.take_along_axis(x, best, axis=-1) for x in (mu, pi)]
    listed = (best == sampled[:, None]).any(axis=-1)

    def shaped(x: np.ndarray) -> np.ndarray:
        return x if form == "packed" else x[None]

    topk = (
        TopK.of(shaped(best), *map(shaped, top), shaped(sampled))
        if by_ids
        else TopK(*map(shaped, top), shaped(listed))
    )
    partitions = {
        "exact": [(m, p) for m, p, _ in drawn],
        "topk": [tuple(oracles.partition(x, listed_of(m, i)) for x in (m, p)) for m, p, i in drawn],
        "binary": [((m[i], 1 - m[i]), (p[i], 1 - p[i])) for m, p, i in drawn],
    }
    for name, source in (("exact", Full(shaped(mu), shaped(pi))), ("topk", topk), ("binary", None)):
        b = (batches.packed if form == "packed" else batches.padded)([row], source=source)
        assert b.source.name == name
        pairs = partitions[name]
        flat = [np.reshape(b.tokens(x), -1).tolist() for x in (b.tv, b.kl, b.kl_reverse)]
        room = {"rel": RELATIVE, "abs": ROUNDING}
        assert flat[0] == pytest.approx([float(oracles.tv_of(m, p)) for m, p in pairs], **room)
        assert flat[1] == pytest.approx([float(oracles.kl_of(m, p)) for m, p in pairs], **room)
        assert flat[2] == pytest.approx([float(oracles.kl_of(p, m)) for m, p in pairs], **room)


def test_top_k_by_hand():
    """mu = (1/2, 1/4, 1/8, 1/8), pi = (1/4, 1/4, 1/4, 1/4), K = 1.

    Token 1 sampled: gaps 1/4 (listed), 0 (sampled), 1/4 (others), TV 1/4.  Token 0 sampled: it is listed and
    counted once, TV (1/4 + 1/4)/2.  All rows of K = 1 with token 3 sampled: 1/4, 1/8, others 1/8: 1/4.
    """
    mu, pi = np.log([0.5, 0.25, 0.125, 0.125]), np.log([0.25] * 4)
    for sampled, expected in ((0, 0.25), (1, 0.25), (3, 0.25)):
        top = TopK.of(np.array([[[0]]]), mu[None, None, :1], pi[None, None, :1], np.array([[sampled]]))
        b = TokenBatch(mu[None, [sampled]], pi[None, [sampled]], 1.0, source=top)
        assert b.tv.item() == pytest.approx(expected, abs=ROUNDING)
    # without ids the sampled token counts as listed
    b = TokenBatch(mu[None, [1]], pi[None, [1]], 1.0, source=TopK(mu[None, None, :1], pi[None, None, :1]))
    assert b.tv.item() == pytest.approx(0.25, abs=ROUNDING)


@pytest.mark.parametrize("name", ["dppo", "dppo, KL", "cppo", "cppo, KL", "cppo, adaptive", "trm-max-avg"])
@given(data=st.data(), rows=batches.several(), form=st.sampled_from(FORMS))
def test_rules_use_measured_divergences(name, data, rows, form):
    """Divergences measured over the vocabulary replace those of the sampled token, everywhere."""
    case = CASES[name]
    choice = st.sampled_from([F(0), F(1, 200), F(1, 50), F(1, 10), F(1, 7), F(1, 3), F(1)])
    longest = st.lists(choice, min_size=batches.LONGEST, max_size=batches.LONGEST)
    rows = [
        replace(
            row,
            tv=tuple(data.draw(longest)[: len(row.p)]),
            kl=tuple(oracles.real(x) for x in data.draw(longest)[: len(row.p)]),
        )
        for row in rows
    ]
    numbers = data.draw(case.parameters())
    compare(rows, case.run(form, rows, numbers), [case.reference(row, **numbers) for row in rows])


def test_binary_kl_near_one():
    """q = 1/2, p = 1 - 1e-9: log(1/4 / (p (1 - p)))/2 = 9.668 (guards with 1e-8 give 8.47)."""
    b = TokenBatch(np.log([[0.5]]), np.log1p([[-1e-9]]), 1.0)
    expected = oracles.binary_kl(F(1, 2), 1 - F(1, 10**9))
    assert float(expected) == pytest.approx(9.668, abs=5e-4)
    assert b.kl.item() == pytest.approx(float(expected), rel=RELATIVE)
