"""Parts of figures, and `cppo-theory plot`: tables by hand, looks, files, one line for every mistake."""

import io
import json
import subprocess
import sys
import warnings
from math import isclose, log
from types import SimpleNamespace

import numpy as np
import pytest

from cppo_theory import Automaton, Constraints, Instance, PrefixTree
from cppo_theory.cli import main
from cppo_theory.plots import (
    METHODS,
    NARROW,
    Table,
    draw_instance,
    draw_ledger,
    in_order,
    instance_table,
    ledger_table,
    log_ticks,
    method,
    new_figure,
    pdf,
    png,
    style,
)
from cppo_theory.plots.style import short
from cppo_theory.policy import mixture, random_policy
from cppo_theory.rollouts import Reading, mask_rollouts, parse_rollout
from tests.figures.artists import faults, texts
from tests.rollout_files import BY_HAND, SHORT, THREE, lines, rollout, written
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


def test_a_token_that_the_gate_shrinks_is_shown_as_such():
    """Where CPPO masks by budget or token, the gate is below 1; the token is kept."""
    table = ledger_table(masked(BY_HAND, "cppo-soft", **SHORT))
    assert table.words("reason") == ["kept", "shrunk", "toward", "shrunk"]
    with style():
        labels = legend_of(draw_ledger(table))
    assert labels[:3] == ["toward", "away, kept", "shrunk"]
    with style():
        assert "shrunk" not in legend_of(draw_ledger(ledger_table(masked(BY_HAND, **SHORT))))


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def threshold_lines(figure):
    """Ends of what is drawn of the three thresholds, by colour."""
    ax = figure.axes[0]
    lines = [line for line in ax.lines if line.get_color() in ("#000000", "#0072B2", "#009E73")]
    return {line.get_color(): np.column_stack([line.get_xdata(), line.get_ydata()]) for line in lines}


@pytest.mark.parametrize("mask", [[1, 0, 0], [0, 1, 0]])
def test_the_thresholds_of_a_single_token_are_as_wide_as_the_token(mask):
    document = rollout([1 / 4] * 3, [1 / 2] * 3, mask=mask)
    with style():
        made = draw_ledger(ledger_table(masked(document, **SHORT)))
        made.canvas.draw()
        assert list(faults(made)) == []
    position = mask.index(1) + 1
    lines = threshold_lines(made)
    assert len(lines) == 3
    for points in lines.values():
        assert np.allclose(points[:2], [[position - 0.5, 1 / 4], [position + 0.5, 1 / 4]])
    ticks = [x for x in made.axes[0].get_xticks() if abs(x - position) <= 1]
    assert position in ticks
    assert all(x == int(x) for x in ticks)


def test_an_infinite_divergence_leaves_the_panel():
    table = ledger_table(masked(BY_HAND, **SHORT))
    columns = {**table.columns, "weighted": [0.25, float("inf"), 0.25, 0.5]}
    with style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        made = draw_ledger(Table(columns))
        assert png(made).startswith(PNG)
    top = made.axes[0].get_ylim()[1]
    assert max(bar.get_height() for bar in made.axes[0].patches) > top > 0.5


def test_the_thresholds_break_where_tokens_are_missing():
    """Valid are 1, 3, 4, 5: no threshold at 2, which is a hole; c_t falls to -1/8, below the panel."""
    with style():
        points = threshold_lines(draw_ledger(ledger_table(masked(BY_HAND, **SHORT))))["#0072B2"]
    shown = points[np.isfinite(points[:, 1])][:, 0]
    assert (shown[0], shown[-1]) == (0.5, 5.5)
    assert not ((shown > 1.5) & (shown < 2.5)).any()
    assert np.isnan(points[:, 1]).sum() == 1


def test_policies_that_are_equal_have_an_axis_of_plain_numbers():
    same = rollout([1 / 4, 1 / 2], [1 / 4, 1 / 2])
    table = np.array([[0.25, 0.75]])
    instance = Instance(PrefixTree(2, 1), [1.0], [table], [table], [0.0, 1.0])
    with style():
        ledger = draw_ledger(ledger_table(masked(same, "pg-is")))
        picture = draw_instance(instance_table(instance))
        assert list(faults(ledger)) == list(faults(picture)) == []
    for ax in (ledger.axes[0], *picture.axes[:2]):
        assert ax.get_ylim()[1] >= 0.5
    assert picture.axes[-1].get_xlim() == (0, 1)
    assert [x for x in picture.axes[0].get_xticks() if 0.9 < x < 1.1] == [1]


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


def test_an_instance_on_which_no_bound_applies_shows_the_residual_alone():
    mu = [[1 / 2, 1 / 2]], [[3 / 5, 2 / 5], [1 / 4, 3 / 4]]
    pi = [[3 / 5, 2 / 5]], [[4 / 5, 1 / 5], [1 / 4, 3 / 4]]
    limits = Constraints.schedule(2, delta=0.01, delta_b=0.01)
    strict = Instance(PrefixTree(2, 2), [1], list(mu), list(pi), [1, -1, 0.5, 0], constraints=limits)
    table = instance_table(strict)
    assert len(table.where(part="bound")) == 0
    with style():
        made = draw_instance(table)
        assert list(faults(made)) == []
        assert "no bound applies" in {text.get_text() for text in texts(made)}
    (line,) = made.axes[-1].lines
    assert isclose(line.get_xdata()[0], 1 / 25, abs_tol=ROUNDING)


@pytest.mark.parametrize("seed", range(12))
def test_random_instances_of_any_scale_are_readable(seed):
    rng = np.random.default_rng(seed)
    space = PrefixTree(2, int(rng.integers(1, 6)))
    mu, other = (random_policy(space.sizes, 2, rng) for _ in range(2))
    pi = mixture(mu, other, float(10 ** rng.uniform(-6, 0)))
    reward = rng.normal(size=space.sizes[-1]) * 10 ** rng.uniform(-6, 6)
    with style():
        made = draw_instance(instance_table(Instance(space, np.ones(1), mu, pi, reward=reward)))
        assert list(faults(made)) == []


def test_markers_of_a_long_line_stand_apart():
    space = Automaton(np.array([[0, 1], [1, 0]]), 300)
    mu, pi = np.array([[0.3, 0.7], [0.9, 0.1]]), np.array([[0.5, 0.5], [0.8, 0.2]])
    with style():
        made = draw_instance(instance_table(Instance(space, [1.0, 0.0], mu, pi, [0.0, 1.0])))
    lines = [line for line in made.axes[0].lines if line.get_marker() != "None"]
    assert len(lines) == 2
    assert all(300 / line.get_markevery() <= 20 for line in lines)


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.0, "0"), (0.001, "0.001"), (1e-4, "1e-4"), (3e-6, "3e-6"), (20000.0, "20000"), (1e6, "1e6")],
)
def test_numbers_of_an_axis_are_short(x, text):
    assert short(x) == text


@pytest.mark.parametrize(("low", "high"), [(1e-9, 1e3), (0.9, 1.1), (3e-5, 7e-4), (2e-13, 9e-13)])
def test_log_ticks_have_room(low, high):
    with style():
        made, axes = new_figure(NARROW, 1.5, 1, 2)
        axes[0, 0].set(xscale="log", xlim=(low, high))
        log_ticks(axes[0, 0].xaxis, 1.2)
        assert list(faults(made)) == []
        assert len(axes[0, 0].get_xticks()) >= 2


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
    parts = again.by("name")
    assert list(parts) == again.distinct("name")
    assert all(parts[x].csv() == again.where(name=x).csv() for x in parts)


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

    def drawn(table, *others):
        seen.append((table, *others))
        return draw_ledger(table, *others)

    monkeypatch.setattr("cppo_theory.plots.draw_ledger", drawn)
    file = written(tmp_path / "r.jsonl", THREE)
    assert run(file, "--row", 2, "--rule", "dppo", "--delta", ".5")[0] == 0
    ((table, title, measure),) = seen
    assert (title, measure) == ("r.jsonl, row 2: dppo, source binary", "tv")
    assert np.allclose(table["divergence"], [0, 3 / 8], rtol=0, atol=ROUNDING)
    assert column(table, "threshold") == [0.5, 0.5]


@pytest.fixture
def titled(run, monkeypatch):
    """Title and measure that `plot` draws with these arguments."""

    def answer(*arguments):
        seen = []

        def drawn(table, *others):
            seen.append(others)
            return draw_ledger(table, *others)

        monkeypatch.setattr("cppo_theory.plots.draw_ledger", drawn)
        assert run(*arguments)[0] == 0
        return seen[0]

    return answer


@pytest.mark.parametrize(
    ("arguments", "source", "measure"),
    [
        ((), "exact", "tv"),
        (("--source", "binary"), "binary", "tv"),
        (("--divergence", "kl"), "topk", "kl"),
        (("--rule", "trm-max"), "topk", "kl"),
        (("--rule", "trm-max", "--base", "cppo"), "exact", "tv"),
        (("--rule", "trm-max", "--base", "cppo", "--divergence", "kl"), "topk", "kl"),
        (("--rule", "grpo"), "exact", "tv"),
    ],
)
def test_measure_and_source_are_named(titled, tmp_path, arguments, source, measure):
    """The response has TV of the whole vocabulary, a Top-K table, and no KL."""
    table = {"rollout": [[log(1 / 4)]] * 2, "current": [[log(1 / 2)]] * 2}
    document = rollout([1 / 4] * 2, [1 / 2] * 2, exact={"tv": [0.3, 0.3]}, topk=table)
    file = written(tmp_path / "r.jsonl", [document])
    title, found = titled(file, *arguments)
    assert title.endswith(f", source {source}")
    assert found == measure
    with style():
        made = draw_ledger(ledger_table(masked(BY_HAND, **SHORT)), "", measure)
    assert made.axes[0].get_ylabel().endswith({"tv": "(TV)", "kl": "(KL, nats)"}[measure])


def test_a_long_name_is_cut_and_a_dollar_sign_is_a_dollar_sign(titled, tmp_path):
    file = written(tmp_path / f"{'long' * 40}$x^$y.jsonl", THREE)
    title, _ = titled(file)
    assert len(title) < 100
    assert title.startswith("longlong")
    assert r"\$y.jsonl, row 1: cppo" in title


def test_the_standard_input_is_read_once_and_needs_a_name_for_the_picture(run, tmp_path, monkeypatch):
    def given():
        buffer = io.BufferedReader(io.BytesIO(lines(THREE)))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))

    out = tmp_path / "x.png"
    given()
    assert run("-", "--row", 2, "--out", out)[:2] == (0, f"{out}\n")
    given()
    assert "found 4, but the file has 3 responses" in run("-", "--row", 4, "--out", out)[2]
    code, _, err = run("-")
    assert (code, err.count("\n")) == (2, 1)
    assert "--out: the name of the picture is required" in err


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
        ((".",), 3, "error: .: the file cannot be read (Is a directory)"),
        (("nan.jsonl",), 3, "nan.jsonl line 1: logp_current[0]: found nan; a number is required\n"),
    ],
)
def test_mistakes(run, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "r.jsonl", THREE)
    (tmp_path / "i.json").write_text(json.dumps(TWO_TOKENS))
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "bad.json").write_text("{")
    written(tmp_path / "nan.jsonl", [{**BY_HAND, "logp_current": [float("nan")] * 5}])
    before = sorted(tmp_path.iterdir())
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
