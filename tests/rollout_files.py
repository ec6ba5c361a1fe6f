"""Small rollout files for the tests of `rollouts` and of the command `mask`."""

import gzip
import json
from math import log

SCHEMA = "cppo-rollout/1"


def rollout(q, p, advantage=1.0, mask=None, **more):
    """A response from probabilities; None leaves a field out."""
    document = {
        "schema": SCHEMA,
        "logp_rollout": [log(x) for x in q],
        "logp_current": [log(x) for x in p],
        "response_mask": [1] * len(q) if mask is None else mask,
        "advantage": advantage,
    }
    return {name: value for name, value in {**document, **more}.items() if value is not None}


def lines(documents):
    """JSON lines; what is bytes already stays as it is."""
    return b"".join(d if isinstance(d, bytes) else json.dumps(d).encode() + b"\n" for d in documents)


def written(path, documents):
    """The documents as lines of a file, gzip if its name ends in .gz."""
    data = lines(documents)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


BY_HAND = rollout(
    [1 / 4, 1 / 4, 1 / 4, 1 / 2, 1 / 4],
    [1 / 2, 1 / 2, 1 / 2, 1 / 4, 3 / 4],
    mask=[1, 0, 1, 1, 1],
)
"""D = |p - q| = 1/4, a hole, 1/4, 1/4, 1/2; r = 2, -, 2, 1/2, 3; with A > 0 all but the fourth are away."""

UP_AND_DOWN = rollout([1 / 2, 1 / 2], [1 / 2, 1 / 8], [-1.0, -2.0])
"""D = 0, 3/8; r = 1, 1/4: the second moves away, since A < 0."""

THREE = [BY_HAND, UP_AND_DOWN, rollout([1 / 4], [1.0], 0.0)]
"""With a response of advantage 0."""

SHORT = {"delta": 0.25, "delta_b": 0.125, "w_min": 1.0}
"""Parameters under which the decisions on `THREE` are short to derive.

First response, X the excess: t = 1 spends 1/4 <= delta, kept, X = 1/8; the hole spends nothing; t = 3 has
1/4 + 1/8 > 1/4, budget, X = 1/4; t = 4 is toward, kept, X = 3/8; t = 5 has 1/2 > delta, token.
Second: the tie is toward; 3/8 > delta, token.  Third: A = 0 is toward.
"""

REASONS = [[0, 5, 2, 0, 1], [0, 1], [0]]
COEFFICIENTS = [[2.0, 0.0, 0.0, 0.5, 0.0], [1.0, 0.0], [4.0]]

ROW = rollout([1 / 2, 1 / 4, 1 / 8], [1 / 4, 1 / 4, 1 / 4])
"""A good response of three tokens."""

SCHEMA_NEEDED = f'"{SCHEMA}" is required'
README = "see the file form of rollouts in the README"


def changed(name, index, value):
    """`ROW` with one entry of a list replaced."""
    column = list(ROW[name])
    column[index] = value
    return {**ROW, name: column}


def table(rollout_rows, current_rows=None, **more):
    """`ROW` with a Top-K table."""
    return {**ROW, "topk": {"rollout": rollout_rows, "current": current_rows or rollout_rows, **more}}


PAIR = [[-1.0, -2.0]] * 3

BAD = {
    "lengths": ({**ROW, "logp_current": [-1, -1]}, "logp_current", "found length 2", "logp_rollout has 3"),
    "mask too long": ({**ROW, "response_mask": [1] * 4}, "response_mask", "found length 4", "has 3"),
    "advantages": ({**ROW, "advantage": [1.0]}, "advantage", "found length 1", "has 3"),
    "anchor": ({**ROW, "logp_anchor": []}, "logp_anchor", "found length 0", "has 3"),
    "token ids": ({**ROW, "token_ids": [1, 2]}, "token_ids", "found length 2", "has 3"),
    "topk length": (table(PAIR[:2]), "topk.rollout", "found length 2", "has 3"),
    "topk ids": (table(PAIR, ids=[[1, 2]]), "topk.ids", "found length 1", "has 3"),
    "exact length": ({**ROW, "exact": {"tv": [0.1]}}, "exact.tv", "found length 1", "has 3"),
    "positive": (changed("logp_rollout", 1, 0.5), "logp_rollout[1]", "found 0.5", "at most 0"),
    "positive current": (changed("logp_current", 2, 1e-9), "logp_current[2]", "found 1e-09", "at most 0"),
    "positive anchor": ({**ROW, "logp_anchor": [-1, 2, -1]}, "logp_anchor[1]", "found 2", "at most 0"),
    "positive table": (table(PAIR, [*PAIR[:2], [-1, 0.1]]), "topk.current[2][1]", "found 0.1", "at most 0"),
    "nan": (changed("logp_current", 1, float("nan")), "logp_current[1]", "found nan", "--nan drop"),
    "nan advantage": ({**ROW, "advantage": float("nan")}, "advantage[0]", "found nan", "--nan drop"),
    "nan in a table": (table([*PAIR[:2], [float("nan"), -1]]), "topk.rollout[2][0]", "found nan", "--nan"),
    "rollout -inf": (
        changed("logp_rollout", 0, -float("inf")),
        "logp_rollout[0]",
        "found -inf",
        "mu cannot have drawn a token of probability 0",
    ),
    "infinite advantage": ({**ROW, "advantage": float("inf")}, "advantage[0]", "found inf", "finite"),
    "negative tv": ({**ROW, "exact": {"tv": [0, -0.1, 0]}}, "exact.tv[1]", "found -0.1", "not negative"),
    "tv above 1": ({**ROW, "exact": {"tv": [0, 1.5, 0]}}, "exact.tv[1]", "found 1.5", "at most 1"),
    "empty response": (rollout([], []), "logp_rollout", "the response is empty", "leave it out"),
    "no valid token": ({**ROW, "response_mask": [0] * 3}, "response_mask", "no token is valid", "leave the"),
    "mask of 2": (changed("response_mask", 2, 2), "response_mask[2]", "found 2", "0 or 1 is required"),
    "mask of 1/2": (changed("response_mask", 1, 0.5), "response_mask[1]", "got float", README),
    "no advantage": (
        {k: v for k, v in ROW.items() if k != "advantage"},
        "advantage",
        "the field is missing",
        README,
    ),
    "null advantage": ({**ROW, "advantage": None}, "advantage", "got null", README),
    "words": (changed("logp_rollout", 1, "-1"), "logp_rollout[1]", "expected float, got str", README),
    "broken": (json.dumps(ROW).encode()[:-7] + b"\n", None, "this is not JSON", "one JSON object per line"),
    "two objects": (b"{}{}\n", None, "this is not JSON", "one JSON object per line"),
    "list": (b"[1]\n", "top level", "expected object, got array", README),
    "number": (b"1\n", "top level", "expected object, got int", README),
    "blank": (b"\n", None, "the line is empty", "one JSON object per line"),
    "spaces": (b"  \n", None, "the line is empty", "one JSON object per line"),
    "encoding": (b'{"schema": "\xff"}\n', None, "this is not JSON", "one JSON object per line"),
    "wrong schema": ({**ROW, "schema": "cppo-rollout/2"}, "schema", "'cppo-rollout/2'", SCHEMA_NEEDED),
    "another file": ({"schema": "cppo-instance/1", "mu": []}, "schema", "'cppo-instance/1'", SCHEMA_NEEDED),
    "no schema": ({k: v for k, v in ROW.items() if k != "schema"}, "schema", "missing", SCHEMA_NEEDED),
    "unknown field": ({**ROW, "logp_rolout": []}, "logp_rolout", "unknown", "did you mean 'logp_rollout'?"),
    "far field": ({**ROW, "x": 1}, "x", "unknown", "known fields are schema, logp_rollout"),
    "unknown inside": ({**ROW, "exact": {"tvd": []}}, "exact.tvd", "unknown", "did you mean 'tv'?"),
    "ragged": (table([*PAIR[:2], [-1]], PAIR), "topk.rollout[2]", "found 1 tokens", "topk.rollout[0] has 2"),
    "widths": (table(PAIR, [[-1]] * 3), "topk.current[0]", "found 1 tokens", "topk.rollout[0] has 2"),
    "no column": (table([[]] * 3), "topk.rollout[0]", "found 0 tokens", "at least one token"),
    "no distribution": (
        table(PAIR, [*PAIR[:2], [-0.1, 0.0]]),
        "topk.current[2]",
        "probabilities that sum to 1.90484",
        "distinct tokens",
    ),
    "half a table": ({**ROW, "topk": {"rollout": PAIR}}, "topk.current", "missing", README),
}
"""Line of a file, the field that the message names (None: the line), what it finds, what it asks for."""
