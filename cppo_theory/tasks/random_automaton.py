"""Random automaton: reach an accepting state of a machine drawn from a seed."""

from __future__ import annotations

import numpy as np

from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import (
    Task,
    check_seed,
    check_sizes,
    check_states,
    check_within,
    exact_rewards,
    uniform_law,
)


def random_automaton(
    horizon: int = 32,
    actions: int = 4,
    states: int = 16,
    accepting: int | None = None,
    stationary: bool = False,
    seed: int = 0,
) -> Task:
    """Reward 1 if the last state is accepting.

    Parameters
    ----------
    horizon, actions : int
        T in 2..16384, V in 2..64.
    states : int
        S in 2..4096; two of them (0 and 1) are prompts.
    accepting : int, optional
        Number of accepting states, 1..S - 1; default max(1, S // 10).
    stationary : bool
        One table for all levels, or one per level.
    seed : int
        Tables and accepting states are drawn from it.

    Notes
    -----
    Every action permutes the states, so the uniform law stays uniform: under the uniform policy the
    mean reward over all starts is accepting / S at every T.  A start of its own may be better or worse,
    and with few tokens no accepting state need be in reach.
    """
    check_sizes(horizon, actions)
    check_within("states", states, 2, 4096)
    accepting = max(1, states // 10) if accepting is None else accepting
    check_within("accepting", accepting, 1, states - 1, f"of {states} states")
    if not isinstance(stationary, bool):
        raise TypeError(f"stationary: found {stationary!r}; True or False is required")
    check_seed(seed)
    count = 1 if stationary else horizon
    check_states("states", f"{states} on {count} levels", states, actions, count)
    rng = np.random.default_rng(seed)
    goal = np.sort(rng.permutation(states)[:accepting])
    ordered = np.broadcast_to(np.arange(states)[:, None], (count, states, actions))
    tables = list(rng.permuted(ordered, axis=1))
    more = "" if accepting <= 8 else f", ... ({accepting} in all)"
    return Task(
        name="random-automaton",
        statement=f"End in one of the accepting states {', '.join(map(str, goal[:8]))}{more}.",
        space=Automaton(tables[0] if stationary else tables, horizon, states),
        initial=uniform_law(states, range(2)),
        reward=exact_rewards(np.isin(np.arange(states), goal).astype(int).tolist()),
        alphabet=tuple(str(a) for a in range(actions)),
        prompts={0: "start in state 0", 1: "start in state 1"},
        describe=lambda t, state: f"state {state}" + (" (accepting)" if state in goal else ""),
        ended=[np.zeros(states, dtype=bool)] * horizon,
        parameters={
            "horizon": horizon,
            "actions": actions,
            "states": states,
            "accepting": accepting,
            "stationary": stationary,
            "seed": seed,
        },
    )
