"""An exact laboratory for token-level trust regions in LLM reinforcement learning.

Source of the statements: arXiv:2606.10968v2.  Start with `Instance`, `evaluate` and `check`.
"""

from __future__ import annotations

from cppo_theory import bounds, policy, rules, schedules, weights
from cppo_theory.claims import CLAIMS, Claim, Status, Verdict, check, check_batch
from cppo_theory.constraints import Constraints
from cppo_theory.errors import InputError
from cppo_theory.evaluation import Values, evaluate
from cppo_theory.gymnasium_tables import from_gymnasium
from cppo_theory.instance import Instance
from cppo_theory.masked import masked_tree
from cppo_theory.rules import Threshold, TokenBatch
from cppo_theory.spaces import Automaton, Kernel, PrefixTree
from cppo_theory.tables import jump_family
from cppo_theory.tasks import Task, task
from cppo_theory.version import __version__

__all__ = [
    "CLAIMS",
    "Automaton",
    "Claim",
    "Constraints",
    "InputError",
    "Instance",
    "Kernel",
    "PrefixTree",
    "Status",
    "Task",
    "Threshold",
    "TokenBatch",
    "Values",
    "Verdict",
    "__version__",
    "bounds",
    "check",
    "check_batch",
    "evaluate",
    "from_gymnasium",
    "jump_family",
    "masked_tree",
    "policy",
    "rules",
    "schedules",
    "task",
    "weights",
]
