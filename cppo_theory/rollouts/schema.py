"""The file form of sampled responses, schema ``cppo-rollout/1``: one JSON object per line.

Required are the log-probabilities under mu and pi, the mask and the advantage; everything else is optional,
and any other name is refused.
"""

from __future__ import annotations

from typing import Any

import msgspec

SCHEMA = "cppo-rollout/1"
MASK_SCHEMA = "cppo-mask/1"


class TopKTable(msgspec.Struct, forbid_unknown_fields=True):
    """The K likeliest tokens of mu at every position: ids and log-probabilities, each (T, K)."""

    rollout: list[list[float]]
    current: list[list[float]]
    ids: list[list[int]] | None = None


class ExactDivergences(msgspec.Struct, forbid_unknown_fields=True):
    """Divergences over the whole vocabulary, each (T,)."""

    tv: list[float] | None = None
    kl_mu_pi: list[float] | None = None


class Sampling(msgspec.Struct, forbid_unknown_fields=True):
    """How the tokens were drawn."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


class Rollout(msgspec.Struct, forbid_unknown_fields=True):
    """One response; lists have one entry per token."""

    schema: str
    logp_rollout: list[float]
    logp_current: list[float]
    response_mask: list[int | bool]
    advantage: float | list[float]
    logp_anchor: list[float] | None = None
    reward: float | None = None
    group: int | str | None = None
    step: int | None = None
    update: int | None = None
    token_ids: list[int] | None = None
    topk: TopKTable | None = None
    exact: ExactDivergences | None = None
    sampling: Sampling | None = None
    max_length: int | None = None
    task: str | None = None
    prompt_id: int | str | None = None
    meta: dict[str, Any] | None = None
