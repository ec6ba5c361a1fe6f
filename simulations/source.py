"""Where the divergences of a training batch come from: the tables of both policies, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cppo_theory.divergence import kl_divergence, total_variation

Array = Any


@dataclass(frozen=True, eq=False)
class Tables:
    """Divergences of every row, taken to the tokens; a `Source` of `cppo_theory.rules`.

    Parameters
    ----------
    log_mu, log_pi : array (N, R, V)
    row : int array (N, n, T)
        Row of every token.
    """

    log_mu: Array
    log_pi: Array
    row: Array
    changes: tuple[Callable[[Array], Array], ...] = ()

    name = "exact"

    def map(self, change: Callable[[Array], Array]) -> Tables:
        return replace(self, changes=(*self.changes, change))

    def columns(self) -> list[tuple[str, Array, str]]:
        return []

    def total_variation(self, b: Any) -> Array:
        return self._at_tokens(total_variation(np.exp(self.log_mu), np.exp(self.log_pi)))

    def kl_mu_pi(self, b: Any) -> Array:
        return self._at_tokens(kl_divergence(np.exp(self.log_mu), np.exp(self.log_pi)))

    def kl_pi_mu(self, b: Any) -> Array:
        return self._at_tokens(kl_divergence(np.exp(self.log_pi), np.exp(self.log_mu)))

    def _at_tokens(self, values: Array) -> Array:
        """(N, R) to the tokens of a batch, (N n, T)."""
        found = values[np.arange(len(values))[:, None, None], self.row]
        found = found.reshape(-1, found.shape[-1])
        for change in self.changes:
            found = change(found)
        return np.asarray(found)
