"""What is raised when a view cannot be built; a module of its own, because the monitor imports nothing costly."""

from __future__ import annotations


class SandboxError(Exception):
    """The view cannot be built, or the program in it cannot be started; the text says why and what to do.

    `exit_code` is what a shell would return: 127 no such program, 126 it cannot be executed, 125 the view failed.
    """

    def __init__(self, message: str, exit_code: int = 125) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
