"""The passes over an automaton in float64, compiled by numba: the extra ``fast``.

The same recursions as `cppo_theory.recursions`, with a double prime for the value at ``next[s, a]`` and
the step reward r taken out of the sums over edges:

    V     = sum mu r + sum mu V''                                  value_mu
    L'    = X + sum mu L''       with X = sum (pi - mu) (r + V'')  surrogate
    G     = X + sum pi G''                                         gain, value_pi = V + G
    Delta = sum mu Delta'' - sum (pi - mu) G''                     residual
    f     = sum min(mu, pi) f''                                    overlap
    H     = D + sum mu H''                                         total_tv

Method.  The six values of a state lie side by side, within a cache line's length, so an edge fetches
them at once; sums that do not depend on the level (mu r, (pi - mu) r, D) are made once for levels that
share their tables.  Memory is O(S V + T).

The NumPy folds stay the reference, and `cppo_theory.evaluate` does not use this module: its numbers must
not depend, in the last digits, on which extras are installed, and compiling takes longer than most
instances do.  Here value_pi is V + G, so it cannot test the identities of Lemma 2.

Source: arXiv:2606.10968v2, Lemma 2, Eqs. (1) and (12); Appendix B.2 (overlap); Eq. (5) (path sums).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final

import numpy as np

from cppo_theory.arithmetic import NO_PATH, Array
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance
from cppo_theory.recursions import Forward
from cppo_theory.spaces import Automaton

VALUE_MU, SURROGATE, RESIDUAL, TOTAL_TV, GAIN, OVERLAP = range(6)
SIDE: Final = 6  # values of a state that lie side by side
MASS, WORST = range(2)


def automaton_values(instance: Instance) -> dict[str, Array]:
    """Backward recursions at the prompts, as `recursions.fold_back` gives them.

    Parameters
    ----------
    instance : Instance
        In floats, on an automaton, without batch axes.

    Returns
    -------
    dict of str to array (n_0,)
        value_mu, value_pi, surrogate, gain, residual, overlap and total_tv (= sum_t u_t); the initial law
        is not applied.

    Raises
    ------
    InputError
        Another space, an exact instance or a batch.
    ImportError
        Without numba.
    """
    space = _checked(instance)
    constants, sweep = compiled(_constants), compiled(_sweep)
    values = np.zeros((space.sizes[-1], SIDE))
    values[:, VALUE_MU], values[:, OVERLAP] = instance.reward, 1.0
    for run in reversed(list(_runs(instance, space))):
        tables = run.tables()
        rows = constants(*tables[1:], run.step_reward())
        values = sweep(run.levels, *tables, rows, values)
    columns = {
        "value_mu": VALUE_MU,
        "surrogate": SURROGATE,
        "gain": GAIN,
        "residual": RESIDUAL,
        "overlap": OVERLAP,
        "total_tv": TOTAL_TV,
    }
    roots = {name: values[:, column].copy() for name, column in columns.items()}
    return {**roots, "value_pi": roots["value_mu"] + roots["gain"]}


def automaton_forward(instance: Instance, weights: Array) -> Forward:
    """Expected TV, largest TV and worst path sums, as `recursions.fold_forward` gives them.

    Parameters
    ----------
    instance : Instance
        In floats, on an automaton, without batch axes.
    weights : array (T,)
        w_t of the path sums.

    Returns
    -------
    Forward
        With arrays (T,) and (T + 1,), nothing kept.

    Raises
    ------
    InputError, ImportError
        As in `automaton_values`.
    """
    space = _checked(instance)
    constants, spread = compiled(_constants), compiled(_spread)
    flow = np.empty((space.sizes[0], 2))
    flow[:, MASS], flow[:, WORST] = instance.initial, np.where(instance.initial > 0, 0.0, NO_PATH)
    sums = np.zeros((space.horizon, 3))
    for run in _runs(instance, space):
        successors, mu, pi = run.tables()
        tv = constants(mu, pi, run.step_reward())[:, TOTAL_TV].copy()
        here = slice(run.first, run.first + run.levels)
        after = np.empty((space.sizes[here.stop], 2))
        flow = spread(np.ascontiguousarray(weights[here]), successors, mu, tv, (flow, after, sums[here]))
    return Forward(sums[:, 0], sums[:, 1], np.concatenate([[0.0], sums[:, 2]]), [], [])


@dataclass(frozen=True)
class _Run:
    """Consecutive levels that share all their tables: the first of them, and how many."""

    instance: Instance
    space: Automaton
    first: int
    levels: int

    def tables(self) -> tuple[Array, Array, Array]:
        """Successors, mu and pi; each (n, V), contiguous."""
        mu, pi = (np.ascontiguousarray(policy[self.first]) for policy in (self.instance.mu, self.instance.pi))
        return np.ascontiguousarray(self.space.table(self.first)), mu, pi

    def step_reward(self) -> Array:
        """Step rewards (n, V), or an empty table (0, 0)."""
        steps = self.instance.step_reward
        return np.empty((0, 0)) if steps is None else np.ascontiguousarray(steps[self.first])


def _runs(instance: Instance, space: Automaton) -> Iterator[_Run]:
    def shared(t: int) -> tuple[int, ...]:
        steps = 0 if instance.step_reward is None else id(instance.step_reward[t])
        return id(space.table(t)), id(instance.mu[t]), id(instance.pi[t]), steps

    for _, group in groupby(range(space.horizon), shared):
        levels = list(group)
        yield _Run(instance, space, levels[0], len(levels))


def _checked(instance: Instance) -> Automaton:
    """The space, if the compiled passes can take the instance."""
    space = instance.space
    if not isinstance(space, Automaton):
        raise InputError("instance", f"found a {space.kind}", "the compiled passes need an automaton")
    if instance.exact:
        raise InputError("instance", "found Fractions", "use instance.in_floats()")
    if instance.batch_shape:
        remedy = "take an element of the batch: instance.element(i)"
        raise InputError("instance", f"found batch axes {instance.batch_shape}", remedy)
    return space


@cache
def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel in machine code; compiled on the first call ever, then read from numba's cache.

    Products may be fused with the sums they go to; nothing else of the arithmetic may change.
    """
    try:
        import numba
    except ImportError as error:
        raise ImportError("the compiled passes need numba: pip install 'cppo-theory[fast]'") from error
    compile_: Callable[..., Any] = numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
    return compile_(kernel)  # type: ignore[no-any-return]  # numba is untyped


def _constants(mu: Array, pi: Array, step_reward: Array) -> Array:
    """What the sums of every level of a run start from: mu r, (pi - mu) r and D; (n, SIDE)."""
    states, actions = mu.shape
    out = np.zeros((states, SIDE))
    for s in range(states):
        tv = 0.0
        for a in range(actions):
            drift = pi[s, a] - mu[s, a]
            tv += drift if drift > 0.0 else 0.0
        out[s, TOTAL_TV] = tv
    for s in range(len(step_reward)):
        for a in range(actions):
            out[s, VALUE_MU] += mu[s, a] * step_reward[s, a]
            out[s, SURROGATE] += (pi[s, a] - mu[s, a]) * step_reward[s, a]
    return out


def _sweep(levels: int, successors: Array, mu: Array, pi: Array, constants: Array, below: Array) -> Array:
    """Values (n, SIDE) at the top of a run, from those (n', SIDE) below it."""
    states, actions = mu.shape
    out, spare = np.empty((states, SIDE)), np.empty((states, SIDE))
    for _ in range(levels):
        for s in range(states):
            value_mu, drift_q = constants[s, VALUE_MU], constants[s, SURROGATE]
            total_tv = constants[s, TOTAL_TV]
            surrogate = residual = gain = overlap = drift_gain = 0.0
            following, mu_row, pi_row = successors[s], mu[s], pi[s]
            for a in range(actions):
                child = below[np.uint64(following[a])]  # unsigned: numba need not look for a negative index
                m, p = mu_row[a], pi_row[a]
                drift = p - m
                value_mu += m * child[VALUE_MU]
                surrogate += m * child[SURROGATE]
                residual += m * child[RESIDUAL]
                total_tv += m * child[TOTAL_TV]
                gain += p * child[GAIN]
                overlap += (m if m < p else p) * child[OVERLAP]
                drift_q += drift * child[VALUE_MU]
                drift_gain += drift * child[GAIN]
            row = out[s]
            row[VALUE_MU], row[TOTAL_TV], row[OVERLAP] = value_mu, total_tv, overlap
            row[SURROGATE], row[GAIN] = surrogate + drift_q, gain + drift_q
            row[RESIDUAL] = residual - drift_gain
        below, out, spare = out, spare, out
    return below


def _spread(
    weights: Array, successors: Array, mu: Array, tv: Array, buffers: tuple[Array, Array, Array]
) -> Array:
    """Masses and worst path sums (n', 2) after a run; leaves u, ell and the path sums of its levels.

    Parameters
    ----------
    weights : array (levels,)
    successors, mu : array (n, V)
    tv : array (n,)
    buffers : three arrays
        Masses and worst path sums (n, 2) before the run; room (n', 2) for those after it; room
        (levels, 3) for the sums.
    """
    flow, after, sums = buffers
    states, actions = mu.shape
    levels = len(weights)
    for level in range(levels):
        out = after if level == levels - 1 else np.empty((states, 2))
        out[:, MASS], out[:, WORST] = 0.0, NO_PATH
        expected, largest, budget = 0.0, 0.0, NO_PATH
        for s in range(states):
            mass, worst = flow[s, MASS], flow[s, WORST] + weights[level] * tv[s]
            if worst > NO_PATH:
                expected += mass * tv[s]
                largest, budget = max(largest, tv[s]), max(budget, worst)
                for a in range(actions):
                    if mu[s, a] > 0.0:
                        child = out[np.uint64(successors[s, a])]
                        child[MASS] += mass * mu[s, a]
                        child[WORST] = max(child[WORST], worst)
        sums[level, 0], sums[level, 1], sums[level, 2] = expected, largest, budget
        flow = out
    return flow
