"""The checks that are no tests: types, style, and which layer may import which."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PROGRAMS = pathlib.Path(sys.executable).parent

CHECKS = {
    "types": ["mypy"],
    "style": ["ruff", "check", "--quiet", "."],
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "imports": ["lint-imports"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_check_finds_nothing(command: list[str]) -> None:
    program, *arguments = command

    done = subprocess.run([PROGRAMS / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
