"""Which rung does this machine have, why, and what would give it a better one?"""

from __future__ import annotations

import textwrap

from fakekube.sandbox.process import API_ADDRESS, probe
from fakekube.sandbox.view import Rung, Rungs

_WIDTH = 110


def doctor(rungs: Rungs | None = None) -> str:
    """What `fakekube doctor` prints, lines with a final newline; None probes first."""
    rungs = rungs or probe()
    best = rungs.best
    lines = [f"A command sees its pod's world through the rung {best.name!r}: {best.why}"]
    lines += _indented(_reach(best), *best.missing) or []
    advice = dict.fromkeys(sentence for rung in _better(rungs, best) for sentence in rung.advice)
    if advice:
        lines += ["", "For a better one:", *_indented(*advice)]
    lines += ["", "All that was tried, best first:"]
    for rung in rungs.rungs:
        mark = "usable" if rung.usable else "no"
        lines += textwrap.wrap(
            f"{rung.name:<12}{mark:<8}{rung.why}", _WIDTH, initial_indent="  ", subsequent_indent=" " * 22
        )
    return "\n".join([*lines, ""])


def _reach(rung: Rung) -> str:
    host, port = API_ADDRESS
    if rung.reaches(API_ADDRESS):
        return f"Every program reaches the API server at https://kubernetes, port 443 ({host})."
    return (
        f"The API server cannot be put at {host}:{port}: programs reach it at KUBERNETES_SERVICE_HOST and _PORT only."
    )


def _better(rungs: Rungs, best: Rung) -> list[Rung]:
    """Those above the best usable one, and that one itself when it lacks something."""
    above = rungs.rungs[: rungs.rungs.index(best)]
    return [*above, *([best] if best.missing else [])]


def _indented(*sentences: str) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, _WIDTH, initial_indent="  - ", subsequent_indent="    ")
    ]
