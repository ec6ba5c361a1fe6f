"""`cppo-theory mask`: lines in the order of the input, tables, streams, and one line for every mistake."""

import gzip
import io
import json
import os
import re
import stat
import subprocess
import sys
from math import inf, log
from pathlib import Path
from types import SimpleNamespace

import pytest

from cppo_theory.cli import main
from cppo_theory.rules import RULES, Metrics
from tests.rollout_files import (
    BAD,
    COEFFICIENTS,
    README,
    REASONS,
    ROW,
    THREE,
    changed,
    lines,
    rollout,
    written,
)
from tests.tolerances import ROUNDING

ROOT = Path(__file__).parent.parent
COMMAND = sys.modules["cppo_theory.cli.mask"]
CPPO = ("--rule", "cppo", "--delta", ".25", "--delta-b", ".125", "--w-min", "1")
"""The parameters for which `tests/rollout_files.py` derives the decisions on `THREE`."""


@pytest.fixture
def file(tmp_path):
    return written(tmp_path / "r.jsonl", THREE)


@pytest.fixture
def run(capsys, monkeypatch):
    """Exit code, standard output and standard error of `mask` with these arguments, a wide terminal."""
    monkeypatch.setenv("COLUMNS", "200")

    def answer(*arguments):
        try:
            code = main(["mask", *map(str, arguments)])
        except SystemExit as stop:  # what the parser of the command line raises
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return answer


@pytest.fixture
def masks(run, tmp_path):
    """The lines that a run of `mask` writes, which has to succeed silently."""

    def answer(*arguments):
        out = tmp_path / "masks.jsonl"
        code, _, err = run(*arguments, "--out", out)
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.read_bytes().splitlines()]

    return answer


@pytest.fixture
def metrics(run):
    """The metrics that a run prints as JSON."""

    def answer(*arguments):
        code, out, err = run(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return answer


def cells(out):
    """The rows of a printed table of two columns: the first by the second."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    return {row[0]: row[-1] for row in rows if len(row) == 2}


def nothing_but(folder, *names):
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def refused(answered, *words, code=3):
    """The run failed with this code and one line that holds the words; nothing on standard output."""
    assert answered[0] == code, answered
    assert answered[1] == ""
    said = answered[2].splitlines()
    assert len(said) == 1
    assert said[0].startswith("cppo-theory: error: ")
    assert [word for word in map(str, words) if word not in said[0]] == []


# --- what is written --------------------------------------------------------------------------------------


def test_one_line_per_line_in_the_same_order(file, masks):
    found = masks(file, *CPPO)
    assert [line["reason"] for line in found] == REASONS
    for line, g in zip(found, COEFFICIENTS, strict=True):
        assert line.keys() == {"schema", "keep", "g", "reason"}
        assert line["schema"] == "cppo-mask/1"
        assert line["g"] == pytest.approx(g, rel=0, abs=ROUNDING)
        assert line["keep"] == [reason == 0 for reason in line["reason"]]
    hole = {name: found[0][name][1] for name in ("keep", "g", "reason")}
    assert hole == {"keep": False, "g": 0, "reason": 5}


def test_the_table_of_a_run(file, run):
    code, out, err = run(file, *CPPO)
    assert (code, err) == (0, "")
    assert out.splitlines()[1] == f"{file}: cppo, divergence tv"
    table = cells(out)
    assert (table["responses"], table["tokens"], table["tokens with A != 0"]) == ("3", "7", "6")
    assert (table["masked, of these"], table["where A > 0"], table["where A < 0"]) == ("0.5000",) * 3
    assert table["rejected by the token threshold"] == "2"
    assert table["rejected by the prefix budget"] == "1"
    assert table["mean divergence"] == "0.339286"  # 2.375 / 7
    assert table["largest divergence"] == "0.75"
    assert "toward" not in out
    table = cells(run(written(file, [*THREE[:1], EVEN]), *CPPO)[1])
    # nine tokens of A > 0: two, and of `EVEN` (D = 1/4, X = 1/8 a token) all but the first
    assert (table["masked, of these"], table["where A > 0"], table["where A < 0"]) == (
        "0.6667",
        "0.6667",
        "0.0000",
    )


def test_the_summary_adds_every_metric(file, run):
    table = cells(run(file, *CPPO, "--summary")[1])
    assert table["budget's share of the rejected"] == "0.3333"
    assert table["share that moves towards mu"] == "0.3333"
    assert table["budget per token in force, mean"] == "0.125"
    assert table["first rejected position, mean"] == "2.5"
    assert table["responses with a rejected token"] == "2"
    assert (table["ratio above 2"], table["ratio below 1/2"]) == ("0.2857", "0.1429")
    assert table["ratio exactly 1"] == "0.1429"
    assert table["KL(mu || pi) per token, k1"] == "-0.255966"  # -log(6) / 7
    assert "0 0 0 0 1 1 0 0 1 0" in run(file, *CPPO, "--summary")[1]


def test_the_metrics_as_json(file, metrics):
    found = metrics(file, *CPPO)
    assert (found["rule"], found["responses"], found["by_token"], found["by_budget"]) == ("cppo", 3, 2, 1)
    assert found["masked_fraction"] == 0.5
    assert found["ratio_tails"] == [2 / 7, 1 / 7]
    assert found["histogram"] == [0, 0, 0, 0, 1, 1, 0, 0, 1, 0]
    assert metrics(file, "--rule", "pg-is")["delta_b"] == "inf"
    assert all(hasattr(Metrics(), name) for name in found.keys() - {"rule"})


def test_the_trace_is_the_ledger(file, masks):
    first, second, third = (line["ledger"] for line in masks(file, *CPPO, "--trace"))
    assert list(first) == [
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
    assert first["divergence"] == first["weighted"] == pytest.approx([1 / 4, 0, 1 / 4, 1 / 4, 1 / 2])
    assert first["cum_weights"] == [1, 1, 2, 3, 4]
    assert first["excess"] == pytest.approx([1 / 8, 1 / 8, 1 / 4, 3 / 8, 3 / 4])
    assert first["threshold"] == pytest.approx([1 / 4, 1 / 8, 1 / 8, 0, -1 / 8])
    assert second["toward"] == [True, False]
    assert third["toward"] == [True]


@pytest.mark.parametrize(
    ("options", "threshold"),
    [
        (("--rule", "pg-is"), None),
        (("--rule", "dppo", "--delta", "inf"), None),
        (("--rule", "cppo", "--delta-b", "inf"), 0.15),
        (("--rule", "cppo", "--delta-b", "inf", "--weights", "remaining"), 0.15),
    ],
)
def test_what_is_infinite_is_null_in_a_trace(options, threshold, file, masks):
    for line in masks(file, *options, "--trace"):
        assert set(line["ledger"]["threshold"]) == {threshold}
        assert set(line["ledger"]["excess"]) == {None}


def test_gzip_in_and_out_with_the_same_bytes_on_a_rerun(tmp_path, run):
    file = written(tmp_path / "r.jsonl.gz", THREE)
    outs = [tmp_path / "one.jsonl.gz", tmp_path / "two.jsonl.gz", tmp_path / "three.jsonl"]
    for out in outs:
        assert run(file, *CPPO, "--out", out)[0] == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert gzip.decompress(outs[0].read_bytes()) == outs[2].read_bytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_streams(pack, file, capfdbinary, monkeypatch):
    buffer = io.BufferedReader(io.BytesIO(pack(file.read_bytes())))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    assert main(["mask", "-", *CPPO, "--out", "-"]) == 0
    out, err = capfdbinary.readouterr()
    assert [json.loads(line)["reason"] for line in out.splitlines()] == REASONS
    assert b"-: cppo, divergence tv" in err
    assert b"masked, of these" in err


def test_json_beside_masks_on_standard_output(file, capfd):
    assert main(["mask", str(file), *CPPO, "--out", "-", "--json"]) == 0
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 3
    assert json.loads(err)["by_budget"] == 1


def test_a_reader_that_stops_early_is_no_error(tmp_path):
    file = written(tmp_path / "r.jsonl", THREE * 100)
    program = "import sys; from cppo_theory.cli import main; sys.exit(main())"
    options = ["mask", str(file), "--rule", "cppo", "--out", "-"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        process.stdout.close()
        assert "Error" not in process.stderr.read()
    assert process.returncode == 0


# --- rules, parameters, sources ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_every_rule_runs(name, file, masks):
    needed = [f"--{n.replace('_', '-')}" for n, p in RULES[name].parameters.items() if p.required]
    found = masks(file, "--rule", name, *(word for flag in needed for word in (flag, ".2")))
    assert [len(line["g"]) for line in found] == [5, 2, 1]
    assert found[0]["reason"][1] == 5


def test_defaults_are_those_of_the_registry(file, masks):
    given = (
        "--delta",
        ".15",
        "--delta-b",
        ".015",
        "--w-min",
        ".8",
        "--weights",
        "linear",
        "--horizon",
        "own",
    )
    assert masks(file, "--rule", "cppo") == masks(file, "--rule", "cppo", *given)
    assert masks(file, "--rule", "dapo") == masks(file, "--rule", "ppo", "--eps-high", ".28")


EVEN = rollout([1 / 2] * 5, [3 / 4] * 5)
"""D = 1/4 at each of five tokens, all away from mu."""


@pytest.fixture
def weights(tmp_path, masks):
    def answer(*options):
        file = written(tmp_path / "even.jsonl", [EVEN])
        return masks(file, "--rule", "cppo", "--w-min", ".5", *options, "--trace")[0]["ledger"]["weight"]

    return answer


def test_position_weights(weights):
    falling = [1, 7 / 8, 3 / 4, 5 / 8, 1 / 2]  # T = 5, w_min = 1/2
    assert weights() == weights("--weights", "linear") == falling
    assert weights("--weights", "reversed") == falling[::-1]
    assert weights("--weights", "remaining") == [1, 3 / 4, 1 / 2, 1 / 4, 0]
    assert weights("--weights", "uniform") == [1] * 5
    assert weights("--horizon", "9") == [1, 15 / 16, 7 / 8, 13 / 16, 3 / 4]
    assert weights("--horizon", "3") == [1, 3 / 4, 1 / 2, 1 / 2, 1 / 2]
    assert weights("--weights", "reversed", "--horizon", "3") == [1 / 2, 3 / 4, 1, 1, 1]
    shuffled = [weights("--weights", "shuffled", "--seed", str(seed)) for seed in range(4)]
    assert all(sorted(found, reverse=True) == falling for found in shuffled)
    assert shuffled[0] == weights("--weights", "shuffled")
    assert len({tuple(found) for found in shuffled}) > 1


@pytest.mark.parametrize(
    ("options", "budget"),
    # P90 of D is 1/4 for `EVEN`; the clamp is [delta_b, ceiling delta_b]
    [
        (("--delta-b", ".0625"), 0.0625),
        (("--delta-b", ".0625", "--adaptive"), 0.125),
        (("--delta-b", ".0625", "--adaptive", "--ceiling", "3"), 0.1875),
        (("--delta-b", ".0625", "--adaptive", "--ceiling", "5"), 0.25),
        (("--delta-b", ".5", "--adaptive"), 0.5),
    ],
)
def test_the_adaptive_budget(options, budget, tmp_path, masks, metrics):
    file = written(tmp_path / "even.jsonl", [EVEN])
    options = ("--rule", "cppo", "--w-min", "1", *options)
    assert metrics(file, *options)["delta_b"] == pytest.approx(budget, rel=0, abs=ROUNDING)
    excess = masks(file, *options, "--trace")[0]["ledger"]["excess"]
    assert excess == pytest.approx([t * (1 / 4 - budget) for t in range(1, 6)], rel=0, abs=ROUNDING)


def test_no_budget_is_the_uniform_mask(file, masks):
    infinite = ("--rule", "cppo", "--w-min", "1", "--delta-b", "inf")
    assert masks(file, *infinite) == masks(file, "--rule", "dppo")
    assert masks(file, *CPPO) != masks(file, "--rule", "dppo", "--delta", ".25")


def test_gates_and_bases(file, masks):
    hard = masks(file, *CPPO)
    soft = ("--rule", "cppo-soft", *CPPO[2:])
    assert [line["g"] for line in masks(file, *soft, "--gate", "hard")] == [line["g"] for line in hard]
    # gates 1, -, 3/4, toward, 1/2 (derived in tests/rules/test_metrics.py) on r = 2, -, 2, 1/2, 3
    assert masks(file, *soft)[0]["g"] == pytest.approx([2, 0, 1.5, 0.5, 1.5], rel=0, abs=ROUNDING)
    assert masks(file, *soft) == masks(file, *soft, "--gate", "inverse")
    assert masks(file, *soft, "--gate", "sapo") != masks(file, *soft)
    # a bound on KL that never binds leaves the base; one that always does leaves nothing
    loose = ("--rule", "trm-max-avg", "--delta", "inf", "--delta-avg", "inf")
    assert masks(file, *loose) == masks(file, "--rule", "pg-is")
    assert masks(file, *loose, "--base", "dppo") == masks(file, "--rule", "dppo")
    assert masks(file, "--rule", "trm-max", "--delta", "0")[0]["reason"] == [3, 5, 3, 3, 3]


TV, KL = [0.5, 0.25, 0.125], [0.75, 0.5, 0.25]
TABLE = {"rollout": [[log(1 / 2), log(1 / 4)]] * 3, "current": [[log(1 / 4), log(1 / 2)]] * 3}
BOTH = {**ROW, "exact": {"tv": TV, "kl_mu_pi": KL}, "topk": TABLE}
BINARY_TV = [1 / 4, 0, 1 / 8]
OUTSIDE = {"rollout": [[log(1 / 8)]] * 3, "current": [[log(1 / 16)]] * 3, "ids": [[7]] * 3}


@pytest.mark.parametrize(
    ("document", "options", "expected"),
    [
        (BOTH, (), TV),
        (BOTH, ("--divergence", "kl"), KL),
        (BOTH, ("--source", "topk"), [1 / 4] * 3),
        (BOTH, ("--source", "binary"), BINARY_TV),
        ({**ROW, "topk": TABLE}, (), [1 / 4] * 3),
        ({**ROW, "topk": TABLE}, ("--source", "binary"), BINARY_TV),
        (ROW, (), BINARY_TV),
        (ROW, ("--source", "binary"), BINARY_TV),
        # the derivation is in tests/test_rollouts.py
        ({**ROW, "topk": OUTSIDE}, (), [1 / 16] * 3),
        ({**ROW, "topk": OUTSIDE, "token_ids": [7, 5, 5]}, (), [1 / 16, 1 / 16, 1 / 8]),
    ],
)
def test_where_divergences_come_from(document, options, expected, tmp_path, masks):
    file = written(tmp_path / "r.jsonl", [document])
    found = masks(file, "--rule", "dppo", *options, "--trace")[0]["ledger"]["divergence"]
    assert found == pytest.approx(expected, rel=0, abs=ROUNDING)


def test_each_row_has_its_own_source(tmp_path, masks):
    file = written(tmp_path / "r.jsonl", [BOTH, ROW, {**ROW, "topk": TABLE}])
    found = [line["ledger"]["divergence"] for line in masks(file, "--rule", "cppo", "--trace")]
    assert found == [pytest.approx(d, rel=0, abs=ROUNDING) for d in (TV, BINARY_TV, [1 / 4] * 3)]


def test_kl_has_thresholds_of_its_own(tmp_path, masks):
    file = written(tmp_path / "r.jsonl", [BOTH])
    kl = ("--rule", "cppo", "--divergence", "kl")
    assert masks(file, *kl) == masks(file, *kl, "--delta", ".1", "--delta-b", ".002")
    assert masks(file, *kl, "--trace")[0]["ledger"]["threshold"][0] == 0.1


@pytest.mark.parametrize("exact", [{"kl_mu_pi": KL}, {"kl_mu_pi": KL, "tv": TV}])
def test_trm_reads_and_shows_the_kl(exact, tmp_path, masks, run):
    file = written(tmp_path / "r.jsonl", [{**ROW, "exact": exact}])
    line = masks(file, "--rule", "trm-max", "--delta", ".75", "--trace")[0]
    assert (line["keep"], line["ledger"]["divergence"]) == ([True] * 3, KL)
    assert masks(file, "--rule", "trm-max", "--delta", ".7")[0]["reason"] == [3] * 3
    assert masks(file, "--rule", "trm-avg", "--delta-avg", ".5")[0]["keep"] == [True] * 3
    out = run(file, "--rule", "trm-avg")[1]
    assert "trm-avg, divergence kl" in out
    assert cells(out)["largest divergence"] == "0.75"


def test_advantages_may_be_numbers_or_lists(tmp_path, masks):
    file = written(
        tmp_path / "r.jsonl", [{**ROW, "advantage": a} for a in (-2, -0.5, [-1, -1, -1], [-1, 0, 1])]
    )
    found = masks(file, "--rule", "dppo", "--delta", ".1")
    # r = 1/2, 1, 2: with A < 0 the first moves away, with A > 0 the last
    assert [line["reason"] for line in found] == [[1, 0, 0]] * 3 + [[1, 0, 1]]


# --- rules of one's own -----------------------------------------------------------------------------------

OWN = """
from cppo_theory.rules import Threshold


def halves(b):
    return b.ratio / 2


def near(b, limit: Threshold = 2.0):
    return b.keep(b.ratio, clip=b.ratio <= limit)


def needs(b, limit: float):
    return b.keep(b.ratio * limit)


def reads_kl(b):
    return b.kl


def fails(b):
    return b.nothing


def wrong(b):
    return b.ratio[:, :-1] if b.shape[1] > 1 else b.ratio


word = "x"
"""


@pytest.fixture
def own(tmp_path, monkeypatch, request):
    """The name of a module in the working directory that holds rules."""
    name = f"own_rules_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(OWN, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(tmp_path))])
    yield name
    sys.modules.pop(name, None)


def test_rules_of_the_working_directory(own, file, masks):
    halved = masks(file, "--rule", f"{own}:halves")
    assert halved[0]["g"] == pytest.approx([1, 0, 1, 1 / 4, 3 / 2], rel=0, abs=ROUNDING)
    assert halved[0]["reason"] == [0, 5, 0, 0, 0]
    assert masks(file, "--rule", f"{own}:near")[0]["reason"] == [0, 5, 0, 0, 4]
    assert masks(file, "--rule", f"{own}:near", "--param", "limit=1")[0]["reason"] == [4, 5, 4, 0, 4]
    assert masks(file, "--rule", f"{own}:needs", "--param", "limit=2")[0]["g"][0] == pytest.approx(4)
    assert masks(file, "--rule", f"{own}:reads_kl")[1]["reason"] == [4, 0]  # KL = 0 at the tie


@pytest.mark.parametrize(
    ("rule", "options", "code", "words"),
    [
        ("OWN:missing", (), 2, ["--rule: 'OWN:missing'", "has no 'missing'"]),
        ("OWN:word", (), 2, ["--rule: 'OWN:word'", "is no function"]),
        ("absent_module:f", (), 2, ["there is no module 'absent_module'", "PYTHONPATH"]),
        ("broken_module:f", (), 2, ["broken_module", "cannot be imported", "SyntaxError"]),
        (":f", (), 2, ["--rule: ':f'", "module:function"]),
        ("OWN:", (), 2, ["--rule: 'OWN:'", "module:function"]),
        ("OWN:needs", (), 2, ["needs needs --param limit=VALUE".removeprefix("needs "), "no default"]),
        ("OWN:near", ("--param", "limit"), 2, ["--param: found 'limit'", "NAME=VALUE"]),
        ("OWN:near", ("--param", "limit=x"), 2, ["found 'x'", "a number is required"]),
        ("OWN:near", ("--param", "least=1"), 2, ["--param least=VALUE", "another rule", "--param limit"]),
        ("OWN:wrong", (), 3, ["FILE line 1", "the rule returned shape (1, 4)", "(1, 5)"]),
        ("OWN:fails", (), 3, ["FILE line 1", "the rule failed", "AttributeError", "nothing"]),
    ],
)
def test_rules_that_cannot_be_used(rule, options, code, words, own, file, run, tmp_path):
    (tmp_path / "broken_module.py").write_text("def f(:\n", "utf-8")
    answered = run(file, "--rule", rule.replace("OWN", own), *options)
    refused(answered, *(w.replace("OWN", own).replace("FILE", str(file)) for w in words), code=code)


# --- comparing --------------------------------------------------------------------------------------------


def test_comparing_rules(file, run):
    code, out, err = run(file, "--compare", "cppo, dppo,pg-is", *CPPO[2:])
    assert (code, err) == (0, "")
    assert f"{file}: 6 tokens with A != 0" in out
    # cppo: 3 of 6; dppo at 1/4 only the two tokens of 1/2 and 3/8
    rows = [line.split() for line in out.splitlines()]
    assert ["cppo", "0.5000"] in rows
    assert ["dppo", "0.3333"] in rows
    assert ["cppo", "dppo", "0.8333", "3", "0", "1", "2"] in rows
    assert ["cppo", "pg-is", "0.5000", "3", "0", "3", "0"] in rows
    assert ["dppo", "pg-is", "0.6667", "4", "0", "2", "0"] in rows


def test_comparing_as_json(file, metrics):
    found = metrics(file, "--compare", "dppo,cppo", *CPPO[2:])
    assert found["masked_fraction"] == pytest.approx({"dppo": 1 / 3, "cppo": 1 / 2})
    assert found["pairs"] == [
        {
            "first": "dppo",
            "second": "cppo",
            "both": 3,
            "first_only": 1,
            "second_only": 0,
            "neither": 2,
            "agreement": pytest.approx(5 / 6),
        }
    ]


@pytest.mark.parametrize("exact", [{"tv": TV}, {"kl_mu_pi": KL}, {"tv": TV, "kl_mu_pi": KL}])
def test_each_rule_is_compared_with_the_divergence_it_has_alone(exact, tmp_path, metrics):
    file = written(tmp_path / "r.jsonl", [{**ROW, "exact": exact}])
    together = metrics(file, "--compare", "cppo,trm-max,ppo")["masked_fraction"]
    assert together == {name: metrics(file, "--rule", name)["masked_fraction"] for name in together}


def test_comparing_prints_what_it_dropped(tmp_path, run):
    file = written(tmp_path / "r.jsonl", [changed("logp_current", 1, float("nan"))])
    code, _, err = run(file, "--compare", "cppo,dppo", "--nan", "drop")
    assert (code, err) == (0, "cppo-theory: 1 tokens with a NaN were dropped\n")


@pytest.mark.parametrize(
    "options", [("--rule", "cppo", "--summary"), ("--compare", "cppo,trm-max-avg,cppo-soft")]
)
def test_tables_fit_80_columns(options, tmp_path, run, monkeypatch):
    file = written(tmp_path / "r.jsonl", THREE * 40)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(COMMAND, "number", lambda x: "-123.456e-10")
    lines_ = run(file, *options)[1].splitlines()
    assert max(len(line) for line in lines_ if str(file) not in line) <= 80


# --- streaming --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.jsonl", "m.jsonl.gz"])
def test_a_failing_line_leaves_nothing(name, tmp_path, run):
    file = written(tmp_path / "r.jsonl", [*THREE, BAD["nan"][0]])
    out = tmp_path / name
    refused(run(file, *CPPO, "--out", out), f"{file} line 4: logp_current[1]: found nan")
    assert nothing_but(tmp_path, "r.jsonl")
    out.write_bytes(b"older")
    refused(run(file, *CPPO, "--out", out), "line 4")
    assert nothing_but(tmp_path, "r.jsonl", name)
    assert out.read_bytes() == b"older"


def test_no_folder_is_left_behind(tmp_path, run):
    file = written(tmp_path / "r.jsonl", [BAD["nan"][0]])
    refused(run(file, *CPPO, "--out", tmp_path / "new" / "deep" / "m.jsonl"), "line 1")
    refused(run(tmp_path / "absent", *CPPO, "--out", tmp_path / "new" / "m.jsonl"), "No such file")
    assert nothing_but(tmp_path, "r.jsonl")
    written(file, [ROW])
    assert run(file, *CPPO, "--out", tmp_path / "new" / "deep" / "m.jsonl")[0] == 0
    assert nothing_but(tmp_path / "new" / "deep", "m.jsonl")


def test_an_interrupted_run_leaves_nothing(file, tmp_path, run, monkeypatch):
    original = COMMAND.mask_rollouts

    def interrupted(*arguments, **given):
        yield next(original(*arguments, **given))
        assert not (tmp_path / "m.jsonl").exists()
        assert not nothing_but(tmp_path, "r.jsonl")  # the temporary file is there
        raise KeyboardInterrupt

    monkeypatch.setattr(COMMAND, "mask_rollouts", interrupted)
    code, out, err = run(file, *CPPO, "--out", tmp_path / "m.jsonl")
    assert (code, out, err) == (130, "", "cppo-theory: interrupted\n")
    assert nothing_but(tmp_path, "r.jsonl")


def test_the_output_may_replace_the_input(file, masks, run, tmp_path):
    expected = masks(file, *CPPO)
    assert run(file, *CPPO, "--out", file)[0] == 0
    assert [json.loads(line) for line in file.read_bytes().splitlines()] == expected
    assert nothing_but(tmp_path, "r.jsonl", "masks.jsonl")


def test_a_new_file_can_be_read_by_others(file, tmp_path, run):
    assert run(file, *CPPO, "--out", tmp_path / "m.jsonl")[0] == 0
    assert stat.S_IMODE((tmp_path / "m.jsonl").stat().st_mode) & 0o444 == 0o444


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to_and_stays_a_pipe(file, tmp_path, run):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(file, *CPPO, "--out", pipe)[0] == 0
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert len(os.read(reader, 100_000).splitlines()) == 3
    finally:
        os.close(reader)


# --- NaN and inert files ----------------------------------------------------------------------------------


def test_tokens_with_a_nan_become_holes(tmp_path, run):
    nan = float("nan")
    file = written(
        tmp_path / "r.jsonl", [{**ROW, "logp_current": [nan] * 3}, changed("logp_current", 1, nan), ROW]
    )
    out = tmp_path / "m.jsonl"
    code, printed, err = run(file, *CPPO, "--nan", "drop", "--summary", "--out", out)
    assert (code, err) == (0, "cppo-theory: 4 tokens with a NaN were dropped\n")
    found = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [line["reason"] for line in found] == [[5] * 3, [0, 5, 0], [0, 0, 0]]
    assert found[0]["g"] == [0] * 3
    assert cells(printed)["budget per token in force, mean"] == "0.125"


@pytest.mark.parametrize("options", [("--rule", "dppo"), ("--compare", "dppo,cppo")])
def test_ratios_of_one_are_warned_about(options, tmp_path, run):
    file = written(tmp_path / "r.jsonl", [{**ROW, "logp_current": ROW["logp_rollout"]}] * 2)
    code, out, err = run(file, *options)
    assert code == 0
    assert err.startswith("cppo-theory: warning: all ratios are exactly 1 (pi = mu at every token), so ")
    assert ("dppo is inert" in err) == (options[0] == "--rule")
    assert "0.0000" in out
    written(file, [ROW, {**ROW, "logp_current": ROW["logp_rollout"]}])
    assert run(file, *options)[2] == ""


def test_extreme_numbers_say_nothing(tmp_path, run, masks):
    far = {**ROW, "logp_rollout": [-1e5, -1e-300, -1], "logp_current": [0, -1e5, -inf]}
    file = written(tmp_path / "r.jsonl", [far])
    for rule in ("pg-is", "cppo", "cppo-soft", "trm-max-avg", "ppo", "sapo", "kpop"):
        code, _, err = run(file, "--rule", rule, "--summary")
        assert (code, err) == (0, ""), rule
    line = masks(file, "--rule", "pg-is")[0]
    assert line["g"] == ["inf", 0, 0]


# --- mistakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_line(case, tmp_path, run):
    document, field, found, remedy = BAD[case]
    file = written(tmp_path / "r.jsonl", [ROW, document])
    place = f"{file} line 2: " if field is None else f"{file} line 2: {field}: "
    refused(run(file, "--rule", "cppo", "--out", tmp_path / "m.jsonl"), place, found, remedy)
    assert nothing_but(tmp_path, "r.jsonl")


@pytest.mark.parametrize("options", [("--rule", "cppo", "--json"), ("--compare", "cppo,dppo")])
def test_nothing_is_printed_about_a_bad_file(options, tmp_path, run):
    file = written(tmp_path / "r.jsonl", [ROW, BAD["nan"][0]])
    refused(run(file, *options), f"{file} line 2: logp_current[1]: found nan")


def test_a_blank_line_in_the_middle_is_refused(tmp_path, run):
    file = written(tmp_path / "r.jsonl", [ROW, b"\n", ROW])
    refused(run(file, "--rule", "cppo"), f"{file} line 2: the line is empty", README)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", [": the file is empty", "one response per line"]),
        (gzip.compress(lines(THREE * 50))[:-30], ["line", "the gzip data are cut off", "repack it"]),
        (b"\x1f\x8b" + b"\x00" * 20, ["line 1", "bad gzip data", "repack it"]),
        ("ÿ".encode("latin-1") + lines(THREE), ["line 1", "this is not JSON"]),
        (lines(THREE).decode().encode("utf-16"), ["line 1", "this is not JSON"]),
    ],
    ids=["empty", "cut off", "bad header", "latin-1", "utf-16"],
)
def test_files_that_are_no_json_lines(data, words, tmp_path, run):
    (tmp_path / "r").write_bytes(data)
    refused(run(tmp_path / "r", "--rule", "cppo"), *words)


def test_what_cannot_be_opened(tmp_path, run):
    refused(run(tmp_path / "absent", "--rule", "cppo"), "absent: the file cannot be read (No such file")
    refused(run(tmp_path, "--rule", "cppo"), f"{tmp_path}: the file cannot be read (Is a directory)")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["mask: give --rule NAME or --compare NAME,NAME"]),
        (
            ("--rule", "cppo", "--compare", "cppo,dppo"),
            ["mask: give --rule NAME or --compare", "one of them"],
        ),
        (("--rule", "cpppo"), ["--rule: 'cpppo' is unknown", "did you mean 'cppo'?"]),
        (("--rule", "quux"), ["--rule: 'quux' is unknown", "known rules are pg-is, ppo"]),
        (("--rule", ""), ["--rule: '' is unknown"]),
        (("--compare", "cppo,dpppo"), ["--compare: 'dpppo' is unknown", "did you mean 'dppo'?"]),
        (("--compare", "cppo"), ["--compare: found 'cppo'", "two rules or more"]),
        (("--compare", ","), ["--compare: found ','", "two rules or more"]),
        (("--compare", "cppo,dppo", "--out", "m.jsonl"), ["--compare prints a table only"]),
        (("--compare", "cppo,dppo", "--trace"), ["--compare prints a table only"]),
        (("--rule", "trm-max", "--base", "pp"), ["--base: 'pp' is unknown", "did you mean 'ppo'?"]),
        (("--rule", "trm-max", "--base", "drpo"), ["--base: drpo needs eps", "choose a base with defaults"]),
        (("--rule", "dppo", "--w-min", ".5"), ["--w-min: a parameter of another rule", "dppo has --delta"]),
        (("--rule", "pg-is", "--delta", ".5"), ["--delta: a parameter of another rule", "no parameters"]),
        (("--rule", "dppo", "--adaptive"), ["--adaptive: a parameter of another rule"]),
        (("--rule", "dppo", "--weights", "uniform"), ["--weights: a parameter of another rule"]),
        (("--rule", "ppo", "--base", "dppo"), ["--base: a parameter of another rule"]),
        (("--compare", "cppo,dppo", "--eps-low", "1"), ["--eps-low: a parameter of another rule"]),
        (("--rule", "minpro"), ["minpro needs --eps-low and --eps-high", "no default"]),
        (("--rule", "drpo", "--eps", "0"), ["--eps: found 0", "a positive number"]),
        (("--rule", "cppo", "--w-min", "0"), ["--w-min: found 0", "(0, 1]"]),
        (("--rule", "cppo", "--w-min", "1.1"), ["--w-min: found 1.1", "(0, 1]"]),
        (("--rule", "cppo", "--w-min", "nan"), ["--w-min: found nan", "(0, 1]"]),
        (("--rule", "cppo", "--w-min", "x"), ["--w-min: found 'x'", "a number"]),
        (("--rule", "cppo", "--delta", "-0.1"), ["--delta: found -0.1", "non-negative"]),
        (("--rule", "cppo", "--delta-b=-1"), ["--delta-b: found -1", "non-negative"]),
        (("--rule", "cppo", "--delta", "nan"), ["--delta: found nan", "non-negative"]),
        (("--rule", "cppo", "--ceiling", "3"), ["--ceiling: only --adaptive has a ceiling"]),
        (("--rule", "cppo", "--adaptive", "--ceiling", ".5"), ["--ceiling: found 0.5", "at least 1"]),
        (("--rule", "cppo", "--adaptive", "--ceiling", "nan"), ["--ceiling: found nan", "at least 1"]),
        (("--rule", "cppo", "--seed", "1"), ["--seed: only --weights shuffled draws"]),
        (("--rule", "cppo", "--horizon", "0"), ["--horizon: found '0'", "own, or a number"]),
        (("--rule", "cppo", "--horizon", "x"), ["--horizon: found 'x'", "own, or a number"]),
        (
            ("--rule", "cppo", "--weights", "uniform", "--horizon", "9"),
            ["--horizon: uniform weights have none"],
        ),
        (("--rule", "cppo", "--delta", ".2", "--param", "delta=.3"), ["--param: delta is given twice"]),
        (("--rule", "cppo", "--param", "delta=.2", "--param", "delta=.3"), ["--param: delta is given twice"]),
        (("--rule", "cppo", "--trace"), ["--trace: the ledgers are written with the masks", "--out"]),
        (("--rule", "pg-is", "--divergence", "kl"), ["--divergence kl: pg-is takes no divergence"]),
        (("--rule", "opsm", "--divergence", "kl"), ["--divergence kl: opsm takes no divergence"]),
    ],
)
def test_wrong_usage(arguments, words, file, tmp_path, run):
    refused(run(file, *arguments), *words, code=2)
    assert nothing_but(tmp_path, "r.jsonl")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["file"]),
        (("FILE", "--rule", "cppo", "--divergence", "js"), ["--divergence", "'tv', 'kl'"]),
        (("FILE", "--rule", "cppo", "--source", "full"), ["--source", "'topk'"]),
        (("FILE", "--rule", "cppo", "--nan", "keep"), ["--nan", "'fail', 'drop'"]),
        (("FILE", "--rule", "cppo", "--weights", "square"), ["--weights", "'reversed'"]),
        (("FILE", "--rule", "cppo-soft", "--gate", "x"), ["--gate", "'inverse'", "'hard'"]),
        (("FILE", "--rule", "cppo", "--speed", "1"), ["--speed"]),
    ],
)
def test_what_the_parser_refuses(arguments, words, file, run):
    code, out, err = run(*(str(file) if word == "FILE" else word for word in arguments))
    assert (code, out) == (2, "")
    assert [word for word in words if word not in " ".join(err.split())] == []


@pytest.mark.parametrize(("source", "field"), [("exact", "exact.tv"), ("topk", "topk")])
def test_a_source_that_a_row_lacks(source, field, tmp_path, run):
    file = written(tmp_path / "r.jsonl", [BOTH, ROW])
    said = f"{file} line 2: {field}: the row has no {field}, which --source {source} needs; it has binary"
    refused(run(file, "--rule", "cppo", "--source", source), said)


def test_where_nothing_can_be_written(file, tmp_path, run):
    refused(run(file, *CPPO, "--out", tmp_path), f"error: {tmp_path}: Is a directory")
    for out in (file / "m.jsonl", file / "deep" / "m.jsonl"):
        refused(run(file, *CPPO, "--out", out), f"error: {out}: ")
    assert nothing_but(tmp_path, "r.jsonl")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(file, tmp_path, run):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    refused(run(file, *CPPO, "--out", folder / "m.jsonl"), f"{folder / 'm.jsonl'}: Permission denied")


def test_a_response_keeps_its_shuffled_weights_in_a_comparison(tmp_path, masks, run):
    """Weights are drawn by the row of a response, whatever else is asked of it."""
    file = written(tmp_path / "even.jsonl", [EVEN] * 6)
    options = ("--w-min", ".2", "--weights", "shuffled", "--delta-b", "inf")
    one = [line["keep"] for line in masks(file, "--rule", "cppo", *options)]
    other = [line["keep"] for line in masks(file, "--rule", "dppo")]
    assert len({tuple(keep) for keep in one}) > 1
    code, out, _ = run(file, "--compare", "cppo,dppo", *options, "--json")
    assert code == 0
    pairs = [pair for x, y in zip(one, other, strict=True) for pair in zip(x, y, strict=True)]
    found = json.loads(out)["pairs"][0]
    assert (found["both"], found["first_only"]) == (pairs.count((True, True)), pairs.count((True, False)))


def test_kl_reaches_the_base_of_a_correction(tmp_path, masks):
    """q = 1/10, p = 1/50, A < 0: TV = .08 is below .15, KL(mu || pi) = .084 above .05."""
    file = written(tmp_path / "one.jsonl", [rollout([0.1], [0.02], advantage=-1.0)])
    for options, keep in (((), [True]), (("--divergence", "kl"), [False])):
        for rule in (("dppo",), ("tis", "--base", "dppo")):
            assert masks(file, "--rule", *rule, *options)[0]["keep"] == keep
