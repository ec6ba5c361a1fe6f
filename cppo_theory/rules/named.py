"""A rule with its name: what is known of it, and how it decides on a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from .batch import TokenBatch
from .decision import Decision
from .parameters import Parameter, parameters


@dataclass(frozen=True)
class Rule:
    """A rule and what is known of it; calling it decides on a batch.

    Parameters
    ----------
    name : str
    function : callable
        (batch, parameters...) -> `Decision`, or an array of coefficients.
    formula, source : str
    mask, correction, ratio : str
        The three factors of g_t = M_t c_t r_t: statistic, threshold and direction; correction; ratio.
    level : str
        Where the decision is taken: token, prefix, sequence.
    preset : mapping
        Defaults that this name gives to the function.
    with_kl : mapping
        Defaults when divergences are KL.
    judges_kl : bool
        Whether it looks at KL(mu || pi) whatever divergence is asked for.
    """

    name: str
    function: Callable[..., Any]
    formula: str = ""
    source: str = ""
    mask: str = "none"
    correction: str = "1"
    ratio: str = "p/q"
    level: str = "token"
    preset: Mapping[str, Any] = field(default_factory=dict)
    with_kl: Mapping[str, float] = field(default_factory=dict)
    judges_kl: bool = False

    def __call__(self, b: TokenBatch, **given: Any) -> Decision:
        answer = self.function(b, **{**self.preset, **given})
        return answer if isinstance(answer, Decision) else bare(b, answer)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by name, with the defaults of this name."""
        return {
            name: replace(p, default=self.preset.get(name, p.default))
            for name, p in parameters(self.function).items()
        }

    def with_parameters(self, **given: Any) -> Callable[[TokenBatch], Decision]:
        """The rule with these parameters fixed.

        Raises
        ------
        ValueError
            For a name that is no parameter of the rule, a required one that is missing, or a number that
            it cannot be.
        """
        known = self.parameters
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{self.name} has no parameter {name}; it has {', '.join(known) or 'none'}")
            known[name].check(value)
        missing = [name for name, p in known.items() if p.required and name not in given]
        if missing:
            raise ValueError(f"{self.name} needs {' and '.join(missing)}: there is no default")
        return partial(self, **given)


def bare(b: TokenBatch, g: Any) -> Decision:
    """The decision that an array of coefficients alone stands for: kept where g is not 0.

    Raises
    ------
    TypeError, ValueError
        If it is no array, or does not broadcast to the tokens.
    """
    if not hasattr(g, "shape") or not hasattr(g, "dtype"):
        raise TypeError(
            f"the rule returned {type(g).__name__}; a Decision (b.keep(...)) or an array is required"
        )
    if g.shape != b.shape:
        if b.tokens(b.mask).shape == g.shape:
            g = b.layout.rows(b.xp, g)
        elif len(g.shape) != 2 or any(n not in (1, m) for n, m in zip(g.shape, b.shape, strict=True)):
            raise ValueError(f"the rule returned shape {tuple(g.shape)}; the tokens have {b.shape}")
    kept = b.spread(g != 0) & b.mask
    return b.keep(g, clip=kept)
