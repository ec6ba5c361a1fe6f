"""Sampling responses of a task: all at once against loops over responses and tokens.

The plain loop draws each token with `Generator.choice`.  The quickest loop that plain Python allows, over
lists of cumulative probabilities with `bisect`, is given too; making the lists is not counted.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.timing import Row, cpu_seconds, speedup
from cppo_theory.policy import random_policy
from cppo_theory.tasks import Task, sample, task

COUNT, FEW, HORIZON = 2_000, 4, 256
SIZES = ((4, 16), (32, 256))  # actions, states


def choice_loop(made: Task, table: np.ndarray, count: int, rng: np.random.Generator) -> list[list[int]]:
    """Token by token with NumPy's choice."""
    out = []
    for _ in range(count):
        state, tokens = int(rng.integers(2)), []  # states 0 and 1 are the prompts
        for t in range(made.horizon):
            tokens.append(int(rng.choice(made.actions, p=table[state])))
            state = int(made.space.table(t)[state, tokens[-1]])
        out.append(tokens)
    return out


class BisectLoop:
    """Token by token by bisection of lists."""

    def __init__(self, made: Task, table: np.ndarray) -> None:
        self.horizon, self.last = made.horizon, made.actions - 1
        self.sums, self.following = np.cumsum(table, axis=-1).tolist(), made.space.table(0).tolist()

    def __call__(self, count: int) -> list[list[int]]:
        out, draw = [], random.Random(0).random
        for _ in range(count):
            state, tokens = int(2 * draw()), []
            for _ in range(self.horizon):
                token = min(bisect_right(self.sums[state], draw()), self.last)
                tokens.append(token)
                state = self.following[state][token]
            out.append(tokens)
        return out


def rows() -> Iterator[Row]:
    """Tokens per second as ratios; a loop gets fewer responses, and its time is scaled."""
    for actions, states in SIZES:
        made = task("random-automaton", horizon=HORIZON, actions=actions, states=states, stationary=True)
        rng = np.random.default_rng(0)
        table = random_policy([states] * 2, actions, rng)[0]
        at_once = partial(sample, made, [table] * HORIZON, COUNT, rng)
        name = f"sampling, V = {actions}, {COUNT} responses"
        at_once()
        millions = [COUNT * HORIZON / cpu_seconds(at_once) / 1e6 for _ in range(5)]
        yield Row(name, "(million tokens per second)", sorted(millions)[2], min(millions), max(millions))
        for loop, slow, asked in (
            ("loop with Generator.choice", partial(choice_loop, made, table, FEW, rng), ">= 50"),
            ("loop with bisect on lists", partial(BisectLoop(made, table), 50 * FEW), ""),
        ):
            scale = COUNT / (FEW if asked else 50 * FEW)
            ratio, low, high = (scale * x for x in speedup(at_once, slow, repeats=5))
            yield Row(name, loop, ratio, low, high, asked)
