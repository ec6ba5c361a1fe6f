"""The right-hand sides of the paper's bounds and claims, with plain loops over t = 1..T.

Each function is one formula of arXiv:2606.10968v2 as printed; `x[t - 1]` is the paper's x_t. T is `horizon`,
or the length of `u`, `ell` or `weights` where these are given. xi is `reward_bound`, lbar is `ell_max`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

from tests.oracles_world import ONE, ZERO, total

Numbers = Sequence[Fraction]
Pair = tuple[Fraction, Fraction]


# --- schedules --------------------------------------------------------------------------------------------


def linear_weights(horizon: int, w_min: Fraction) -> list[Fraction]:
    """w_t = 1 - (1 - w_min)/(T - 1) (t - 1) (Eq. (9)); 0/0 at T = 1, where w_1 = 1."""
    if horizon == 1:
        return [ONE]
    return [1 - (1 - w_min) / (horizon - 1) * (t - 1) for t in range(1, horizon + 1)]


def prop_5(horizon: int, w_min: Fraction) -> list[Pair]:
    """g_t - g_{t+1} and w_min / (w_t w_{t+1}) for t = 1..T-1, g_t = (T - t) / w_t."""
    w = linear_weights(horizon, w_min)
    g = [(horizon - t) / w[t - 1] for t in range(1, horizon + 1)]
    return [(g[t - 1] - g[t], w_min / (w[t - 1] * w[t])) for t in range(1, horizon)]


# --- coupling and residual (Lemma 3, Proposition 4) -------------------------------------------------------


def lemma_3_product(ell: Numbers) -> list[Fraction]:
    """1 - prod_{j>t} (1 - l_j) for t = 0..T-1; entry t bounds the suffix TV at the states of level t."""
    sides = []
    for t in range(len(ell)):
        survival = ONE
        for j in range(t + 1, len(ell) + 1):
            survival *= 1 - ell[j - 1]
        sides.append(1 - survival)
    return sides


def lemma_3_union(ell: Numbers) -> list[Fraction]:
    """sum_{j>t} l_j for t = 0..T-1."""
    return [total(ell[j - 1] for j in range(t + 1, len(ell) + 1)) for t in range(len(ell))]


def prop_4(reward_bound: Fraction, u: Numbers, ell: Numbers) -> Fraction:
    """4 xi sum_{t<T} u_t sum_{j>t} l_j."""
    horizon, result = len(u), ZERO
    for t in range(1, horizon):
        for j in range(t + 1, horizon + 1):
            result += u[t - 1] * ell[j - 1]
    return 4 * reward_bound * result


def lam(reward_bound: Fraction, horizon: int, ell_max: Fraction) -> list[Fraction]:
    """lambda_t = 4 xi lbar (T - t), t = 1..T."""
    return [4 * reward_bound * ell_max * (horizon - t) for t in range(1, horizon + 1)]


def eq_4(reward_bound: Fraction, u: Numbers, ell: Numbers) -> Fraction:
    """sum_{t<T} lambda_t u_t."""
    lambdas = lam(reward_bound, len(u), max(ell))
    return total(lambdas[t - 1] * u[t - 1] for t in range(1, len(u)))


def uniform(reward_bound: Fraction, horizon: int, ell_max: Fraction) -> Fraction:
    """2 xi T (T - 1) max(ell)^2."""
    return 2 * reward_bound * horizon * (horizon - 1) * ell_max**2


# --- Theorem 1, Corollaries 6 and 7, Proposition 8, Eq. (18) ----------------------------------------------


def thm_1(reward_bound: Fraction, horizon: int, ell_max: Fraction, delta_b: Fraction) -> Fraction:
    """2 xi T (T - 1) lbar delta_b (Eq. (6))."""
    return 2 * reward_bound * horizon * (horizon - 1) * ell_max * delta_b


def eq_7(
    reward_bound: Fraction, horizon: int, delta: Fraction, delta_b: Fraction, w_min: Fraction
) -> Fraction:
    """2 xi T (T - 1) delta delta_b / w_min."""
    return 2 * reward_bound * horizon * (horizon - 1) * delta * delta_b / w_min


def c_uniform(reward_bound: Fraction, horizon: int, delta: Fraction) -> Fraction:
    """2 xi T (T - 1) delta^2."""
    return 2 * reward_bound * horizon * (horizon - 1) * delta * delta


def c_cppo(reward_bound: Fraction, horizon: int, delta: Fraction, delta_b: Fraction) -> Fraction:
    """2 xi T (T - 1) delta delta_b (Eq. (15))."""
    return 2 * reward_bound * horizon * (horizon - 1) * delta * delta_b


def c_impl(
    reward_bound: Fraction, horizon: int, delta: Fraction, delta_b: Fraction, w_min: Fraction
) -> Fraction:
    """2 xi T (T - 1) (delta / w_min) delta_b (Eq. (16))."""
    return 2 * reward_bound * horizon * (horizon - 1) * (delta / w_min) * delta_b


def cor_6_ratio(delta: Fraction, delta_b: Fraction) -> Fraction:
    """C_CPPO / C_uniform = delta_b / delta."""
    return delta_b / delta


def cor_7_ratio(delta: Fraction, delta_b: Fraction, w_min: Fraction) -> Fraction:
    """C_impl / C_uniform = delta_b / (delta w_min)."""
    return delta_b / (delta * w_min)


def prop_8(
    reward_bound: Fraction, horizon: int, ell_max: Fraction, delta_b: Fraction, eta: Fraction, w_1: Fraction
) -> Fraction:
    """2 xi T (T - 1) lbar delta_b + eta 4 xi lbar (T - 1) / w_1 (Eq. (17))."""
    main = 2 * reward_bound * horizon * (horizon - 1) * ell_max * delta_b
    return main + eta * 4 * reward_bound * ell_max * (horizon - 1) / w_1


def expected_slack(u: Numbers, weights: Numbers, delta_b: Fraction) -> Fraction:
    """The smallest eta >= 0 with sum_{j<=m} w_j u_j <= delta_b W_m + eta, m = 1..T-1."""
    eta = ZERO
    for m in range(1, len(u)):
        spent = total(weights[j - 1] * u[j - 1] for j in range(1, m + 1))
        eta = max(eta, spent - delta_b * total(weights[j - 1] for j in range(1, m + 1)))
    return eta


def eq_8_sharp_slack(weights: Numbers, delta: Fraction, delta_b: Fraction) -> Fraction:
    """delta - delta_b min_{m<T} w_m: what Eq. (8) leaves of S_m <= delta + delta_b W_{m-1} against (5)."""
    return delta - delta_b * min(weights[m - 1] for m in range(1, len(weights)))


def eq_18_terminal(reward_bound: Fraction, horizon: int, ell_max: Fraction, delta_b: Fraction) -> Fraction:
    """4 xi lbar (T - 1)^2 delta_b."""
    return 4 * reward_bound * ell_max * (horizon - 1) ** 2 * delta_b


def eq_18_weights(reward_bound: Fraction, ell_max: Fraction, weights: Numbers) -> Pair:
    """max_{t<T} lambda_t / w_t and sum_{t<T} lambda_t / W_{T-1}; T >= 2."""
    horizon = len(weights)
    lambdas = lam(reward_bound, horizon, ell_max)
    largest = max(lambdas[t - 1] / weights[t - 1] for t in range(1, horizon))
    ratio_of_sums = total(lambdas[: horizon - 1]) / total(weights[: horizon - 1])
    return largest, ratio_of_sums


# --- product form (B.9) -----------------------------------------------------------------------------------


def beta(ell: Numbers) -> list[Fraction]:
    """beta_t = 1 - prod_{j>t} (1 - l_j), t = 1..T (beta_T = 0)."""
    result = []
    for t in range(1, len(ell) + 1):
        survival = ONE
        for j in range(t + 1, len(ell) + 1):
            survival *= 1 - ell[j - 1]
        result.append(1 - survival)
    return result


def b9_product(reward_bound: Fraction, u: Numbers, ell: Numbers) -> Fraction:
    """4 xi sum_t u_t beta_t."""
    return 4 * reward_bound * total(x * b for x, b in zip(u, beta(ell), strict=True))


def b9_closed(reward_bound: Fraction, horizon: int, delta: Fraction, delta_b: Fraction) -> Fraction:
    """4 xi delta_b sum_{t<T} (1 - (1 - delta)^{T-t})."""
    return 4 * reward_bound * delta_b * total(1 - (1 - delta) ** (horizon - t) for t in range(1, horizon))


# --- hypotheses about order -------------------------------------------------------------------------------


def theorem_ratios(reward_bound: Fraction, ell_max: Fraction, weights: Numbers) -> list[Fraction]:
    """r_t = lambda_t / w_t, t = 1..T-1 (Theorem 1 wants them non-increasing)."""
    lambdas = lam(reward_bound, len(weights), ell_max)
    return [lambdas[t - 1] / weights[t - 1] for t in range(1, len(weights))]


def b9_ratios(ell: Numbers, weights: Numbers) -> list[Fraction]:
    """beta_t / w_t, t = 1..T-1 (B.9 wants them non-increasing)."""
    return [beta(ell)[t - 1] / weights[t - 1] for t in range(1, len(weights))]


def is_non_increasing(values: Numbers) -> bool:
    return all(values[i] >= values[i + 1] for i in range(len(values) - 1))


# --- Abel summation and averaging (B.10, B.11) ------------------------------------------------------------


def b11_abel(r: Numbers, increments: Numbers) -> Pair:
    """sum_t r_t Delta_t and r_n S_n + sum_{t<n} (r_t - r_{t+1}) S_t, S_t = Delta_1 + ... + Delta_t."""
    n = len(r)
    s = [total(increments[: t + 1]) for t in range(n)]
    right = r[n - 1] * s[n - 1] + total((r[t - 1] - r[t]) * s[t - 1] for t in range(1, n))
    return total(r[t] * increments[t] for t in range(n)), right


def b10_abel(
    reward_bound: Fraction, ell_max: Fraction, weights: Numbers, u: Numbers, delta_b: Fraction
) -> Pair:
    """sum_{t<T} lambda_t u_t and the Abel bound delta_b sum_{t<T} lambda_t = 2 xi T (T - 1) lbar delta_b.

    "<=" if A_m = sum_{j<=m} w_j (u_j - delta_b) <= 0 for m = 1..T-1 and r_t is non-increasing; "==" at
    u = delta_b. The weights enter through these two hypotheses only."""
    horizon = len(weights)
    lambdas = lam(reward_bound, horizon, ell_max)
    return (
        total(lambdas[t - 1] * u[t - 1] for t in range(1, horizon)),
        delta_b * total(lambdas[t - 1] for t in range(1, horizon)),
    )


def centred_slack(weights: Numbers, u: Numbers, delta_b: Fraction) -> list[Fraction]:
    """A_m = sum_{j<=m} w_j (u_j - delta_b), m = 1..T-1."""
    return [
        total(weights[j - 1] * (u[j - 1] - delta_b) for j in range(1, m + 1)) for m in range(1, len(weights))
    ]


def b10_maximum(reward_bound: Fraction, ell_max: Fraction, weights: Numbers, delta_b: Fraction) -> Fraction:
    """Maximum of sum_{t<T} lambda_t u_t over u >= 0 with A_m <= 0, m = 1..T-1, by its vertices.

    At a vertex each t has either u_t = 0 or A_t = 0 (both at once would need delta_b w = 0)."""
    n = len(weights) - 1
    lambdas = lam(reward_bound, n + 1, ell_max)
    best = ZERO
    for tight in product((False, True), repeat=n):
        spent, gain = ZERO, ZERO
        for t in range(1, n + 1):
            if tight[t - 1]:
                limit = delta_b * total(weights[:t])
                gain += lambdas[t - 1] * (limit - spent) / weights[t - 1]
                spent = limit
        best = max(best, gain)
    return best


def averaging(a: Numbers, w: Numbers) -> Pair:
    """max_t a_t / w_t and sum a / sum w (equal iff a / w is constant)."""
    return max(x / y for x, y in zip(a, w, strict=True)), total(a) / total(w)


# --- two distributions (B.11, Eq. (21)) -------------------------------------------------------------------


def tv_by_events(p: Numbers, q: Numbers) -> Fraction:
    """TV as the largest P(A) - Q(A) over all events A."""
    outcomes = range(len(p))
    events = (event for size in range(len(p) + 1) for event in combinations(outcomes, size))
    return max(total(p[i] - q[i] for i in event) for event in events)


def mean_ratio_gap(p: Numbers, q: Numbers) -> Fraction:
    """E_q|1 - p/q|, over the support of q (2 TV(p, q) if p << q)."""
    return total(y * abs(1 - x / y) for x, y in zip(p, q, strict=True) if y > 0)


def is_coupling(joint: Sequence[Numbers], p: Numbers, q: Numbers) -> bool:
    """Whether a matrix is a law on pairs (X, Y) with marginals p (rows) and q (columns)."""
    non_negative = all(x >= 0 for row in joint for x in row)
    rows = [total(row) for row in joint]
    columns = [total(column) for column in zip(*joint, strict=True)]
    return non_negative and rows == list(p) and columns == list(q)


def mismatch(joint: Sequence[Numbers]) -> Fraction:
    """Pr(X != Y) under a joint law."""
    return total(x for i, row in enumerate(joint) for j, x in enumerate(row) if i != j)


def mixture(mu: Numbers, pi: Numbers, gate: Fraction) -> list[Fraction]:
    """pi_g = (1 - g) mu + g pi (Eq. (21))."""
    return [(1 - gate) * m + gate * p for m, p in zip(mu, pi, strict=True)]
