"""How further fakekube commands are started by this one: alone, and never longer than it."""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def environment() -> dict[str, str]:
    """Without settings for commands, which were meant for this one: what the others are to do stands on their command lines."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FAKEKUBE_")}


def end_with_parent() -> None:
    """To be called in the child. Ctrl-C is not for it; if this process is killed, so is the child.

    On Linux only: elsewhere a child of a killed command stays, until somebody ends it.
    """
    os.setsid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
