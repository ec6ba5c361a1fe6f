"""The bounds beyond the paper's that the golden files list, each from its definition.

Sharper bounds on Delta: sums over trajectories or plain loops, nothing shared with the package.
"""

from __future__ import annotations

from fractions import Fraction

from tests.oracles import expectation_mu, expected_tv, overlap, token_tv
from tests.oracles_bounds import Numbers
from tests.oracles_world import ONE, World, probability, product, total, walks


def state_dependent(reward_bound: Fraction, world: World) -> Fraction:
    """2 xi E_mu[sum_t e_t (1 - prod_{j != t} m_j)], e = (rho - 1)_+, m = min(1, rho)."""

    def inner(ratios: Numbers) -> Fraction:
        kept = [min(ONE, rho) for rho in ratios]
        return total(
            max(rho - 1, Fraction(0)) * (1 - product(kept[:t] + kept[t + 1 :]))
            for t, rho in enumerate(ratios)
        )

    return 2 * reward_bound * expectation_mu(world, (inner(y.ratios) for y in world.trajectories))


def overlap_suffix(reward_bound: Fraction, world: World) -> Fraction:
    """2 xi sum_t E_mu[|rho_t - 1| (1 - f_{t+1}(s_{t+1}))], f the overlap, f_{T+1} = 1."""
    f = [*overlap(world), [ONE] * world.sizes[-1]]
    return (
        2
        * reward_bound
        * expectation_mu(
            world,
            (
                total(abs(rho - 1) * (1 - f[t + 1][y.states[t + 1]]) for t, rho in enumerate(y.ratios))
                for y in world.trajectories
            ),
        )
    )


def hybrid(reward_bound: Fraction, world: World) -> Fraction:
    """2 xi sum_t E_mu[|rho_t - 1| E_mu[sum_{j>t} D_j | s_{t+1}]]."""
    d = token_tv(world)

    def remaining(t: int, s: int) -> Fraction:
        return total(
            probability(w, world.mu) * total(d[x.level][x.state] for x in w) for w in walks(world, t, s)
        )

    h = [[remaining(t, s) for s in range(n)] for t, n in enumerate(world.sizes)]
    return (
        2
        * reward_bound
        * expectation_mu(
            world,
            (
                total(abs(rho - 1) * h[t + 1][y.states[t + 1]] for t, rho in enumerate(y.ratios))
                for y in world.trajectories
            ),
        )
    )


def threshold_law(reward_bound: Fraction, ell: Numbers) -> Fraction:
    """2 xi sum_t l_t (1 - prod_{j != t} (1 - l_j))."""
    survive = [1 - x for x in ell]
    return (
        2 * reward_bound * total(x * (1 - product(survive[:t] + survive[t + 1 :])) for t, x in enumerate(ell))
    )


def linear(reward_bound: Fraction, world: World) -> Fraction:
    """2 xi sum_t u_t."""
    return 2 * reward_bound * total(expected_tv(world))


def dppo_linear(reward_bound: Fraction, world: World) -> Fraction:
    """4 xi sum_t u_t."""
    return 4 * reward_bound * total(expected_tv(world))


def budget(reward_bound: Fraction, horizon: int, path_sum: Fraction) -> Fraction:
    """2 xi T (T - 1) (B / T)^2, B the largest sum of D_1..D_T on a path."""
    return 2 * reward_bound * horizon * (horizon - 1) * (path_sum / horizon) ** 2


def budget_eq5(reward_bound: Fraction, horizon: int, delta_b: Fraction, ell_last: Fraction) -> Fraction:
    """2 xi (T - 1) delta_b [(T - 2) delta_b + 2 l_T]."""
    return 2 * reward_bound * (horizon - 1) * delta_b * ((horizon - 2) * delta_b + 2 * ell_last)


def budget_exact(reward_bound: Fraction, horizon: int, path_sum: Fraction) -> Fraction:
    """2 xi phi_T(B), T >= 2: the supremum of |Delta| under sum_t D_t <= B a.s."""
    b, n = path_sum, horizon
    tangent = (1 - Fraction(1, n - 1)) ** (n - 1)
    if b <= Fraction(n, n - 1):
        phi = 2 * (b - 1 + (1 - b / n) ** n)
    elif b <= 2:
        phi = 2 * (b - 1 + (2 - b) * tangent)
    else:
        phi = min(b, Fraction(n))
    return 2 * reward_bound * phi


def trm_coupling(reward_bound: Fraction, horizon: int, eps: Fraction) -> Fraction:
    """4 xi min(1, eps) sum_t min(1, (t - 1) eps)."""
    return 4 * reward_bound * min(ONE, eps) * total(min(ONE, (t - 1) * eps) for t in range(1, horizon + 1))


def trm_mixed_tv(reward_bound: Fraction, horizon: int, eps: Fraction, tv_seq: Fraction) -> Fraction:
    """4 T xi min(1, eps) min(1, TV_seq), TV_seq the expected TV of whole responses."""
    return 4 * horizon * reward_bound * min(ONE, eps) * min(ONE, tv_seq)
