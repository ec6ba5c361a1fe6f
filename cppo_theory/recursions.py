"""Exact recursions: small rules run in lockstep by one backward and one forward fold.

With '' for the value of the next level, Q = pull(V'', reward), every sum over actions a:

    value_mu      V = sum mu Q
    value_pi      V = sum pi Q                       (of its own, with the values under pi)
    surrogate     L' = sum (pi - mu) Q^mu + sum mu L'''
    gain          G = sum (pi - mu) Q^mu + sum pi G''          = J(pi) - J(mu)
    residual      Delta = sum mu Delta'' - sum (pi - mu) G''
    overlap       f = sum min(mu, pi) f'',  f_{T+1} = 1
    total_tv      H = D + sum mu H''                           = sum_t E_{d_t^mu} D_t
    advantage_pi  X = sum pi (Q^mu - V^mu) + sum pi X''        = sum_t E_{d_t^pi} pi A^mu
    best_return, worst_return   largest and smallest return over actions of positive mu

Past and current rewards drop out of the residual, so step rewards enter only through Q.  Forward:
occupancy under mu, and the largest path sum of weighted TV (which also tells reachability: an
occupancy underflows, a path sum does not).  A fold holds one level, plus what the caller keeps.

Source: arXiv:2606.10968v2, Lemma 2, Eqs. (1) and (12) (surrogate, residual); Section 1 (u_t, D_t);
Appendix B.2 (overlap: the stepwise maximal coupling never parts); Eq. (5) (path sums).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cppo_theory.arithmetic import NO_PATH, Array, dot, full, zero
from cppo_theory.divergence import total_variation
from cppo_theory.instance import Instance
from cppo_theory.spaces import Automaton


class Level:
    """What the formula of one level sees: tables, and values of the next level pulled back."""

    def __init__(
        self, instance: Instance, t: int, shared: _Rows, below: dict[str, Array], last: Level | None
    ) -> None:
        self.mu, self.pi, self.rows = instance.mu[t], instance.pi[t], shared
        self._space, self._t, self._below = instance.space, t, below
        self._reward = None if instance.step_reward is None else instance.step_reward[t]
        self._made: dict[str, Array] = {}
        self._rooms = {} if last is None else last._made

    def pulled(self, name: str) -> Array:
        """Mean of the next level's value over successors; (..., n_t, V)."""
        if name not in self._made:
            self._made[name] = self._pull(name, self._below[name])
        return self._made[name]

    def _pull(self, key: str, value: Array, reward: Array | None = None) -> Array:
        """The space's pull; an automaton writes over what the same pull gave at the level after."""
        if isinstance(self._space, Automaton):
            return self._space.pull(self._t, value, reward, room=self._rooms.get(key))
        return self._space.pull(self._t, value, reward)

    def q(self, name: str) -> Array:
        """The same with the step reward added; (..., n_t, V)."""
        if self._reward is None:
            return self.pulled(name)
        key = f"q {name}"
        if key not in self._made:
            self._made[key] = self._pull(key, self._below[name], self._reward)
        return self._made[key]

    def deviation(self) -> Array:
        """sum_a (pi - mu) Q^mu, what deviating at this position alone gains; (..., n_t)."""
        if "deviation" not in self._made:
            self._made["deviation"] = dot(self.rows.drift, self.q("value_mu"))
        return self._made["deviation"]

    def extreme(self, name: str, sign: int) -> Array:
        """Largest (sign 1) or smallest (sign -1) of value + reward over what mu can reach; (..., n_t)."""
        reward = None if self._reward is None else sign * self._reward
        best = self._space.pull_max(self._t, sign * self._below[name], reward)
        return np.asarray(sign * np.where(self.mu > 0, best, NO_PATH).max(-1))


class _Rows:
    """Functions of one level's two tables alone, computed once for a stationary pair."""

    def __init__(self, mu: Array, pi: Array) -> None:
        self.pair = mu, pi
        self.drift = pi - mu
        self.smaller = np.minimum(mu, pi)
        self.tv = total_variation(mu, pi)

    @classmethod
    def of(cls, instance: Instance, t: int, last: _Rows | None) -> _Rows:
        mu, pi = instance.mu[t], instance.pi[t]
        return last if last and last.pair[0] is mu and last.pair[1] is pi else cls(mu, pi)


@dataclass(frozen=True)
class Backward:
    """One recursion from the end: terminal value per final state, and the formula of one level."""

    name: str
    terminal: Callable[[Instance], Array]
    formula: Callable[[Level], Array]
    needs: tuple[str, ...] = ()


def _nothing(instance: Instance) -> Array:
    return full(instance.reward.shape, 0, instance.reward)


def _one(instance: Instance) -> Array:
    return full(instance.reward.shape, 1, instance.reward)


def _reward(instance: Instance) -> Array:
    return instance.reward


def value_mu(level: Level) -> Array:
    return dot(level.mu, level.q("value_mu"))


def value_pi(level: Level) -> Array:
    return dot(level.pi, level.q("value_pi"))


def surrogate(level: Level) -> Array:
    return level.deviation() + dot(level.mu, level.pulled("surrogate"))


def gain(level: Level) -> Array:
    return level.deviation() + dot(level.pi, level.pulled("gain"))


def residual(level: Level) -> Array:
    return dot(level.mu, level.pulled("residual")) - dot(level.rows.drift, level.pulled("gain"))


def overlap(level: Level) -> Array:
    return dot(level.rows.smaller, level.pulled("overlap"))


def total_tv(level: Level) -> Array:
    total: Array = level.rows.tv + dot(level.mu, level.pulled("total_tv"))
    return total


def advantage_pi(level: Level) -> Array:
    q = level.q("value_mu")
    q = q - q[..., :1]  # what all Q share drops out here, before it is rounded and not after
    advantage = q - dot(level.mu, q)[..., None]
    return dot(level.pi, advantage) + dot(level.pi, level.pulled("advantage_pi"))


def best_return(level: Level) -> Array:
    return level.extreme("best_return", 1)


def worst_return(level: Level) -> Array:
    return level.extreme("worst_return", -1)


BACKWARD = {
    rule.name: rule
    for rule in (
        Backward("value_mu", _reward, value_mu),
        Backward("value_pi", _reward, value_pi),
        Backward("surrogate", _nothing, surrogate, needs=("value_mu",)),
        Backward("gain", _nothing, gain, needs=("value_mu",)),
        Backward("residual", _nothing, residual, needs=("gain",)),
        Backward("overlap", _one, overlap),
        Backward("total_tv", _nothing, total_tv),
        Backward("advantage_pi", _nothing, advantage_pi, needs=("value_mu",)),
        Backward("best_return", _reward, best_return),
        Backward("worst_return", _reward, worst_return),
    )
}
"""The backward recursions by name."""


def fold_back(
    instance: Instance, names: Iterable[str], keep: Iterable[str] = ()
) -> tuple[dict[str, Array], dict[str, list[Array]]]:
    """Run backward recursions in lockstep.

    Parameters
    ----------
    instance : Instance
    names : iterable of str
        Recursions of `BACKWARD`; what they need is added.
    keep : iterable of str
        Recursions whose levels t = 0..T-1 are returned too.

    Returns
    -------
    roots : dict of str to array (..., n_0)
        Values at level 0.
    kept : dict of str to list of T arrays (..., n_t)
    """
    rules = _with_needs([*names, *keep])
    values = {rule.name: rule.terminal(instance) for rule in rules}
    kept: dict[str, list[Array]] = {name: [] for name in keep}
    rows: _Rows | None = None
    level: Level | None = None
    for t in reversed(range(instance.horizon)):
        rows = _Rows.of(instance, t, rows)
        level = Level(instance, t, rows, values, level)
        values = {rule.name: rule.formula(level) for rule in rules}
        for name, levels in kept.items():
            levels.append(values[name])
    return values, {name: levels[::-1] for name, levels in kept.items()}


def _with_needs(names: list[str]) -> list[Backward]:
    closed: dict[str, Backward] = {}
    while names:
        rule = BACKWARD[names.pop()]
        closed[rule.name] = rule
        names.extend(need for need in rule.needs if need not in closed)
    return list(closed.values())


@dataclass(frozen=True)
class Forward:
    """What the forward fold returns; T arrays kept only on request.

    Attributes
    ----------
    expected_tv : array (..., T)
        u_t = E_{s ~ d_t^mu} D_t(s).
    ell : array (..., T)
        Largest D_t over mu-reachable states.
    cum_budget : array (..., T + 1)
        Largest path sum of w_j D_j over j <= m, for m = 0..T.
    occupancy_mu, reachable : list of T arrays (..., n_t), empty unless kept
    """

    expected_tv: Array
    ell: Array
    cum_budget: Array
    occupancy_mu: list[Array]
    reachable: list[Array]


def fold_forward(instance: Instance, weights: Array, keep: bool = False) -> Forward:
    """Run occupancy, reachability and the worst path sums in lockstep.

    Parameters
    ----------
    instance : Instance
    weights : array (T,)
        w_t of the path sums.
    keep : bool
        Whether occupancies and reachable states are returned, level by level.
    """
    occupancy = instance.initial
    worst = np.where(occupancy > 0, zero(occupancy), NO_PATH)
    means, largest, budget = [], [], []
    kept: tuple[list[Array], list[Array]] = ([], [])
    rows: _Rows | None = None
    for t in range(instance.horizon):
        rows = _Rows.of(instance, t, rows)
        reachable = worst > NO_PATH
        means.append(dot(occupancy, rows.tv))
        largest.append(np.where(reachable, rows.tv, zero(occupancy)).max(-1))
        worst = worst + weights[t] * rows.tv
        budget.append(worst.max(-1))
        if keep:
            kept[0].append(occupancy)
            kept[1].append(reachable)
        if t + 1 < instance.horizon:
            occupancy = instance.space.push(t, occupancy[..., None] * instance.mu[t])
            scores = np.where(instance.mu[t] > 0, worst[..., None], NO_PATH)
            worst = instance.space.push_max(t, scores)
    start = full(np.shape(budget[0]), 0, occupancy)
    return Forward(_stack(means), _stack(largest), _stack([start, *budget]), *kept)


def occupancies(instance: Instance, policy: Sequence[Array]) -> Iterator[Array]:
    """Law of the state at levels t = 0..T-1 under a policy; arrays (..., n_t).

    Source: arXiv:2606.10968v2, Section 1, d_t.
    """
    law = instance.initial
    for t, table in enumerate(policy):
        yield law
        if t + 1 < instance.horizon:
            law = instance.space.push(t, law[..., None] * table)


def _stack(levels: list[Array]) -> Array:
    """Arrays (...) per level as one array (..., levels)."""
    return np.stack(np.broadcast_arrays(*levels), axis=-1)
