"""Push, pull and their maxima on the three spaces against literal loops."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from tests import convert, strategies
from tests.oracles_world import World
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction
WORLDS = strategies.worlds(64) | strategies.automaton_worlds(64) | strategies.kernel_worlds(64)


# --- literal loops ----------------------------------------------------------------------------------------


def edges(world: World, t: int):
    """(state, action, branch, chance, next state), chance 0 included."""
    for s in range(world.sizes[t]):
        for a in range(world.actions):
            for k, (chance, following) in enumerate(world.successors(t, s, a)):
                yield s, a, k, chance, following


def push(world, t, flow):
    out = [F(0)] * world.sizes[t + 1]
    for s, a, _, chance, following in edges(world, t):
        out[following] += flow[s][a] * chance
    return out


def push_max(world, t, score):
    out = [-inf] * world.sizes[t + 1]
    for s, a, _, chance, following in edges(world, t):
        if chance > 0:
            out[following] = max(out[following], score[s][a])
    return out


def pull(world, t, value, reward):
    out = [[F(0)] * world.actions for _ in range(world.sizes[t])]
    for s, a, k, chance, following in edges(world, t):
        out[s][a] += chance * (value[following] + reward[s][a][k])
    return out


def pull_max(world, t, value, reward):
    out = [[-inf] * world.actions for _ in range(world.sizes[t])]
    for s, a, k, chance, following in edges(world, t):
        if chance > 0:
            out[s][a] = max(out[s][a], value[following] + reward[s][a][k])
    return out


# --- drawn levels -----------------------------------------------------------------------------------------


class Level:
    """One level of a drawn world: the package's space, and tables of numbers for its four passes."""

    def __init__(self, data, world, space, t):
        self.world, self.space, self.t = world, space, t
        self.branches = len(world.successors(self.t, 0, 0))
        self.by_successor = world.kind == "kernel" and data.draw(st.booleans())
        states = world.sizes[self.t]
        shape = (states, world.actions)
        self.flow = self.draw(data, shape)
        self.score = np.where(self.flow > 2, -inf, self.flow)
        self.value = self.draw(data, (world.sizes[self.t + 1],))
        self.reward = self.draw(data, (*shape, self.branches if self.by_successor else 1))

    def draw(self, data, shape):
        size = int(np.prod(shape))
        return np.array(data.draw(strategies.signed(size)), dtype=object).reshape(shape)

    @property
    def package_reward(self):
        return self.reward if self.world.kind == "kernel" else self.reward[..., 0]

    @property
    def literal_reward(self):
        return np.broadcast_to(self.reward, (*self.flow.shape, self.branches)).tolist()

    def found(self, change=lambda x: x, space=None):
        """The six passes by the package, with every array changed first."""
        space, t = space or self.space, self.t
        value, reward = change(self.value), change(self.package_reward)
        return [
            space.push(t, change(self.flow)),
            space.push_max(t, change(self.score)),
            space.pull(t, value),
            space.pull(t, value, reward),
            space.pull_max(t, value),
            space.pull_max(t, value, reward),
        ]

    def expected(self):
        world, t, value = self.world, self.t, self.value.tolist()
        nothing = [[[F(0)] * self.branches] * world.actions] * world.sizes[t]
        return [
            push(world, t, self.flow.tolist()),
            push_max(world, t, self.score.tolist()),
            pull(world, t, value, nothing),
            pull(world, t, value, self.literal_reward),
            pull_max(world, t, value, nothing),
            pull_max(world, t, value, self.literal_reward),
        ]


def levels(data, world):
    """Every level, one after the other on the same space, from the last as the recursions go."""
    space = convert.space(world)
    return [Level(data, world, space, t) for t in reversed(range(world.horizon))]


@given(st.data(), WORLDS)
def test_passes_are_the_literal_loops(data, world):
    for level in levels(data, world):
        for found, expected in zip(level.found(), level.expected(), strict=True):
            assert found.tolist() == expected
            assert found.dtype == object
            assert all(isinstance(x, Fraction) or x == -inf for x in found.flat)


@given(st.data(), WORLDS)
def test_passes_in_floats(data, world):
    space = convert.float_instance(world).space
    for level in levels(data, world):
        expected = [np.array(x, dtype=float) for x in level.expected()]
        for found, close in zip(level.found(lambda x: x.astype(float), space), expected, strict=True):
            assert found.dtype == np.float64
            np.testing.assert_allclose(found, close, rtol=RELATIVE, atol=ROUNDING)


@given(st.data(), WORLDS)
def test_batch_axes_are_one_by_one(data, world):
    factors = [F(1), F(-2), F(1, 3)]
    for level in levels(data, world):
        batched = level.found(lambda x: np.stack([np.stack([f * x, x]) for f in factors]))
        for i, factor in enumerate(factors):
            scaled, same = level.found(lambda x, f=factor: f * x), level.found()
            for found, first, second in zip(batched, scaled, same, strict=True):
                assert found[i].tolist() == [first.tolist(), second.tolist()]


@given(st.data(), WORLDS)
def test_push_and_pull_are_adjoint(data, world):
    for level in levels(data, world):
        space, t = level.space, level.t
        pulled = (level.flow * space.pull(t, level.value)).sum()
        assert pulled == (space.push(t, level.flow) * level.value).sum()


@given(WORLDS)
def test_sizes(world):
    space = convert.space(world)
    assert (space.kind, space.horizon, space.actions) == (world.kind, world.horizon, world.actions)
    assert space.sizes == world.sizes


# --- by hand ----------------------------------------------------------------------------------------------


def test_a_repeated_and_an_impossible_successor():
    # From state 0 by action 0 to state 2 twice (1/4 + 1/4) and to 0 (1/2), never to 1; by action 1 to 0.
    nxt = [[[2, 2, 0, 1], [0, 0, 0, 0]]] * 3
    prob = [[[F(1, 4), F(1, 4), F(1, 2), 0], [1, 0, 0, 0]]] * 3
    kernel = ct.Kernel(nxt, prob, horizon=2)
    flow = np.array([[F(1), F(3)], [F(0), F(0)], [F(2), F(0)]])
    assert kernel.push(0, flow).tolist() == [F(9, 2), 0, F(3, 2)]
    assert kernel.push_max(0, flow).tolist() == [3, -inf, 2]
    value = np.array([F(1), F(100), F(-3)])
    assert kernel.pull(1, value).tolist() == [[-1, 1]] * 3
    assert kernel.pull_max(1, value).tolist() == [[1, 1]] * 3
    assert kernel.pull_max(1, -value).tolist() == [[3, -1]] * 3


def test_levels_of_their_own():
    # Two states, then three, then two; state 1 of level 1 is not reached.
    automaton = ct.Automaton([[[0, 2], [2, 2]], [[1, 0], [0, 0], [1, 1]]], horizon=2)
    assert automaton.sizes == (2, 3, 2)
    assert automaton.pull(0, np.array([F(3), F(5), F(7)])).tolist() == [[3, 7], [7, 7]]
    assert automaton.pull(1, np.array([F(3), F(5)])).tolist() == [[5, 3], [3, 3], [5, 5]]
    assert automaton.push(1, np.array([[F(1), F(2)], [F(4), F(8)], [F(16), F(32)]])).tolist() == [14, 49]
    assert automaton.push(0, np.array([[F(1), F(2)], [F(4), F(8)]])).tolist() == [1, 0, 14]
    assert automaton.push_max(0, np.array([[1.0, 2.0], [4.0, -inf]])).tolist() == [1, -inf, 4]
    assert ct.Automaton([[[0, 2], [2, 2]]], horizon=1, final_states=5).sizes == (2, 5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int32])
def test_successors_of_any_integer_type(kind):
    automaton = ct.Automaton(np.array([[0, 1], [1, 1]], dtype=kind), horizon=2)
    assert automaton.pull(0, np.array([5.0, 7.0])).tolist() == [[5, 7], [7, 7]]
    assert automaton.push(0, np.ones((2, 2))).tolist() == [1, 3]


def test_levels_that_share_a_table():
    table = np.array([[0, 1], [1, 1]])
    automaton = ct.Automaton([table, table], horizon=2, final_states=3)
    flow = np.array([[F(1), F(2)], [F(4), F(8)]])
    assert automaton.push(0, flow).tolist() == [1, 14]
    assert automaton.push(1, flow).tolist() == [1, 14, 0]
    coins = [np.array([[[F(1), F(0)]], [[F(1), F(0)]]]), np.array([[[F(0), F(1)]], [[F(0), F(1)]]])]
    kernel = ct.Kernel([table[:, None]] * 2, coins, horizon=2)
    assert kernel.push(0, flow[:, :1]).tolist() == [1, 4]
    assert kernel.push(1, flow[:, :1]).tolist() == [0, 5]
    assert kernel.push_max(0, flow[:, :1]).tolist() == [1, 4]
    assert kernel.push_max(1, flow[:, :1]).tolist() == [-inf, 4]


def test_levels_that_share_some_of_their_tables():
    """One table before levels of different sizes; one table of probabilities with different successors."""
    table, sure = np.array([[0, 1], [1, 1]]), np.ones((2, 2, 1))
    flow = np.array([[1.0, 2.0], [4.0, 8.0]])
    automaton = ct.Automaton([table] * 3, 3, final_states=3)
    kernel = ct.Kernel([table[..., None]] * 3, [sure] * 3, 3, final_states=3)
    for space in (automaton, kernel):
        assert [space.push(t, flow).tolist() for t in range(3)] == [[1, 14], [1, 14], [1, 14, 0]]
    turned = ct.Kernel([table[..., None], 1 - table[..., None]], [sure] * 2, 2)
    assert [turned.push(t, flow).tolist() for t in range(2)] == [[1, 14], [14, 1]]
    assert [turned.push_max(t, flow).tolist() for t in range(2)] == [[1, 8], [8, 1]]


def test_ended_prefixes():
    # V = 3, end token 2: of the 18 prefixes of two tokens after two prompts.
    tree = ct.PrefixTree(3, 4, prompts=2, end=(2,))
    expected = [2 in (a, b) for _ in range(2) for a in range(3) for b in range(3)]
    assert tree.ended(2).tolist() == expected
    assert not tree.ended(0).any()
    assert ct.PrefixTree(3, 4, end=[2]).end == (2,)


def test_a_kernel_in_floats():
    row = [F(1, 4), F(3, 4)]
    stationary = ct.Kernel([[[0, 1]], [[1, 0]]], [[row], [row[::-1]]], 2).in_floats()
    assert (stationary.stationary, stationary.exact, stationary.horizon) == (True, False, 2)
    assert [table.tolist() for table in stationary.next] == [[[[0, 1]], [[1, 0]]]]
    assert [table.tolist() for table in stationary.prob] == [[[[0.25, 0.75]], [[0.75, 0.25]]]]
    # Level by level; the third final state is no successor, so the tables do not tell of it.
    levels = ct.Kernel([[[[0, 1]]], [[[1, 0]], [[0, 1]]]], [[[row]], [[row], [row]]], 2, 3).in_floats()
    assert (levels.stationary, levels.exact, levels.sizes) == (False, False, (1, 2, 3))
    assert [table.tolist() for table in levels.next] == [[[[0, 1]]], [[[1, 0]], [[0, 1]]]]
    assert [table.tolist() for table in levels.prob] == [[[[0.25, 0.75]]], [[[0.25, 0.75]]] * 2]
    assert all(table.dtype == np.float64 for table in (*stationary.prob, *levels.prob))
