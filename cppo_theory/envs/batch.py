"""Many responses at once, as a Gymnasium vector environment."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from cppo_theory.arithmetic import Array
from cppo_theory.checks import check_count
from cppo_theory.envs.single import TaskEnv
from cppo_theory.envs.world import NOT_BEGUN, Info, World, check_render_mode, ending, is_rendering


class TaskVectorEnv(VectorEnv[Array, Array, Array]):
    """Many responses at once, one NumPy step for all.

    Parameters
    ----------
    task, render_mode, **parameters
        As for `TaskEnv`.
    num_envs : int
        n >= 1.

    Notes
    -----
    Autoreset is next-step, as in Gymnasium's own `SyncVectorEnv`: where a response ended, the next `step`
    ignores the action (it must be in the space all the same) and begins a new response, with reward 0.
    One generator draws all prompts, so ``reset(seed=...)`` fixes the batch; with one environment it draws
    as `TaskEnv` does.
    """

    metadata: dict[str, Any] = TaskEnv.metadata | {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self, task: str, num_envs: int = 1, render_mode: str | None = None, **parameters: Any
    ) -> None:
        check_count("num_envs", num_envs)
        check_render_mode(render_mode)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self._world = World(task, parameters)
        self.task = self._world.task
        self.single_action_space = self._world.action_space
        self.single_observation_space = self._world.observation_space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._begun = False
        self._prompts, self._states, self._positions = (np.zeros(num_envs, dtype=np.int64) for _ in range(3))
        self._rewards: Array = np.zeros(num_envs)
        self._terminated, self._truncated = (np.zeros(num_envs, dtype=bool) for _ in range(2))
        kept = self.task.horizon if render_mode == "ansi" else 0  # only rendering reads the tokens again
        self._tokens: Array = np.zeros((num_envs, kept), dtype=np.int64)

    def reset(self, *, seed: int | None = None, options: Info | None = None) -> tuple[Array, Info]:
        super().reset(seed=seed)
        everywhere = np.ones(self.num_envs, dtype=bool)
        self._begin(everywhere, options)
        self._begun = True
        return self._observations(), self._info("prompt", everywhere, self._world.questions[self._prompts])

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, Info]:
        if not self._begun:
            raise ResetNeeded(f"{NOT_BEGUN}; call reset() before step()")
        actions = self._world.check_actions("actions", actions, (self.num_envs,))
        fresh = self._terminated | self._truncated
        writing = np.logical_not(fresh)
        self._begin(fresh, None)
        self._write(np.flatnonzero(writing), actions[writing])
        return (
            self._observations(),
            self._rewards.copy(),
            self._terminated.copy(),
            self._truncated.copy(),
            self._info("prompt", fresh, self._world.questions[self._prompts])
            | self._info("token", writing, self._world.alphabet[actions]),
        )

    def render(self) -> tuple[str, ...] | None:
        if not is_rendering(self.render_mode):
            return None
        if not self._begun:
            raise ResetNeeded(f"{NOT_BEGUN}; call reset() before render()")
        ends = map(ending, self._terminated, self._truncated, self._rewards)
        written = (tokens[:t] for tokens, t in zip(self._tokens, self._positions, strict=True))
        return tuple(map(self._world.frame, self._prompts.tolist(), written, self._states.tolist(), ends))

    def _begin(self, where: Array, options: Info | None) -> None:
        """New responses where marked."""
        self._prompts[where] = self._world.ask(int(where.sum()), self.np_random, options)
        self._states[where] = self._world.starts[self._prompts[where]]
        self._positions[where] = 0
        self._rewards[where] = 0.0
        self._terminated[where] = self._truncated[where] = False

    def _write(self, at: Array, tokens: Array) -> None:
        """One more token in the responses with these numbers."""
        positions = self._positions[at]
        after = self._world.follow(positions, self._states[at], tokens)
        self._states[at], self._rewards[at], self._terminated[at], self._truncated[at] = after
        if self.render_mode == "ansi":
            self._tokens[at, positions] = tokens
        self._positions[at] = positions + 1

    def _observations(self) -> Array:
        return np.stack((self._positions, self._states), axis=-1)

    @staticmethod
    def _info(name: str, where: Array, values: Array) -> Info:
        """Gymnasium's form: the values, None elsewhere, and a mask; nothing if it is empty."""
        if not where.any():
            return {}
        shown = np.full(len(where), None, dtype=object)
        shown[where] = values[where]
        return {name: shown, f"_{name}": where.copy()}
