"""Addition: the prompt gives two numbers; write the digits of their sum, lowest first, then stop."""

from __future__ import annotations

import numpy as np

from cppo_theory.tasks.spelling import Credit, spelling
from cppo_theory.tasks.task import Task, check_seed, check_sizes, check_within


def addition(
    horizon: int = 16,
    actions: int = 11,
    digits: int | None = None,
    prompts: int = 4,
    credit: Credit = "none",
    seed: int = 0,
) -> Task:
    """Reward for the digits + 1 digits of the sum, lowest first, and the end token.

    The response is over at its first end token, or after digits + 2 tokens.

    Parameters
    ----------
    horizon, actions : int
        T in 3..16384; V in 3..64: the digits of base V - 1, and the end token.
    digits : int, optional
        Digits of each summand, 1..T - 2; default min(T - 2, 3).
    prompts : int
        Number of pairs, 1..64.
    credit : "none" or "partial"
        All or nothing, or the share of the digits + 2 tokens (the end token included) that are right.
    seed : int
        The summands are drawn from it.
    """
    check_sizes(horizon, actions, least_horizon=3, least_actions=3)
    digits = min(horizon - 2, 3) if digits is None else digits
    check_within("digits", digits, 1, horizon - 2, f"a sum of {digits} digits, a carry and the end token")
    check_within("prompts", prompts, 1, 64)
    check_seed(seed)
    base = actions - 1
    summands = np.random.default_rng(seed).integers(0, base, (prompts, 2, digits))
    answers = [[*carried(x.tolist(), y.tolist(), base), base] for x, y in summands]
    questions = [f"{written(x, base)} + {written(y, base)} in base {base}" for x, y in summands.tolist()]
    machine = spelling(answers, actions, credit, end=base, field="digits")
    return Task(
        name="addition",
        statement=f"Write the sum of two {digits}-digit numbers, base {base}, lowest digit first, then end.",
        alphabet=(*(str(a) for a in range(base)), "end"),
        parameters={
            "horizon": horizon,
            "actions": actions,
            "digits": digits,
            "prompts": prompts,
            "credit": credit,
            "seed": seed,
        },
        **machine.task_fields(horizon, questions),
    )


def carried(x: list[int], y: list[int], base: int) -> list[int]:
    """Digits of x + y, lowest first, one more than the summands have (also lowest first)."""
    out, carry = [], 0
    for a, b in zip(x, y, strict=True):
        carry, digit = divmod(a + b + carry, base)
        out.append(digit)
    return [*out, carry]


def written(number: list[int], base: int) -> str:
    """A number (lowest digit first) as people write it, highest digit first; spaces above base 10."""
    separator = "" if base <= 10 else " "
    return separator.join(str(digit) for digit in reversed(number))
