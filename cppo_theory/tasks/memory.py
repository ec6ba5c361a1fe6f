"""A task whose states also remember the last k tokens, for policies that see more than the verifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cppo_theory.arithmetic import Array, zero
from cppo_theory.instance import distinct
from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import Task, check_states, check_within


def with_memory(task: Task, memory: int) -> Task:
    """The same task on states (verifier state, last k tokens).

    Parameters
    ----------
    task : Task
    memory : int
        k >= 1; the number of states grows by (V + 1)**k (a place can be empty at the start).
    """
    check_within("memory", memory, 1, 20)
    base = task.actions + 1
    memories = base**memory
    states, tables = max(task.space.sizes) * memories, len(distinct(task.space.next))
    check_states("memory", memory, states, task.actions, tables)
    made: dict[int, Array] = {}

    def product(table: Array) -> Array:
        if id(table) not in made:
            shifted = (np.arange(memories)[:, None] * base + np.arange(task.actions)) % memories
            made[id(table)] = (table[:, None, :] * memories + shifted).reshape(-1, task.actions)
        return made[id(table)]

    space = task.space
    products = [product(table) for table in space.next]
    larger = Automaton(
        products[0] if space.stationary else products, task.horizon, space.sizes[-1] * memories
    )
    empty = memories - 1
    initial = np.full(larger.sizes[0], zero(task.initial), dtype=object)
    initial[empty::memories] = task.initial
    repeated = {id(marks): np.repeat(marks, memories) for marks in distinct(task.ended)}
    ended = [repeated[id(marks)] for marks in task.ended]

    def describe(t: int, state: int) -> str:
        verifier, seen = divmod(state, memories)
        digits = [seen // base**i % base for i in reversed(range(memory))]
        words = " ".join("-" if d == task.actions else task.alphabet[d] for d in digits)
        return f"{task.describe(t, verifier)}; last tokens {words}"

    return replace(
        task,
        space=larger,
        initial=initial,
        reward=np.repeat(task.reward, memories),
        prompts={state * memories + empty: text for state, text in task.prompts.items()},
        describe=describe,
        ended=ended,
        parameters={**task.parameters, "memory": memory},
    )
