"""Variables that an init container leaves in a file for those who come after it (fileKeyRef).

https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/
"""

from __future__ import annotations

import re

_ENTRY = re.compile(
    r"""[ \t]*(?:
        (?P<comment>\#[^\n]*)?
        | (?P<key>[^=\s\#'](?:[^=\n']*[^=\s'])?)='(?P<value>[^']*)'[ \t]*(?:\#[^\n]*)?
    )(?:\n|\r\n|\Z)""",
    re.VERBOSE,
)


class EnvironmentFileError(ValueError):
    """The file is none; the message tells the line."""


def parse(text: str) -> dict[str, str]:
    """The variables of a file of lines `KEY='literal'`, where a literal goes on over lines until its quote; `#` begins a comment.

    Raises EnvironmentFileError.
    """
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _ENTRY.match(text, position)
        if match is None:
            raise EnvironmentFileError(
                f"line {text.count(chr(10), 0, position) + 1}: expected KEY='value' with single quotes, or a comment"
            )
        if match["key"] is not None:
            variables[match["key"]] = match["value"]
        position = match.end()
    return variables
