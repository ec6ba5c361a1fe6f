"""Gymnasium environments with a transition table, as instances on a `Kernel`.

A toy-text environment lists its dynamics: ``P[s][a]`` holds (probability, next state, reward,
terminated), and ``initial_state_distrib`` the law of the first state.  Here

    states      those of the environment, and an absorbing one behind them, index S
    terminated  leads to the absorbing state, with the reward of the transition
    branches    one per (next state, reward): the probabilities of repetitions add up; one next state
                with two rewards stays two branches; rows are padded with probability 0
    horizon     the time limit; reaching it ends the sum of rewards

In the absorbing state, which returns to itself with reward 0, mu and pi are uniform.  The numbers
are floats, so the instance is of the float tier.  Nothing is normalised.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from operator import index
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, as_numbers, to_float
from cppo_theory.checks import check_count, check_rows
from cppo_theory.errors import InputError, indexed
from cppo_theory.instance import Instance
from cppo_theory.spaces import Kernel

Transition = tuple[float, int, float, bool]
Table = list[list[list[Transition]]]

PROBES = 3000
"""Most steps that are compared with the table; every pair of a state and an action of Taxi-v4 fits."""


def from_gymnasium(
    env: Any, horizon: int | None = None, policy: Any = "uniform", target: Any = None
) -> Instance:
    """Instance of a Gymnasium environment that has a transition table.

    Parameters
    ----------
    env : str or gymnasium.Env
        Environment id, or an environment, wrapped or not; it is read, never stepped or reset.
    horizon : int, optional
        T >= 1; default: the time limit of the environment (``spec.max_episode_steps``).
    policy : "uniform", array (S, V), or sequence of T arrays (S, V)
        Behaviour policy mu over the states of the environment.
    target : the same kinds, optional
        Target policy pi; default: mu.

    Returns
    -------
    Instance
        On a `Kernel` with S + 1 states and K successors; float64; step rewards (S + 1, V, K).

    Raises
    ------
    InputError
        No such environment, no table, no initial law or no time limit; a wrapper that may change
        the dynamics; a table whose rows are no distributions or that a step contradicts; a policy
        of the wrong shape or with rows that are no distributions.

    Notes
    -----
    Every state-action pair that the table can reach, up to `PROBES`, is stepped once in a copy of
    the environment, and a transition that the table does not list is an error.  This finds a table
    that says another thing than ``step``; it does not test the probabilities.  An environment that
    cannot be copied, or that does not hold its state in an integer ``s``, is not compared.
    """
    if isinstance(env, str):
        with closing(_made(env)) as fresh:
            return from_gymnasium(fresh, horizon, policy, target)
    inner = _unwrapped(env)
    name = inner.spec.id if inner.spec else type(inner).__name__
    table = _table(inner, name)
    initial = _initial(inner, name, len(table))
    steps = _horizon(env, name, horizon)
    next_, prob, reward = _arrays(table)
    sizes = len(table), len(table[0])
    mu = _policy("policy", policy, sizes, steps)
    pi = mu if target is None else _policy("target", target, sizes, steps)
    _check_steps(inner, table, initial)
    kernel, start = Kernel(next_, prob, steps), np.append(initial, 0.0)
    return Instance(kernel, start, mu, pi, step_reward=[reward] * steps, name=name)


def _made(name: str) -> Any:
    """A new environment; an id names its version, so a newer one is no reason to warn."""
    import gymnasium

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return gymnasium.make(name)
        except (gymnasium.error.Error, ImportError) as error:
            remedy = "give the id of an environment that can be made here, or the environment itself"
            raise InputError("env", f"{name} cannot be made ({error})", remedy) from None


def _unwrapped(env: Any) -> Any:
    """The environment under wrappers that leave rewards, actions and dynamics as they are."""
    import gymnasium
    from gymnasium import wrappers

    if not isinstance(env, gymnasium.Env):
        kind = type(env).__name__
        raise TypeError(f"env: found {kind}; an environment id or a Gymnasium environment is required")
    neutral = (
        gymnasium.ObservationWrapper,
        wrappers.HumanRendering,
        wrappers.OrderEnforcing,
        wrappers.PassiveEnvChecker,
        wrappers.RecordEpisodeStatistics,
        wrappers.RecordVideo,
        wrappers.RenderCollection,
        wrappers.TimeLimit,
    )
    while isinstance(env, gymnasium.Wrapper):
        if not isinstance(env, neutral):
            found = f"found the wrapper {type(env).__name__}, which may change rewards, actions or dynamics"
            remedy = "the table lies under it: give env.unwrapped and a horizon if that is what you mean"
            raise InputError("env", found, remedy)
        env = env.env
    return env


def _table(env: Any, name: str) -> Table:
    """Transitions by state and action, read from ``env.P``."""
    if not hasattr(env, "P"):
        remedy = (
            "exact values need the table of all transitions: take an environment that has one "
            "(FrozenLake-v1, CliffWalking-v1, Taxi-v4), or build an Instance on a Kernel"
        )
        raise InputError("env", f"{name} has no transition table P", remedy)
    if getattr(env, "fickle_passenger", False):
        found = "found True: step() changes the destination at random, which the table P does not know"
        raise InputError("env.fickle_passenger", found, f"make {name} with fickle_passenger=False")
    try:
        states, actions = range(len(env.P)), range(len(env.P[0]))
        if not actions:
            raise IndexError
        return [[list(_row(env.P, s, a, len(actions))) for a in actions] for s in states]
    except (KeyError, IndexError, TypeError):
        remedy = "P[s][a] is required for states s = 0..S-1 and actions a = 0..V-1, S and V at least 1"
        raise InputError("env.P", "found another form of table", remedy) from None


def _row(given: Any, state: int, action: int, actions: int) -> Iterator[Transition]:
    """Transitions of positive probability of one state and action."""
    if len(given[state]) != actions:
        raise InputError(f"env.P[{state}]", f"found {len(given[state])} actions", f"P[0] has {actions}")
    for k, entry in enumerate(given[state][action]):
        place = indexed("env.P", (state, action, k))
        try:
            prob, successor, reward, terminated = entry
            transition = float(prob), index(successor), float(reward), bool(terminated)
        except (TypeError, ValueError):
            remedy = "(probability, next state, reward, terminated) is required"
            raise InputError(place, f"found {entry!r}", remedy) from None
        if not 0 <= successor < len(given):
            raise InputError(place, f"found next state {successor}", f"states are 0..{len(given) - 1}")
        if not prob >= 0:
            raise InputError(place, f"found probability {prob}", "a probability must not be negative")
        if prob > 0:
            yield transition


def _initial(env: Any, name: str, states: int) -> Array:
    """Law of the first state; (S,)."""
    place = "env.initial_state_distrib"
    if not hasattr(env, "initial_state_distrib"):
        remedy = "exact values need the law of the first state: set this attribute to S probabilities"
        raise InputError(place, f"{name} has none", remedy)
    law = to_float(as_numbers(place, env.initial_state_distrib))
    if law.shape != (states,):
        raise InputError(place, f"found shape {law.shape}", f"P has {states} states: ({states},) is required")
    check_rows(place, law)
    return law


def _horizon(env: Any, name: str, given: int | None) -> int:
    """The horizon given, or the time limit."""
    if given is None:
        given = env.spec.max_episode_steps if env.spec else None
        if given is None:
            found = f"none is given and {name} has no time limit"
            raise InputError("horizon", found, "give one, for example horizon=200")
    check_count("horizon", given)
    return int(given)


def _check_steps(env: Any, table: Table, initial: Array) -> None:
    """Raise if a step of a copy of the environment is a transition that its table does not list."""
    try:
        probe = copy.deepcopy(env)
        probe.render_mode = None
    except Exception:  # an environment may hold anything, such as a window, that cannot be copied
        return
    probe.reset(seed=0)
    if not isinstance(getattr(probe, "s", None), int | np.integer):
        return
    for state, action in islice(_reachable(table, initial), PROBES):
        probe.reset()
        probe.s = state
        _, reward, terminated, _, _ = probe.step(action)
        seen = int(probe.s), float(reward), bool(terminated)
        if seen not in [transition[1:] for transition in table[state][action]]:
            found = "step() gave state {}, reward {:g}, terminated {}, which is not listed".format(*seen)
            remedy = "the table must describe the dynamics: correct it, or build an Instance on a Kernel"
            raise InputError(indexed("env.P", (state, action)), found, remedy)


def _reachable(table: Table, initial: Array) -> Iterator[tuple[int, int]]:
    """Pairs of a state and an action that can occur before termination, nearest first."""
    queue = np.flatnonzero(initial > 0).tolist()
    known = set(queue)
    for state in queue:
        for action, row in enumerate(table[state]):
            yield state, action
            new = {successor for _, successor, _, terminated in row if not terminated} - known
            known |= new
            queue.extend(sorted(new))  # the loop goes on over what is added here


def _arrays(table: Table) -> tuple[Array, Array, Array]:
    """Successors, probabilities and rewards, each (S + 1, V, K); the last state absorbs."""
    absorbing, actions = len(table), len(table[0])
    merged = [[_branches(row, absorbing) for row in rows] for rows in table]
    widest = max(1, *(len(branches) for rows in merged for branches in rows))
    next_ = np.full((absorbing + 1, actions, widest), absorbing)
    prob, reward = np.zeros(next_.shape), np.zeros(next_.shape)
    prob[absorbing, :, 0] = 1.0
    for s, rows in enumerate(merged):
        for a, branches in enumerate(rows):
            for k, ((successor, gain), mass) in enumerate(branches.items()):
                next_[s, a, k], reward[s, a, k], prob[s, a, k] = successor, gain, mass
    check_rows("env.P", prob)
    return next_, prob, reward


def _branches(row: list[Transition], absorbing: int) -> dict[tuple[int, float], float]:
    """Probability by next state and reward."""
    branches: dict[tuple[int, float], float] = {}
    for prob, successor, reward, terminated in row:
        key = absorbing if terminated else successor, reward
        branches[key] = branches.get(key, 0.0) + prob
    return branches


def _policy(field: str, given: Any, sizes: tuple[int, int], horizon: int) -> list[Array]:
    """T tables (S + 1, V), uniform in the absorbing state; one object where one was given."""
    if isinstance(given, str):
        if given != "uniform":
            raise InputError(field, f"found {given!r}", 'give "uniform" or a table of probabilities')
        return [np.full((sizes[0] + 1, sizes[1]), 1.0 / sizes[1])] * horizon
    if not isinstance(given, Sequence | np.ndarray):
        kind = type(given).__name__
        raise TypeError(f'{field}: found {kind}; "uniform", an array or a sequence of arrays is required')
    levels = list(given)
    if levels and np.asarray(levels[0], dtype=object).ndim < 2:
        return [_with_absorbing(field, given, sizes)] * horizon
    if len(levels) != horizon:
        raise InputError(field, f"found {len(levels)} levels", f"the horizon {horizon} needs {horizon}")
    read: dict[int, Array] = {}
    for t, table in enumerate(levels):
        if id(table) not in read:
            read[id(table)] = _with_absorbing(f"{field}[{t}]", table, sizes)
    return [read[id(table)] for table in levels]


def _with_absorbing(field: str, given: Any, sizes: tuple[int, int]) -> Array:
    """Table (S, V), checked, with a uniform row behind it."""
    table = to_float(as_numbers(field, given))
    if table.shape != sizes:
        remedy = f"the environment has {sizes[0]} states and {sizes[1]} actions: {sizes} is required"
        raise InputError(field, f"found shape {table.shape}", remedy)
    check_rows(field, table)
    return np.vstack([table, np.full((1, sizes[1]), 1.0 / sizes[1])])
