"""One response at a time, as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from cppo_theory.arithmetic import Array
from cppo_theory.envs.world import NOT_BEGUN, Info, World, check_render_mode, ending, is_rendering


class TaskEnv(gymnasium.Env[Array, np.int64]):
    """One response at a time.

    Parameters
    ----------
    task : str
        A key of `cppo_theory.tasks.TASKS`.
    render_mode : "ansi", optional
        `render` then returns prompt, tokens, state and, at the end, the reward, as text.
    **parameters
        Those of the task.

    Notes
    -----
    The info of `reset` has the text of the ``prompt``, that of `step` the ``token`` written.
    ``reset(options={"prompt": 1})`` chooses a prompt by its number.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 - Gymnasium's way

    def __init__(self, task: str, render_mode: str | None = None, **parameters: Any) -> None:
        check_render_mode(render_mode)
        self.render_mode = render_mode
        self._world = World(task, parameters)
        self.task = self._world.task
        self.action_space = self._world.action_space
        self.observation_space = self._world.observation_space
        self._prompt: int | None = None
        self._state = 0
        self._tokens: list[int] = []
        self._end = ""

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Array, Info]:
        super().reset(seed=seed)
        self._prompt = int(self._world.ask(1, self.np_random, options)[0])
        self._state = int(self._world.starts[self._prompt])
        self._tokens, self._end = [], ""
        return self._observation(), {"prompt": self._world.questions[self._prompt]}

    def step(self, action: int | np.int64) -> tuple[Array, float, bool, bool, Info]:
        if self._prompt is None or self._end:
            why = f"the response is over ({self._end})" if self._end else NOT_BEGUN
            raise ResetNeeded(f"{why}; call reset() before step()")
        token = int(self._world.check_actions("action", action, ()))
        state, reward, terminated, truncated = self._world.follow(len(self._tokens), self._state, token)
        self._state = int(state)
        self._tokens.append(token)
        self._end = ending(bool(terminated), bool(truncated), float(reward))
        info = {"token": self.task.alphabet[token]}
        return self._observation(), float(reward), bool(terminated), bool(truncated), info

    def render(self) -> str | None:
        if not is_rendering(self.render_mode):
            return None
        if self._prompt is None:
            raise ResetNeeded(f"{NOT_BEGUN}; call reset() before render()")
        tokens = np.array(self._tokens, dtype=np.int64)
        return self._world.frame(self._prompt, tokens, self._state, self._end)

    def _observation(self) -> Array:
        return np.array([len(self._tokens), self._state], dtype=np.int64)
