"""Parts of figures, and `cppo-theory plot`: tables by hand, looks, files, one line for every mistake."""

import json
import subprocess
import sys
from math import isclose

import numpy as np
import pytest

from cppo_theory import Instance, PrefixTree
from cppo_theory.cli import main
from cppo_theory.plots import (
    METHODS,
    Table,
    draw_instance,
    draw_ledger,
    in_order,
    instance_table,
    ledger_table,
    method,
    pdf,
    png,
    style,
)
from cppo_theory.rollouts import Reading, mask_rollouts, parse_rollout
from tests.figures.artists import faults, texts
from tests.rollout_files import BY_HAND, SHORT, THREE, lines, written
from tests.tolerances import ROUNDING

TWO_TOKENS = {
    "schema": "cppo-instance/1",
    "actions": 2,
    "horizon": 2,
    "initial": ["1"],
    "mu": [[["1/2", "1/2"]], [["3/5", "2/5"], ["1/4", "3/4"]]],
    "pi": [[["3/5", "2/5"]], [["4/5", "1/5"], ["1/4", "3/4"]]],
    "reward": ["1", "-1", "1/2", "0"],
}
"""The instance of the README: D = 1/10, then 1/5 and 0; |Delta| = 1/25, xi = 1."""

PNG, PDF = b"\x89PNG\r\n\x1a\n", b"%PDF-"


def masked(document, rule="cppo", **given):
    """What a rule decides on one response."""
    one = [("here", parse_rollout("here", lines([document])))]
    return next(mask_rollouts(one, rule, Reading(), **given))


def column(table, name, where=lambda row: True):
    rows = [dict(zip(table.columns, row, strict=True)) for row in zip(*table.columns.values(), strict=True)]
    return [row[name] for row in rows if where(row)]


# --- tables -----------------------------------------------------------------------------------------------


def test_the_ledger_by_hand():
    """As derived in `tests/rollout_files.py`: delta = 1/4, delta_b = 1/8, w = 1; t = 2 is a hole.

    D = 1/4, 1/4, 1/4, 1/2 at t = 1, 3, 4, 5; X before them is 0, 1/8, 1/4, 3/8.
    """
    table = ledger_table(masked(BY_HAND, **SHORT))
    assert column(table, "position") == [1, 3, 4, 5]
    assert np.allclose(table["divergence"], [1 / 4, 1 / 4, 1 / 4, 1 / 2], rtol=0, atol=ROUNDING)
    assert np.allclose(table["weighted"], table["divergence"], rtol=0, atol=ROUNDING)
    assert column(table, "threshold") == [1 / 4] * 4
    assert np.allclose(table["adjusted"], [1 / 4, 1 / 8, 0, -1 / 8], rtol=0, atol=ROUNDING)
    assert np.allclose(table["effective"], [1 / 4, 1 / 8, 0, -1 / 8], rtol=0, atol=ROUNDING)
    assert table.words("reason") == ["kept", "budget", "toward", "token"]


def test_the_effective_threshold_is_never_above_the_token_threshold():
    """D = 0 at first: the budget is saved, delta - X rises to 3/8, c_t stays at delta; w falls to 1/2."""
    response = {**BY_HAND, "logp_current": BY_HAND["logp_rollout"][:2] + BY_HAND["logp_current"][2:]}
    table = ledger_table(masked(response, **{**SHORT, "w_min": 0.5}))
    assert np.allclose(table["weight"], [1, 3 / 4, 5 / 8, 1 / 2], rtol=0, atol=ROUNDING)
    spent = np.array([0, 3 / 16, 5 / 32, 1 / 4])
    drift = np.cumsum(spent - table["weight"] / 8)
    adjusted = 1 / 4 - np.array([0, *drift[:-1]])
    assert np.allclose(table["adjusted"], adjusted, rtol=0, atol=ROUNDING)
    assert np.allclose(table["effective"], np.minimum(adjusted, 1 / 4), rtol=0, atol=ROUNDING)
    assert adjusted[1] == 3 / 8


def test_a_rule_without_a_budget_or_a_threshold_has_no_lines_for_them():
    token_only = ledger_table(masked(BY_HAND, "dppo", delta=0.25))
    assert column(token_only, "threshold") == [0.25] * 4
    assert column(token_only, "adjusted") == [None] * 4
    assert token_only.words("reason") == ["kept", "kept", "toward", "token"]
    nothing = ledger_table(masked(BY_HAND, "pg-is"))
    assert column(nothing, "threshold") == column(nothing, "effective") == [None] * 4
    for table, count in ((token_only, 5), (nothing, 2)):
        with style():
            made = draw_ledger(table)
            assert list(faults(made)) == []
        assert len(made.legends[0].get_texts()) == count


def test_the_instance_by_hand():
    mu = [[1 / 2, 1 / 2]], [[3 / 5, 2 / 5], [1 / 4, 3 / 4]]
    pi = [[3 / 5, 2 / 5]], [[4 / 5, 1 / 5], [1 / 4, 3 / 4]]
    table = instance_table(Instance(PrefixTree(2, 2), [1], list(mu), list(pi), [1, -1, 0.5, 0]))

    def states(name):
        return column(table, name, lambda row: row["part"] == "state")

    assert list(zip(states("level"), states("state"), states("occupancy"), strict=True)) == [
        (1, 0, 1),
        (2, 0, 0.5),
        (2, 1, 0.5),
    ]
    assert np.allclose(states("token_tv"), [0.1, 0.2, 0], rtol=0, atol=ROUNDING)
    # suffix from the root: laws (.3, .2, .125, .375) and (.48, .12, .1, .3)
    assert np.allclose(states("suffix_tv"), [0.18, 0.2, 0], rtol=0, atol=ROUNDING)
    levels = {name: column(table, name, lambda row: row["part"] == "level") for name in ("token_tv", "ell")}
    assert np.allclose(levels["token_tv"], [0.1, 0.1], rtol=0, atol=ROUNDING)
    assert np.allclose(levels["ell"], [0.1, 0.2], rtol=0, atol=ROUNDING)
    (exact,) = column(table, "value", lambda row: row["part"] == "exact")
    assert isclose(exact, 1 / 25, abs_tol=ROUNDING)
    bounds = dict(zip(table.words("name"), table["value"], strict=True))
    assert isclose(bounds["prop-4"], 4 * 0.1 * 0.2, rel_tol=1e-12)
    assert isclose(bounds["uniform"], 2 * 2 * 1 * 0.2**2, rel_tol=1e-12)


def test_only_the_likeliest_states_of_a_large_level_are_listed():
    space = PrefixTree(2, 8)
    tables = [np.tile([0.75, 0.25], (2**t, 1)) for t in range(8)]
    table = instance_table(Instance(space, [1.0], tables, tables))
    last = table.where(part="state", level=8)
    assert len(last) == 64
    chances = sorted(0.75 ** (7 - s.bit_count()) * 0.25 ** s.bit_count() for s in range(128))
    assert isclose(last["occupancy"].sum(), sum(chances[-64:]), rel_tol=1e-12)


# --- the table itself -------------------------------------------------------------------------------------


def test_a_table_survives_csv():
    table = Table.of([{"name": "a,b", "x": 0.1 + 0.2}, {"name": "c", "x": float("nan"), "n": 3}])
    assert table.csv() == 'name,x,n\n"a,b",0.30000000000000004,\nc,nan,3\n'
    again = Table.from_csv(table.csv())
    assert again.words("name") == ["a,b", "c"]
    assert again["x"][0] == 0.1 + 0.2
    assert np.array_equal(again["n"], [np.nan, 3], equal_nan=True)
    assert again.where(name="c", n=3)["n"] == [3]
    assert len(again.where(name="d")) == 0
    assert again.distinct("n") == [3]


def test_a_single_precision_number_keeps_its_short_form():
    assert Table({"x": [np.float32(0.1), 0.1, np.float64(0.3)]}).csv() == "x\n0.1\n0.1\n0.3\n"


def test_columns_of_one_length_are_required():
    with pytest.raises(ValueError, match="one length is required"):
        Table({"x": [1], "y": [1, 2]})


# --- looks ------------------------------------------------------------------------------------------------


def test_every_rule_of_the_registry_family_keeps_its_look_and_strangers_get_spare_ones():
    assert method("cppo") is METHODS["cppo"]
    assert method("ppo") is METHODS["grpo"]
    names = ("cppo", "my:one", "my:two")
    one, two = method("my:one", names), method("my:two", names)
    assert (one.label, two.label) == ("my:one", "my:two")
    assert len({look.color for look in (one, two, *METHODS.values())}) == len(METHODS) + 2
    assert in_order(["my:two", "cppo", "my:one", "pg-is"]) == ["pg-is", "cppo", "my:one", "my:two"]


def test_loading_the_package_and_the_command_loads_no_matplotlib():
    code = "import sys, cppo_theory, cppo_theory.cli; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pictures_hold_no_date_and_no_version():
    with style():
        one, two = (draw_ledger(ledger_table(masked(BY_HAND, **SHORT))) for _ in range(2))
        files = [(png(made), pdf(made)) for made in (one, two)]
        assert files[0] == files[1]
        for data in files[0]:
            assert b"Date" not in data
            assert b"Software" not in data
            assert b"Matplotlib" not in data


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    """Exit code, standard output and standard error of `plot` with these arguments."""

    def answer(*arguments):
        try:
            code = main(["plot", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return answer


@pytest.fixture
def instance(tmp_path):
    path = tmp_path / "two.instance.json"
    path.write_text(json.dumps(TWO_TOKENS))
    return path


def test_an_instance(run, instance):
    code, out, err = run(instance)
    picture = instance.with_name("two.png")
    assert (code, out, err) == (0, f"{picture}\n", "")
    data = picture.read_bytes()
    assert data.startswith(PNG)
    assert run(instance)[0] == 0
    assert picture.read_bytes() == data


def test_a_drawn_instance_is_readable(instance):
    with style():
        made = draw_instance(instance_table(Instance.load(instance)), "two tokens: tree, V = 2, T = 2")
        assert list(faults(made)) == []
        assert {"divergence", "suffix from t on", "prop-4 (certifies)"} <= {t.get_text() for t in texts(made)}


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "responses", "packed.gz"])
def test_a_response(run, tmp_path, name):
    file = written(tmp_path / name, THREE)
    stem = name.partition(".")[0]
    assert run(file)[:2] == (0, f"{tmp_path / f'{stem}.row-1.png'}\n")
    assert run(file, "--row", 2)[:2] == (0, f"{tmp_path / f'{stem}.row-2.png'}\n")
    assert (tmp_path / f"{stem}.row-1.png").read_bytes() != (tmp_path / f"{stem}.row-2.png").read_bytes()


def test_the_row_asked_for_is_drawn_under_the_rule_asked_for(run, tmp_path, monkeypatch):
    seen = []

    def drawn(table, title):
        seen.append((table, title))
        return draw_ledger(table, title)

    monkeypatch.setattr("cppo_theory.plots.draw_ledger", drawn)
    file = written(tmp_path / "r.jsonl", THREE)
    assert run(file, "--row", 2, "--rule", "dppo", "--delta", ".5")[0] == 0
    ((table, title),) = seen
    assert title == "r.jsonl, row 2: dppo"
    assert np.allclose(table["divergence"], [0, 3 / 8], rtol=0, atol=ROUNDING)
    assert column(table, "threshold") == [0.5, 0.5]


def test_out_may_be_a_pdf(run, tmp_path):
    file = written(tmp_path / "r.jsonl", THREE)
    out = tmp_path / "new" / "x.pdf"
    assert run(file, "--out", out)[:2] == (0, f"{out}\n")
    assert out.read_bytes().startswith(PDF)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("r.jsonl", "--row", "4"), 3, "--row: found 4, but the file has 3 responses"),
        (("r.jsonl", "--row", "0"), 2, "--row: found 0; rows are counted from 1"),
        (
            ("r.jsonl", "--out", "x.jpg"),
            2,
            "--out: found 'x.jpg'; a name that ends in .png or .pdf is required",
        ),
        (("r.jsonl", "--rule", "cpo"), 2, "did you mean"),
        (("r.jsonl", "--source", "exact"), 3, "line 1: exact.tv: the row has no exact.tv"),
        (("r.jsonl", "--delta-b", "x"), 2, "--delta-b: found 'x'; a number is required"),
        (("i.json", "--row", "1"), 2, "--row: an instance file has no rows"),
        (("i.json", "--delta", ".1"), 2, "plot: an instance takes no rule"),
        (("i.json", "--divergence", "kl"), 2, "plot: an instance takes no rule"),
        (("r.jsonl", "--rule", "minpro"), 2, "error: minpro needs --eps-low and --eps-high"),
        (("none.json",), 3, "none.json: the file cannot be read"),
        (("none.jsonl",), 3, "none.jsonl: the file cannot be read"),
        (("bad.jsonl",), 3, "bad.jsonl line 1: this is not JSON"),
        (("bad.json",), 3, "bad.json"),
    ],
)
def test_mistakes(run, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "r.jsonl", THREE)
    (tmp_path / "i.json").write_text(json.dumps(TWO_TOKENS))
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "bad.json").write_text("{")
    before = sorted(tmp_path.iterdir())
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
