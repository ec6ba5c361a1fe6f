"""The machine behind tasks that are one right answer: spell a given sequence, token by token.

Running states are (p, k, m): k tokens of the answer to prompt p read, m of them right; without partial
credit all that are not fully right share one state per k.  The response is over after as many tokens as
the answer has, or at an end token; then only m matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.errors import InputError
from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import check_states, exact_rewards, uniform_law

Credit = Literal["none", "partial"]
State = tuple[int, int, int]

FAILED = -1
"""The m of an answer that is wrong, without partial credit; the p where the prompt no longer matters."""


@dataclass(frozen=True, eq=False)
class Spelling:
    """Successors and rewards of a spelling machine.

    Attributes
    ----------
    next : int array (S, V)
    reward : list of S Fractions
    starts : list of int
        State of each prompt before its first token.
    states : list of (p, k, m)
        k is the length of the answer where the response is over.
    length : int
        Tokens of an answer.
    """

    next: Array
    reward: list[Fraction]
    starts: list[int]
    states: list[State]
    length: int

    def task_fields(self, horizon: int, prompts: Sequence[str]) -> dict[str, Any]:
        """The fields of a `Task` that the machine sets: stationary, one start per prompt."""
        return {
            "space": Automaton(self.next, horizon),
            "initial": uniform_law(len(self.states), self.starts),
            "reward": exact_rewards(self.reward),
            "prompts": dict(zip(self.starts, prompts, strict=True)),
            "describe": self._describe,
            "ended": [np.array([k == self.length for _, k, _ in self.states])] * horizon,
        }

    def _describe(self, t: int, state: int) -> str:
        p, k, m = self.states[state]
        if k == self.length:
            return "failed, over" if m == FAILED else f"{m} of {self.length} tokens right, over"
        progress = f"{k} of {self.length} tokens read"
        return f"failed: {progress}" if m == FAILED else f"prompt {p}: {progress}, {m} right"


def check_credit(credit: str) -> None:
    """Raise unless credit is "none" or "partial"."""
    if credit not in ("none", "partial"):
        raise InputError("credit", f"found {credit!r}", '"none" (all or nothing) or "partial" is required')


def spelling(
    answers: Sequence[Sequence[int]],
    actions: int,
    credit: Credit = "none",
    end: int | None = None,
    field: str = "length",
) -> Spelling:
    """The machine that reads one answer per prompt.

    Parameters
    ----------
    answers : sequence of equally long sequences of tokens
    actions : int
    credit : "none" (1 for the whole answer) or "partial" (the share of right tokens)
    end : int, optional
        A token that ends the response wherever it is written.
    field : str
        The argument that sets the length of the answers, for errors.
    """
    check_credit(credit)
    partial, length = credit == "partial", len(answers[0])
    running = len(answers) * (length * (length + 1) // 2 if partial else length)
    check_states(field, f"an answer of {length} tokens", running + length + 1, actions)
    states: list[State] = []
    for k in range(length):
        for p in range(len(answers)):
            states += [(p, k, m) for m in (range(k + 1) if partial else (k,))]
        if not partial and k:
            states.append((FAILED, k, FAILED))
    states += [(FAILED, length, m) for m in (range(length + 1) if partial else (FAILED, length))]
    index = {state: i for i, state in enumerate(states)}

    def after(p: int, k: int, m: int) -> int:
        return index[(FAILED if k == length or m == FAILED else p), k, m]

    next_ = np.empty((len(states), actions), dtype=np.int64)
    for i, (p, k, m) in enumerate(states):
        if k == length:
            next_[i] = i
            continue
        wrong = m if partial else FAILED
        next_[i] = after(p, k + 1, wrong)
        if end is not None:
            next_[i, end] = after(p, length, wrong)
        if m != FAILED:
            next_[i, answers[p][k]] = after(p, k + 1, m + 1)
    reward = [Fraction(max(m, 0), length) if k == length else Fraction(0) for _, k, m in states]
    return Spelling(next_, reward, [index[(p, 0, 0)] for p in range(len(answers))], states, length)
