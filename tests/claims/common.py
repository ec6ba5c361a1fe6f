"""What the claim tests share: constraints in plain numbers, their symbols by the oracles, and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product as words
from typing import Any

import numpy as np
from hypothesis import strategies as st

import cppo_theory as ct
from tests import convert, oracles, oracles_bounds, strategies
from tests.oracles_world import ONE, ZERO, World, product, total
from tests.tolerances import ROUNDING

SPACES = strategies.worlds() | strategies.automaton_worlds() | strategies.kernel_worlds()
FACTORS = st.sampled_from([ONE, ONE, ONE, Fraction(3, 2), Fraction(1, 2)])


@dataclass(frozen=True)
class Limits:
    """Eq. (5) in plain numbers; None: measured."""

    weights: Sequence[Any]
    thresholds: Sequence[Any] | None = None
    delta_b: Any = None

    def package(self) -> ct.Constraints:
        thresholds = None if self.thresholds is None else _exact(self.thresholds)
        return ct.Constraints(_exact(self.weights), thresholds, self.delta_b)


def _exact(numbers: Sequence[Any]) -> np.ndarray:
    return np.array([Fraction(x) for x in numbers], dtype=object)


def unit(horizon: int, thresholds: Sequence[Any] | None = None, delta_b: Any = None) -> Limits:
    """The same with w = 1."""
    return Limits([ONE] * horizon, thresholds, delta_b)


@dataclass(frozen=True)
class Symbols:
    """The paper's symbols for one world under one set of limits, by the oracles."""

    world: World
    limits: Limits

    @property
    def horizon(self) -> int:
        return self.world.horizon

    @property
    def weights(self) -> list[Fraction]:
        return [Fraction(w) for w in self.limits.weights]

    @property
    def w_min(self) -> Fraction:
        return min(self.weights)

    @cached_property
    def xi(self) -> Fraction:
        return oracles.reward_bound(self.world)

    @cached_property
    def u(self) -> list[Fraction]:
        return oracles.expected_tv(self.world)

    @cached_property
    def abs_residual(self) -> Fraction:
        return abs(oracles.residual(self.world))

    @cached_property
    def ell(self) -> list[Fraction]:
        """l_t = c_t / w_t."""
        if self.limits.thresholds is None:
            return oracles.ell(self.world)
        return [Fraction(c) / w for c, w in zip(self.limits.thresholds, self.weights, strict=True)]

    @property
    def ell_max(self) -> Fraction:
        return max(self.ell)

    @property
    def delta(self) -> Fraction:
        """max_t c_t."""
        return max(w * x for w, x in zip(self.weights, self.ell, strict=True))

    @cached_property
    def delta_b(self) -> Fraction:
        given = self.limits.delta_b
        return oracles.delta_b(self.world, self.weights) if given is None else Fraction(given)

    def is_met(self, hypothesis: str) -> bool:
        """Whether a hypothesis of this name holds."""
        return HYPOTHESES[hypothesis](self)

    def obeys(self, ell: Sequence[Fraction], delta_b: Fraction) -> bool:
        """Eq. (5) with c_t = w_t l_t."""
        thresholds = [w * x for w, x in zip(self.weights, ell, strict=True)]
        return oracles.eq_5_holds(self.world, self.weights, thresholds, delta_b)

    def terminal_budget_holds(self) -> bool:
        spent = oracles.cum_budget(self.world, self.weights)[self.horizon - 1]
        if self.limits.delta_b is None:
            return True
        return spent <= self.delta_b * total(self.weights[:-1])


HYPOTHESES: dict[str, Callable[[Symbols], bool]] = {
    "thresholds": lambda s: s.obeys(s.ell, Fraction(10**6)),
    "prefix-budget": lambda s: s.obeys([Fraction(10**6)] * s.horizon, s.delta_b),
    "terminal-budget": Symbols.terminal_budget_holds,
    "falling-ratio": lambda s: oracles_bounds.is_non_increasing(
        oracles_bounds.theorem_ratios(ONE, ONE, s.weights)
    ),
    "falling-product-ratio": lambda s: oracles_bounds.is_non_increasing(
        oracles_bounds.b9_ratios([s.ell_max] * s.horizon, s.weights)
    ),
    "ell-at-most-1": lambda s: s.ell_max <= 1,
    "two-tokens": lambda s: s.horizon >= 2,
    "unit-weights": lambda s: set(s.weights) == {ONE},
    "weights-at-most-1": lambda s: max(s.weights) <= 1,
    "positive-delta": lambda s: s.delta > 0,
    "positive-reward": lambda s: s.xi > 0,
}
"""Hypotheses by the names that the claims use."""


# --- constraints ------------------------------------------------------------------------------------------


@st.composite
def limits_of(draw: strategies.Draw, world: World) -> Limits:
    """Measured and prescribed limits: w = 1, linear or any; thresholds and budget about the measured ones."""
    horizon = world.horizon
    schedules = [
        st.just([ONE] * horizon),
        strategies.unit_fractions(10).map(lambda w_min: oracles_bounds.linear_weights(horizon, w_min)),
        strategies.weights(horizon),
    ]
    weights = draw(st.one_of(schedules))
    thresholds = delta_b = None
    if draw(st.booleans()):
        factors = draw(st.lists(FACTORS, min_size=horizon, max_size=horizon))
        ell = oracles.ell(world)
        thresholds = [w * x * f for w, x, f in zip(weights, ell, factors, strict=True)]
        if draw(st.booleans()):
            thresholds = [max(thresholds) * draw(FACTORS)] * horizon
    if draw(st.booleans()):
        delta_b = oracles.delta_b(world, weights) * draw(FACTORS)
    return Limits(weights, thresholds, delta_b)


@st.composite
def cases(draw: strategies.Draw, worlds: st.SearchStrategy[World] = SPACES) -> Symbols:
    """A world with limits."""
    world = draw(worlds)
    return Symbols(world, draw(limits_of(world)))


# --- verdicts ---------------------------------------------------------------------------------------------


def verdict(
    world: World, claim: str, constraints: Limits | None = None, drop: Sequence[str] = ()
) -> ct.Verdict:
    """The package's verdict; without constraints, w = 1 and all else measured."""
    package = None if constraints is None else constraints.package()
    return ct.check(convert.instance(world), [claim], package, drop)[0]


def assert_sides(
    world: World,
    claim: str,
    lhs: Fraction,
    rhs: Fraction,
    constraints: Limits | None = None,
    hypotheses: Sequence[str] | Mapping[str, bool] = (),
) -> ct.Verdict:
    """Both sides are these Fractions, the hypotheses fail as they do by the oracles, and else it holds.

    `hypotheses` lists the claim's in its order, by names of `HYPOTHESES` or with the truth of each.
    """
    found = verdict(world, claim, constraints)
    symbols = Symbols(world, constraints or unit(world.horizon))
    truth = hypotheses if isinstance(hypotheses, Mapping) else {h: symbols.is_met(h) for h in hypotheses}
    assert (found.lhs, found.rhs) == (lhs, rhs)
    assert isinstance(found.lhs, Fraction)
    assert isinstance(found.rhs, Fraction)
    assert found.failed == tuple(name for name, holds in truth.items() if not holds)
    assert found.status == ("not applicable" if found.failed else "holds")
    assert found.failed or (lhs == rhs if ct.CLAIMS[claim].relation == "==" else lhs <= rhs)
    assert_strength(world, found)
    return found


def assert_strength(world: World, found: ct.Verdict) -> None:
    """Vacuous iff L' - C <= -xi - J(mu), or C reaches the trivial value; certifies iff C < L'."""
    claim = ct.CLAIMS[found.claim]
    vacuous = certifies = None
    if claim.bounds_residual:
        surrogate, value = oracles.surrogate(world), oracles.value(world, world.mu)
        vacuous = surrogate - found.rhs <= -oracles.reward_bound(world) - value
        certifies = found.rhs < surrogate
    elif claim.trivial is not None:
        vacuous = found.rhs >= claim.trivial
    assert (found.vacuous, found.certifies) == (vacuous, certifies)


def assert_needed(
    world: World, claim: str, hypothesis: str, constraints: Limits | None = None
) -> tuple[Fraction, Fraction]:
    """This hypothesis alone fails, and without it the claim is violated; returns both sides."""
    found = verdict(world, claim, constraints)
    assert (found.status, found.failed) == ("not applicable", (hypothesis,))
    dropped = verdict(world, claim, constraints, drop=[hypothesis])
    assert (dropped.status, dropped.failed) == ("violated", ())
    return dropped.lhs, dropped.rhs


# --- worlds -----------------------------------------------------------------------------------------------


def jump_world(ell: Sequence[Any], jump: Any, reward: Callable[[Fraction], Any] | None = None) -> World:
    """V = 2: action 0 has probability p under mu and p + l_t under pi, in every state of position t.

    The reward is a function of G(y) = sum_t (rho_t - 1) - (rho_{1:T} - 1), sign G by default: the worst.
    """
    p, horizon = Fraction(jump), len(ell)
    pi = [p + Fraction(x) for x in ell]
    sign = reward or (lambda gap: 1 if gap >= 0 else -1)

    def gap(word: tuple[int, ...]) -> Fraction:
        ratios = [(1 - q) / (1 - p) if a else q / p for q, a in zip(pi, word, strict=True)]
        return total(r - 1 for r in ratios) - (product(ratios) - 1)

    return World(
        kind="tree",
        horizon=horizon,
        actions=2,
        initial=(ONE,),
        mu=tuple(((p, 1 - p),) * 2**t for t in range(horizon)),
        pi=tuple(((q, 1 - q),) * 2**t for t, q in enumerate(pi)),
        final_reward=tuple(Fraction(sign(gap(word))) for word in words((0, 1), repeat=horizon)),
    )


def share(sides: tuple[Fraction, Fraction]) -> Fraction:
    """lhs / rhs, how much of a bound is used; 0 / 0 = 0."""
    lhs, rhs = sides
    return lhs / rhs if rhs else ZERO


def stacked(*worlds: World) -> ct.Instance:
    """Trees of one shape as an exact batch."""
    parts = [convert.instance(world) for world in worlds]
    mu, pi = (
        [np.stack(level) for level in zip(*(getattr(x, name) for x in parts), strict=True)]
        for name in ("mu", "pi")
    )
    initial, reward = (np.stack([getattr(x, name) for x in parts]) for name in ("initial", "reward"))
    return ct.Instance(parts[0].space, initial, mu, pi, reward)


# --- floats -----------------------------------------------------------------------------------------------

BATCH_SPACES: tuple[Any, ...] = (
    ct.PrefixTree(3, 3, prompts=2),
    ct.Automaton(np.array([[0, 1], [2, 1], [0, 2]]), 4),
    ct.Kernel(np.array([[[0, 1], [1, 0]], [[1, 1], [0, 1]]]), np.array([[[0.25, 0.75], [1, 0]]] * 2), 3),
)


def random_batch(space: Any, size: int = 6, seed: int = 1, scale: float = 1.0) -> ct.Instance:
    """A float batch on one space: Gaussian logits, rewards of both signs."""
    rng = np.random.default_rng(seed)

    def policy() -> list[np.ndarray]:
        tables = []
        for n in space.sizes[:-1]:
            weights = np.exp(scale * rng.standard_normal((size, n, space.actions)))
            tables.append(weights / weights.sum(-1, keepdims=True))
        return tables

    initial = np.full(space.sizes[0], 1 / space.sizes[0])
    return ct.Instance(space, initial, policy(), policy(), rng.uniform(-1, 1, (size, space.sizes[-1])))


def limits_of_first(batch: ct.Instance) -> ct.Constraints:
    """Thresholds and budget as measured on the first element, w = 1; the others violate some."""
    values = ct.evaluate(batch)
    return ct.Constraints(np.ones(batch.horizon), values.ell[0], float(values.delta_b[0]))


def assert_batch_is_one_by_one(
    batch: ct.Instance, claims: Sequence[str], constraints: ct.Constraints | None = None
) -> set[str]:
    """`check_batch` says of every element what `check` says of it alone; returns the statuses that occur."""
    outcomes = ct.check_batch(batch, claims, constraints)
    (size,) = batch.batch_shape
    seen = set()
    for i in range(size):
        for outcome, alone in zip(outcomes, ct.check(batch.element(i), claims, constraints), strict=True):
            together = ct.claims.verdict_of(outcome, i)
            seen.add(str(alone.status))
            _assert_same(together, alone)
    return seen


def assert_floats_agree(world: World, claims: Sequence[str], constraints: Limits | None = None) -> None:
    """In float64 every verdict is that of the exact tier."""
    package = None if constraints is None else constraints.package()
    instance, floats = convert.instance(world), convert.float_instance(world)
    pairs = zip(ct.check(floats, claims, package), ct.check(instance, claims, package), strict=True)
    for found, exact in pairs:
        _assert_same(found, exact, strength=False)


def _assert_same(found: ct.Verdict, expected: ct.Verdict, strength: bool = True) -> None:
    """One verdict twice; sides up to rounding, strength (two comparisons of sides) where it is not a tie."""
    assert (found.claim, found.status, found.failed) == (expected.claim, expected.status, expected.failed)
    if strength:
        assert (found.vacuous, found.certifies) == (expected.vacuous, expected.certifies)
    if expected.lhs is None:
        assert found.lhs is found.rhs is None
        return
    sides = [float(x) for x in (expected.lhs, expected.rhs)]
    np.testing.assert_allclose([found.lhs, found.rhs], sides, rtol=ROUNDING, atol=ROUNDING)
