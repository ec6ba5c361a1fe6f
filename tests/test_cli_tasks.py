"""The commands about tasks: list, show, and evaluating one without a file."""

import json

import pytest

import cppo_theory as ct
from cppo_theory.cli import main
from cppo_theory.tasks import TASKS


def test_the_list_names_every_task_with_its_sizes(capsys):
    assert main(["tasks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in TASKS] == list(TASKS)
    assert main(["tasks", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {task["name"]: task["states"] for task in listed}["modular-sum"] == 7


@pytest.mark.parametrize("name", TASKS)
def test_show_describes_a_task(name, capsys):
    assert main(["tasks", "show", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{name}: ")
    assert main(["tasks", "show", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"]["horizon"] == shown["horizon"]
    assert len(shown["alphabet"]) == shown["actions"]


def test_a_task_is_evaluated_without_a_file(capsys):
    arguments = ["evaluate", "--task", "needle", "--horizon", "4", "--set", "place=2", "prompts=1"]
    assert main([*arguments, "--policies", "uniform,tv:1/4", "--json", "--claims", "pdl,thm-1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["space"], found["tier"]) == ("needle", "automaton", "exact")
    # the needle asks for token 0, which tv:1/4 makes 1/4 likelier than 1/4; the residual of one token is 0
    assert (found["value_mu"], found["value_pi"], found["residual"]) == ("1/4", "1/2", "0")
    assert [claim["id"] for claim in found["claims"]] == ["pdl", "thm-1"]


def test_a_saved_task_is_evaluated_to_the_same_numbers(capsys, tmp_path):
    path = tmp_path / "stopping.json"
    task = ["evaluate", "--task", "stopping", "--horizon", "6", "--actions", "4", "--set", "length=2"]
    assert main([*task, "--save", str(path), "--json"]) == 0
    first = capsys.readouterr().out
    assert main(["evaluate", str(path), "--json"]) == 0
    assert capsys.readouterr().out == first
    assert ct.Instance.load(path).name == "stopping"


def test_full_horizon(capsys):
    task = ["evaluate", "--task", "modular-sum", "--horizon", "16384", "--policies", "uniform,tv:1/100"]
    assert main([*task, "--claims", "uniform,eq-4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["expected_tv"]) == 16_384
    assert all(claim["vacuous"] for claim in found["claims"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tasks", "show"], "give the name of a task"),
        (["tasks", "show", "bracket"], "did you mean 'brackets'?"),
        (["tasks", "list", "needle"], "did you mean `cppo-theory tasks show needle`?"),
        (["evaluate", "--task", "maze"], "known tasks are password"),
        (["evaluate", "FILE", "--task", "needle"], "one of them"),
        (
            ["evaluate", "FILE", "--horizon", "9"],
            "--horizon, --actions, --set and --policies belong to --task",
        ),
        (["evaluate", "FILE", "--policies", "uniform,uniform"], "belong to --task"),
        (
            ["evaluate", "--task", "password", "--horizon", "4", "--set", "length=5"],
            "the password must fit the horizon 4",
        ),
        (["evaluate", "--task", "password", "--horizon", "1"], "2..16384 is possible"),
        (["evaluate", "--task", "password", "--actions", "65"], "2..64 is possible"),
        (["evaluate", "--task", "password", "--set", "lenght=5"], "has no such parameter"),
        (["evaluate", "--task", "password", "--set", "length"], "KEY=VALUE is required"),
        (["evaluate", "--task", "password", "--set", "length=two"], "an integer is required"),
        (["evaluate", "--task", "password", "--policies", "greedy"], "known forms are"),
    ],
)
def test_wrong_usage(arguments, words, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1
