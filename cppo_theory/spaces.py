"""State spaces: one recursion, three spaces.

Levels are t = 0..T (level t is position t + 1 of the paper); level t has ``sizes[t]`` states and
every state has V actions.  A space knows only its horizon, actions, sizes and four passes; all of
them take leading batch axes and both arithmetic tiers:

    push(t, flow (..., n_t, V))                  -> (..., n_{t+1})   sum over arriving edges
    push_max(t, score (..., n_t, V))             -> (..., n_{t+1})   largest arriving score, -inf: no path
    pull(t, value (..., n_{t+1}), reward=None)   -> (..., n_t, V)    mean over successors of value + reward
    pull_max(t, value, reward=None)              -> (..., n_t, V)    largest over possible successors

The caller masks actions (mu > 0); the space masks successors.  The `pull` of an automaton may write
its answer into ``room``, an array that the caller gives up: a fresh one at every level costs more than
the numbers in it.

`PrefixTree`  the state is the whole prefix; the child of s by action a is s V + a
`Automaton`   deterministic successors ``next[s, a]``
`Kernel`      stochastic successors, padded: ``next[s, a, k]`` with probability ``prob[s, a, k]``

Source: arXiv:2606.10968v2, Section 2 (states s_t = (x, y_<t)); the other two spaces are the same
process written on fewer states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from cppo_theory.arithmetic import NO_PATH, Array, as_numbers, dot, full, is_exact, rectangular, to_float
from cppo_theory.checks import check_count, check_rows
from cppo_theory.errors import InputError, indexed


class Space(Protocol):
    """What every recursion needs to know of a state space."""

    kind: ClassVar[str]

    @property
    def horizon(self) -> int: ...
    @property
    def actions(self) -> int: ...
    @property
    def sizes(self) -> tuple[int, ...]: ...
    def push(self, t: int, flow: Array) -> Array: ...
    def push_max(self, t: int, score: Array) -> Array: ...
    def pull(self, t: int, value: Array, reward: Array | None = None) -> Array: ...
    def pull_max(self, t: int, value: Array, reward: Array | None = None) -> Array: ...


@dataclass(frozen=True)
class PrefixTree:
    """All prefixes of up to T tokens; level t has prompts * V**t states in lexicographic order.

    Parameters
    ----------
    actions : int
        V >= 1.
    horizon : int
        T >= 1.
    prompts : int
        Number of roots n_0.
    end : tuple of int
        End-of-sequence tokens.  A prefix that contains one is absorbed: an `Instance` on this tree
        must then continue with an end token of probability one, in mu and in pi.
    """

    actions: int
    horizon: int
    prompts: int = 1
    end: tuple[int, ...] = ()
    kind: ClassVar[str] = "tree"

    def __post_init__(self) -> None:
        for name in ("actions", "horizon", "prompts"):
            check_count(name, getattr(self, name))
        object.__setattr__(self, "end", tuple(int(token) for token in self.end))
        for i, token in enumerate(self.end):
            if not 0 <= token < self.actions:
                raise InputError(f"end[{i}]", f"found token {token}", f"tokens are 0..{self.actions - 1}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of states per level, t = 0..T."""
        return tuple(self.prompts * self.actions**t for t in range(self.horizon + 1))

    def push(self, t: int, flow: Array) -> Array:
        return flow.reshape(*flow.shape[:-2], -1)

    push_max = push

    def pull(self, t: int, value: Array, reward: Array | None = None) -> Array:
        pulled = value.reshape(*value.shape[:-1], -1, self.actions)
        return pulled if reward is None else pulled + reward

    pull_max = pull

    def ended(self, t: int) -> Array:
        """Which prefixes of level t contain an end token; bool, shape (n_t,)."""
        ended = np.zeros(self.prompts, dtype=bool)
        is_end = np.isin(np.arange(self.actions), self.end)
        for _ in range(t):
            ended = (ended[:, None] | is_end).ravel()
        return ended


class _Scatter:
    """Sums or maxima over edges grouped by target, for a fixed list of targets.

    Edges are sorted once; ``ufunc.reduceat`` then works for floats, Fractions and batches alike.
    """

    def __init__(self, targets: Array, size: int) -> None:
        self.order = np.argsort(targets, kind="stable")
        ordered = targets[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.hit = ordered[self.starts]
        self.size = size

    def __call__(self, reduce: np.ufunc, edges: Array, empty: float) -> Array:
        """Reduce ``edges`` (..., E) into (..., size); targets without an edge get ``empty``."""
        out = full((*edges.shape[:-1], self.size), empty, edges)
        out[..., self.hit] = reduce.reduceat(edges[..., self.order], self.starts, axis=-1)
        return out


class Automaton:
    """Deterministic machine: action a in state s of level t leads to ``next[t][s, a]``.

    Parameters
    ----------
    next : int array (S, V), or sequence of T int arrays (n_t, V)
        Successors; one array means the same machine at every level.
    horizon : int
        T >= 1.
    final_states : int, optional
        n_T for a sequence of tables; default: largest successor of the last table plus one.
    """

    kind: ClassVar[str] = "automaton"

    def __init__(self, next: Any, horizon: int, final_states: int | None = None) -> None:
        check_count("horizon", horizon)
        self.horizon = int(horizon)
        tables, self.stationary = successor_tables(next, horizon, rank=2)
        self.actions = int(tables[0].shape[1])
        self.sizes = level_sizes(tables, self.horizon, self.stationary, final_states)
        check_successors(tables, self.sizes, self.stationary)
        self.next = tables
        self._scatters: dict[tuple[int, int], _Scatter] = {}

    def table(self, t: int) -> Array:
        """Successors at level t, int (n_t, V)."""
        return self.next[0 if self.stationary else t]

    def _scatter(self, t: int) -> _Scatter:
        key = id(self.table(t)), self.sizes[t + 1]  # levels that share a table share its scatter
        if key not in self._scatters:
            self._scatters[key] = _Scatter(self.table(t).ravel(), self.sizes[t + 1])
        return self._scatters[key]

    def push(self, t: int, flow: Array) -> Array:
        return self._scatter(t)(np.add, flow.reshape(*flow.shape[:-2], -1), 0)

    def push_max(self, t: int, score: Array) -> Array:
        return self._scatter(t)(np.maximum, score.reshape(*score.shape[:-2], -1), NO_PATH)

    def pull(self, t: int, value: Array, reward: Array | None = None, room: Array | None = None) -> Array:
        table = self.table(t)
        fits = room is not None and (room.shape, room.dtype) == (value.shape[:-1] + table.shape, value.dtype)
        pulled: Array = value.take(table, axis=-1, out=room if fits else None, mode="clip")
        return pulled if reward is None else pulled + reward

    pull_max = pull


class Kernel:
    """Stochastic successors: from (s, a) to ``next[t][s, a, k]`` with probability ``prob[t][s, a, k]``.

    Parameters
    ----------
    next : int array (S, V, K), or sequence of T int arrays (n_t, V, K)
        Successors, padded to K; entries of probability 0 are padding (a negative one is read as 0).  A
        successor may repeat.
    prob : array (S, V, K), or sequence of T arrays
        Probabilities, each row (s, a) sums to one.
    horizon : int
        T >= 1.
    final_states : int, optional
        n_T for a sequence of tables; default: largest successor of the last table plus one.

    Notes
    -----
    A step reward may depend on the successor: ``reward`` in `pull` and `pull_max` has shape
    (..., n_t, V, K) or (..., n_t, V, 1).
    """

    kind: ClassVar[str] = "kernel"

    def __init__(self, next: Any, prob: Any, horizon: int, final_states: int | None = None) -> None:
        check_count("horizon", horizon)
        self.horizon = int(horizon)
        tables, self.stationary = successor_tables(next, horizon, rank=3)
        self.actions = int(tables[0].shape[1])
        self.prob = probability_tables(prob, tables, self.stationary)
        padding = [(p == 0) & (table < 0) for p, table in zip(self.prob, tables, strict=True)]
        tables = [
            np.where(pad, 0, table) if pad.any() else table  # a table shared by levels stays one
            for pad, table in zip(padding, tables, strict=True)
        ]
        self.sizes = level_sizes(tables, self.horizon, self.stationary, final_states)
        check_successors(tables, self.sizes, self.stationary)
        self.next = tables
        self.exact = all(is_exact(table) for table in self.prob)
        self._scatters: dict[tuple[int, int, int], tuple[Array, _Scatter]] = {}

    def table(self, t: int) -> tuple[Array, Array]:
        """Successors and probabilities at level t, each (n_t, V, K)."""
        key = 0 if self.stationary else t
        return self.next[key], self.prob[key]

    def in_floats(self) -> Kernel:
        """The same kernel with float64 probabilities."""
        prob = [to_float(table) for table in self.prob]
        if self.stationary:
            return Kernel(self.next[0], prob[0], self.horizon)
        return Kernel(self.next, prob, self.horizon, self.sizes[-1])

    def _scatter(self, t: int) -> tuple[Array, _Scatter]:
        """Positions of the edges of positive probability, and their scatter."""
        successors, prob = self.table(t)
        key = id(successors), id(prob), self.sizes[t + 1]
        if key not in self._scatters:
            edges = np.flatnonzero(prob.ravel() > 0)
            self._scatters[key] = edges, _Scatter(successors.ravel()[edges], self.sizes[t + 1])
        return self._scatters[key]

    def push(self, t: int, flow: Array) -> Array:
        edges, scatter = self._scatter(t)
        spread = flow[..., None] * self.table(t)[1]
        return scatter(np.add, spread.reshape(*flow.shape[:-2], -1)[..., edges], 0)

    def push_max(self, t: int, score: Array) -> Array:
        edges, scatter = self._scatter(t)
        branches = self.table(t)[0].shape[-1]
        return scatter(np.maximum, score.reshape(*score.shape[:-2], -1)[..., edges // branches], NO_PATH)

    def pull(self, t: int, value: Array, reward: Array | None = None) -> Array:
        successors, prob = self.table(t)
        arriving = value.take(successors, axis=-1)
        return dot(arriving if reward is None else arriving + reward, prob)

    def pull_max(self, t: int, value: Array, reward: Array | None = None) -> Array:
        successors, prob = self.table(t)
        arriving = value.take(successors, axis=-1)
        if reward is not None:
            arriving = arriving + reward
        return np.asarray(np.where(prob > 0, arriving, NO_PATH).max(-1))


def successor_tables(tables: Any, horizon: int, rank: int) -> tuple[list[Array], bool]:
    """Successor tables as int arrays, and whether there is one for all levels."""
    stationary = np.ndim(tables) == rank if isinstance(tables, np.ndarray) else _depth(tables) == rank
    out = []
    for t, given in enumerate([tables] if stationary else tables):
        place = "next" if stationary else f"next[{t}]"
        table = rectangular(place, given)
        if table.ndim != rank or 0 in table.shape:
            letters = "(states, actions)" if rank == 2 else "(states, actions, successors)"
            raise InputError(place, f"found shape {table.shape}", f"shape {letters}, none 0, is required")
        if table.dtype.kind not in "iu":
            raise TypeError(f"{place}: found entries of type {table.dtype}; integers are required")
        out.append(table)
    if not stationary and len(out) != horizon:
        raise InputError("next", f"found {len(out)} levels", f"the horizon {horizon} needs {horizon}")
    return out, stationary


def _depth(nested: Any) -> int:
    """Nesting depth of lists and arrays, read off the first entries."""
    if isinstance(nested, np.ndarray):
        return nested.ndim
    return 1 + _depth(nested[0]) if isinstance(nested, Sequence) and len(nested) else 0


def level_sizes(
    tables: list[Array], horizon: int, stationary: bool, final_states: int | None
) -> tuple[int, ...]:
    """Number of states of every level, t = 0..T."""
    if stationary:
        return (len(tables[0]),) * (horizon + 1)
    last = int(tables[-1].max()) + 1 if final_states is None else final_states
    check_count("final_states", last)
    return (*(len(table) for table in tables), int(last))


def check_successors(tables: list[Array], sizes: tuple[int, ...], stationary: bool) -> None:
    """Raise unless every successor is a state of the next level."""
    for t, table in enumerate(tables):
        place = "next" if stationary else f"next[{t}]"
        if table.shape[1] != tables[0].shape[1]:
            raise InputError(place, f"found {table.shape[1]} actions", f"next[0] has {tables[0].shape[1]}")
        bad = np.argwhere((table < 0) | (table >= sizes[t + 1]))
        if len(bad):
            found = f"found successor {table[tuple(bad[0])]}"
            remedy = f"states of the next level are 0..{sizes[t + 1] - 1}"
            raise InputError(indexed(place, bad[0]), found, remedy)


def probability_tables(prob: Any, tables: list[Array], stationary: bool) -> list[Array]:
    """Successor probabilities, checked against the shapes of the successors."""
    given = [prob] if stationary else list(prob)
    if len(given) != len(tables):
        raise InputError("prob", f"found {len(given)} levels", f"next has {len(tables)}")
    out = []
    for t, (table, successors) in enumerate(zip(given, tables, strict=True)):
        place = "prob" if stationary else f"prob[{t}]"
        array = as_numbers(place, table)
        if array.shape != successors.shape:
            raise InputError(place, f"found shape {array.shape}", f"next has shape {successors.shape}")
        check_rows(place, array)
        out.append(array)
    if not all(is_exact(array) for array in out):
        out = [to_float(array) for array in out]
    return out
