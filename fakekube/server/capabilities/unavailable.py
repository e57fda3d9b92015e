"""What fakekube cannot do it says itself: no answer of a real server fits, and a made-up success would be worse than none."""

from __future__ import annotations

from fakekube.errors import StatusError


def unavailable(what: str, how: str = "") -> StatusError:
    """501. `what` begins the sentence: `running commands in containers`; `how` says what to do about it."""
    text = f"{what} is not available in this server (fakekube)"
    return StatusError(f"{text}: {how}" if how else text, code=501, reason="NotImplemented")
