"""Worst-case search: instances that strain a claim most, or violate it with one hypothesis dropped.

A candidate is a vector of logits for every row of mu and pi on one prefix tree, and of factors of the
measured thresholds and budget.  Batches of candidates are decided at once by the claim itself.
Differential evolution starts from a population of which half is the jump family (from random starts
alone the search sticks far below the worst case), then the best candidate is polished locally,
rationalised, and replayed exactly.  What a hunt reports is the exact verdict on a rational instance: a
lower bound of the worst case, never a proof that nothing is worse.
"""

from __future__ import annotations

from cppo_theory.hunt.budget import Budget
from cppo_theory.hunt.run import Found, hunt

__all__ = ["Budget", "Found", "hunt"]
