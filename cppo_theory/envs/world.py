"""A task as environments need it: tables, spaces, prompts, words, and checks of what they are given.

A task in which responses can be over before the horizon has the same states and marks at every level, and
a state that is over keeps its reward: the tests hold every task to that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import logger
from gymnasium.spaces import Discrete, MultiDiscrete

from cppo_theory.arithmetic import Array, rectangular, to_float
from cppo_theory.errors import InputError, indexed
from cppo_theory.tasks import task as make_task
from cppo_theory.tasks.sampling import cumulative

NOT_BEGUN = "no response has begun"

Info = dict[str, Any]


class World:
    """A task in the form an environment needs: tables to look up, spaces, prompts, words."""

    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        self.task = task = make_task(name, **parameters)
        size = max(task.space.sizes)
        distinct = {id(table): table for table in task.space.next}
        self._tables: Array = np.zeros((len(distinct), size, task.actions), dtype=np.int64)
        for i, table in enumerate(distinct.values()):
            self._tables[i, : len(table)] = table
        number = {key: i for i, key in enumerate(distinct)}
        self._which = np.array([number[id(task.space.table(t))] for t in range(task.horizon)])
        self._never_over = not any(marks.any() for marks in task.ended)
        self._over = np.zeros(size, dtype=bool) if self._never_over else task.ended[-1]
        self._reward: Array = np.zeros(size)
        self._reward[: len(task.reward)] = to_float(task.reward)
        self.starts = np.array(list(task.prompts), dtype=np.int64)
        self.questions = np.array(list(task.prompts.values()), dtype=object)
        self.alphabet = np.array(task.alphabet, dtype=object)
        self._law = cumulative(to_float(task.initial)[self.starts])
        self.action_space = Discrete(task.actions)
        self.observation_space = MultiDiscrete([task.horizon + 1, size])

    def ask(self, count: int, rng: np.random.Generator, options: Info | None) -> Array:
        """Numbers of the prompts of new responses: those of the option "prompt", or drawn; (count,)."""
        for name in options or {}:
            if name != "prompt":
                raise InputError("options", f"found {name!r}", 'the only option is "prompt"')
        if not options:
            return np.searchsorted(self._law, rng.random(count), side="right")
        given = rectangular("options['prompt']", options["prompt"])
        shape = given.shape if given.shape == () else (count,)
        prompts = len(self.starts)
        why = f"the task {self.task.name} has {prompts} prompts, 0..{prompts - 1}"
        return np.broadcast_to(integers("options['prompt']", given, shape, prompts, why), count)

    def check_actions(self, field: str, actions: Any, shape: tuple[int, ...]) -> Array:
        """Actions as an integer array of that shape."""
        count = self.task.actions
        why = f"the task {self.task.name} has V = {count} actions, 0..{count - 1}"
        return integers(field, actions, shape, count, why)

    def follow(self, position: Any, state: Any, action: Any) -> tuple[Any, Any, Any, Any]:
        """Next state, reward, terminated and truncated; of one response, or arrays (n,)."""
        state = self._tables[self._which[position], state, action]
        last = position + 1 == self.task.horizon
        terminated = self._over[state] | (last & self._never_over)
        truncated = last & np.logical_not(terminated)
        return state, np.where(terminated | truncated, self._reward[state], 0.0), terminated, truncated

    def frame(self, prompt: int, tokens: Array, state: int, end: str) -> str:
        """One response in words; `end` is a last line, or empty."""
        written = " ".join(self.alphabet[tokens]) or "-"
        lines = [
            f"{self.task.name}: {self.questions[prompt]}",
            f"{len(tokens)} of {self.task.horizon} tokens: {written}",
            f"state {state}: {self.task.describe(len(tokens), state)}",
        ]
        return "\n".join([*lines, end] if end else lines)


def integers(field: str, values: Any, shape: tuple[int, ...], below: int, why: str) -> Array:
    """Integers 0..below-1 of that shape, or an error that names the first that is none."""
    array = rectangular(field, values)
    if array.dtype.kind not in "iu":
        raise InputError(field, f"found {values!r}", f"integers are required: {why}")
    if array.shape != shape:
        raise InputError(field, f"found shape {array.shape}", f"shape {shape} is required: {why}")
    bad = np.argwhere((array < 0) | (array >= below))
    if len(bad):
        raise InputError(indexed(field, bad[0]), f"found {array[tuple(bad[0])]}", why)
    return array


def ending(terminated: bool, truncated: bool, reward: float) -> str:
    """How a response ended, in words; empty while it goes on."""
    if not terminated and not truncated:
        return ""
    return f"{'terminated' if terminated else 'truncated'}, reward {reward:.6g}"


def check_render_mode(render_mode: str | None) -> None:
    if render_mode not in (None, "ansi"):
        raise InputError("render_mode", f"found {render_mode!r}", '"ansi" (or none) is required')


def is_rendering(render_mode: str | None) -> bool:
    """Whether there is a frame to give; as Gymnasium's own environments do, warn if there is none."""
    if render_mode is None:
        logger.warn('render() without a render mode gives nothing; make the environment with "ansi"')
    return render_mode is not None
