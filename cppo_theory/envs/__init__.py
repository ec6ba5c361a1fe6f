"""Every task as a Gymnasium environment, single and batched.

    import cppo_theory.envs                     # registers cppo_theory/Password-v0, .../ModularSum-v0, ...
    gymnasium.make("cppo_theory/Password-v0", horizon=16)
    gymnasium.make_vec("cppo_theory/Password-v0", num_envs=64, horizon=16)

Keyword arguments are those of the task (`cppo_theory.tasks`), ``memory`` included; ``seed`` there makes
the task, ``reset(seed=...)`` draws the prompts.  Gymnasium 1.0 and later load no plugins by themselves: a
program that imports only Gymnasium asks for ``"cppo_theory.envs:cppo_theory/Password-v0"``.

    observation  (t, state): tokens written so far, 0..T, and the state of the verifier
    action       the next token, 0..V-1
    reward       of the response, in [0, 1], paid once with its last token; 0 before
    terminated   the response is over, or it reached the horizon in a task where no response is over before
    truncated    the horizon cut the response off; the reward is that of the state it was in
"""

from __future__ import annotations

import gymnasium

from cppo_theory.envs.batch import TaskVectorEnv
from cppo_theory.envs.single import TaskEnv
from cppo_theory.tasks import TASKS

__all__ = ["TaskEnv", "TaskVectorEnv", "environment_id", "register"]

NAMESPACE = "cppo_theory"


def environment_id(name: str) -> str:
    """Id of a task's environment: ``modular-sum`` is ``cppo_theory/ModularSum-v0``."""
    return f"{NAMESPACE}/{''.join(part.capitalize() for part in name.split('-'))}-v0"


def register() -> None:
    """Register every task with Gymnasium; what is registered already stays as it is.

    The entry point of the group ``gymnasium.envs`` names this function.
    """
    for name in TASKS:
        if environment_id(name) not in gymnasium.registry:
            gymnasium.register(
                environment_id(name),
                entry_point="cppo_theory.envs:TaskEnv",
                vector_entry_point="cppo_theory.envs:TaskVectorEnv",
                kwargs={"task": name},
            )


register()
