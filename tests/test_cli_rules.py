"""`cppo-theory rules`: every rule by name, with the parameters and defaults of its function."""

import inspect
import json

import pytest

from cppo_theory.cli import main
from cppo_theory.rules import REASON_NAMES, RULES

NAMES = {
    # the table of rules in the paper, and what public trainers add; M2PO looks at whole batches
    *("pg-is", "ppo", "grpo", "dapo", "cispo", "gspo", "gmpo", "sapo", "dppo", "cppo", "cppo-soft"),
    *("trm-max", "trm-avg", "trm-max-avg", "minpro", "drpo", "spo", "icepop", "tis", "fipo", "opsm", "ipo"),
    *("kpop", "ratio-window", "seq-tis", "seq-mis", "geometric-mis", "vespo", "topr"),
}
DIRECTIONS = {
    "Threshold": "keeps more when larger",
    "Divisor": "keeps more when larger",
    "Floor": "keeps fewer when larger",
}


@pytest.fixture
def answer(capsys, monkeypatch):
    """What a run of `rules` prints, which has to succeed silently."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        assert main(["rules", *arguments]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        return json.loads(printed.out) if "--json" in arguments else printed.out

    return run


def test_every_rule_has_a_name():
    assert set(RULES) == NAMES
    assert all(found.name == name for name, found in RULES.items())


def test_the_list_names_every_rule(answer):
    text = answer()
    assert answer("list") == text
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert rows.keys() >= NAMES
    for name, found in RULES.items():
        assert found.formula in rows[name]
        assert f" {found.level} " in rows[name]


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_fits_the_terminal(columns, answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = answer()
    assert max(map(len, text.splitlines())) <= columns
    words = "".join(text.split())
    assert [f.name for f in RULES.values() if max(f.formula.split(), key=len) not in words] == []


def test_the_list_as_json_holds_what_show_prints(answer):
    listed = answer("--json")
    assert [found["name"] for found in listed] == list(RULES)
    assert [answer("show", found["name"], "--json") for found in listed[:3]] == listed[:3]


@pytest.mark.parametrize("name", RULES)
def test_show_describes_a_rule(name, answer):
    shown = answer("show", name, "--json")
    assert shown["name"] == name
    assert all(shown[key] for key in ("formula", "source", "level", "about"))
    assert shown["factors"].keys() == {"mask", "correction", "ratio"}
    assert all(shown["factors"].values())
    text = answer("show", name)
    words = [shown["name"], shown["formula"], shown["source"], shown["level"], *shown["factors"].values()]
    assert [word for word in [*words, *shown["parameters"], shown["about"]] if word not in text] == []
    assert ("parameters  none" in text) == (not shown["parameters"])


@pytest.mark.parametrize("name", RULES)
def test_defaults_are_those_of_the_signature(name, answer):
    shown, found = answer("show", name, "--json")["parameters"], RULES[name]
    signature = list(inspect.signature(found.function).parameters.values())[1:]
    assert list(shown) == [p.name for p in signature]
    for p in signature:
        default = found.preset.get(p.name, p.default)
        entry = shown[p.name]
        assert entry["required"] == (default is inspect.Parameter.empty)
        if isinstance(default, int | float) and abs(default) != float("inf"):
            assert entry["default"] == default
        elif isinstance(default, float):
            assert entry["default"] == "inf"
        elif callable(default):
            assert entry["default"] == (default.__name__ if default is not inspect.Parameter.empty else None)
        else:
            assert entry["default"] == default
        assert entry["direction"] == DIRECTIONS.get(p.annotation, "")


PAPER = {
    "ppo": {"eps_low": 0.2, "eps_high": 0.2},
    "dapo": {"eps_low": 0.2, "eps_high": 0.28},
    "dppo": {"delta": 0.15},
    "cppo": {"delta": 0.15, "delta_b": 0.015, "w_min": 0.8},
    "trm-max-avg": {"delta": 0.1, "delta_avg": 0.002},
    "gspo": {"eps_low": 3e-4, "eps_high": 4e-4},
    "gmpo": {"eps_low": 0.4, "eps_high": 0.4},
    "sapo": {"tau_up": 1.0, "tau_down": 1.05},
    "fipo": {"low": 1.0, "high": 1.2, "dual_clip": 10.0, "safe": 10.0},
    "opsm": {"delta": 1e-4},
    "ipo": {"delta": 0.1},
    "kpop": {"phi": 0.1},
    "seq-mis": {"cap": 3.0},
    "tis": {"cap": 2.0},
    "geometric-mis": {"low": 0.999, "high": 1.002},
    "vespo": {"k_up": 2.0, "l_up": 3.0, "k_down": 3.0, "l_down": 2.0},
}


@pytest.mark.parametrize("name", PAPER)
def test_defaults_of_the_papers(name, answer):
    shown = answer("show", name, "--json")["parameters"]
    assert {parameter: shown[parameter]["default"] for parameter in PAPER[name]} == PAPER[name]


def test_thresholds_of_kl(answer):
    assert answer("show", "dppo", "--json")["defaults_with_kl"] == {"delta": 0.05}
    for name in ("cppo", "cppo-soft"):
        assert answer("show", name, "--json")["defaults_with_kl"] == {"delta": 0.1, "delta_b": 0.002}
        assert "with KL     delta = 0.1, delta_b = 0.002" in answer("show", name)
    assert "with KL" not in answer("show", "ppo")


def test_rules_without_a_default_say_so(answer):
    for name, needed in {"minpro": {"eps_low", "eps_high"}, "drpo": {"eps"}, "spo": {"eps"}}.items():
        shown = answer("show", name, "--json")["parameters"]
        assert {parameter for parameter, entry in shown.items() if entry["required"]} == needed
        assert answer("show", name).count("required") == len(needed)


def test_sources_name_the_paper(answer):
    listed = {found["name"]: found["source"] for found in answer("--json")}
    assert "Eqs. (8)-(10), Algorithm 1" in listed["cppo"]
    assert "Eqs. (19), (20)" in listed["cppo-soft"]
    assert "Eq. (3)" in listed["dppo"]
    assert "Eq. (2)" in listed["ppo"]


def test_reasons_have_the_codes_of_the_file_form():
    assert REASON_NAMES == ("kept", "token", "budget", "sequence", "clip", "hole")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show",), ["rules show: give the name of a rule"]),
        (("show", "cpo"), ["rules show: 'cpo' is unknown", "did you mean 'cppo'?"]),
        (("show", "quux"), ["rules show: 'quux' is unknown", "known rules are pg-is, ppo"]),
        (("list", "cppo"), ["rules list: found 'cppo'", "did you mean `cppo-theory rules show cppo`?"]),
        (("show", "absent_module:f"), ["there is no module 'absent_module'"]),
    ],
)
def test_wrong_usage(arguments, words, capsys):
    assert main(["rules", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert [word for word in words if word not in printed.err] == []


def test_a_name_without_show_is_explained(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stopped:
        main(["rules", "cppo"])
    assert stopped.value.code == 2
    assert "'list', 'show'" in capsys.readouterr().err


def test_a_rule_of_the_user_is_shown(answer, monkeypatch, tmp_path):
    text = 'def halves(b, scale: float = 2.0):\n    """Half of it."""\n    return b.ratio / scale\n'
    (tmp_path / "shown_rules.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    shown = answer("show", "shown_rules:halves", "--json")
    assert shown["parameters"] == {"scale": {"default": 2.0, "direction": "", "required": False}}
    assert shown["about"] == "Half of it."
