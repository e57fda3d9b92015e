"""What commands in containers answer, as somebody says it: no process runs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command has written, and how it ended."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0


Said = str | CommandResult
Answer = Said | Callable[[list[str]], Said] | Callable[[list[str], bytes], Said]
"""A text is the standard output of a command that ended well; a function is asked with the command's words, and, if it takes another
argument, with all that the command is given as standard input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer:
    """In which containers which command answers what. Names are patterns with `*` and `?`."""

    answer: Answer
    command: Sequence[str] | None = None
    """The words of the command, or the first of them; None: any command."""
    namespace: str = "*"
    name: str = "*"
    """Of the pod."""
    container: str = "*"

    @property
    def reads_stdin(self) -> bool:
        return callable(self.answer) and _takes_two(self.answer)

    def result(self, command: list[str], stdin: bytes = b"") -> CommandResult:
        """Raises whatever a function for it raises."""
        said: Any = self.answer
        if callable(said):
            said = said(command, stdin) if self.reads_stdin else said(command)
        return said if isinstance(said, CommandResult) else CommandResult(said)

    def fits(self, pod: Object, container: str, command: Sequence[str]) -> bool:
        metadata = pod["metadata"]
        return (
            (self.command is None or list(command[: len(self.command)]) == list(self.command))
            and fnmatchcase(metadata["name"], self.name)
            and fnmatchcase(metadata["namespace"], self.namespace)
            and fnmatchcase(container, self.container)
        )


def _takes_two(function: Callable[..., object]) -> bool:
    """Whether it can be called with two arguments."""
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


@dataclass(slots=True)
class CommandAnswers:
    """The answers of one cluster; the newest that fits counts."""

    _answers: list[CommandAnswer] = field(default_factory=list)

    def put(self, answer: CommandAnswer) -> None:
        self._answers.insert(0, answer)

    def answer(self, pod: Object, container: str, command: list[str]) -> CommandAnswer | None:
        """None when nobody has said anything about it."""
        return next((each for each in self._answers if each.fits(pod, container, command)), None)
