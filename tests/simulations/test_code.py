"""The code of a cell is all that gives its numbers, and nothing else."""

from dataclasses import replace
from functools import partial

import pytest

from cppo_theory import schedules
from cppo_theory.rules import RULES
from simulations import code, parts
from simulations.code import code_of, modules_of
from simulations.experiment import Condition, RuleRay, cells
from simulations.loading import load
from simulations.policies import MLP

BOUNDS = {"proposition_4", "theorem_1", "product_form", "terminal_budget", "budget_slack"}


def cell_of(rule="dppo", parameters=None, fixed=None, policy="tabular", **task):
    condition = Condition(
        name="small", task=task or {"name": "brackets"}, policy=policy, rate=0.3, updates=4, rounds=2
    )
    found = load("main")
    found.condition, found.rule = [condition], [RuleRay("a", rule, [parameters or {}], fixed=fixed or {})]
    found.presets["smoke"].conditions = None
    return cells(found, "smoke")[0]


def test_modules_of_a_cell():
    found = modules_of(cell_of("cppo"))
    own = ("cell", "measure", "optimizers", "policies", "source", "trainer", "world")
    simulations = {f"simulations.{x}" for x in own}
    assert {x for x in found if x.startswith("simulations.")} == simulations
    shared = "batch decision layout ledger metrics named parameters scans sources tokens validation"
    own = {f"cppo_theory.rules.{x}" for x in f"{shared} prefix measures".split()}
    assert {x for x in found if ".rules." in x} == own
    assert {x for x in found if ".tasks." in x} == {
        f"cppo_theory.tasks.{x}" for x in ("brackets", "task", "sampling")
    }
    claims = {x.rpartition(".")[2] for x in found if ".claims." in x}
    assert claims == BOUNDS | {"case", "claim", "hypotheses"}
    numbers = "arithmetic bounds constraints divergence evaluation fused instance policy recursions schedules"
    assert {f"cppo_theory.{x}" for x in f"{numbers} spaces weights".split()} <= set(found)
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("rule", "parameters", "family"),
    [
        ("pg-is", {}, {"ratio_clips"}),
        ("trm-max", {}, {"sequence", "ratio_clips"}),
        ("sapo", {}, {"soft_gates"}),
        ("fipo", {}, {"lookahead", "ratio_clips"}),
    ],
)
def test_only_the_family_of_the_rule_counts(rule, parameters, family):
    families = {x.rpartition(".")[2] for x in modules_of(cell_of(rule, parameters))}
    known = {f.function.__module__.rpartition(".")[2] for f in RULES.values()}
    assert families & known == family


def test_parts_and_memory_count():
    plain = set(modules_of(cell_of("trm-max")))
    based = set(modules_of(cell_of("trm-max", fixed={"base": "sapo"})))
    assert based - plain == {"cppo_theory.rules.soft_gates"}
    remembers = set(modules_of(cell_of(name="brackets", memory=2)))
    assert remembers - set(modules_of(cell_of())) == {"cppo_theory.tasks.memory"}
    assert modules_of(cell_of(policy="mlp")) == modules_of(cell_of())


def test_presets_of_a_name_count():
    """cppo-soft is cppo with a gate: the same modules, other numbers."""
    hard, soft = cell_of("cppo"), cell_of("cppo-soft")
    assert modules_of(hard) == modules_of(soft)
    assert code_of(hard) != code_of(soft)
    assert code_of(cell_of("ppo")) == code_of(cell_of("grpo")) != code_of(cell_of("dapo"))


def test_what_tables_hold_counts(monkeypatch):
    """The same modules, but other objects under the names of an experiment."""
    adaptive = {"rule": "cppo", "fixed": {"budget": "adaptive"}}
    based = {"rule": "trm-max", "fixed": {"base": "cppo-soft"}}
    before = [code_of(cell_of(**given)) for given in (adaptive, based, {})]
    assert before == [code_of(cell_of(**given)) for given in (adaptive, based, {})]
    with monkeypatch.context() as changed:
        changed.setitem(parts.PARTS["budget"], "adaptive", schedules.Adaptive(ceiling=5))
        assert code_of(cell_of(**adaptive)) != before[0]
    with monkeypatch.context() as changed:
        soft = RULES["cppo-soft"]
        changed.setitem(RULES, "cppo-soft", replace(soft, preset={**soft.preset, "delta_b": 0.1}))
        assert code_of(cell_of(**based)) != before[1]
    with monkeypatch.context() as changed:
        changed.setitem(parts.POLICIES, "tabular", partial(MLP, hidden=5))
        assert code_of(cell_of()) != before[2]


def test_the_code_is_that_of_its_modules(tmp_path, monkeypatch):
    def of_text(text):
        (tmp_path / "soft_gates.py").write_text(text)
        code._digest.cache_clear()
        return [code_of(cell_of(rule)) for rule in ("sapo", "dppo")]

    path, soft = code._path, "cppo_theory.rules.soft_gates"
    text, changed = path(soft).read_text(), tmp_path / "soft_gates.py"
    monkeypatch.setattr(code, "_path", lambda name: changed if name == soft else path(name))
    before, after = of_text(text), of_text(text + "\nWIDTH = 2\n")
    code._digest.cache_clear()
    assert before[0] != after[0]
    assert before[1] == after[1]
