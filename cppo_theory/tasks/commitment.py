"""Commitment: the first token chooses a sub-task; the wrong one cannot be repaired."""

from __future__ import annotations

import numpy as np

from cppo_theory.arithmetic import Array
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


def commitment(
    horizon: int = 16, actions: int = 4, length: int | None = None, prompts: int = 2, seed: int = 0
) -> Task:
    """Reward 1 if the first token is the prompt's and the code of that sub-task follows.

    Parameters
    ----------
    horizon, actions : int
        T in 2..16384, V in 2..64.  The first token chooses one of V sub-tasks.
    length : int, optional
        Length of the code of a sub-task, 1..T - 1; default min(T - 1, 3).
    prompts : int
        The right sub-tasks are 0..prompts-1, prompts in 1..V.
    seed : int
        The codes are drawn from it.

    Notes
    -----
    A wrong token of the code ends the response.  After a wrong choice the machine still reads the code of
    the chosen sub-task and pays nothing for it: only the reward tells that the choice was wrong.
    """
    check_sizes(horizon, actions)
    length = min(horizon - 1, 3) if length is None else length
    check_within("length", length, 1, horizon - 1, "the choice and the code must fit the horizon")
    check_within("prompts", prompts, 1, actions, f"there are {actions} sub-tasks")
    check_seed(seed)
    check_states("length", length, prompts + (prompts + actions) * length + 2, actions)
    codes = np.random.default_rng(seed).integers(0, actions, (actions, length))
    states, next_ = _machine(codes, prompts)
    over = [kind == "over" for kind, *_ in states]
    return Task(
        name="commitment",
        statement=f"Choose the sub-task of the prompt with the first token, then write its {length} tokens.",
        space=Automaton(next_, horizon),
        initial=uniform_law(len(states), range(prompts)),
        reward=exact_rewards([int(kind == "over" and earned) for kind, _, earned, _ in states]),
        alphabet=tuple(str(a) for a in range(actions)),
        prompts={p: f"sub-task {p}: {p}, then {' '.join(map(str, codes[p]))}" for p in range(prompts)},
        describe=lambda t, state: _words(states[state], length),
        ended=[np.array(over)] * horizon,
        parameters={
            "horizon": horizon,
            "actions": actions,
            "length": length,
            "prompts": prompts,
            "seed": seed,
        },
    )


State = tuple[str, int, bool, int]
"""("prompt", p, -, 0), ("code", sub-task, rightly chosen, tokens read) or ("over", -, rewarded, -)."""


def _machine(codes: Array, prompts: int) -> tuple[list[State], Array]:
    actions, length = codes.shape
    states: list[State] = [("prompt", p, True, 0) for p in range(prompts)]
    states += [("code", c, True, k) for c in range(prompts) for k in range(length)]
    states += [("code", c, False, k) for c in range(actions) if (prompts, c) != (1, 0) for k in range(length)]
    done, failed = len(states), len(states) + 1
    states += [("over", 0, True, 0), ("over", 0, False, 0)]
    index = {state: i for i, state in enumerate(states)}
    next_ = np.full((len(states), actions), failed, dtype=np.int64)
    for i, (kind, which, right, k) in enumerate(states):
        if kind == "prompt":
            next_[i] = [index["code", c, c == which, 0] for c in range(actions)]
        elif kind == "over":
            next_[i] = i
        elif k + 1 < length:
            next_[i, codes[which, k]] = index["code", which, right, k + 1]
        elif right:
            next_[i, codes[which, k]] = done
    return states, next_


def _words(state: State, length: int) -> str:
    kind, which, right, k = state
    if kind == "prompt":
        return f"prompt {which}"
    if kind == "over":
        return "right sub-task written, over" if right else "failed, over"
    return f"sub-task {which} ({'right' if right else 'wrong'} choice), {k} of {length} tokens"
