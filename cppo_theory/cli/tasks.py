"""``cppo-theory tasks``: the verifiable tasks; and the options that choose one for ``evaluate``."""

from __future__ import annotations

import inspect
import json as json_text
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from cppo_theory.cli.terminal import UsageError, print_table, say
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance
from cppo_theory.policy_specs import policies
from cppo_theory.tasks import TASKS, Task
from cppo_theory.tasks import task as make_task

EXACT_HORIZON = 64
"""Longest task that is evaluated in Fractions: their length grows with every token."""


@dataclass(frozen=True)
class TaskChoice:
    """A task and its policies.

    Args:
        task: Task name; `cppo-theory tasks` lists them.
        horizon: T; default: the task's.
        actions: V; default: the task's.
        set: Further parameters, KEY=VALUE ...; `cppo-theory tasks show NAME` lists them.
        policies: MU,PI with uniform | softmax:SEED[:SCALE] | mixture:SHARE:POLICY | tv:DISTANCE | file:PATH.
        save: Write the instance to this file.
    """

    task: str | None = None
    horizon: int | None = None
    actions: int | None = None
    set: tuple[str, ...] = ()
    policies: str = "softmax:0,mixture:0.1:softmax:1"
    save: Path | None = None

    def instance(self) -> Instance:
        """The task with the two policies."""
        made = _made(str(self.task), self.parameters())
        try:
            mu, pi = policies(self.policies, made.space)
        except InputError as error:
            if error.field == "policies":
                raise UsageError(f"--{error}") from None
            raise
        instance = made.instance(mu, pi)
        if instance.exact and made.horizon > EXACT_HORIZON:
            say(f"fractions over {made.horizon:,} tokens grow too long: all is computed in float64")
            return instance.in_floats()
        return instance

    def parameters(self) -> dict[str, Any]:
        """Arguments of the task."""
        given: dict[str, Any] = dict(map(_assignment, self.set))
        for name in ("horizon", "actions"):
            if getattr(self, name) is not None:
                given[name] = getattr(self, name)
        return given


def tasks(
    action: tyro.conf.Positional[Literal["list", "show"]] = "list",
    name: tyro.conf.Positional[str | None] = None,
    json: bool = False,
) -> int:
    """List the verifiable tasks with their sizes, or show one: prompts, tokens, states, parameters.

    Args:
        action: "list" (default), or "show" with the name of a task.
        name: Task name, for example brackets.
        json: Print JSON on stdout.
    """
    if action == "show":
        if name is None:
            raise UsageError("tasks show: give the name of a task; `cppo-theory tasks` lists them")
        described = _described(_made(name, {}))
        print(json_text.dumps(described, indent=1)) if json else _print_one(described)
        return 0
    if name is not None:
        raise UsageError(f"tasks list: found {name!r}; did you mean `cppo-theory tasks show {name}`?")
    made = [make_task(each) for each in TASKS]
    if json:
        print(json_text.dumps([_described(each) for each in made], indent=1))
        return 0
    rows = [
        (t.name, str(t.horizon), str(t.actions), f"{max(t.space.sizes):,}", str(len(t.prompts)), t.statement)
        for t in made
    ]
    print_table(("task", "T", "V", "states", "prompts", "what to write"), rows, numbers=range(1, 5))
    print("\nSizes at the default parameters; `tasks show NAME` says what a task takes.")
    return 0


def _made(name: str, parameters: dict[str, Any]) -> Task:
    """A task by its name; what is wrong with it is wrong usage."""
    try:
        return make_task(name, **parameters)
    except (InputError, TypeError) as error:
        raise UsageError(str(error)) from None


def _assignment(text: str) -> tuple[str, Any]:
    """KEY=VALUE; integers and truth values as such, other words as text."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"--set: found {text!r}; KEY=VALUE is required, for example length=3")
    if value in ("true", "false"):
        return key, value == "true"
    try:
        return key, int(value)
    except ValueError:
        return key, value


def _described(made: Task) -> dict[str, Any]:
    """A task as plain data."""
    parameters = inspect.signature(TASKS[made.name]).parameters
    return {
        "name": made.name,
        "statement": made.statement,
        "horizon": made.horizon,
        "actions": made.actions,
        "states": max(made.space.sizes),
        "stationary": made.space.stationary,
        "alphabet": list(made.alphabet),
        "prompts": {str(state): text for state, text in made.prompts.items()},
        "ends_early": any(marks.any() for marks in made.ended),
        "parameters": {name: parameter.default for name, parameter in parameters.items()},
        "about": inspect.getdoc(TASKS[made.name]),
    }


def _print_one(task: dict[str, Any]) -> None:
    print(f"{task['name']}: {task['statement']}\n")
    print(f"  T, V, states  {task['horizon']}, {task['actions']}, {task['states']}")
    print(f"  tokens        {' '.join(task['alphabet'])}")
    for i, text in enumerate(task["prompts"].values()):
        print(f"  {'prompts' if i == 0 else '':<13} {text}")
    print(f"  ends early    {'yes' if task['ends_early'] else 'no'}")
    defaults = ", ".join(f"{name}={value}" for name, value in task["parameters"].items())
    print(f"  parameters    {defaults}\n")
    print(task["about"])
