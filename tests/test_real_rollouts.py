"""Responses of a real model (`examples/`): sound data, one answer in every form, and the figures of the docs.

The expectations are computed from the JSON alone.
"""

import gzip
import json
from functools import cache
from itertools import groupby
from math import exp, fsum, isclose, sqrt
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

from cppo_theory.cli import main
from cppo_theory.rollouts import Reading, mask_rollouts, read_rollouts
from cppo_theory.rules import RULES, Binary, Measured, TokenBatch, TopK, explain
from tests.tolerances import RELATIVE, ROUNDING

FOLDER = Path(__file__).parent.parent / "examples" / "rollouts"
A, B, C = "A-compare-stale16-first16", "B-count-stale16", "C-compare-bf16"
FILES = (A, B, C)
SOURCES = ("binary", "topk", "exact")
NEEDED = {"minpro": {"eps_low": 0.2, "eps_high": 0.28}, "drpo": {"eps": 0.2}, "spo": {"eps": 0.2}}
"""Parameters of the rules that have no default for them."""

DIGITS = 1e-5
"""Six significant digits: log p is off by 1e-5 of itself at most, hence the TV of a table by 1e-5 of its
entropy (two nats here). The largest excess measured is 3e-6."""

TWICE = 1e-7
"""Absolute: log pi of the sampled token and of its entry in the table, from two computations in float32."""

END = 2
"""Token that ends a response."""


@cache
def documents(name):
    """The lines of a file as plain data."""
    return [json.loads(line) for line in gzip.open(FOLDER / f"{name}.jsonl.gz")]


@cache
def rollouts(name):
    return list(read_rollouts(FOLDER / f"{name}.jsonl.gz"))


def binary(row):
    """|p - q| of the sampled token, at every position."""
    return [abs(exp(p) - exp(q)) for p, q in zip(row["logp_current"], row["logp_rollout"], strict=True)]


def top_20(row):
    """Half the sum of |p - q| over the table, the sampled token where it is not listed, and the rest."""
    table, found = row["topk"], []
    for t, token in enumerate(row["token_ids"]):
        q, p = ([exp(x) for x in table[name][t]] for name in ("rollout", "current"))
        if token not in table["ids"][t]:
            q.append(exp(row["logp_rollout"][t]))
            p.append(exp(row["logp_current"][t]))
        rest = abs(max(1 - fsum(p), 0) - max(1 - fsum(q), 0))
        found.append((fsum(abs(x - y) for x, y in zip(p, q, strict=True)) + rest) / 2)
    return found


@cache
def divergences(name, source):
    """D_t by response."""
    of = {"binary": binary, "topk": top_20, "exact": lambda row: row["exact"]["tv"]}[source]
    return [of(row) for row in documents(name)]


def mean(lists):
    return fsum(map(fsum, lists)) / sum(map(len, lists))


def algorithm_1(row, spent, delta=0.15, delta_b=0.015, w_min=0.8):
    """Reason at every token (0 kept, 1 token, 2 budget): Eqs. (8)-(10), written as thresholds."""
    found, s, w_sum, steps = [], 0.0, 0.0, max(len(spent) - 1, 1)
    for t, d in enumerate(spent):
        w = 1 - (1 - w_min) * t / steps
        away = row["advantage"] * (row["logp_current"][t] - row["logp_rollout"][t]) > 0
        over = 1 if w * d > delta else 2 if w * d > delta + delta_b * w_sum - s else 0
        found.append(over if away else 0)
        s, w_sum = s + w * d, w_sum + w
    return found


# --- the data ---------------------------------------------------------------------------------------------


def test_the_files_are_small_and_their_bytes_reproducible():
    paths = sorted(FOLDER.iterdir())
    assert [p.name for p in paths] == [*(f"{name}.jsonl.gz" for name in FILES), "prompts.json"]
    assert sum(p.stat().st_size for p in paths) <= 1.5e6
    for path in paths[:-1]:
        head = path.read_bytes()[:10]
        assert head[3] == 0  # no name
        assert head[4:8] == bytes(4)  # no time


@pytest.mark.parametrize(("name", "responses", "tokens"), [(A, 16, 1980), (B, 256, 2855), (C, 32, 4151)])
def test_the_files_hold_what_their_page_says(name, responses, tokens):
    rows = documents(name)
    assert (len(rows), sum(len(row["token_ids"]) for row in rows)) == (responses, tokens)
    assert {row["step"] for row in rows} == {0 if name == C else 16}
    assert {row["update"] for row in rows} == {0}
    assert all(len(table) == 20 for row in rows for table in row["topk"]["ids"])


@pytest.mark.parametrize("name", FILES)
def test_a_response_ends_with_the_end_token_or_is_cut(name):
    for row in documents(name):
        *earlier, last = row["token_ids"]
        assert END not in earlier
        assert last == END or len(row["token_ids"]) == row["max_length"]
        assert row["response_mask"] == [1] * len(row["token_ids"])


@pytest.mark.parametrize("name", FILES)
def test_the_tables_hold_the_likeliest_tokens_and_the_sampled_one_agrees(name):
    for row in documents(name):
        table = row["topk"]
        for t, token in enumerate(row["token_ids"]):
            likeliest, ids = table["rollout"][t], table["ids"][t]
            assert likeliest == sorted(likeliest, reverse=True)
            assert len(set(ids)) == len(ids)
            assert fsum(map(exp, likeliest)) <= 1
            assert fsum(map(exp, table["current"][t])) <= 1
            if token in ids:
                place = ids.index(token)
                assert likeliest[place] == row["logp_rollout"][t]
                assert isclose(table["current"][t][place], row["logp_current"][t], abs_tol=TWICE)
            else:
                assert row["logp_rollout"][t] <= likeliest[-1]


@pytest.mark.parametrize("name", FILES)
def test_exact_divergences_obey_pinsker(name):
    for row in documents(name):
        for tv, kl in zip(row["exact"]["tv"], row["exact"]["kl_mu_pi"], strict=True):
            assert 2 * tv * tv <= kl + DIGITS


@pytest.mark.parametrize("name", FILES)
def test_advantages_are_the_standardised_rewards_of_a_group(name):
    texts = json.loads((FOLDER / "prompts.json").read_text("utf-8"))
    for _, group in groupby(documents(name), key=itemgetter("group")):
        rows = list(group)
        assert len(rows) == 8
        assert {row["prompt_id"] for row in rows} == {rows[0]["prompt_id"]}
        assert rows[0]["prompt_id"] in texts[rows[0]["task"]]["prompts"]
        share = sum(row["reward"] for row in rows) / 8
        scale = sqrt(share * (1 - share))  # rewards are 0 or 1
        for row in rows:
            expected = (row["reward"] - share) / scale if scale else 0
            assert isclose(row["advantage"], expected, abs_tol=DIGITS)


# --- divergences by source --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_binary_is_below_top_20_and_that_below_exact(name):
    least, middle, most = (np.concatenate(divergences(name, source)) for source in SOURCES)
    assert (least <= middle + DIGITS).all()
    assert (middle <= most + DIGITS).all()


MEAN_D = {A: 0.0394143, B: 0.0710808, C: 0.0140591}
SHARES = {A: (0.4415, 0.9287), B: (0.9462, 0.9953), C: (0.3878, 0.8969)}
"""Mean exact D; Binary / exact and Top-20 / exact of the sums."""


@pytest.mark.parametrize("name", FILES)
def test_the_figures_of_the_page(name):
    least, middle, most = (mean(divergences(name, source)) for source in SOURCES)
    assert isclose(most, MEAN_D[name], abs_tol=1e-7)
    assert (round(least / most, 4), round(middle / most, 4)) == SHARES[name]


DOWN_UP_D = {A: (80.73, 75.43, 78.04), B: (197.76, 205.06, 202.94), C: (58.47, 61.14, 58.36)}
"""Sums of (1 - rho)_+, of (rho - 1)_+ and of D."""


@pytest.mark.parametrize("name", FILES)
def test_sampled_ratios_estimate_the_divergence(name):
    """E_mu[(1 - rho)_+ | s] = TV(mu, pi): the differences are martingale increments, so their sum is within
    three of its standard errors."""
    rows, d = documents(name), np.concatenate(divergences(name, "exact"))
    logs = [np.concatenate([row[key] for row in rows]) for key in ("logp_current", "logp_rollout")]
    rho = np.exp(logs[0] - logs[1])
    down, up = np.maximum(1 - rho, 0), np.maximum(rho - 1, 0)
    assert tuple(round(float(x.sum()), 2) for x in (down, up, d)) == DOWN_UP_D[name]
    for estimate in (down, up):
        assert abs((estimate - d).sum()) <= 3 * np.sqrt(((estimate - d) ** 2).sum())


# --- what a rule decides ----------------------------------------------------------------------------------

MASKED = {
    A: {"exact": 0.4258, "topk": 0.4247, "binary": 0.2333},
    B: {"exact": 0.2863, "topk": 0.2859, "binary": 0.2796},
    C: {"exact": 0.0513, "topk": 0.0, "binary": 0.0},
}
"""Share of the tokens with A != 0 that CPPO masks at (.15, .015, .8)."""


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", FILES)
def test_cppo_is_algorithm_1_on_every_source(name, source):
    decided = list(mask_rollouts(rollouts(name), "cppo", Reading(source=source)))
    scored = dropped = 0
    for row, d, found in zip(documents(name), divergences(name, source), decided, strict=True):
        np.testing.assert_allclose(found.ledger.divergence[0], d, rtol=RELATIVE, atol=ROUNDING)
        reasons = algorithm_1(row, d)
        assert found.decision.reason[0].tolist() == reasons
        scored += len(reasons) * (row["advantage"] != 0)
        dropped += sum(r != 0 for r in reasons)
    assert round(dropped / scored, 4) == MASKED[name][source]
    total = sum((found.metrics for found in decided[1:]), decided[0].metrics)
    assert (total.scored, total.masked) == (scored, dropped)


@pytest.mark.parametrize(("name", "number"), [(A, 0), (B, 0), (C, 19)])
def test_responses_that_meet_the_constraints_of_eq_5(name, number):
    found = 0
    for d in divergences(name, "exact"):
        w = [1 - 0.2 * t / max(len(d) - 1, 1) for t in range(len(d))]
        spent = [x * y for x, y in zip(w, d, strict=True)]
        budget = all(fsum(spent[:m]) <= 0.015 * fsum(w[:m]) for m in range(1, len(d)))
        found += budget and max(spent) <= 0.15
    assert found == number


@cache
def batches(name, number=None):
    """By source, the responses as one padded batch, whose padding holds NaN, and as one packed batch."""
    rows = documents(name)[:number]
    lengths = [len(row["token_ids"]) for row in rows]

    def packed(get, dtype=float):
        return np.concatenate([np.asarray(get(row), dtype) for row in rows])

    def padded(x):
        out = np.full((len(rows), max(lengths), *x.shape[1:]), False if x.dtype == bool else np.nan, x.dtype)
        out[inside] = x
        return out

    inside = np.arange(max(lengths)) < np.array(lengths)[:, None]
    logs = [packed(itemgetter(key)) for key in ("logp_rollout", "logp_current")]
    advantage = packed(lambda row: [row["advantage"]] * len(row["token_ids"]))
    tables = [packed(lambda row, key=key: row["topk"][key]) for key in ("rollout", "current")]
    listed = packed(
        lambda r: [t in ids for t, ids in zip(r["token_ids"], r["topk"]["ids"], strict=True)], bool
    )
    measured = [packed(lambda row, key=key: row["exact"][key]) for key in ("tv", "kl_mu_pi")]
    given = {"binary": (Binary, []), "topk": (TopK, [*tables, listed]), "exact": (Measured, measured)}
    key = np.arange(1, len(rows) + 1)
    return inside, {
        source: (
            TokenBatch(*map(padded, (*logs, advantage)), inside, source=kind(*map(padded, x)), key=key),
            TokenBatch(*logs, advantage, source=kind(*x), key=key, lengths=lengths),
        )
        for source, (kind, x) in given.items()
    }


COLUMNS = ("divergence", "weight", "cum_divergence", "excess", "threshold", "toward", "reason")


def outcome(decision, account):
    """All that a rule says of the tokens, by name."""
    of_rule = {name: getattr(decision, name) for name in ("keep", "g", "reason")}
    return {name: np.asarray(x) for name, x in of_rule.items()} | {
        f"ledger: {name}": np.asarray(getattr(account, name)) for name in COLUMNS
    }


def assert_same_bits(name, rule, source, number=None):
    inside, both = batches(name, number)
    given = NEEDED.get(rule, {})
    with np.errstate(all="ignore"):
        padded, packed = (outcome(*explain(rule, b, **given)) for b in both[source])
    reading = Reading("kl" if RULES[rule].judges_kl else "tv", source)
    stream = [
        outcome(m.decision, m.ledger) for m in mask_rollouts(rollouts(name)[:number], rule, reading, **given)
    ]
    for column, x in packed.items():
        np.testing.assert_array_equal(padded[column][inside], x, err_msg=column)
        np.testing.assert_array_equal(np.concatenate([one[column][0] for one in stream]), x, err_msg=column)
    assert np.isfinite(packed["g"]).all()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", FILES)
def test_packed_padded_and_streamed_responses_give_the_same_bits(name, source):
    assert_same_bits(name, "cppo", source)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_the_same_bits_in_every_form(rule):
    for name in FILES:
        assert_same_bits(name, rule, "topk", number=4)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_reads_every_file_from_every_source(rule):
    for name in FILES:
        for source in SOURCES:
            decision, account = explain(rule, batches(name)[1][source][1], **NEEDED.get(rule, {}))
            assert np.isfinite(decision.g).all()
            assert np.isfinite(account.divergence).all()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_the_command_reads_every_file_with_every_rule(rule, capsys):
    given = [f"--{key.replace('_', '-')}={value}" for key, value in NEEDED.get(rule, {}).items()]
    for name in FILES:
        for source in SOURCES:
            file = str(FOLDER / f"{name}.jsonl.gz")
            assert main(["mask", file, "--rule", rule, "--source", source, "--json", *given]) == 0
            report = json.loads(capsys.readouterr().out)
            assert report["tokens"] == sum(len(row["token_ids"]) for row in documents(name))
            assert report["masked_fraction"] <= 1  # below 0 where a gate is above 1 (drpo, spo)
