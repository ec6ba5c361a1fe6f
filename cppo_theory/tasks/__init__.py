"""Verifiable tasks: small worlds that are exact automata, evaluated exactly at full horizon."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from cppo_theory.errors import InputError
from cppo_theory.tasks.addition import addition
from cppo_theory.tasks.brackets import brackets
from cppo_theory.tasks.commitment import commitment
from cppo_theory.tasks.memory import with_memory
from cppo_theory.tasks.modular_sum import modular_sum
from cppo_theory.tasks.needle import needle
from cppo_theory.tasks.password import password
from cppo_theory.tasks.random_automaton import random_automaton
from cppo_theory.tasks.sampling import Responses, log_probability, sample
from cppo_theory.tasks.state_tracking import state_tracking
from cppo_theory.tasks.stopping import stopping
from cppo_theory.tasks.task import Task, check_within
from cppo_theory.tasks.training import ascend, gradient

__all__ = [
    "TASKS",
    "Responses",
    "Task",
    "ascend",
    "gradient",
    "log_probability",
    "sample",
    "task",
    "with_memory",
]

TASKS: dict[str, Callable[..., Task]] = {
    "password": password,
    "modular-sum": modular_sum,
    "brackets": brackets,
    "addition": addition,
    "commitment": commitment,
    "state-tracking": state_tracking,
    "needle": needle,
    "stopping": stopping,
    "random-automaton": random_automaton,
}
"""Every task by its name: the function that makes it."""


def task(name: str, **parameters: Any) -> Task:
    """Make a task.

    Parameters
    ----------
    name : str
        A key of `TASKS`.
    **parameters
        Arguments of the function there, for example ``horizon``, ``actions``; and ``memory``, the
        number of last tokens that the states remember besides (default 0).

    Raises
    ------
    InputError
        An unknown task or parameter, or a size that is impossible.
    TypeError
        A parameter of another type.
    """
    if not isinstance(name, str):
        raise TypeError(f"task: found {name!r}; a name is required: {', '.join(TASKS)}")
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known tasks are {', '.join(TASKS)}"
        raise InputError("task", f"found {name!r}", remedy)
    memory = parameters.pop("memory", 0)
    check_within("memory", memory, 0, 20)
    known = inspect.signature(TASKS[name]).parameters
    for given in parameters:
        if given not in known:
            raise InputError(
                given, f"the task {name} has no such parameter", f"it has {', '.join(known)}, memory"
            )
    made = TASKS[name](**parameters)
    return with_memory(made, memory) if memory else made
