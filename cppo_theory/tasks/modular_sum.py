"""Modular sum: the sum of all T digits must leave the residue that the prompt asks for."""

from __future__ import annotations

import numpy as np

from cppo_theory.spaces import Automaton
from cppo_theory.tasks.task import Task, check_sizes, check_within, exact_rewards, uniform_law


def modular_sum(horizon: int = 16, actions: int = 4, modulus: int = 7, prompts: int | None = None) -> Task:
    """Reward 1 if the digits add up to the residue of the prompt.

    Parameters
    ----------
    horizon, actions : int
        T in 2..16384, V in 2..64; tokens are the digits 0..V-1.
    modulus : int
        m in 2..4096.
    prompts : int, optional
        The residues 0..prompts-1 are asked for; default min(m, 3).

    Notes
    -----
    The state is what is still missing modulo m.
    """
    check_sizes(horizon, actions)
    check_within("modulus", modulus, 2, 4096)
    prompts = min(modulus, 3) if prompts is None else prompts
    check_within("prompts", prompts, 1, modulus, f"there are {modulus} residues")
    missing = np.arange(modulus)
    next_ = (missing[:, None] - np.arange(actions)) % modulus
    return Task(
        name="modular-sum",
        statement=f"Write {horizon} digits whose sum is the asked residue modulo {modulus}.",
        space=Automaton(next_, horizon),
        initial=uniform_law(modulus, range(prompts)),
        reward=exact_rewards([int(r == 0) for r in range(modulus)]),
        alphabet=tuple(str(a) for a in range(actions)),
        prompts={r: f"residue {r}" for r in range(prompts)},
        describe=lambda t, state: f"{state} missing modulo {modulus}",
        ended=[np.zeros(modulus, dtype=bool)] * horizon,
        parameters={"horizon": horizon, "actions": actions, "modulus": modulus, "prompts": prompts},
    )
