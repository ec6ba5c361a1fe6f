"""Slow, literal oracles: each quantity of the paper as a sum over complete trajectories.

Every function is its definition in arXiv:2606.10968v2 (Section 2 and Appendix B); nothing here imports numpy
or the package. `x[t - 1]` is the paper's x_t, level t holds the states of position t + 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import inf, log

from tests.oracles_world import (
    ZERO,
    Policy,
    Row,
    Step,
    World,
    probability,
    product,
    reachable_trajectories,
    reward_to_go,
    total,
    walks,
)

HALF = Fraction(1, 2)

# --- J, L', Delta (Lemma 2) -------------------------------------------------------------------------------


def value(world: World, policy: Policy) -> Fraction:
    """J(policy): sum over trajectories of probability times return."""
    return total(
        world.initial[y.states[0]] * probability(y.steps, policy) * y.total_reward for y in world.trajectories
    )


def expectation_mu(world: World, values: Iterable[Fraction]) -> Fraction:
    """E_mu of one number per trajectory, in the order of `trajectories`."""
    return total(y.prob_mu * v for y, v in zip(world.trajectories, values, strict=True))


def surrogate(world: World) -> Fraction:
    """L' = E_mu[R sum_t (rho_t - 1)] (Eq. (1))."""
    return expectation_mu(
        world, (y.total_reward * total(rho - 1 for rho in y.ratios) for y in world.trajectories)
    )


def residual(world: World) -> Fraction:
    """Delta = E_mu[R sum_t (rho_t - 1)(1 - rho_{t+1:T})] (Eq. (12)); level t is position t + 1."""
    return expectation_mu(
        world,
        (
            y.total_reward
            * total((y.ratios[t] - 1) * (1 - product(y.ratios[t + 1 :])) for t in range(world.horizon))
            for y in world.trajectories
        ),
    )


def worst_case_residual(world: World) -> Fraction:
    """E_mu|G|, G = sum_t (rho_t - 1) - (rho_{1:T} - 1): the supremum of |Delta| over |R| <= 1 on a tree."""
    if not world.is_tree:
        raise ValueError("only on a tree may the reward depend on the whole trajectory")
    return expectation_mu(
        world,
        (abs(total(rho - 1 for rho in y.ratios) - (product(y.ratios) - 1)) for y in world.trajectories),
    )


# --- states: occupancy, divergences -----------------------------------------------------------------------


def occupancy(world: World, policy: Policy) -> list[list[Fraction]]:
    """d_t(s) at levels 0..T: the probability of the trajectories through s."""
    result = [[ZERO] * n for n in world.sizes]
    for y in world.trajectories:
        prob = world.initial[y.states[0]] * probability(y.steps, policy)
        for t, s in enumerate(y.states):
            result[t][s] += prob
    return result


def occupancy_mu(world: World) -> list[list[Fraction]]:
    return occupancy(world, world.mu)


def occupancy_pi(world: World) -> list[list[Fraction]]:
    return occupancy(world, world.pi)


def reachable(world: World) -> list[list[bool]]:
    """Levels 0..T: whether a trajectory of positive mu-probability passes through s."""
    visited = {(t, s) for y in reachable_trajectories(world) for t, s in enumerate(y.states)}
    return [[(t, s) in visited for s in range(n)] for t, n in enumerate(world.sizes)]


def tv(p: Sequence[Fraction], q: Sequence[Fraction]) -> Fraction:
    """TV = 1/2 sum |p - q|."""
    return HALF * total(abs(x - y) for x, y in zip(p, q, strict=True))


def kl(p: Sequence[Fraction], q: Sequence[Fraction]) -> float:
    """KL(p || q) in nats; infinite where q = 0 < p."""
    if any(y == 0 < x for x, y in zip(p, q, strict=True)):
        return inf
    return sum(float(x) * log(x / y) for x, y in zip(p, q, strict=True) if x > 0)


def token_tv(world: World) -> list[list[Fraction]]:
    """D_t(s) at levels 0..T-1, at every state."""
    return [
        [tv(p, q) for p, q in zip(mu, pi, strict=True)] for mu, pi in zip(world.mu, world.pi, strict=True)
    ]


def kl_mu_pi(world: World) -> list[list[float]]:
    """KL(mu || pi) at every state of the levels 0..T-1."""
    return [
        [kl(p, q) for p, q in zip(mu, pi, strict=True)] for mu, pi in zip(world.mu, world.pi, strict=True)
    ]


def expected_tv(world: World) -> list[Fraction]:
    """u_t = E_{s_t ~ d_t^mu} D_t, by trajectories."""
    d = token_tv(world)
    return [
        expectation_mu(world, (d[t][y.states[t]] for y in world.trajectories)) for t in range(world.horizon)
    ]


def path_tv(world: World) -> list[Row]:
    """(D_1, ..., D_T) along each trajectory of positive mu-probability."""
    d = token_tv(world)
    return [tuple(d[t][y.states[t]] for t in range(world.horizon)) for y in reachable_trajectories(world)]


def ell(world: World) -> list[Fraction]:
    """The smallest l_t with D_t <= l_t pathwise."""
    return [max(levels) for levels in zip(*path_tv(world), strict=True)]


def suffix_tv(world: World) -> list[list[Fraction]]:
    """TV between the laws of what remains from s on, the token drawn at s included; levels 0..T-1.

    What remains is the tokens (and, on a kernel, the successors)."""

    def at(t: int, s: int) -> Fraction:
        laws = [(probability(w, world.mu), probability(w, world.pi)) for w in walks(world, t, s)]
        return HALF * total(abs(p - q) for p, q in laws)

    return [[at(t, s) for s in range(n)] for t, n in enumerate(world.sizes[:-1])]


def overlap(world: World) -> list[list[Fraction]]:
    """Probability that the stepwise maximal coupling started in s never disagrees; levels 0..T-1."""

    def both(x: Step) -> Fraction:
        return min(world.mu[x.level][x.state][x.action], world.pi[x.level][x.state][x.action]) * x.chance

    return [
        [total(product(map(both, w)) for w in walks(world, t, s)) for s in range(n)]
        for t, n in enumerate(world.sizes[:-1])
    ]


# --- budgets, rewards -------------------------------------------------------------------------------------


def cum_budget(world: World, weights: Sequence[Fraction]) -> list[Fraction]:
    """Entry m = 0..T: the largest sum_{j<=m} w_j D_j of a trajectory of positive mu-probability."""
    return [
        max(total(w * d for w, d in zip(weights[:m], path, strict=False)) for path in path_tv(world))
        for m in range(world.horizon + 1)
    ]


def delta_b(world: World, weights: Sequence[Fraction]) -> Fraction:
    """The smallest delta_b with P_m <= delta_b W_m, m = 1..T-1 (Eq. (5)); 0 if T = 1."""
    budgets = cum_budget(world, weights)
    return max((budgets[m] / total(weights[:m]) for m in range(1, world.horizon)), default=ZERO)


def reward_bound(world: World) -> Fraction:
    """xi: the largest |return| of a trajectory of positive mu-probability."""
    return max(abs(y.total_reward) for y in reachable_trajectories(world))


def half_range(world: World) -> Fraction:
    """The largest (max - min)/2 of the returns of one prompt."""
    returns: dict[int, list[Fraction]] = {}
    for y in reachable_trajectories(world):
        returns.setdefault(y.states[0], []).append(y.total_reward)
    return max((max(r) - min(r)) / 2 for r in returns.values())


# --- performance difference -------------------------------------------------------------------------------


def action_value(world: World, t: int, s: int, a: int) -> Fraction:
    """Q^mu_{t+1}(s, a): expected rewards from level t on when a is taken in s and mu followed after it."""
    return total(
        w[0].chance * probability(w[1:], world.mu) * reward_to_go(world, s, w)
        for w in walks(world, t, s)
        if w[0].action == a
    )


def performance_difference(world: World) -> Fraction:
    """sum_t E_{s ~ d_t^pi} sum_a pi(a|s) A^mu(s, a), A^mu = Q^mu - V^mu."""
    occupied, result = occupancy_pi(world), ZERO
    for t in range(world.horizon):
        for s in range(world.sizes[t]):
            q = [action_value(world, t, s, a) for a in range(world.actions)]
            v = total(m * x for m, x in zip(world.mu[t][s], q, strict=True))
            result += occupied[t][s] * total(p * (x - v) for p, x in zip(world.pi[t][s], q, strict=True))
    return result


# --- constraints on every trajectory ----------------------------------------------------------------------


def eq_5_holds(
    world: World, weights: Sequence[Fraction], thresholds: Sequence[Fraction], budget: Fraction
) -> bool:
    """Eq. (5): w_t D_t <= c_t (t = 1..T) and sum_{j<=m} w_j D_j <= delta_b W_m (m = 1..T-1), mu-a.s."""
    for path in path_tv(world):
        spent = accumulated = ZERO
        for t in range(world.horizon):
            if weights[t] * path[t] > thresholds[t]:
                return False
            spent += weights[t] * path[t]
            accumulated += weights[t]
            if t < world.horizon - 1 and spent > budget * accumulated:
                return False
    return True


def algorithm_1(
    path: Sequence[Fraction], weights: Sequence[Fraction], delta: Fraction, budget: Fraction
) -> list[bool]:
    """Algorithm 1 on one response: Z_t <= c_t = min{delta, delta + delta_b W_{t-1} - S_{t-1}} per token."""
    s = w = ZERO
    keeps = []
    for d, weight in zip(path, weights, strict=True):
        z = weight * d
        keeps.append(z <= min(delta, delta + budget * w - s))
        s, w = s + z, w + weight
    return keeps


def eq_8_holds(world: World, weights: Sequence[Fraction], delta: Fraction, budget: Fraction) -> bool:
    """Whether Eq. (8) holds at every token of every trajectory of positive mu-probability."""
    return all(all(algorithm_1(path, weights, delta, budget)) for path in path_tv(world))


def eq_8_smallest_delta(world: World, weights: Sequence[Fraction], budget: Fraction) -> Fraction:
    """The smallest delta for which `eq_8_holds`: the largest Z_t and S_t - delta_b W_{t-1} of a path."""
    needs = []
    for path in path_tv(world):
        z = [w * d for w, d in zip(weights, path, strict=True)]
        needs += z + [total(z[: t + 1]) - budget * total(weights[:t]) for t in range(len(z))]
    return max(needs)
