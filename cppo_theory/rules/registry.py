"""Every rule by its name, that of the user as well."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .named import Rule
from .table import TABLE

RULES: dict[str, Rule] = {rule.name: rule for rule in TABLE}


def rule(name: str | Callable[..., Any]) -> Rule:
    """The rule of that name, of ``module:function``, or a function itself.

    Raises
    ------
    ValueError
        If the name is unknown, or the module or function cannot be found.
    """
    if isinstance(name, Rule):
        return name
    if callable(name):
        return Rule(getattr(name, "__name__", "rule"), name, source="given as a function")
    if ":" in name:
        return Rule(name, _function(name), source="given by the user")
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known rules are {', '.join(RULES)}"
        raise ValueError(f"rule: {name!r} is unknown; {remedy}")
    return RULES[name]


def _function(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    if not (module and name):
        raise ValueError(f"rule: {path!r}: module:function is required")
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"rule: {path!r}: there is no module {error.name!r}; is it on PYTHONPATH?") from None
    except (Exception, SystemExit) as error:  # a user's module may fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"rule: {path!r}: module {module!r} cannot be imported ({reason})") from error
    found = getattr(loaded, name, None)
    if found is None:
        raise ValueError(f"rule: {path!r}: module {module!r} has no {name!r}")
    if not callable(found):
        raise ValueError(f"rule: {path!r}: {name!r} is no function")
    function: Callable[..., Any] = found
    return function
