"""A response of a file as a batch of one: checked values, and the source of its divergences.

Source: arXiv:2606.10968v2, Section 3 (exact, Top-K and Binary divergences).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from cppo_theory.errors import InputError
from cppo_theory.rollouts.schema import Rollout
from cppo_theory.rules.batch import TokenBatch
from cppo_theory.rules.sources import Binary, Measured, PerMeasure, Source, TopK
from cppo_theory.rules.validation import faults

Array = Any
SourceName = Literal["exact", "topk", "binary"]
Measure = Literal["tv", "kl"]

NAN_KINDS = {
    "logp_rollout": "rollout",
    "logp_current": "logp",
    "logp_anchor": "anchor",
    "advantage": "advantage",
    "topk.rollout": "logp",
    "topk.current": "logp",
    "exact.tv": "tv",
    "exact.kl_mu_pi": "kl",
}
"""Columns of numbers, and the kind of check that each gets."""

SLACK = 1e-2
"""By how much the probabilities of a table may sum to more than 1: log-probabilities in bfloat16 do."""


_COLUMN_OF: dict[SourceName, str] = {"exact": "exact.{}", "topk": "topk.rollout", "binary": "logp_rollout"}
"""The column that a source needs, best source first; ``{}`` is the measure."""


@dataclass(frozen=True)
class Reading:
    """How responses become batches.

    Parameters
    ----------
    measure : {"tv", "kl"}
        Which divergence is looked for in ``exact``.
    source : {"exact", "topk", "binary"}, optional
        Where divergences come from; default: the best that the response has.
    drop_nan : bool
        Turn tokens with a NaN into holes instead of failing.
    """

    measure: Measure = "tv"
    source: SourceName | None = None
    drop_nan: bool = False


def to_batch(place: str, rollout: Rollout, reading: Reading, key: int = 0) -> tuple[TokenBatch, int]:
    """The batch of one response, in float64, and how many tokens were dropped for a NaN.

    Raises
    ------
    InputError
        For lengths that differ, a mask that is not binary, a bad value, no valid token, or a source that
        the response lacks; the message names line, field and token.
    """
    columns = _columns(place, rollout)
    mask = _mask(place, rollout)
    _check_ids(place, rollout)
    dropped = 0
    if reading.drop_nan:
        missing = np.zeros(len(mask), dtype=bool)
        for x in columns.values():
            missing |= np.isnan(x).any(-1) if x.ndim == 2 else np.isnan(x)
        dropped = int((missing & mask).sum())
        mask = mask & ~missing
    for name, x in columns.items():
        _check(f"{place}: {name}", x, NAN_KINDS[name], mask)
        if x.ndim == 2:
            _check_sums(f"{place}: {name}", x, mask)
    if not (mask.any() or dropped):
        raise InputError(f"{place}: response_mask", "no token is valid", "leave the response out")
    rows = {name: x[None] for name, x in columns.items()}
    return TokenBatch(
        rows["logp_rollout"],
        rows["logp_current"],
        rows["advantage"],
        mask[None],
        rows.get("logp_anchor"),
        source=_source(place, rollout, reading, rows),
        key=np.array([key]),
    ), dropped


def _columns(place: str, rollout: Rollout) -> dict[str, Array]:
    """Every column of numbers as float64, all of the response's length."""
    length = len(rollout.logp_rollout)
    if length == 0:
        raise InputError(f"{place}: logp_rollout", "the response is empty", "leave it out")
    given: dict[str, Any] = {"logp_rollout": rollout.logp_rollout, "logp_current": rollout.logp_current}
    given |= {"response_mask": rollout.response_mask}
    if rollout.logp_anchor is not None:
        given["logp_anchor"] = rollout.logp_anchor
    if isinstance(rollout.advantage, list):
        given["advantage"] = rollout.advantage
    if rollout.token_ids is not None:
        given["token_ids"] = rollout.token_ids
    tables: dict[str, Any] = {}
    for part in ("topk", "exact"):
        struct = getattr(rollout, part)
        fields = {} if struct is None else msgspec.structs.asdict(struct)
        tables |= {f"{part}.{name}": rows for name, rows in fields.items() if rows is not None}
    for name, values in [*given.items(), *tables.items()]:
        if len(values) != length:
            raise InputError(f"{place}: {name}", f"found length {len(values)}", f"logp_rollout has {length}")
    _check_widths(place, tables)
    if not isinstance(rollout.advantage, list):
        given["advantage"] = [rollout.advantage] * length
    return {name: np.array((given | tables)[name], float) for name in NAN_KINDS if name in given | tables}


def _check_widths(place: str, tables: dict[str, Any]) -> None:
    """All rows of a Top-K table have one width K >= 1."""
    names = [name for name in tables if name.startswith("topk.")]
    width = len(tables[names[0]][0]) if names else 0
    for name in names:
        for t, row in enumerate(tables[name]):
            if len(row) != width or width == 0:
                required = f"{names[0]}[0] has {width}" if width else "at least one token is required"
                raise InputError(f"{place}: {name}[{t}]", f"found {len(row)} tokens", required)


def _check_ids(place: str, rollout: Rollout) -> None:
    """No token stands twice in a row of a Top-K table: it would be counted twice."""
    for t, ids in enumerate((rollout.topk.ids if rollout.topk is not None else None) or ()):
        if len(set(ids)) < len(ids):
            twice = next(token for i, token in enumerate(ids) if token in ids[:i])
            raise InputError(f"{place}: topk.ids[{t}]", f"found token {twice} twice", "list each token once")


def _mask(place: str, rollout: Rollout) -> Array:
    for t, value in enumerate(rollout.response_mask):
        if value not in (0, 1):
            raise InputError(f"{place}: response_mask[{t}]", f"found {value}", "0 or 1 is required")
    return np.array(rollout.response_mask, dtype=bool)


def _check(field: str, x: Array, kind: str, mask: Array) -> None:
    """Raise at the first valid token whose value cannot be."""
    valid = mask if x.ndim == 1 else mask[:, None]
    for bad, what, remedy in faults(np, x, kind):
        places = np.argwhere(bad & valid)
        if len(places):
            index = tuple(places[0])
            where = "".join(f"[{i}]" for i in index)
            found = what or f"{x[index]:g}"
            option = remedy.replace('nan="drop"', "mask --nan drop")
            raise InputError(f"{field}{where}", f"found {found}", option)


def _check_sums(field: str, table: Array, mask: Array) -> None:
    """The probabilities of a Top-K table sum to at most 1, up to what bfloat16 rounds."""
    sums = np.exp(np.where(mask[:, None], table, -np.inf)).sum(-1)
    over = np.flatnonzero(sums > 1 + SLACK)
    if len(over):
        found = f"found probabilities that sum to {sums[over[0]]:g}"
        raise InputError(f"{field}[{over[0]}]", found, "log-probabilities of distinct tokens are required")


def _source(place: str, rollout: Rollout, reading: Reading, rows: dict[str, Array]) -> Source:
    """The source asked for, or for each measure the best one that the response has."""
    if reading.source is None:
        of_tv, of_kl = (_named(_best(rows, measure), rollout, rows) for measure in ("tv", "kl_mu_pi"))
        return of_tv if type(of_tv) is type(of_kl) else PerMeasure(of_tv, of_kl)
    measure = "tv" if reading.measure == "tv" else "kl_mu_pi"
    needed = _COLUMN_OF[reading.source].format(measure)
    if needed not in rows:
        field = needed if reading.source == "exact" else reading.source
        found = f"the row has no {field}, which --source {reading.source} needs"
        has = [name for name, column in _COLUMN_OF.items() if column.format(measure) in rows]
        raise InputError(f"{place}: {field}", found, f"it has {', '.join(has)}")
    return _named(reading.source, rollout, rows)


def _best(rows: dict[str, Array], measure: str) -> SourceName:
    """The best source of a measure that these columns hold."""
    return next(name for name, column in _COLUMN_OF.items() if column.format(measure) in rows)


def _named(name: SourceName, rollout: Rollout, rows: dict[str, Array]) -> Source:
    if name == "exact":
        return Measured(rows.get("exact.tv"), rows.get("exact.kl_mu_pi"))
    if name == "binary":
        return Binary()
    listed = None
    if rollout.token_ids is not None and rollout.topk is not None and rollout.topk.ids is not None:
        pairs = zip(rollout.token_ids, rollout.topk.ids, strict=True)  # ids of any size
        listed = np.array([[token in ids for token, ids in pairs]])
    return TopK(rows["topk.rollout"], rows["topk.current"], listed)
