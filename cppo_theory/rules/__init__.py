"""Trust-region rules: pure functions of a batch of sampled tokens, on NumPy, PyTorch and JAX.

This folder works alone: with `divergence.py` and `schedules.py` beside it, it can be copied into another
project.  A rule is a few lines in the vocabulary of `TokenBatch`; see docs/extending.md.

Source: arXiv:2606.10968v2, Section 3.
"""

from __future__ import annotations

from .batch import TokenBatch
from .blocks import Outputs, apply
from .corrections import geometric_mis, icepop, seq_mis, seq_tis, tis
from .decision import REASON_NAMES, Decision
from .divergence_masks import dppo, ipo, kpop
from .laws import Broken, broken
from .ledger import Ledger, explain, ledger
from .lookahead import fipo
from .measures import kl, tv
from .metrics import Metrics, decision_sums, metrics, response_sums
from .named import Rule
from .parameters import Divisor, Floor, Share, Threshold
from .prefix import cppo, hard_gate, inverse_gate, minpro, sapo_gate
from .ratio_clips import cispo, pg_is, ppo, ratio_window
from .registry import RULES, rule
from .sequence import gmpo, gspo, opsm, topr, trm_avg, trm_max, trm_max_avg, vespo
from .soft_gates import drpo, sapo, spo
from .sources import Binary, Full, Measured, PerMeasure, TopK
from .validation import InertWarning

__all__ = [
    "REASON_NAMES",
    "RULES",
    "Binary",
    "Broken",
    "Decision",
    "Divisor",
    "Floor",
    "Full",
    "InertWarning",
    "Ledger",
    "Measured",
    "Metrics",
    "Outputs",
    "PerMeasure",
    "Rule",
    "Share",
    "Threshold",
    "TokenBatch",
    "TopK",
    "apply",
    "broken",
    "cispo",
    "cppo",
    "decision_sums",
    "dppo",
    "drpo",
    "explain",
    "fipo",
    "geometric_mis",
    "gmpo",
    "gspo",
    "hard_gate",
    "icepop",
    "inverse_gate",
    "ipo",
    "kl",
    "kpop",
    "ledger",
    "metrics",
    "minpro",
    "opsm",
    "pg_is",
    "ppo",
    "ratio_window",
    "response_sums",
    "rule",
    "sapo",
    "sapo_gate",
    "seq_mis",
    "seq_tis",
    "spo",
    "tis",
    "topr",
    "trm_avg",
    "trm_max",
    "trm_max_avg",
    "tv",
    "vespo",
]
