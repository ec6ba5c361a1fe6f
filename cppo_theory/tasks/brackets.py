"""Brackets: close what was opened, then stop."""

from __future__ import annotations

from itertools import product

import numpy as np

from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import Task, check_sizes, check_within, exact_rewards, uniform_law

PAIRS = ("()", "[]", "{}", "<>")
DEEPEST = (4095, 11, 7, 5)
"""Largest depth for 1, 2, ... kinds: at most 4,096 stacks."""


def brackets(horizon: int = 16, kinds: int = 1, depth: int = 4, prompts: int | None = None) -> Task:
    """Reward 1 if the response closes all brackets, the prompt's included, and then writes the end token.

    Parameters
    ----------
    horizon : int
        T in 2..16384.
    kinds : int
        Kinds of brackets, 1..4; V = 2 kinds + 1: openings, closings, end.
    depth : int
        Most brackets open at once: 1..4095 for one kind, up to 11, 7, 5 for two, three, four.
    prompts : int, optional
        The prompts open 1..prompts brackets, of all kinds in turn; prompts <= depth and < T, default 2
        where that is possible.

    Notes
    -----
    A response may open further brackets and must close them too.  Opening more than the depth, a closing
    bracket that does not fit, and the end token while a bracket is open end the response without reward.
    A response that has not written the end token by the horizon earns nothing.
    """
    check_within("kinds", kinds, 1, len(PAIRS))
    check_sizes(horizon, 2 * kinds + 1)
    check_within("depth", depth, 1, DEEPEST[kinds - 1], "the states are the stacks of open brackets")
    most = min(depth, horizon - 1)
    prompts = min(2, most) if prompts is None else prompts
    check_within("prompts", prompts, 1, most, "the prompt must be closable within the horizon")
    stacks = [s for n in range(depth + 1) for s in product(range(kinds), repeat=n)]
    index = {stack: i for i, stack in enumerate(stacks)}
    done, failed = len(stacks), len(stacks) + 1
    end = 2 * kinds
    next_ = np.full((len(stacks) + 2, end + 1), failed, dtype=np.int64)
    next_[done] = done
    for stack, i in index.items():
        for kind in range(kinds):
            if len(stack) < depth:
                next_[i, kind] = index[(*stack, kind)]
            if stack and stack[-1] == kind:
                next_[i, kinds + kind] = index[stack[:-1]]
    next_[index[()], end] = done
    words = ["".join(PAIRS[kind][0] for kind in stack) for stack in stacks]
    asked = [index[tuple(i % kinds for i in range(n))] for n in range(1, prompts + 1)]
    ended = np.arange(len(next_)) >= done

    def describe(t: int, state: int) -> str:
        if state >= done:
            return "closed and ended, over" if state == done else "failed, over"
        return f"open: {words[state] or 'nothing'}"

    opening, closing = (tuple(pair[i] for pair in PAIRS[:kinds]) for i in (0, 1))
    return Task(
        name="brackets",
        statement="Close every open bracket in order, then write the end token.",
        space=Automaton(next_, horizon),
        initial=uniform_law(len(next_), asked),
        reward=exact_rewards([int(i == done) for i in range(len(next_))]),
        alphabet=(*opening, *closing, "end"),
        prompts={i: f"close {words[i]}" for i in asked},
        describe=describe,
        ended=[ended] * horizon,
        parameters={"horizon": horizon, "kinds": kinds, "depth": depth, "prompts": prompts},
    )
