"""Stopping: write a code, thinking freely in between, then the end token; length matters."""

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


def stopping(
    horizon: int = 24, actions: int = 6, length: int | None = None, prompts: int = 2, seed: int = 0
) -> Task:
    """Reward 1 for the code of the prompt and then the end token, with "think" tokens anywhere before it.

    Parameters
    ----------
    horizon, actions : int
        T in 2..16384; V in 3..64: V - 2 symbols, "think", "end".
    length : int, optional
        Length of the code, 1..T - 1; default min(T - 1, 3).
    prompts : int
        Number of codes, 1..64.
    seed : int
        The codes are drawn from it.

    Notes
    -----
    A wrong symbol, a symbol after the code, or the end token too early ends the response without reward.
    A response that has not written the end token by the horizon earns nothing.
    """
    check_sizes(horizon, actions, least_actions=3)
    length = min(horizon - 1, 3) if length is None else length
    check_within("length", length, 1, horizon - 1, "the code and the end token must fit the horizon")
    check_within("prompts", prompts, 1, 64)
    check_seed(seed)
    check_states("length", length, prompts * (length + 1) + 2, actions)
    think, end = actions - 2, actions - 1
    codes = np.random.default_rng(seed).integers(0, think, (prompts, length))
    done, failed = prompts * (length + 1), prompts * (length + 1) + 1
    next_ = np.full((failed + 1, actions), failed, dtype=np.int64)
    next_[done] = done
    for p, code in enumerate(codes):
        first = p * (length + 1)
        for k in range(length + 1):
            next_[first + k, think] = first + k
            if k < length:
                next_[first + k, code[k]] = first + k + 1
        next_[first + length, end] = done
    ended = np.arange(failed + 1) >= done

    def describe(t: int, state: int) -> str:
        if state >= done:
            return "written and ended, over" if state == done else "failed, over"
        p, k = divmod(state, length + 1)
        return f"prompt {p}: {k} of {length} symbols written"

    return Task(
        name="stopping",
        statement=f"Write the {length} symbols of the prompt, think as long as you like, then end.",
        space=Automaton(next_, horizon),
        initial=uniform_law(failed + 1, [p * (length + 1) for p in range(prompts)]),
        reward=exact_rewards([int(i == done) for i in range(failed + 1)]),
        alphabet=(*(str(a) for a in range(think)), "think", "end"),
        prompts={p * (length + 1): f"code {' '.join(map(str, code))}" for p, code in enumerate(codes)},
        describe=describe,
        ended=[ended] * horizon,
        parameters={
            "horizon": horizon,
            "actions": actions,
            "length": length,
            "prompts": prompts,
            "seed": seed,
        },
    )
