"""Rollout files: what is read from them, what is refused, and decisions on one response at a time."""

import contextlib
import gzip
import io
import json
import re
import sys
import tracemalloc
from math import inf, log, nan
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cppo_theory.errors import InputError
from cppo_theory.rollouts import (
    MASK_SCHEMA,
    Agreement,
    Reading,
    agreement,
    mask_rollouts,
    parse_rollout,
    read_rollouts,
    to_batch,
)
from cppo_theory.rules import InertWarning, Measured, TokenBatch, TopK, hard_gate
from tests.rollout_files import BAD, COEFFICIENTS, REASONS, ROW, SHORT, THREE, lines, rollout, table, written
from tests.tolerances import ROUNDING


def parsed(document):
    return parse_rollout("here", lines([document]))


def batch_of(document, reading=None):
    return to_batch("here", parsed(document), reading or Reading())[0]


def masked(documents, rule="cppo", reading=None, **given):
    stream = ((f"line {i}", parsed(document)) for i, document in enumerate(documents, start=1))
    return list(mask_rollouts(stream, rule, reading or Reading(), **given))


# --- reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "packed-without-a-suffix"])
def test_lines_come_in_order_with_their_places(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(lines(THREE) if name == "r.jsonl" else gzip.compress(lines(THREE)))
    found = list(read_rollouts(path))
    assert [place for place, _ in found] == [f"{path} line {i}" for i in (1, 2, 3)]
    assert [len(r.logp_rollout) for _, r in found] == [5, 2, 1]


def test_gzip_is_told_by_its_first_bytes(tmp_path):
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(lines(THREE))  # named so, but plain
    assert len(list(read_rollouts(path))) == 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_standard_input_is_read(pack, monkeypatch, tmp_path):
    buffer = io.BufferedReader(io.BytesIO(pack(lines(THREE))))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    assert [place for place, _ in read_rollouts(type(tmp_path)("-"))] == [
        f"stdin line {i}" for i in (1, 2, 3)
    ]


def test_a_last_line_without_an_end_is_a_line(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(lines(THREE).rstrip(b"\n"))
    assert len(list(read_rollouts(path))) == 3


def test_every_field_of_the_form_is_read():
    more = {
        "logp_anchor": [-1, -1, -1],
        "reward": 1,
        "group": "a",
        "step": 3,
        "update": 0,
        "token_ids": [5, 6, 7],
        "topk": {"ids": [[5], [6], [1]], "rollout": [[-1]] * 3, "current": [[-2]] * 3},
        "exact": {"tv": [0, 0.5, 1], "kl_mu_pi": [0, 1, 2]},
        "sampling": {"temperature": 0.7, "top_p": 0.95, "top_k": 20},
        "max_length": 3,
        "task": "count",
        "prompt_id": 17,
        "meta": {"anything": [1, {"at": "all"}]},
    }
    found = msgspec.to_builtins(parsed({**ROW, **more}))
    assert {name: found[name] for name in more} == more
    assert parsed({**ROW, "response_mask": [True, False, True]}).response_mask == [True, False, True]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_refused(case):
    document, field, found, remedy = BAD[case]
    with pytest.raises(InputError) as caught:
        batch_of(document)
    error = caught.value
    assert error.field == ("here" if field is None else f"here: {field}")
    assert found in error.found
    assert remedy in error.remedy


def test_bad_values_at_holes_do_not_matter():
    for name, value in (("logp_rollout", nan), ("logp_current", 3.0), ("logp_rollout", -inf)):
        column = [value, *ROW[name][1:]]
        batch_of({**ROW, name: column, "response_mask": [0, 1, 1]})


def test_a_deeply_nested_line_is_refused():
    with pytest.raises(InputError, match="this is not JSON"):
        parse_rollout("here", b"[" * 100_000 + b"\n")


DELETED = object()
VALUES = st.sampled_from(
    [DELETED, None, True, -1, 0, 2, 10**30, 0.5, 1e300, nan, inf, "", "x", [], [[]], [1, 2], {}, {"tv": []}]
)


@given(st.sampled_from([*ROW, "logp_anchor", "topk", "exact", "token_ids", "group", "meta", "y"]), VALUES)
def test_any_change_is_accepted_or_refused_in_one_way(name, value):
    document = {k: v for k, v in {**ROW, name: value}.items() if v is not DELETED}
    with contextlib.suppress(InputError):
        batch_of(document).validate()


# --- files that cannot be read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "place", "found"),
    [
        (b"", "", "the file is empty"),
        (gzip.compress(b""), "", "the file is empty"),
        (gzip.compress(lines(THREE * 50))[:-30], " line ", "the gzip data are cut off"),
        (gzip.compress(lines(THREE))[:12] + b"\x00" * 9, " line 1", "the gzip data are cut off"),
        (gzip.compress(lines(THREE))[:-8] + b"\x00" * 8, " line ", "bad gzip data"),
        (b"\x1f\x8b\x00\x00" * 4, " line 1", "bad gzip data"),
    ],
    ids=["empty", "empty gzip", "cut off", "broken", "checksum", "bad header"],
)
def test_a_broken_file_is_refused(data, place, found, tmp_path):
    path = tmp_path / "r"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(read_rollouts(path))
    assert caught.value.field.startswith(f"{path}{place}")
    assert found in caught.value.found


@pytest.mark.parametrize(("name", "reason"), [("absent", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_opened_is_refused(name, reason, tmp_path):
    with pytest.raises(InputError, match="the file cannot be read") as caught:
        list(read_rollouts(tmp_path / name))
    assert reason in caught.value.found
    assert "- for the standard input" in caught.value.remedy


# --- batches ----------------------------------------------------------------------------------------------


def test_columns_are_float64_of_one_response():
    batch = batch_of({**ROW, "logp_anchor": [-1, -2, -3], "advantage": [1, 0, -2]})
    assert batch.shape == (1, 3)
    assert batch.logp_rollout.dtype == np.float64
    assert batch.advantage.tolist() == [[1, 0, -2]]
    assert batch.logp_anchor.tolist() == [[-1, -2, -3]]
    assert batch_of(ROW).advantage.tolist() == [[1, 1, 1]]
    assert not batch_of(ROW).has_anchor


TV, KL = [0.5, 0.25, 0.125], [0.75, 0.5, 0.25]
TABLE = [[log(1 / 2), log(1 / 4)]] * 3, [[log(1 / 4), log(1 / 2)]] * 3
BINARY_TV = [1 / 4, 0, 1 / 8]
"""|p - q| of `ROW`."""


@pytest.mark.parametrize(
    ("more", "measure", "source", "expected"),
    [
        ({"exact": {"tv": TV}, "topk": True}, "tv", None, TV),
        ({"exact": {"kl_mu_pi": KL}, "topk": True}, "kl", None, KL),
        ({"topk": True}, "tv", None, [1 / 4] * 3),
        ({"exact": {"kl_mu_pi": KL}, "topk": True}, "tv", None, [1 / 4] * 3),
        ({"exact": {"kl_mu_pi": KL}}, "tv", None, BINARY_TV),
        ({}, "tv", None, BINARY_TV),
        ({"exact": {"tv": TV}, "topk": True}, "tv", "topk", [1 / 4] * 3),
        ({"exact": {"tv": TV}, "topk": True}, "tv", "binary", BINARY_TV),
        ({"exact": {"tv": TV, "kl_mu_pi": KL}, "topk": True}, "kl", "exact", KL),
    ],
)
def test_the_best_source_is_taken_unless_one_is_named(more, measure, source, expected):
    if "topk" in more:
        more = {**more, "topk": {"rollout": TABLE[0], "current": TABLE[1]}}
    batch = batch_of({**ROW, **more}, Reading(measure, source))
    found = batch.tv if measure == "tv" else batch.kl
    assert found == pytest.approx(np.array([expected]), rel=0, abs=ROUNDING)


def test_a_sampled_token_outside_the_table_is_a_category_of_its_own():
    # q = 1/2, 1/4, 1/8, p = 1/4; the table holds 1/8 of mu and 1/16 of pi.  Listed or without ids: TV = 1/16.
    # Apart: (|1/16| + |p - q| + |rest|) / 2, rest = 1/16 + (q - p): 1/4, 0, -1/8: 5/16, 1/16, 1/8.
    small = [[log(1 / 8)]] * 3, [[log(1 / 16)]] * 3
    with_ids = {"rollout": small[0], "current": small[1], "ids": [[7]] * 3}
    listed = batch_of({**ROW, "topk": with_ids, "token_ids": [7, 7, 7]})
    apart = batch_of({**ROW, "topk": with_ids, "token_ids": [7, 5, 5]})
    assert isinstance(apart.source, TopK)
    for without in ({"topk": with_ids}, {"topk": {**with_ids, "ids": None}, "token_ids": [5] * 3}):
        assert batch_of({**ROW, **without}).tv == pytest.approx(np.full((1, 3), 1 / 16), abs=ROUNDING)
    assert listed.tv == pytest.approx(np.full((1, 3), 1 / 16), abs=ROUNDING)
    assert apart.tv == pytest.approx(np.array([[1 / 16, 1 / 16, 1 / 8]]), abs=ROUNDING)


@pytest.mark.parametrize(
    ("more", "reading", "field", "remedy"),
    [
        ({}, Reading("tv", "exact"), "exact.tv", "it has binary"),
        ({}, Reading("tv", "topk"), "topk", "it has binary"),
        ({"exact": {"tv": TV}}, Reading("kl", "exact"), "exact.kl_mu_pi", "it has binary"),
        (table([[-1.0]] * 3), Reading("tv", "exact"), "exact.tv", "it has topk, binary"),
        ({"exact": {"kl_mu_pi": KL}}, Reading("kl", "topk"), "topk", "it has exact, binary"),
    ],
)
def test_a_source_that_is_not_there_is_refused(more, reading, field, remedy):
    with pytest.raises(InputError) as caught:
        batch_of({**ROW, **more}, reading)
    assert caught.value.field == f"here: {field}"
    assert f"--source {reading.source} needs" in caught.value.found
    assert caught.value.remedy == remedy


def test_tokens_with_a_nan_are_dropped_on_demand():
    document = {**table([[nan, -1], [-1, -2], [-1, -2]]), "advantage": [1.0, nan, 1.0]}
    batch, dropped = to_batch("here", parsed(document), Reading(drop_nan=True))
    assert (batch.mask.tolist(), dropped) == ([[False, False, True]], 2)
    hole = {**ROW, "response_mask": [0, 1, 1], "logp_current": [nan, -1, -1]}
    assert to_batch("here", parsed(hole), Reading(drop_nan=True))[1] == 0  # a hole is no loss
    gone = {**ROW, "logp_current": [nan] * 3}
    batch, dropped = to_batch("here", parsed(gone), Reading(drop_nan=True))
    assert (batch.mask.any(), dropped) == (False, 3)
    with pytest.raises(InputError, match="at most 0"):
        batch_of({**ROW, "logp_current": [nan, 1.0, -1]}, Reading(drop_nan=True))


# --- decisions --------------------------------------------------------------------------------------------


def test_the_decisions_by_hand():
    found = masked(THREE, **SHORT)
    assert [m.decision.reason[0].tolist() for m in found] == REASONS
    for m, g, document in zip(found, COEFFICIENTS, THREE, strict=True):
        line = json.loads(m.line())
        assert line == {
            "schema": MASK_SCHEMA,
            "keep": [reason == 0 for reason in line["reason"]],
            "g": pytest.approx(g, rel=0, abs=ROUNDING),
            "reason": m.decision.reason[0].tolist(),
        }
        assert len(line["g"]) == len(document["logp_rollout"])


def test_lines_with_the_ledger():
    line = json.loads(masked(THREE[:1], **SHORT)[0].line(trace=True))
    assert list(line["ledger"]) == [
        *(
            "divergence",
            "weight",
            "weighted",
            "cum_divergence",
            "cum_weights",
            "excess",
            "threshold",
            "toward",
        )
    ]
    assert line["ledger"]["excess"] == pytest.approx([1 / 8, 1 / 8, 1 / 4, 3 / 8, 3 / 4], abs=ROUNDING)
    assert line["ledger"]["threshold"] == pytest.approx([1 / 4, 1 / 8, 1 / 8, 0, -1 / 8], abs=ROUNDING)
    assert line["ledger"]["toward"] == [False, True, False, True, False]
    unbounded = json.loads(masked(THREE[:1], "pg-is")[0].line(trace=True))["ledger"]
    assert unbounded["threshold"] == unbounded["excess"] == [None] * 5


def test_an_infinite_coefficient_is_a_word():
    line = json.loads(masked([{**ROW, "logp_rollout": [-1e3, -1, -1]}], "pg-is")[0].line())
    assert line["g"][0] == "inf"
    assert line["keep"] == [True] * 3


def test_responses_are_read_one_at_a_time():
    taken = []

    def stream():
        for number in range(3):
            taken.append(number)
            yield f"line {number}", parsed(ROW)

    answers = mask_rollouts(stream(), "cppo", Reading())
    assert taken == []
    for number in range(3):
        next(answers)
        assert taken == list(range(number + 1))


def test_memory_does_not_grow_with_the_number_of_lines(tmp_path):
    path = written(tmp_path / "long.jsonl", [lines([rollout([0.5] * 8, [0.25] * 8)]) * 20_000])
    answers = mask_rollouts(read_rollouts(path), "dppo", Reading())
    for _ in range(20):
        next(answers).line()  # what is made once
    tracemalloc.start()
    for _ in range(200):
        next(answers).line()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    answers.close()
    assert path.stat().st_size > 4_000_000
    assert peak < 500_000  # 200 answers kept would be 2 MB


def test_shuffled_weights_differ_between_lines():
    from cppo_theory.schedules import Shuffled

    document = rollout([0.5] * 8, [0.25] * 8)
    one, two = masked([document] * 2, weights=Shuffled(0))
    assert sorted(one.ledger.weight[0]) == pytest.approx(sorted(two.ledger.weight[0]), abs=ROUNDING)
    assert one.ledger.weight.tolist() != two.ledger.weight.tolist()
    again = masked([document] * 2, weights=Shuffled(0))
    assert [m.ledger.weight.tolist() for m in again] == [m.ledger.weight.tolist() for m in (one, two)]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (lambda b: b.keep(b.ratio * nan), "line 1: token 0: the rule returned nan for g"),
        (lambda b: b.ratio[:, :1], None),  # broadcasts
        (
            lambda b: b.ratio[:, :2],
            "line 1: the rule failed on this response (the rule returned shape (1, 2)",
        ),
        (lambda b: "x", "line 1: the rule failed on this response (the rule returned str"),
        (lambda b: b.keep(b.ratio, speed=b.toward), "condition 'speed' is unknown"),
    ],
)
def test_a_rule_that_fails_names_the_line(rule, found):
    if found is None:
        assert masked([ROW], rule)[0].decision.keep.all()
        return
    with pytest.raises(InputError, match=re.escape(found)):
        masked([ROW], rule)


def test_trm_needs_the_kl_only():
    (found,) = masked([{**ROW, "exact": {"kl_mu_pi": KL}}], "trm-max", Reading("kl"))
    assert found.ledger.divergence.tolist() == [KL]


def test_agreement_by_hand():
    # first: kept, -, budget, toward, token; dppo at 1/4: all but the last.  second: tie, token by both.
    one, two = masked(THREE, **SHORT), masked(THREE, "dppo", delta=0.25)
    by_line = [agreement(x, y) for x, y in zip(one, two, strict=True)]
    assert by_line == [Agreement(2, 0, 1, 1), Agreement(1, 0, 0, 1), Agreement()]
    assert by_line[0] + by_line[1] == Agreement(3, 0, 1, 2)
    assert (by_line[0].tokens, by_line[0].share, Agreement().share) == (4, 3 / 4, 1)
    assert agreement(two[0], one[0]) == Agreement(2, 1, 0, 1)


def test_the_soft_rule_with_a_hard_gate_keeps_what_it_leaves():
    found = masked(THREE, "cppo-soft", gate=hard_gate, **SHORT)
    for m, g in zip(found, COEFFICIENTS, strict=True):
        assert m.decision.g[0] == pytest.approx(np.array(g), rel=0, abs=ROUNDING)


# --- the same checks on a batch ---------------------------------------------------------------------------


def token_batch(**changes):
    columns = {
        "logp_rollout": np.full((2, 3), -1.0),
        "logp_current": np.full((2, 3), -2.0),
        "advantage": np.ones((2, 3)),
        "mask": np.array([[True, True, False], [True, True, True]]),
        **changes,
    }
    return TokenBatch(**columns)


def at(index, value, base=-1.5):
    x = np.full((2, 3), base)
    x[index] = value
    return x


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logp_rollout": at((1, 2), 0.5)}, "logp_rollout[1][2]: found 0.5; a log-probability is at most 0"),
        (
            {"logp_current": at((0, 1), nan)},
            'logp_current[0][1]: found nan; a number is required (nan="drop"',
        ),
        ({"logp_anchor": at((1, 0), 1)}, "logp_anchor[1][0]: found 1; a log-probability is at most 0"),
        ({"logp_rollout": at((0, 0), -inf)}, "logp_rollout[0][0]: found -inf; mu cannot have drawn"),
        ({"advantage": at((1, 1), inf)}, "advantage[1][1]: found inf; a finite number is required"),
        ({"mask": np.array([[1, 2, 0], [1, 1, 1]])}, "mask[0][1]: found 2; 0 or 1 is required"),
        ({"mask": np.array([[True] * 3, [False] * 3])}, "response 1: no token is valid"),
        (
            {"source": Measured(at((0, 1), -0.5, 0.0))},
            "exact.tv[0][1]: found -0.5; a divergence is not negative",
        ),
        (
            {"source": Measured(at((0, 1), 1.5, 0.0))},
            "exact.tv[0][1]: found 1.5; a total variation is at most",
        ),
        (
            {"source": TopK(np.full((2, 3, 2), -1.0), np.full((2, 3, 2), 0.5))},
            "topk.current[0][0][0]: found 0.5; a log-probability is at most 0",
        ),
    ],
)
def test_validation_names_the_first_bad_token(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        token_batch(**changes).validate()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"logp_current": np.zeros((2, 4))}, "logp_current: found shape (2, 4); logp_rollout has (2, 3)"),
        ({"mask": np.ones((2, 2), bool)}, "mask: found shape (2, 2); logp_rollout has (2, 3)"),
        ({"advantage": np.ones(3)}, "advantage: found shape (3,); that of the tokens (2, 3) or of the"),
        ({"lengths": [3, 3]}, "logp_rollout: found shape (2, 3); a packed batch has shape (N,)"),
    ],
)
def test_shapes_are_checked_when_a_batch_is_made(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        token_batch(**arguments)


@pytest.mark.parametrize(
    ("size", "lengths", "message"),
    [
        (3, None, "found shape (3,); shape (B, T) with B, T >= 1 is required; give lengths= for a packed"),
        (3, [2, 2], "lengths: found a sum of 4; logp_rollout holds 3 tokens"),
        (3, [3, 0], "lengths[1]: found 0; a response has at least one token"),
    ],
)
def test_packed_lengths_are_checked(size, lengths, message):
    x = np.full(size, -1.0)
    with pytest.raises(ValueError, match=re.escape(message)):
        TokenBatch(x, x, 1.0, lengths=lengths)


def test_nan_tokens_become_holes_on_demand():
    batch = token_batch(logp_current=at((1, 1), nan)).validate(nan="drop")
    assert batch.mask.tolist() == [[True, True, False], [True, False, True]]
    with pytest.raises(ValueError, match="nan: found 'ignore'; 'fail' or 'drop' is required"):
        token_batch().validate(nan="ignore")


def test_ratios_of_one_are_warned_about():
    same = np.full((2, 3), -1.0)
    with pytest.warns(InertWarning, match="all ratios are exactly 1"):
        token_batch(logp_current=same).validate()
    token_batch(logp_current=at((0, 0), -3.0, -1.0)).validate()
    with pytest.warns(InertWarning):
        token_batch(logp_current=at((0, 2), -3.0, -1.0)).validate()  # it differs at padding only
