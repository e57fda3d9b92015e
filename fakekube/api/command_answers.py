"""What commands in containers answer, as somebody says it: no process runs them."""

from __future__ import annotations

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


Answer = str | CommandResult | Callable[[list[str]], str | CommandResult]
"""A text is the standard output of a command that ended well; a function is asked with the command's words."""


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

    def fits(self, pod: Object, container: str, command: Sequence[str]) -> bool:
        metadata = pod["metadata"]
        return (
            (self.command is None or list(command[: len(self.command)]) == list(self.command))
            and fnmatchcase(metadata["name"], self.name)
            and fnmatchcase(metadata["namespace"], self.namespace)
            and fnmatchcase(container, self.container)
        )


@dataclass(slots=True)
class CommandAnswers:
    """The answers of one cluster; the newest that fits counts."""

    _answers: list[CommandAnswer] = field(default_factory=list)

    def put(self, answer: CommandAnswer) -> None:
        self._answers.insert(0, answer)

    def result(self, pod: Object, container: str, command: list[str]) -> CommandResult | None:
        """None when nobody has said anything about it. Raises whatever a function for it raises."""
        for each in self._answers:
            if each.fits(pod, container, command):
                answer = each.answer(command) if callable(each.answer) else each.answer
                return answer if isinstance(answer, CommandResult) else CommandResult(answer)
        return None
