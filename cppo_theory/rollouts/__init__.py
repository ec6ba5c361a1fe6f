"""Sampled responses on disk: their file form, reading them one at a time, and what a rule does with them."""

from __future__ import annotations

from cppo_theory.rollouts.batching import Reading, to_batch
from cppo_theory.rollouts.masking import Agreement, Masked, agreement, mask_rollouts
from cppo_theory.rollouts.reading import parse_rollout, read_rollouts
from cppo_theory.rollouts.schema import MASK_SCHEMA, SCHEMA, Rollout

__all__ = [
    "MASK_SCHEMA",
    "SCHEMA",
    "Agreement",
    "Masked",
    "Reading",
    "Rollout",
    "agreement",
    "mask_rollouts",
    "parse_rollout",
    "read_rollouts",
    "to_batch",
]
