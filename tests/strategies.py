"""Hypothesis strategies for the oracles' `World`s, pairs of distributions and settings, all in Fractions.

Each state draws one block of small integers (bytes) whose length does not depend on the shape, so that a
failing example shrinks in shape and in numbers: a byte 0 means weight 1, reward 0, next state 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.oracles_world import ONE, ZERO, Row, StepReward, Successors, World

MAX_ACTIONS, MAX_BRANCHES, MAX_STATES, MAX_PROMPTS, MAX_LEVELS = 4, 3, 4, 3, 9
LARGEST_WEIGHT = 6
PER_BRANCH = MAX_ACTIONS * MAX_BRANCHES
PROBABILITIES = 1 + 2 * MAX_ACTIONS  # pi = mu or not, mu's weights, pi's weights

Draw = Callable[[Any], Any]


@dataclass(frozen=True)
class Setting:
    """Prescribed constraints: T and 0 < delta, delta_b, w_min <= 1."""

    horizon: int
    delta: Fraction
    delta_b: Fraction
    w_min: Fraction


# --- small integers to Fractions --------------------------------------------------------------------------


@cache
def _fraction(numerator: int, denominator: int) -> Fraction:
    return Fraction(numerator, denominator)


def _weights(block: bytes, zeros: bool) -> list[int]:
    """Weights 1..6, or 0 (one in seven) where zeros are allowed; never all 0."""
    weights = [1 + byte % (LARGEST_WEIGHT + 1) for byte in block]
    weights = [w if w <= LARGEST_WEIGHT else (0 if zeros else 1) for w in weights]
    return weights if any(weights) else [1, *weights[1:]]


def _normalised(weights: Sequence[int]) -> Row:
    whole = sum(weights)
    return tuple(_fraction(w, whole) for w in weights)


def _number(byte: int) -> Fraction:
    """0, 1, -1, 2, -2, ..., 6, -6, whole, halved or by three."""
    rank = byte % 13
    return _fraction((rank + 1) // 2 * (1 if rank % 2 else -1), 1 + byte // 13 % 3)


def _numbers(block: bytes) -> Row:
    return tuple(map(_number, block))


def _blocks(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


# --- rows of mu and pi ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Style:
    """What the rows of one world may contain; pi = mu + closeness (pi' - mu)."""

    actions: int
    zeros_mu: bool
    zeros_pi: bool
    closeness: Fraction

    def rows(self, block: bytes) -> tuple[Row, Row]:
        """The rows of mu and pi from 1 + 4 + 4 bytes; pi << mu."""
        mu = _weights(block[1 : 1 + self.actions], self.zeros_mu)
        drawn = _weights(block[1 + MAX_ACTIONS : 1 + MAX_ACTIONS + self.actions], self.zeros_pi)
        pi = [p if m else 0 for m, p in zip(mu, drawn, strict=True)]
        p, q = _normalised(mu), _normalised(mu if block[0] % 8 == 7 or not any(pi) else pi)
        if self.closeness != 1:
            q = tuple(x + self.closeness * (y - x) for x, y in zip(p, q, strict=True))
        return p, q


def _style(draw: Draw, actions: int, zeros: bool) -> _Style:
    closeness = draw(st.sampled_from([ONE, ONE, Fraction(1, 2), Fraction(1, 10)]))
    zeros_mu, zeros_pi = draw(st.booleans()), draw(st.booleans())
    return _Style(actions, zeros and zeros_mu, zeros and zeros_pi, closeness)


def _initial(draw: Draw, states: int) -> Row:
    """A law over the states of level 0, uneven, entries 0 included."""
    return _normalised(_weights(draw(_blocks(MAX_STATES))[:states], zeros=True))


def _shape(draw: Draw, max_sequences: int, horizons: range, branching: bool) -> tuple[int, int, int]:
    """(actions, branches, horizon) with (actions * branches)^horizon <= max_sequences."""
    horizon = draw(st.sampled_from([t for t in horizons if 2**t <= max_sequences]))
    room = max(n for n in range(MAX_ACTIONS * MAX_BRANCHES + 1) if n**horizon <= max_sequences)
    actions = draw(st.integers(2, min(MAX_ACTIONS, room)))
    branches = draw(st.integers(1, min(MAX_BRANCHES, room // actions))) if branching else 1
    return actions, branches, horizon


# --- trees ------------------------------------------------------------------------------------------------


@st.composite
def worlds(
    draw: Draw,
    max_sequences: int = 256,
    horizons: range = range(1, 5),
    *,
    max_prompts: int = MAX_PROMPTS,
    zeros: bool = True,
    ends: bool = True,
    steps: bool = True,
) -> World:
    """Trees of at most `max_sequences` trajectories; zeros, an end token, step rewards where allowed."""
    actions, _, horizon = _shape(draw, max_sequences, horizons, branching=False)
    style = _style(draw, actions, zeros)
    end = draw(st.none() | st.integers(0, actions - 1)) if ends else None
    has_steps = steps and draw(st.booleans())
    block = _blocks(PROBABILITIES + 2 * MAX_ACTIONS)
    prefixes = [actions**t for t in range(horizon)]
    prompt = st.tuples(_blocks(1), *(block for _ in range(sum(prefixes))))  # its weight, its prefixes
    most = min(max_prompts, max_sequences // actions**horizon)
    weights, *flat = zip(*draw(st.lists(prompt, min_size=1, max_size=most)), strict=True)
    initial, prompts = _normalised(_weights(b"".join(weights), zeros=True)), len(weights)
    starts = [sum(prefixes[:t]) for t in range(horizon)]
    cells = [
        [flat[i + j][p] for p in range(prompts) for j in range(n)]
        for i, n in zip(starts, prefixes, strict=True)
    ]
    over = [False] * prompts
    mu, pi = [], []
    for t in range(horizon):
        pairs = [_ended(actions, end) if o else style.rows(c) for o, c in zip(over, cells[t], strict=True)]
        mu.append(tuple(p for p, _ in pairs))
        pi.append(tuple(q for _, q in pairs))
        over = [o or a == end for o in over for a in range(actions)]
    return World(
        kind="tree",
        horizon=horizon,
        actions=actions,
        initial=initial,
        mu=tuple(mu),
        pi=tuple(pi),
        final_reward=tuple(x for c in cells[-1] for x in _numbers(c[PROBABILITIES:][:actions])),
        steps=tuple(tuple(_numbers(c[-MAX_ACTIONS:][:actions]) for c in level) for level in cells)
        if has_steps
        else None,
        end=() if end is None else (end,),
    )


def _ended(actions: int, end: int | None) -> tuple[Row, Row]:
    """After the end token it is drawn for ever, under mu and pi."""
    row = tuple(ONE if a == end else ZERO for a in range(actions))
    return row, row


# --- automata and kernels ---------------------------------------------------------------------------------


LINKS = slice(PROBABILITIES, PROBABILITIES + 2 * PER_BRANCH)  # next states, weights
STEPS = slice(LINKS.stop, LINKS.stop + PER_BRANCH)


@dataclass(frozen=True)
class _Plan:
    """A layered world but for its numbers; every state has one block, whatever the plan uses of it."""

    kernel: bool
    sizes: tuple[int, ...]  # states of the levels 0..T
    branches: int
    stationary: bool  # the links of level 0 at every level
    repeated: bool  # and the policies
    rewards: str  # "", "action" or "successor"
    style: _Style

    def links(self, block: bytes, following: int) -> tuple[Successors, ...]:
        """For each action the next states (repeats allowed) and their probabilities (0 allowed)."""
        heads, tails = block[LINKS][:PER_BRANCH], block[LINKS][PER_BRANCH:]
        chances = [_normalised(_weights(x, zeros=self.kernel)) for x in self.parts(tails)]
        if not self.kernel:
            chances = [(ONE,)] * self.style.actions
        return tuple(
            tuple(zip(c, (byte % following for byte in x), strict=True))
            for c, x in zip(chances, self.parts(heads), strict=True)
        )

    def steps(self, block: bytes) -> tuple[StepReward, ...]:
        rewards = [_numbers(x) for x in self.parts(block[STEPS])]
        return tuple(rewards) if self.rewards == "successor" else tuple(x[0] for x in rewards)

    def parts(self, block: bytes) -> list[bytes]:
        """The bytes of each action's successors."""
        starts = range(0, self.style.actions * MAX_BRANCHES, MAX_BRANCHES)
        return [block[i : i + self.branches] for i in starts]


def _plan(draw: Draw, kernel: bool, shape: tuple[int, int, int], zeros: bool, steps: bool) -> _Plan:
    actions, branches, horizon = shape
    sizes = tuple(1 + byte % MAX_STATES for byte in draw(_blocks(MAX_LEVELS))[: horizon + 1])
    stationary, repeated = draw(st.booleans()), draw(st.booleans())
    rewards = draw(st.sampled_from(["", "", "action", "successor" if kernel else "action"]))
    return _Plan(
        kernel=kernel,
        sizes=sizes[:1] * (horizon + 1) if stationary else sizes,
        branches=branches,
        stationary=stationary,
        repeated=stationary and repeated,
        rewards=rewards if steps else "",
        style=_style(draw, actions, zeros),
    )


def _layered(draw: Draw, plan: _Plan) -> World:
    horizon = len(plan.sizes) - 1
    initial, final = _initial(draw, plan.sizes[0]), draw(_blocks(MAX_STATES))[: plan.sizes[-1]]
    cells = [[draw(_blocks(STEPS.stop)) for _ in range(n)] for n in plan.sizes[:-1]]
    if plan.repeated:
        cells = cells[:1] * horizon
    pairs = [[plan.style.rows(cell) for cell in level] for level in cells]
    links = tuple(
        tuple(plan.links(cell, following) for cell in cells[0 if plan.stationary else t])
        for t, following in enumerate(plan.sizes[1:])
    )
    return World(
        kind="kernel" if plan.kernel else "automaton",
        horizon=horizon,
        actions=plan.style.actions,
        initial=initial,
        mu=tuple(tuple(p for p, _ in level) for level in pairs),
        pi=tuple(tuple(q for _, q in level) for level in pairs),
        final_reward=_numbers(final),
        links=links,
        steps=tuple(tuple(map(plan.steps, level)) for level in cells) if plan.rewards else None,
        stationary=plan.stationary,
    )


@st.composite
def automaton_worlds(
    draw: Draw,
    max_sequences: int = 256,
    horizons: range = range(1, 5),
    *,
    zeros: bool = True,
    steps: bool = True,
) -> World:
    """Deterministic automata of 1 to 4 states a level, stationary or with tables of uneven sizes."""
    shape = _shape(draw, max_sequences, horizons, branching=False)
    return _layered(draw, _plan(draw, False, shape, zeros, steps))


@st.composite
def kernel_worlds(
    draw: Draw,
    max_sequences: int = 256,
    horizons: range = range(1, 5),
    *,
    zeros: bool = True,
    steps: bool = True,
) -> World:
    """Kernels with 1 to 3 successors, repeated ones and ones of probability 0 among them."""
    shape = _shape(draw, max_sequences, horizons, branching=True)
    return _layered(draw, _plan(draw, True, shape, zeros, steps))


# --- numbers ----------------------------------------------------------------------------------------------


@st.composite
def distribution_pairs(
    draw: Draw, min_size: int = 1, max_size: int = 6, zeros: bool = True
) -> tuple[Row, Row]:
    """(mu, pi) on 1 to 6 outcomes with pi << mu."""
    size = draw(st.integers(min_size, max_size))
    mu = _weights(draw(_blocks(max_size))[:size], zeros)
    drawn = _weights(draw(_blocks(max_size))[:size], zeros)
    pi = [p if m else 0 for m, p in zip(mu, drawn, strict=True)]
    return _normalised(mu), _normalised(pi if any(pi) else mu)


def unit_fractions(parts: int = 20) -> st.SearchStrategy[Fraction]:
    """1/parts, 2/parts, ..., 1."""
    return st.integers(1, parts).map(lambda n: _fraction(n, parts))


def settings(horizons: range = range(1, 13)) -> st.SearchStrategy[Setting]:
    """T, delta, delta_b and w_min, delta_b above and below delta w_min."""
    horizon = st.integers(horizons[0], horizons[-1])
    return st.builds(Setting, horizon, unit_fractions(), unit_fractions(40), unit_fractions(10))


def weights(size: int, parts: int = 12) -> st.SearchStrategy[list[Fraction]]:
    """`size` weights in (0, 1], in any order."""
    return st.lists(unit_fractions(parts), min_size=size, max_size=size)


def signed(size: int) -> st.SearchStrategy[list[Fraction]]:
    """`size` numbers of both signs."""
    return _blocks(size).map(lambda block: list(_numbers(block)))
