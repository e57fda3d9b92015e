"""docs/howto/in-pod.md: its snippets are a project whose tests pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from tests.pytest_plugin.sessions import INI

pytest_plugins = ["pytester"]

KEPT = (exceptions, x509, hashes, serialization, ec, padding, rsa, utils)
"""pytester forgets what was imported during a test; this cannot be imported twice, since its compiled half remembers the first time."""

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "in-pod.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


def test_the_page(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"{INI}asyncio_mode = auto\n")
    for name, code in FILES.items():
        (pytester.path / name).write_text(code)

    result = pytester.runpytest_inprocess("--strict-markers")

    outcomes = result.parseoutcomes()
    assert outcomes == {"passed": sum(code.count("def test_") for code in FILES.values())}, result.stdout.str()
