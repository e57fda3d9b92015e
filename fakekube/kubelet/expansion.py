"""How `$(NAME)` becomes a value: in variables, in commands and in subPathExpr.

https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))", re.DOTALL)


def expand(text: str, *variables: Mapping[str, str]) -> str:
    """`text` with each `$(NAME)` replaced from the first mapping that has NAME; an unknown one stays, and `$$` stands for `$`.

    What was put in is not looked at again.
    """

    def value_of(name: str) -> str:
        return next((known[name] for known in variables if name in known), f"$({name})")

    return substitute(text, value_of)


def substitute(text: str, value_of: Callable[[str], str]) -> str:
    """As `expand`, with a function that knows what a name stands for."""
    return _REFERENCE.sub(lambda match: "$" if match[1] else value_of(match[2]), text)
