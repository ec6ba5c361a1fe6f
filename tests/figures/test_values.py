"""Every number in the CSV of a figure, against formulas, loops over raw files and enumeration.

Nothing here calls a bound, a rule, a recursion or a statistic of the project, but to make the instances.
"""

import gzip
import json
from fractions import Fraction
from itertools import product
from math import isclose, prod, sqrt

import numpy as np
import pytest

from figures.catalogue import horizon, profile, ratio, suffix_tv
from figures.source import ROLLOUTS, ROOT
from tests.figures.common import drawn
from tests.figures.records import CONDITIONS, EVALUATIONS, RULES, SEEDS, middle, record
from tests.tolerances import RELATIVE, ROUNDING

DELTA, DELTA_B, W_MIN = 0.15, 0.015, 0.8


def rows(name, **cells):
    """Rows of the CSV as dicts, after a trip through its text."""
    table = type(drawn(name).table).from_csv(drawn(name).table.csv()).where(**cells)
    return [dict(zip(table.columns, row, strict=True)) for row in zip(*table.columns.values(), strict=True)]


def responses(letter):
    """The raw lines of a rollout file."""
    with gzip.open(ROOT / "examples" / "rollouts" / ROLLOUTS[letter]) as stream:
        return [json.loads(line) for line in stream]


def tv(p, q):
    return sum(abs(x - y) for x, y in zip(p, q, strict=True)) / 2


# --- ratio ------------------------------------------------------------------------------------------------


def test_ratio_plane_and_levels():
    grid = rows("ratio", series="grid")
    assert len(grid) == 21 * 21
    assert all(isclose(r["ratio"], r["x"] / r["w_min"], rel_tol=RELATIVE) for r in grid)
    assert {r["w_min"] for r in grid} >= {0.1, 1.0}
    assert max(r["x"] for r in grid) == 1
    levels = rows("ratio", series="level")
    assert all(isclose(r["x"], r["ratio"] * r["w_min"], rel_tol=RELATIVE) for r in levels)
    assert sorted({r["ratio"] for r in levels}) == [1 / 32, 1 / 8, 1 / 3, 1, 3]


def test_ratio_instances_by_hand():
    """D is the same in all states of a level, so the worst path sums are sums over levels."""
    rng = np.random.default_rng(0)
    for row in rows("ratio", series="instance"):
        instance, w_min = ratio.random_case(rng)
        levels = list(zip(instance.mu, instance.pi, strict=True))
        assert all(len({tv(*pair) for pair in zip(m, p, strict=True)}) == 1 for m, p in levels)
        d = [tv(m[0], p[0]) for m, p in levels]
        horizon_ = len(d)
        w = [1 - (1 - w_min) * Fraction(t, horizon_ - 1) for t in range(horizon_)]
        delta = max(x * y for x, y in zip(w, d, strict=True))
        spent = [sum(x * y for x, y in zip(w[:m], d, strict=False)) / sum(w[:m]) for m in range(1, horizon_)]
        assert row["w_min"] == float(w_min)
        assert row["x"] == float(max(spent) / delta)
        assert row["ratio"] == float(max(spent) / (delta * w_min))


# --- suffix-tv --------------------------------------------------------------------------------------------


def suffix_laws(instance, t, state):
    """Probability under mu and pi, and of the coupling staying together, of every suffix from a state."""
    for tokens in product(range(2), repeat=instance.horizon - t):
        s, under = state, []
        for i, a in enumerate(tokens, start=t):
            under.append((instance.mu[i][s][a], instance.pi[i][s][a]))
            s = 2 * s + a
        yield prod(m for m, _ in under), prod(p for _, p in under), prod(min(pair) for pair in under)


def test_suffix_tv_by_enumeration():
    instance = suffix_tv.instance(6)
    levels = list(zip(instance.mu, instance.pi, strict=True))
    ell = [max(tv(*pair) for pair in zip(m, p, strict=True)) for m, p in levels]
    table = {(r["series"], r["position"]): r for r in rows("suffix-tv")}
    assert len(table) == 5 * 5
    for t in range(1, 6):
        laws = [list(suffix_laws(instance, t, s)) for s in range(2**t)]
        exact = [sum(abs(m - p) for m, p, _ in law) / 2 for law in laws]
        state = int(np.argmax(exact))
        expected = {
            "exact": exact[state],
            "coupling": 1 - sum(both for _, _, both in laws[state]),
            "b9-product": 1 - prod(1 - x for x in ell[t:]),
            "union": sum(ell[t:]),
        }
        for name, value in expected.items():
            assert abs(table[name, t]["value"] - value) <= ROUNDING, (name, t)
            assert table[name, t]["state"] == state
        sampled = table["sampled", t]
        assert abs(sampled["value"] - expected["coupling"]) <= sqrt(
            np.log(2e6) / (2 * 300)
        )  # Hoeffding, 1e-6
        low, high = wilson(round(300 * sampled["value"]), 300)
        assert isclose(sampled["low"], low, rel_tol=RELATIVE, abs_tol=ROUNDING)
        assert isclose(sampled["high"], high, rel_tol=RELATIVE)


def test_suffix_tv_is_what_its_caption_says():
    """The product form is at most 1 and the union bound; the coupling is closer; the last fork is equal."""
    assert suffix_tv.CAPTION.startswith("The product form of Lemma 3 cannot exceed 1, the union bound can;")
    table = {(r["series"], r["position"]): r["value"] for r in rows("suffix-tv")}
    for t in range(1, 6):
        order = [table[name, t] for name in ("exact", "coupling", "b9-product", "union")]
        assert order[2] <= 1
        assert (np.diff(order) >= -ROUNDING).all()
        assert (np.ptp(order) <= ROUNDING) == (t == 5)


def wilson(k, n, z=1.959963984540054):
    """Wilson's interval, by its formula."""
    p = k / n
    middle_, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle_ - half) / (1 + z * z / n), (middle_ + half) / (1 + z * z / n)


# --- horizon ----------------------------------------------------------------------------------------------


def test_horizon_bounds_by_formula():
    table = {(r["series"], r["horizon"]): r["value"] for r in rows("horizon")}
    assert {t for _, t in table} == {2**k for k in range(1, 9)}
    for t in (2**k for k in range(1, 9)):
        expected = {
            "uniform": 2 * t * (t - 1) * DELTA**2,
            "thm-1": 2 * t * (t - 1) * DELTA * DELTA_B,
            "b9-closed": 4 * DELTA_B * sum(1 - (1 - DELTA) ** (t - i) for i in range(1, t)),
            "b9-product": 4 * DELTA_B * sum(1 - (1 - DELTA_B) ** (t - i) for i in range(1, t)),
        }
        for name, value in expected.items():
            assert isclose(table[name, t], value, rel_tol=RELATIVE), (name, t)


@pytest.mark.parametrize("length", [2, 4])
def test_horizon_residual_by_enumeration(length):
    """Delta = E_mu[R sum_t (rho_t - 1)(1 - rho_{t+1:T})] over all responses, Lemma 2."""
    instance = horizon.instance(length)
    residual = surrogate = value_mu = 0.0
    for prompt in range(2):
        for tokens in product(range(4), repeat=length):
            state, chance, rho = prompt, 0.5, []
            for t, a in enumerate(tokens):
                mu, pi = instance.mu[t][state][a], instance.pi[t][state][a]
                chance, state = chance * mu, instance.space.table(t)[state][a]
                rho.append(pi / mu)
            reward = chance * float(instance.reward[state])
            residual += reward * sum((r - 1) * (1 - prod(rho[t + 1 :])) for t, r in enumerate(rho))
            surrogate += reward * sum(r - 1 for r in rho)
            value_mu += reward
    found = {r["series"]: r["value"] for r in rows("horizon", horizon=length)}
    assert abs(found["exact"] - abs(residual)) <= ROUNDING
    assert abs(found["vacuous"] - (surrogate + 1 + value_mu)) <= ROUNDING


# --- ledger and profile -----------------------------------------------------------------------------------


def account(response):
    """Algorithm 1 token by token: (position, w_t D_t, delta, delta - X_{t-1}, c_t, what becomes of it)."""
    steps = len(response["logp_rollout"])
    excess, out = 0.0, []
    for t in range(1, steps + 1):
        w = 1 - (1 - W_MIN) / (steps - 1) * (t - 1)
        spent = w * response["exact"]["tv"][t - 1]
        step = response["logp_current"][t - 1] - response["logp_rollout"][t - 1]
        away = response["advantage"] * step > 0
        allowed = DELTA - excess
        threshold = min(DELTA, allowed)
        fate = (
            "toward" if not away else "token" if spent > DELTA else "budget" if spent > threshold else "kept"
        )
        out.append((t, spent, DELTA, allowed, threshold, fate))
        excess += w * (response["exact"]["tv"][t - 1] - DELTA_B)
    return out


def test_ledger_by_a_loop():
    accounts = [account(response) for response in responses("A")]
    first = [sum(row[-1] == "token" for row in one[:60]) for one in accounts]
    row = first.index(max(first))
    assert drawn("ledger").settings["row"] == row + 1
    found = rows("ledger")
    assert len(found) == 60
    for r, expected in zip(found, accounts[row], strict=False):
        numbers = [r[n] for n in ("position", "weighted", "threshold", "adjusted", "effective")]
        assert np.allclose(numbers, expected[:-1], rtol=0, atol=ROUNDING)
        assert r["reason"] == expected[-1]
    assert {"token", "budget", "kept", "toward"} == {r["reason"] for r in found}


@pytest.mark.parametrize(("letter", "bins"), [("A", 20), ("B", 10), ("C", 20)])
def test_profile_by_a_loop(letter, bins):
    spent = {"exact": [[] for _ in range(bins)], "binary": [[] for _ in range(bins)]}
    for response in responses(letter):
        steps = len(response["logp_rollout"])
        for t in range(1, steps + 1):
            place = next(i for i in range(bins) if t * bins <= (i + 1) * steps)
            q, p = (np.exp(response[f"logp_{n}"][t - 1]) for n in ("rollout", "current"))
            spent["exact"][place].append(response["exact"]["tv"][t - 1])
            spent["binary"][place].append(abs(p - q))
    for name, places in spent.items():
        found = rows("profile", file=letter, source=name)
        assert len(found) == bins
        for i, (r, values) in enumerate(zip(found, places, strict=True)):
            top = sorted(values)[-max(round(len(values) / 10), 1) :]
            assert (r["position"], r["tokens"]) == ((i + 0.5) / bins, len(values))
            assert isclose(r["mean"], sum(values) / len(values), rel_tol=RELATIVE)
            assert isclose(r["top"], sum(top) / len(top), rel_tol=RELATIVE)


def test_profile_sources_are_ordered_and_the_threshold_is_delta_over_w():
    for letter in ROLLOUTS:
        means = [
            [r["mean"] for r in rows("profile", file=letter, source=n)] for n in ("binary", "topk", "exact")
        ]
        assert (np.diff(np.array(means), axis=0) >= -1e-5).all()  # log-probabilities have six digits
        ends = [r["mean"] for r in rows("profile", file=letter, source="threshold")]
        assert np.allclose(ends, [DELTA, DELTA / W_MIN], rtol=RELATIVE)


def test_profile_is_what_its_caption_says():
    """B ends at twice its mean, A and C do not; Binary finds less than half on free text, A and C."""
    assert profile.CAPTION.startswith("How divergence runs along a response depends on the task;")
    for letter, share in {"A": (0, 0.5), "B": (0.9, 1), "C": (0, 0.5)}.items():
        exact, binary = (rows("profile", file=letter, source=n) for n in ("exact", "binary"))
        sums = [sum(r["mean"] * r["tokens"] for r in found) for found in (exact, binary)]
        assert share[0] < sums[1] / sums[0] < share[1]
        mean = sums[0] / sum(r["tokens"] for r in exact)
        assert (exact[-1]["mean"] / mean > 1.5) == (letter == "B")
    first, *others = np.reshape([r["mean"] for r in rows("profile", file="C", source="exact")], (5, 4)).mean(
        1
    )
    assert 1.5 * first < min(others)


# --- records ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("rule", RULES)
def test_main_curves(condition, rule):
    kept = record(condition, rule)
    start, value = kept.arrays["value_mu"][:, 0], kept.arrays["value"]
    here = rows("main", condition=condition, rule=rule)
    assert len(here) == (SEEDS + 1) * (EVALUATIONS + 1)
    for r in here:
        e, rest = divmod(int(r["update"]), 32)
        assert rest == 0
        column = start if e == 0 else value[:, e - 1]
        if r["seed"] == "all":
            assert isclose(r["value"], middle(column), rel_tol=RELATIVE)
            finite = np.nan_to_num(column)
            assert finite.min() <= r["low"] <= r["value"] <= r["high"] <= finite.max()
        else:
            expected = column[kept.seeds.index(int(r["seed"]))]
            assert np.array_equal(r["value"], expected, equal_nan=True)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("rule", RULES)
def test_frontier_points(condition, rule):
    kept = record(condition, rule)
    here = rows("frontier", condition=condition, rule=rule)
    assert [r["setting"] for r in here] == list(range(len(kept.config["settings"])))
    for s, r in enumerate(here):
        assert isclose(r["value"], middle(kept.arrays["area"][:, s]), rel_tol=RELATIVE)
        for name in ("masked", "residual"):
            assert isclose(r[name], sum(kept.arrays[name][:, s]) / SEEDS, rel_tol=RELATIVE)
        assert r["paper"] == (s == kept.config["paper"])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_decomposition_terms(condition):
    assert {r["rule"] for r in rows("decomposition")} == {"pg-is", "dppo", "cppo"}
    for rule in ("pg-is", "dppo", "cppo"):
        x = record(condition, rule).arrays
        terms = {"gain": x["value"] - x["value_mu"], "surrogate": x["surrogate"], "delta": x["delta"]}
        for term, curve in terms.items():
            here = rows("decomposition", condition=condition, rule=rule, term=term)
            assert [r["update"] for r in here] == [32 * (e + 1) for e in range(EVALUATIONS)]
            for e, r in enumerate(here):
                assert isclose(r["value"], middle(curve[:, e]), rel_tol=RELATIVE, abs_tol=ROUNDING)
