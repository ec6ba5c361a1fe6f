"""`compare`: a rule of one's own, good or bad; pictures, broken laws and exit codes."""

import errno
import sys
import textwrap

import numpy as np
import pytest

from simulations import compare as module
from simulations.loading import load
from simulations.records import Record
from simulations.statistics import paired_difference
from simulations.summary import scores
from tests.simulations.experiments import (
    TINY,
    command,  # noqa: F401 - a fixture
    constant_record,
    written,
)

RULES = '''
    """Rules of a user."""
    import numpy as np
    from cppo_theory.rules import Threshold

    def good(b, delta: Threshold = 0.15):
        return b.keep(b.ratio, token=b.toward | (b.tv <= delta))

    def bare(b):
        return np.clip(b.ratio, 0.8, 1.2)

    def not_a_number(b):
        return b.keep(b.ratio * np.where(b.tv > 0.01, np.nan, 1.0))

    def infinite(b):
        return b.keep(np.where(b.tv > 0.01, np.inf, b.ratio))

    def shape(b):
        return np.ones(3)

    def nothing(b):
        return None

    def modifies(b):
        b.raw("advantage")[...] *= 2
        return b.keep(b.ratio)

    def fails(b):
        return b.ratio.nothing_of_the_kind

    def divides(b):
        return b.keep(b.ratio) if b.shape[0] < 0 else 1 // 0

    def key(b):
        return {}["threshold"]

    def leaves(b):
        raise SystemExit(7)

    def writes(b):
        b.ratio[...] = 1
        return b.keep(b.ratio)

    def open_ended(b, limit):
        return b.keep(b.ratio, token=b.tv <= limit)

    def neighbours(b):
        return b.keep(b.ratio / b.ratio.max())
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of rules in the working directory, and `main` replaced by a tiny experiment."""
    (tmp_path / "my_rules.py").write_text(textwrap.dedent(RULES), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_rules", raising=False)
    file = str(written(tmp_path, TINY))
    monkeypatch.setattr(module, "load", lambda name: load(file) if name == "main" else load(name))
    return tmp_path


def compared(command, rule, *more):  # noqa: F811
    return command("compare", "--rule", rule, "--task", "a", "b", "--seeds", 4, "--out", "out", *more)


def test_a_good_rule(command, mine):  # noqa: F811
    code, printed, said = compared(command, "my_rules:good")
    assert code == 0
    for name in "ab":
        shown = "area under J, interquartile mean and 95% interval; mean of the differences, paired by seed"
        assert f"{name}: 4 seeds, {shown}\n" in printed
        assert (mine / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")
        assert f"out/{name}.png" in said
    # the rule is DPPO's at its default: no difference, seed by seed
    assert printed.count("0.000 [0.000, 0.000]") >= 2
    rows = [
        line.split() for line in printed.splitlines() if line.startswith(("dppo ", "cppo ", "my_rules:good "))
    ]
    assert [row[0] for row in rows] == ["my_rules:good", "dppo", "cppo"] * 2
    assert printed.rstrip().endswith("laws of a rule that it breaks: none")


def test_the_rule_itself_among_its_rivals_is_told(command, mine):  # noqa: F811
    code, printed, said = compared(command, "dppo", "--task", "a")
    assert code == 0
    assert "--against: dppo is the rule itself and not compared" in said
    assert "dppo - rule, paired" in printed


def test_a_bare_array_is_a_rule(command, mine):  # noqa: F811
    code, printed, _ = compared(command, "my_rules:bare", "--against", "cispo")
    assert code == 0
    assert "my_rules:bare - rule, paired" in printed
    assert "none" in printed.splitlines()[-1]


def test_broken_laws_are_reported(command, mine):  # noqa: F811
    code, printed, _ = compared(command, "my_rules:neighbours", "--against", "pg-is")
    assert code == 0
    laws = printed.split("laws of a rule that it breaks:")[1]
    assert "responses do not see each other" in laws


def test_the_same_comparison_twice(command, mine):  # noqa: F811
    first = compared(command, "my_rules:good")
    picture = (mine / "out" / "a.png").read_bytes()
    again = compared(command, "my_rules:good")
    assert again == first
    assert (mine / "out" / "a.png").read_bytes() == picture


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("not_a_number", "my_rules:not_a_number: returned nan for g at a valid token"),
        ("shape", "my_rules:shape: failed on a training batch: ValueError: the rule returned shape (3,)"),
        (
            "nothing",
            "TypeError: the rule returned NoneType; a Decision (b.keep(...)) or an array is required",
        ),
        ("modifies", "my_rules:modifies: modifies advantage of the batch; return new arrays instead"),
        ("fails", "my_rules:fails: failed on a training batch: AttributeError: "),
    ],
)
def test_a_bad_rule_is_told_plainly(command, mine, rule, part):  # noqa: F811
    code, printed, said = compared(command, f"my_rules:{rule}")
    assert code == 3
    assert "laws of a rule that it breaks:" in printed
    assert part in said
    assert len(said.splitlines()) == 1
    assert not (mine / "out").exists()


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("open_ended", "my_rules:open_ended: limit has no default; wrap the rule in a function of your own"),
        ("missing", "module 'my_rules' has no 'missing'"),
    ],
)
def test_a_rule_that_cannot_be_had_is_told_plainly(command, mine, rule, part):  # noqa: F811
    code, _, said = compared(command, f"my_rules:{rule}")
    assert code == 2
    assert part in said
    assert len(said.splitlines()) == 1
    assert not (mine / "out").exists()


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("divides", "ZeroDivisionError"),
        ("key", "KeyError"),
        ("infinite", "returned inf for g"),
        ("leaves", "SystemExit: 7"),
        ("writes", "read-only; return new arrays instead"),
    ],
)
def test_any_failure_of_a_rule_is_told_plainly(command, mine, rule, part):  # noqa: F811
    code, _, said = compared(command, f"my_rules:{rule}")
    assert code == 3
    assert part in said


@pytest.mark.parametrize("place", ["file", "file/out"])
def test_an_unwritable_folder_is_found_before_training(command, mine, monkeypatch, place):  # noqa: F811
    monkeypatch.setattr(module, "trained", None)
    (mine / "file").write_text("in the way")
    code, _, said = compared(command, "my_rules:good", "--out", place)
    assert (code, len(said.splitlines())) == (3, 1)
    assert f"error: --out: {place}: " in said
    assert "kept" not in said


def test_a_full_disk_is_told_as_one(command, mine, monkeypatch):  # noqa: F811
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(module, "write_bytes", full)
    code, _, said = compared(command, "my_rules:good")
    assert code == 3
    assert (
        said == "cppo-theory: error: --out: out: No space left on device; name a folder that can be written\n"
    )


def test_what_is_named_twice_is_compared_once(command, mine, monkeypatch):  # noqa: F811
    true, calls = module.trained, []
    monkeypatch.setattr(module, "trained", lambda c, r, s: calls.append((c.name, r.name)) or true(c, r, s))
    given = ("--task", "a", "a", "--against", "dppo,dppo,cppo", "--seeds", 3, "--out", "out")
    assert command("compare", "--rule", "cppo", *given)[0] == 0
    assert calls == [("a", "cppo"), ("a", "dppo")]


def test_a_module_that_is_not_there(command, mine):  # noqa: F811
    code, _, said = compared(command, "your_rules:good")
    assert code == 2
    assert "there is no module 'your_rules'" in said


def test_the_table_is_what_the_statistics_give(command, mine):  # noqa: F811
    printed = compared(command, "my_rules:bare", "--against", "cppo")[1]
    (condition,) = [c for c in module.load("main").condition if c.name == "a"]
    seeds = [0, 1, 2, 3]
    areas = [
        scores(module.trained(condition, module._usable(name), seeds))["area"].astype(float)
        for name in ("my_rules:bare", "cppo")
    ]
    assert str(paired_difference(*areas)) in printed
    assert str(paired_difference(*areas[::-1])) not in printed


def test_a_comparison_trains_as_its_condition_says(mine):
    (condition,) = [c for c in module.load("main").condition if c.name == "a"]
    found = module.trained(condition, module._usable("dppo"), [0, 1, 2])
    assert found.seeds == [0, 1, 2]
    assert found.arrays["value"].shape == (3, condition.rounds)


def test_a_diverged_seed_can_be_drawn():
    arrays = constant_record([0, 1, 2], 4, 0.3)
    arrays["value"][1, 2:] = np.nan
    png = module.picture("a", {"one": Record({}, [0, 1, 2], arrays)})
    assert png.startswith(b"\x89PNG\r\n")
