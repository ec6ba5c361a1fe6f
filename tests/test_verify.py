"""`verify` on a few units: what it counts, that only the seed matters, and that a false claim is found."""

import io
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import cppo_theory as ct
from cppo_theory.cli import main
from cppo_theory.verify import report, run
from cppo_theory.verify.suites import PRESETS, SUITES, build, units

NAMES = [suite.name for suite in SUITES]
SMALL = {"golden": (0, 1), "rational-trees": (4, 6), "rational-machines": (1,), "mixtures": (5,)}
VARIED = {
    **SMALL,
    "rational-trees": (4, 5, 9, 10, 19),
    "rational-machines": (1, 4),
    "prescribed-tv": (5,),
    "jump-family": (0, 3),
    "gymnasium-tables": (0,),
}
NEVER_FAILS = {"positive-reward"}
"""Hypotheses that hold in every case of `VARIED`: schedules are linear and fall, rewards are not all 0."""


def work(chosen):
    return [(NAMES.index(name), index) for name, indices in chosen.items() for index in indices]


@pytest.fixture
def small(monkeypatch):
    """Replaces the units of every preset by few and quick ones."""
    monkeypatch.setattr(run, "units", lambda preset: work(SMALL))


@pytest.fixture(scope="module")
def varied():
    """The result on more units, which the tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "units", lambda preset: work(VARIED))
        return run.verify("smoke")


def as_json(result, seed=0):
    return json.dumps(report.as_json(result, "smoke", seed))


# --- what is counted --------------------------------------------------------------------------------------


def test_every_claim_applies_in_every_tier_and_none_is_violated(varied):
    tiers = {claim: ("float",) if claim == "pinsker" else ("exact", "float") for claim in ct.CLAIMS}
    assert set(varied.tallies) == {(claim, tier) for claim in tiers for tier in tiers[claim]}
    assert [key for key, tally in varied.tallies.items() if tally.applicable == 0] == []
    assert (varied.violated, varied.violations) == (0, [])


def test_the_hypotheses_of_every_claim_fail_somewhere(varied):
    failed = {claim: Counter() for claim in ct.CLAIMS}
    for (claim, _), tally in varied.tallies.items():
        failed[claim].update(tally.failed)
    for claim in ct.CLAIMS.values():
        names = {hypothesis.name for hypothesis in claim.hypotheses}
        names |= {"prefix tree"} if claim.needs_tree else set()
        assert names - NEVER_FAILS <= failed[claim.id].keys() <= names
        not_applicable = sum(t.not_applicable for (c, _), t in varied.tallies.items() if c == claim.id)
        assert (not_applicable > 0) == (failed[claim.id].total() > 0)


def test_every_case_is_counted_once_per_claim(varied):
    assert varied.instances == {
        "golden": 4,
        "rational-trees": 5,
        "rational-machines": 4,
        "mixtures": 10_002,
        "prescribed-tv": 10_001,
        "jump-family": 4,
        "gymnasium-tables": 1,
    }
    singles = sum(varied.instances.values()) - 20_000
    assert varied.cases == 20_000 * 6 + singles * 7  # one setting more for single instances
    for claim in ct.CLAIMS:
        tallies = [tally for (name, _), tally in varied.tallies.items() if name == claim]
        assert sum(tally.applicable + tally.not_applicable for tally in tallies) == varied.cases
        assert all(tally.vacuous <= tally.judged <= tally.applicable for tally in tallies)


def test_exact_sides_are_reported_without_rounding(varied):
    for claim in ct.CLAIMS.values():
        if claim.id != "pinsker":
            tally = varied.tallies[claim.id, "exact"]
            assert tally.largest_gap == 0 if claim.relation == "==" else tally.largest_ratio <= 1
    assert varied.tallies["lemma-3", "exact"].largest_ratio == 1  # at the last position D_T = l_T somewhere


def test_presets_grow_and_name_every_suite():
    smoke, paper, full = map(units, PRESETS)
    assert set(smoke) < set(paper) < set(full)
    assert {suite for suite, _ in smoke} == set(range(len(SUITES)))
    with pytest.raises(ct.InputError, match="preset: found 'tiny'; known presets are smoke, paper, full"):
        units("tiny")


@pytest.mark.parametrize("name", ["float-trees", "prescribed-tv", "mixtures"])
def test_batches_are_large(name):
    first = next(iter(build(0, (NAMES.index(name), 5))))
    assert first.batch_shape == (10_000,)
    assert not first.exact


def test_the_instances_of_the_issue_are_there():
    """End tokens, several prompts, zeros of mu, step rewards, every size that is asked for."""
    trees = [next(iter(build(0, (NAMES.index("rational-trees"), i)))) for i in range(40)]
    assert all(tree.exact and tree.is_tree for tree in trees)
    assert {tree.actions for tree in trees} == {2, 3, 4}
    assert {tree.horizon for tree in trees} == {1, 2, 3, 4, 5}
    assert {len(tree.initial) for tree in trees} == {1, 2, 3}
    assert any(tree.space.end for tree in trees)
    assert any(tree.step_reward for tree in trees)
    assert any((table == 0).any() for tree in trees if not tree.space.end for table in tree.mu)
    assert any(len(set(map(str, tree.mu[-1]))) > 1 for tree in trees)
    (large,) = build(0, (NAMES.index("large-rational-trees"), 0))
    assert (large.actions, large.horizon, large.exact) == (4, 5, True)


# --- the seed and the workers -----------------------------------------------------------------------------


def test_the_report_depends_on_the_seed_alone(small):
    done = []
    first = as_json(run.verify("smoke", seed=0, jobs=1, progress=lambda *counts: done.append(counts)))
    assert done == [(i + 1, 6) for i in range(6)]
    assert as_json(run.verify("smoke", seed=0, jobs=2)) == first
    assert as_json(run.verify("smoke", seed=1)) != first


# --- the command ------------------------------------------------------------------------------------------


def verify(capsys, *arguments):
    code = main(["verify", "--jobs", "1", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_prints_a_table_and_nothing_else(small, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = verify(capsys, "--seed", "3")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "cppo-theory verify, preset smoke, seed 3" in lines
    assert [line.split()[0] for line in lines if line.startswith("prop-4 ")] == ["prop-4"] * 2
    assert {line.split()[0] for line in lines if " exact " in line or " float " in line} == set(ct.CLAIMS)
    assert max(map(len, lines[:-1])) <= 80
    assert lines[-1].startswith(f"{len(ct.CLAIMS)} claims on 10,010 instances in 60,070 cases")
    assert "no violation" in lines[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_json_alone(small, capsys):
    code, out, err = verify(capsys, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["schema"], found["violated"], found["cases"]) == ("cppo-report/1", 0, 60_070)


def test_the_directory_holds_the_report_and_what_made_it(small, capsys, tmp_path):
    folder = tmp_path / "a" / "report"
    code, _, err = verify(capsys, "--seed", "5", "--out", folder)
    assert (code, err) == (0, f"cppo-theory: report written to {folder / 'report.md'}\n")
    assert {path.name for path in folder.iterdir()} == {"report.md", "report.json", "manifest.json"}
    found = json.loads((folder / "report.json").read_text("utf-8"))
    assert (found["preset"], found["seed"], found["instances"]["golden"]) == ("smoke", 5, 4)
    assert {entry["claim"] for entry in found["claims"]} == set(ct.CLAIMS)
    fields = {"claim", "tier", "applicable", "not_applicable", "violations", "vacuous", "largest_ratio"}
    assert all(fields <= entry.keys() for entry in found["claims"])
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert (manifest["schema"], manifest["jobs"], manifest["seed"]) == ("cppo-manifest/1", 1, 5)
    assert manifest["seconds"] > 0
    assert {"cppo-theory", "numpy", "gymnasium"} <= manifest["versions"].keys()
    page = (folder / "report.md").read_text("utf-8")
    assert page.count("\n| prop-4 | ") == 2
    assert all(f"\n| {name} | " in page for name in NAMES)
    assert "no violation" in page


@pytest.fixture
def false_claim(monkeypatch):
    """Proposition 4 with a quarter of its bound: golden instances and many of a batch violate it."""
    monkeypatch.setattr(run, "units", lambda preset: work({"golden": (0, 1), "mixtures": (0,)}))
    claim = ct.CLAIMS["prop-4"]

    def quartered(case):
        lhs, rhs = claim.sides(case)
        return lhs, rhs / 4

    monkeypatch.setitem(ct.CLAIMS, "prop-4", replace(claim, sides=quartered))


def test_a_false_claim_is_found_and_replayed_exactly(false_claim, capsys, tmp_path):
    code, out, err = verify(capsys, "--out", tmp_path, "--json")
    assert code == 1
    found = json.loads(out)
    assert {entry["claim"] for entry in found["claims"] if entry["violations"]} == {"prop-4"}
    assert found["violated"] == sum(entry["violations"] for entry in found["claims"]) > 100
    recorded = found["violations"]
    assert {Path(violation["file"]).parent.name for violation in recorded} == {"violations"}
    assert sorted(tmp_path.glob("violations/*.json")) == sorted(tmp_path / v["file"] for v in recorded)
    said = [f"cppo-theory: violation left in {tmp_path / v['file']}; replay it with: " for v in recorded]
    assert all(line.startswith(start) for line, start in zip(err.splitlines()[1:], said, strict=True))
    tiers = Counter(replayed(tmp_path / v["file"], (v["lhs"], v["rhs"]), capsys) for v in recorded)
    assert tiers["exact"] >= 6
    assert tiers["float"] >= 6
    settings = [json.loads((tmp_path / v["file"]).read_text("utf-8"))["constraints"] for v in recorded]
    assert {str(setting["weights"][-1]) for setting in settings} >= {"1", "4/5", "1/2", "0.8", "0.5"}
    assert {"thresholds" in setting for setting in settings} == {True, False}
    page = (tmp_path / "report.md").read_text("utf-8")
    assert all(f"`{violation['file']}`" in page for violation in recorded)


def replayed(path, sides, capsys):
    """`evaluate` finds the recorded sides; returns the tier."""
    assert main(["evaluate", str(path), "--json", "--claims", "prop-4"]) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    found = json.loads(printed.out)
    (claim,) = found["claims"]
    assert (str(claim["lhs"]), str(claim["rhs"]), claim["holds"]) == (*sides, False)
    assert found["name"] == "violates prop-4"
    return found["tier"]


def test_without_a_directory_violations_are_left_in_one_of_their_own(
    false_claim, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "units", lambda preset: work({"golden": (1,)}))
    code, out, _ = verify(capsys)
    assert code == 1
    assert "violated cases" in out.splitlines()[-1]
    (folder,) = tmp_path.iterdir()
    assert folder.name == "cppo-theory-violations"
    assert {path.suffix for path in (folder / "violations").iterdir()} == {".json"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal(small, monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["verify", "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["violated"] == 0
    assert "6/6 units" in terminal.getvalue()


def test_an_interruption_gives_130(monkeypatch, capsys, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["cppo_theory.cli.verify"], "verify_claims", interrupted)
    code, out, err = verify(capsys, "--out", tmp_path)
    assert (code, out, err) == (130, "", "cppo-theory: interrupted\n")
    assert list(tmp_path.iterdir()) == []
