"""The command ``cppo-theory``: one module per subcommand.

Exit codes: 0 fine, 1 a claim is violated, 2 bad usage, 3 bad input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cppo_theory.cli.claims import claims
from cppo_theory.cli.evaluate import evaluate
from cppo_theory.cli.hunt import hunt
from cppo_theory.cli.mask import mask
from cppo_theory.cli.plot import plot
from cppo_theory.cli.rules import rules
from cppo_theory.cli.tasks import tasks
from cppo_theory.cli.terminal import UsageError, brief, say
from cppo_theory.cli.verify import verify
from cppo_theory.errors import InputError
from cppo_theory.instance_files import TierWarning

COMMANDS: dict[str, Callable[..., int]] = {
    "evaluate": evaluate,
    "claims": claims,
    "verify": verify,
    "tasks": tasks,
    "hunt": hunt,
    "rules": rules,
    "mask": mask,
    "plot": plot,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.
    """
    import tyro

    try:
        with _warnings_on_stderr():
            code: int = tyro.extras.subcommand_cli_from_dict(
                COMMANDS,
                prog="cppo-theory",
                description="Exact checks of token-level trust regions (arXiv:2606.10968v2).",
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
        sys.stdout.flush()
        return code
    except UsageError as error:
        say(f"error: {error}")
        return 2
    except InputError as error:
        say(f"error: {brief(error.field)}: {brief(error.found)}; {error.remedy}")
        return 3
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        say(f"error: {error.filename or 'output'}: {error.strerror}")
        return 3
    except KeyboardInterrupt:
        say("interrupted")
        return 130


@contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Show a warning as one line on stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TierWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}")
        yield
