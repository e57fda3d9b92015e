"""What `fakekube run` and its kin end with when it is not the program's own doing."""

from __future__ import annotations

OWN_FAILURE = 125
"""The exit code of our own errors, as with `docker run`."""


class InPodError(Exception):
    """One line that says what is wrong and what to do."""

    def __init__(self, message: str, exit_code: int = OWN_FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
