"""The rules work alone: `rules/` with `divergence.py` and `schedules.py`, copied into another project."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tolerances import ROUNDING

PACKAGE = Path(__file__).parents[2] / "cppo_theory"

PROGRAM = """
import json, sys, warnings

warnings.simplefilter("error")


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cppo_theory":
            raise ModuleNotFoundError(f"{name} is blocked")


sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv[1])

import numpy as np
from other.rules import RULES, TokenBatch, apply, broken, cppo, explain, metrics

p = np.array([[.5, .5, .5, .25, .75]])
q = np.array([[.25, .25, .25, .5, .25]])
mask = np.array([[True, False, True, True, True]])
batch = TokenBatch(np.log(q), np.log(p), np.array([1.0]), mask)
numbers = {"delta": .25, "delta_b": .125, "w_min": 1.0}
decision = cppo(batch, **numbers)
applied = apply("cppo", batch, **numbers)
explained, account = explain("cppo", batch, **numbers)
assert sys.modules["other.rules"].__file__.startswith(sys.argv[1])
assert not any(name.partition(".")[0] == "cppo_theory" for name in sys.modules)
try:
    import cppo_theory
except ModuleNotFoundError as error:
    assert "is blocked" in str(error)
else:
    raise AssertionError("the package can be imported")
print(json.dumps({
    "reason": decision.reason.tolist(),
    "g": decision.g.tolist(),
    "applied": [applied.reason.tolist(), applied.g.tolist(), applied.keep.tolist()],
    "threshold": account.threshold.tolist(),
    "masked": metrics(batch, explained, account).masked,
    "broken": [str(b) for name in RULES for b in broken(name, batches=2)],
    "rules": len(RULES),
}))
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """What a project that holds the copies, and where the package cannot be imported, prints."""
    folder = tmp_path_factory.mktemp("vendored")
    other = folder / "other"
    shutil.copytree(PACKAGE / "rules", other / "rules", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("divergence.py", "schedules.py"):
        shutil.copy(PACKAGE / name, other / name)
    (other / "__init__.py").write_text("", "utf-8")
    program = folder / "program.py"
    program.write_text(PROGRAM, "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(program), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_copy_decides_as_derived(answer):
    # `tests/rollout_files.py` derives these numbers
    reason, g = [[0, 5, 2, 0, 1]], [[2.0, 0.0, 0.0, 0.5, 0.0]]
    assert answer["reason"] == reason
    assert np.allclose(answer["g"], g, rtol=0, atol=ROUNDING)
    assert answer["applied"][0] == reason
    assert answer["applied"][1] == answer["g"]
    assert answer["applied"][2] == [[True, False, False, True, False]]


def test_the_copy_explains_and_measures(answer):
    # delta - max(0, X): X = 0, 1/8, 1/8, 1/4, 3/8
    assert np.allclose(answer["threshold"], [[1 / 4, 1 / 8, 1 / 8, 0, -1 / 8]], rtol=0, atol=ROUNDING)
    assert answer["masked"] == 2


def test_every_rule_of_the_copy_keeps_the_laws(answer):
    assert answer["broken"] == []
    assert answer["rules"] >= 28
