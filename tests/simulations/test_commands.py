"""`python -m simulations`: the whole line on a tiny experiment, mistakes, interrupts and kills."""

import errno
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from simulations import commands, loading, records, runner
from simulations.experiment import FIRST_TUNING_SEED
from simulations.kept import read_summaries
from simulations.loading import load, names
from tests.simulations.experiments import (
    CELLS,
    PYTHON,
    TINY,
    command,  # noqa: F401 - a fixture
    contents,
    written,
)

ROOT = Path(__file__).parents[2]
SLOWER = TINY.replace("rounds = 4", "rounds = 16").replace("updates = 2", "updates = 4")


def start(*arguments, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    given = {"cwd": ROOT, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen([*PYTHON, *map(str, arguments)], **given)


def wait_for_a_record(folder, process, seconds=60.0):
    end = time.monotonic() + seconds
    while not list(folder.glob("smoke/tiny/*/*/*.npz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


# --- a whole run ------------------------------------------------------------------------------------------


def test_a_tiny_experiment_end_to_end(command, tmp_path):  # noqa: F811
    file, out = written(tmp_path), tmp_path / "out"
    code, printed, said = command("run", file, "--out", out, "--jobs", 1)
    assert code == 0
    assert len(list((out / "smoke" / "tiny").glob("[ab]/*/*.npz"))) == CELLS
    for condition in "ab":
        assert f"{condition}: 5 seeds, interquartile mean and 95% bootstrap interval" in printed
    rows = [line.split() for line in printed.splitlines() if line.startswith(("dppo ", "cppo "))]
    assert {row[0] for row in rows} == {"dppo", "cppo"}
    assert printed.count("cppo - dppo, area under J, mean of the differences, paired by seed: ") == 2
    lines = said.splitlines()
    assert len(lines) == CELLS
    assert lines[0].startswith("cppo-theory: 1/8 a/dppo/0 ")
    assert "s left" in lines[-1]
    summaries = read_summaries(out / "smoke" / "tiny" / "summary")
    assert set(summaries) == {(c, r) for c in "ab" for r in ("dppo", "cppo")}
    for found in summaries.values():
        assert found.seeds == [0, 1, 2, 3, 4]
        assert found.arrays["area"].shape == (5, 2)
        assert found.arrays["value"].shape == (5, 4)
        assert found.arrays["update"][0].tolist() == [2, 4, 6, 8]
        assert len(found.config["tuning"]) == 2
        assert found.config["chosen"] == max(range(2), key=found.config["tuning"].__getitem__)
    again = command("run", file, "--out", out, "--jobs", 1)
    assert again[1] == printed
    assert again[2] == ""  # nothing was left to do


def test_more_seeds_are_merged(command, tmp_path):  # noqa: F811
    file = written(tmp_path)
    given = ("--task", "a", "--rule", "dppo", "--jobs", 1)
    for count in (3, 4):
        assert command("run", file, *given, "--seeds", count, "--out", tmp_path / "x")[0] == 0
    assert command("run", file, *given, "--seeds", 4, "--out", tmp_path / "y")[0] == 0
    assert contents(tmp_path / "x") == contents(tmp_path / "y")
    made = records.read(tmp_path / "x" / "smoke" / "tiny" / "a" / "dppo" / "1.npz")
    assert made.seeds == [0, 1, 2, 3, *(FIRST_TUNING_SEED + i for i in range(3))]
    assert sorted(p.name for p in (tmp_path / "x" / "smoke" / "tiny").iterdir()) == ["a", "summary"]


def test_what_is_named_twice_is_run_once(command, tmp_path, monkeypatch):  # noqa: F811
    true, calls = runner.run_cell, []
    monkeypatch.setattr(runner, "run_cell", lambda cell, seeds: calls.append(cell.label) or true(cell, seeds))
    given = ("--task", "b", "a", "b", "--rule", "dppo", "dppo", "--seeds", 3, "--jobs", 1)
    assert command("run", written(tmp_path), *given, "--out", tmp_path / "x")[0] == 0
    assert calls == ["b/dppo/0", "b/dppo/1", "a/dppo/0", "a/dppo/1"]


def test_presets_choose_seeds_and_conditions(command, tmp_path):  # noqa: F811
    file = written(tmp_path)
    code, printed, _ = command(
        "run", file, "--preset", "full", "--rule", "cppo", "--out", tmp_path / "x", "--jobs", 1
    )
    assert code == 0
    assert "a: 7 seeds" in printed
    assert "b: " not in printed
    assert (tmp_path / "x" / "full" / "tiny" / "a" / "cppo" / "0.npz").exists()


def test_a_table_is_that_of_the_run(command, tmp_path):  # noqa: F811
    file = written(tmp_path)
    for rule, count in (("dppo", 3), ("cppo", 4)):
        code, printed, _ = command(
            "run", file, "--task", "a", "--rule", rule, "--seeds", count, "--out", tmp_path / "x", "--jobs", 1
        )
        assert code == 0
        assert f"a: {count} seeds" in printed
        assert {line.split()[0] for line in printed.splitlines() if "delta 0." in line} == {rule}


def test_what_else_lies_among_the_summaries_is_left_alone(command, tmp_path):  # noqa: F811
    path = tmp_path / "x" / "smoke" / "tiny" / "summary" / "a" / "old.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no record")
    given = ("--task", "a", "--rule", "dppo", "--seeds", 3, "--out", tmp_path / "x", "--jobs", 1)
    code, printed, _ = command("run", written(tmp_path), *given)
    assert code == 0
    assert "a: 3 seeds" in printed
    assert path.read_bytes() == b"no record"


def test_two_seeds_are_shown_but_nothing_is_claimed(command, tmp_path):  # noqa: F811
    code, printed, _ = command(
        "run", written(tmp_path), "--task", "a", "--seeds", 2, "--out", tmp_path / "x", "--jobs", 1
    )
    assert code == 0
    assert "of 2" in printed
    assert "a: 2 seeds, single values\n" in printed
    assert "interquartile" not in printed
    assert "paired by seed" not in printed
    assert "[" not in printed.split("a: 2 seeds")[1].split("\n", 1)[1]  # no interval


def test_a_plan_runs_nothing(command, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(runner, "run_cell", None)
    file, out = written(tmp_path), tmp_path / "out"
    code, printed, said = command("run", file, "--plan", "--out", out, "--jobs", 3)
    assert (code, said) == (0, "")
    assert not out.exists()
    for text in ("cells to run", "seeds to train", "CPU seconds, about", "seconds on 3 workers, about", "MB"):
        assert text in printed
    shown = {
        line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in printed.splitlines() if line.strip()
    }
    assert (shown["cells"], shown["cells to run"], shown["seeds to train"]) == ("8", "8", "64")


def test_a_plan_names_what_is_left(command, tmp_path):  # noqa: F811
    file, out = written(tmp_path), tmp_path / "out"
    assert command("run", file, "--task", "a", "--out", out, "--jobs", 1)[0] == 0
    printed = command("run", file, "--plan", "--out", out)[1]
    shown = {
        line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in printed.splitlines() if line.strip()
    }
    assert (shown["cells"], shown["cells to run"]) == ("8", "4")


def test_a_plan_touches_nothing(command, tmp_path):  # noqa: F811
    path = tmp_path / "out" / "smoke" / "tiny" / "a" / "dppo" / "0.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no record")
    assert command("run", written(tmp_path), "--plan", "--out", tmp_path / "out")[0] == 0
    assert path.read_bytes() == b"no record"


def test_list_and_show(command):  # noqa: F811
    code, printed, _ = command("list")
    assert code == 0
    assert {"main", "mechanisms", "staleness"} <= set(names())
    for name in names():
        assert any(line.split()[:1] == [name] for line in printed.splitlines())
        code, shown, _ = command("show", name)
        assert code == 0
        assert shown.startswith(f"{name}: ")
        assert "tuning seeds" in shown
    shown = command("show", "main")[1]
    for text in (
        "brackets-mlp",
        "modular-sum-tabular",
        "delta 0.15, delta_b 0.015",
        "cppo-soft",
        "eps_high 0.28",
    ):
        assert text in shown


# --- mistakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["run", "mian"], 2, ["experiment: found 'mian'", "did you mean 'main'?"]),
        (["run", "zzz"], 2, ["experiment: found 'zzz'", "known are main, mechanisms"]),
        (["run", "nowhere.toml"], 3, ["nowhere.toml: there is no such file"]),
        (["show", "mian"], 2, ["did you mean 'main'?"]),
        (["run", "main", "--task", "brackets-mpl"], 2, ["task: found 'brackets-mpl'", "'brackets-mlp'?"]),
        (["run", "main", "--rule", "dpo"], 2, ["rule: found 'dpo'", "did you mean 'dppo'?"]),
        (["run", "main", "--rule", "xyz"], 2, ["rule: found 'xyz'", "known are pg-is, grpo"]),
        (["run", "main", "--preset", "papr"], 2, ["preset"]),
        (["run", "main", "--seeds", "0"], 2, ["--seeds, --jobs: at least 1 is required"]),
        (["run", "main", "--jobs", "0"], 2, ["--seeds, --jobs: at least 1 is required"]),
        (["run", "main", "--seeds", "few"], 2, ["--seeds"]),
        (["run"], 2, ["Required options"]),
        (["runn", "main"], 2, ["runn"]),
        (["compare", "--rule", "dpppo"], 2, ["--rule", "did you mean 'dppo'?"]),
        (["compare", "--rule", "dppo", "--task", "a"], 2, ["task: found 'a'; known are brackets-tabular"]),
        (["compare", "--rule", "dppo", "--task", "brackets-mpl"], 2, ["did you mean 'brackets-mlp'?"]),
        (["compare", "--rule", "dppo", "--task"], 2, ["--task: found none; known are brackets-tabular"]),
        (["compare", "--rule", "dppo", "--against", ""], 2, ["--against: found ''; the name of another"]),
        (["compare", "--rule", "dppo", "--against", " ,"], 2, ["--against: found ' ,'; the name of another"]),
        (
            ["compare", "--rule", "dppo", "--against", "dppo"],
            2,
            ["--against: found 'dppo'; the name of another"],
        ),
        (
            ["run", "main", "--task", "automaton-mlp"],
            2,
            ["task: found 'automaton-mlp', which the preset smoke leaves out; --preset paper has it"],
        ),
        (["compare", "--rule", "dppo", "--seeds", "2"], 2, ["--seeds: found 2; at least 3 are required"]),
        (["compare", "--rule", "drpo"], 2, ["drpo: eps has no default"]),
        (["compare", "--rule", "dppo", "--against", "cpo"], 2, ["did you mean"]),
    ],
)
def test_mistakes_are_told_in_a_line(command, arguments, code, parts, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(runner, "run_cell", None)
    if arguments[0] == "run" and len(arguments) > 1:
        arguments = [*arguments, "--out", str(tmp_path)]
    found, printed, said = command(*arguments)
    assert found == code
    for part in parts:
        assert part in said + printed
    if code == 3:
        assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_preset_that_the_experiment_has_not(command, tmp_path):  # noqa: F811
    code, _, said = command("run", written(tmp_path), "--preset", "paper", "--out", tmp_path / "x")
    assert code == 2
    assert "preset: found 'paper'; known are smoke, full" in said


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("seeds = 5", "seeds = = 5", ["this is not TOML", "line 5"]),
        (
            "[presets.smoke]\nseeds = 5",
            "[presets.smoke]\nseeds = 'five'",
            ["line 5: presets.smoke.seeds: Expected `int`, got `str`"],
        ),
        ("seeds = 5", "seeds = 5\nsedes = 5", ["line 6: presets.smoke.sedes", "unknown field `sedes`"]),
        ('rule = "cppo"', 'rule = "cpo"', ["line 42: rule[1].rule: found 'cpo'", "`cppo-theory rules`"]),
        ("delta_b = 0.015", "budget_b = 0.015", ["rule[1].settings[1]", "no parameter budget_b"]),
        ('policy = "mlp"', 'policy = "gru"', ["line 26: condition[1].policy: found 'gru'"]),
        ('policy = "mlp"', 'policy = "mlp"\noptimizer = "lion"', ["condition[1].optimizer: found 'lion'"]),
        ('depth = 2 }\npolicy = "tabular"', 'dept = 2 }\npolicy = "tabular"', ["condition[0].task"]),
        ('name = "brackets"', 'name = "brakets"', ["condition[0].task", "brackets"]),
        ("updates = 2", "updates = 0", ["condition[0]: found a count below 1"]),
        ('conditions = ["a"]', 'conditions = ["c"]', ["presets.full: found the condition 'c'"]),
        ('headline = ["cppo", "dppo"]', 'headline = ["cppo", "ppo"]', ["headline: found 'ppo'"]),
        ('headline = ["cppo", "dppo"]', 'headline = ["cppo"]', ["headline: found 1 names; the two"]),
        ("paper = 1", "paper = 2", ["rule[0].paper: found 2"]),
        (
            "paper = 1\n\n",
            'paper = 1\nfixed = { weights = "none" }\n\n',
            ["rule[0].fixed", "weights = 'none'"],
        ),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(command, old, new, parts, tmp_path):  # noqa: F811
    assert old in TINY
    file = written(tmp_path, TINY.replace(old, new))
    code, _, said = command("run", file, "--out", tmp_path / "out")
    assert code == 3
    assert len(said.splitlines()) == 1
    for part in ["tiny.toml", *parts]:
        assert part in said
    assert not (tmp_path / "out").exists()


FURTHER_MISTAKES = [
    ("hidden = 4", 'hidden = 4\naggregation = "mean"', "aggregation"),
    ("horizon = 4", "horizon = 40", "population"),
    ("rate = 0.3", "rate = -0.3", "rate"),
    ("hidden = 4", "hidden = 0", "hidden"),
    ('name = "b"', 'name = "a"', "name"),
    ('name = "cppo"\nrule = "cppo"', 'name = "dppo"\nrule = "cppo"', "name"),
    ("seeds = 5", "seeds = 0", "presets.smoke.seeds: found 0"),
    ("tuning_seeds = 3", "tuning_seeds = -1", "presets.smoke.tuning_seeds: found -1"),
    ("seeds = 5", "rounds_share = nan\nseeds = 5", "presets.smoke.rounds_share: found nan"),
    ("seeds = 5", "rounds_share = 0.0\nseeds = 5", "presets.smoke.rounds_share: found 0"),
    ("seeds = 5", "rounds_share = inf\nseeds = 5", "presets.smoke.rounds_share: found inf"),
    ("seeds = 5", "rounds_share = 1.5\nseeds = 5", "presets.smoke.rounds_share: found 1.5"),
    ('conditions = ["a"]', "conditions = []", "presets.full.conditions: found none"),
    ("rate = 0.3", "rate = inf", "condition[0].rate: found inf"),
    ("rate = 0.1", "rate = nan", "condition[1].rate: found nan"),
    ("group = 4", "group = 1", "condition[0].group: found 1"),
    ("settings = [{ delta = 0.05 }, { delta = 0.15 }]", "settings = []", "rule[0].settings: found none"),
    ('name = "a"', 'name = "../x"', "condition[0].name: found '../x'"),
    ('name = "a"', 'name = ""', "condition[0].name: found ''"),
    ('name = "a"', 'name = ".."', "condition[0].name: found '..'"),
    ('name = "a"', 'name = "a, b"', "condition[0].name: found 'a, b'"),
    ('name = "a"', 'name = "a\\n"', "condition[0].name"),
    ('name = "a"', 'name = "summary"', "condition[0].name: found 'summary'"),
    ('name = "cppo"', 'name = "a/b"', "rule[1].name: found 'a/b'"),
    ('name = "cppo"', 'name = ", a"', "rule[1].name: found ', a'"),
    ('name = "cppo"', 'name = "a,b"', "rule[1].name: found 'a,b'"),
    ('name = "cppo"', 'name = ".., a"', "rule[1].name: found '.., a'"),
]


@pytest.mark.parametrize(
    ("old", "new", "part"), FURTHER_MISTAKES, ids=[new for _, new, _ in FURTHER_MISTAKES]
)
def test_further_mistakes_in_the_file(command, old, new, part, tmp_path):  # noqa: F811
    text = TINY.replace('["cppo", "dppo"]', '["dppo", "dppo"]').replace(old, new)
    if part == "population":
        text = text.replace("updates = 2", "updates = 2\npopulation = true")
    code, _, said = command("run", written(tmp_path, text), "--out", tmp_path / "out", "--jobs", 1)
    assert code == 3
    assert part in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "rest"), [("condition", "rule"), ("rule", "condition")])
def test_an_experiment_of_nothing(command, kind, rest, tmp_path):  # noqa: F811
    head, *tables = TINY.split(f"[[{rest}]]")
    head = head.split(f"[[{kind}]]")[0]
    kept = "".join(f"[[{rest}]]{table.split(f'[[{kind}]]')[0]}" for table in tables)
    code, _, said = command("run", written(tmp_path, f"{kind} = []\n{head}{kept}"), "--out", tmp_path / "out")
    assert code == 3
    assert f"{kind}: found none; at least one is required" in said


def test_an_experiment_without_presets(command, tmp_path):  # noqa: F811
    before, rest = TINY.split("[presets.smoke]")
    text = f"{before}[presets]\n\n[[condition]]{rest.split('[[condition]]', 1)[1]}"
    code, _, said = command("run", written(tmp_path, text), "--out", tmp_path / "out")
    assert code == 3
    assert "presets: found none; at least one is required" in said


def test_two_rules_of_one_folder_are_refused(command, tmp_path):  # noqa: F811
    text = TINY.replace('name = "dppo"', 'name = "a, b"').replace('name = "cppo"', 'name = "a-b"')
    code, _, said = command("run", written(tmp_path, text), "--out", tmp_path / "out")
    assert code == 3
    assert "rule: found the names 'a, b' and 'a-b'; names tell the records apart" in said


def test_a_group_of_one_may_be_a_population(tmp_path):
    text = TINY.replace("group = 4", "group = 1\npopulation = true")
    assert all(condition.group == 1 for condition in load(str(written(tmp_path, text))).condition)


def test_rules_with_a_dot_in_their_names_have_summaries_of_their_own(command, tmp_path):  # noqa: F811
    text = TINY.replace('name = "dppo"', 'name = "mask .15"').replace('name = "cppo"', 'name = "mask .30"')
    file = written(tmp_path, text.replace('["cppo", "dppo"]', '["mask .30", "mask .15"]'))
    assert command("run", file, "--task", "a", "--out", tmp_path / "out", "--jobs", 1)[0] == 0
    assert len(read_summaries(tmp_path / "out" / "smoke" / "tiny" / "summary")) == 2


def test_a_file_of_another_encoding(command, tmp_path):  # noqa: F811
    file = tmp_path / "tiny.toml"
    file.write_bytes(TINY.replace("tiny", "t\xefny").encode("latin-1"))
    code, _, said = command("run", file, "--out", tmp_path / "out")
    assert (code, len(said.splitlines())) == (3, 1)


def test_an_output_folder_that_cannot_be_written(command, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("in the way")
    code, _, said = command("run", written(tmp_path), "--out", tmp_path / "file", "--jobs", 1)
    assert code == 3
    assert f"error: --out: {tmp_path / 'file'}" in said
    assert "finished cells are kept" not in said


def test_a_full_disk_keeps_finished_cells(command, tmp_path, monkeypatch):  # noqa: F811
    file, out, true, calls = written(tmp_path), tmp_path / "out", records.write_bytes, []

    def full(path, data):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")  # as a stream does, without a name
        true(path, data)

    monkeypatch.setattr(records, "write_bytes", full)
    code, _, said = command("run", file, "--out", out, "--jobs", 1)
    assert code == 3
    assert f"{calls[2]}: No space left on device; finished cells are kept" in said
    assert len(contents(out)) == 2
    monkeypatch.undo()
    code, _, said = command("run", file, "--out", out, "--jobs", 1)
    assert code == 0
    assert "1/6 " in said


def test_an_interrupt_keeps_finished_cells(command, tmp_path, monkeypatch):  # noqa: F811
    file, out, true, calls = written(tmp_path), tmp_path / "out", runner.run_cell, []

    def run_cell(cell, seeds):
        calls.append(cell.label)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return true(cell, seeds)

    monkeypatch.setattr(runner, "run_cell", run_cell)
    code, _, said = command("run", file, "--out", out, "--jobs", 1)
    assert code == 130
    assert said.splitlines()[-1].endswith("interrupted; finished cells are kept, the same command goes on")
    assert len(contents(out)) == 2
    assert command("run", file, "--out", out, "--jobs", 1)[0] == 0
    assert len(calls) == 3 + CELLS - 2


def test_a_killed_worker_is_told_in_a_line(command, tmp_path, monkeypatch):  # noqa: F811
    def run_cell(cell, seeds):
        raise BrokenProcessPool("A process in the process pool was terminated abruptly")

    monkeypatch.setattr(runner, "run_cell", run_cell)
    code, _, said = command("run", written(tmp_path), "--out", tmp_path / "out", "--jobs", 1)
    assert code == 3
    assert said == ("cppo-theory: error: a worker ended; finished cells are kept, the same command goes on\n")


def test_unusable_records_are_named(command, tmp_path):  # noqa: F811
    file, out = written(tmp_path), tmp_path / "out"
    given = ("run", file, "--task", "a", "--rule", "dppo", "--out", out, "--jobs", 1)
    assert command(*given)[0] == 0
    whole = contents(out)
    path = out / "smoke" / "tiny" / "a" / "dppo" / "1.npz"
    path.write_bytes(path.read_bytes()[:200])
    code, _, said = command(*given)
    assert code == 0
    assert f"{path}: this is no record" in said
    assert "set aside as 1.npz.aside, made anew" in said
    assert contents(out) == whole


# --- kills ------------------------------------------------------------------------------------------------


def test_after_a_kill_the_records_have_the_same_bytes(command, tmp_path, monkeypatch):  # noqa: F811
    """A process is killed once it has finished a cell; what it left is completed, in other batches."""
    file, out = written(tmp_path, SLOWER), tmp_path / "killed"
    process = start("run", file, "--out", out, "--jobs", 1)
    try:
        wait_for_a_record(out, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 1 <= len(contents(out)) < CELLS
    monkeypatch.setattr(runner, "BATCH", 3)
    assert command("run", file, "--out", out, "--jobs", 1)[0] == 0
    monkeypatch.undo()
    assert command("run", file, "--out", tmp_path / "whole", "--jobs", 1)[0] == 0
    assert contents(out) == contents(tmp_path / "whole")
    assert len(contents(out)) == CELLS + 4
    assert not [p for p in (out / "smoke" / "tiny").rglob("*") if p.name.endswith((".tmp", ".aside"))]


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bytes(command, tmp_path):  # noqa: F811
    file = written(tmp_path)
    process = start("run", file, "--out", tmp_path / "two", "--jobs", 2)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert command("run", file, "--out", tmp_path / "one", "--jobs", 1)[0] == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(said.splitlines()) == CELLS


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_with_130_and_keeps_finished_cells(command, tmp_path, jobs):  # noqa: F811
    file, out = written(tmp_path, SLOWER), tmp_path / "out"
    process = start("run", file, "--out", out, "--jobs", jobs, start_new_session=True)
    wait_for_a_record(out, process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.decode().splitlines()[-1].endswith("the same command goes on")
    kept = contents(out)
    assert 1 <= len(kept) < CELLS
    assert command("run", file, "--out", out, "--jobs", 1)[0] == 0
    assert {name: data for name, data in contents(out).items() if name in kept} == kept
    assert command("run", file, "--out", tmp_path / "whole", "--jobs", 1)[0] == 0
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    out = tmp_path / "out"
    process = start("run", written(tmp_path, SLOWER), "--out", out, "--jobs", 2, start_new_session=True)
    try:
        wait_for_a_record(out, process)
        process.kill()
        process.wait()
        end = time.monotonic() + 15
        while is_alive(process.pid) and time.monotonic() < end:
            time.sleep(0.1)
        assert not is_alive(process.pid)
    finally:
        if is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def is_alive(group):
    """Whether a process of this group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_results_are_written_for_whole_paper_runs_alone(command, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(commands, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(commands, "RESULTS", tmp_path / "results")
    file = written(tmp_path, TINY.replace("presets.full", "presets.paper"))
    assert command("run", file, "--jobs", 1, "--preset", "paper")[0] == 0
    assert not (tmp_path / "results").exists()  # of a file of the user's
    shutil.rmtree(tmp_path / "records")
    monkeypatch.setattr(loading, "FOLDER", tmp_path)
    assert command("run", "tiny", "--jobs", 1, "--task", "a")[0] == 0
    assert command("run", "tiny", "--jobs", 1, "--preset", "paper", "--rule", "dppo")[0] == 0
    assert not (tmp_path / "results").exists()
    assert command("run", "tiny", "--jobs", 1, "--preset", "paper")[0] == 0
    assert sorted(contents(tmp_path / "results")) == ["tiny/a/cppo.npz", "tiny/a/dppo.npz"]


def test_a_file_of_the_name_of_an_experiment_does_not_share_its_records(command, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(commands, "RECORDS", tmp_path / "records")
    file = tmp_path / "main.toml"
    file.write_text(TINY)
    code, _, said = command("run", file, "--jobs", 1)
    assert code == 2
    assert "shares the name and so the records of main; rename it, or give --out" in said
    assert command("run", file, "--jobs", 1, "--task", "a", "--seeds", 3, "--out", tmp_path / "x")[0] == 0
    assert not (tmp_path / "records").exists()
