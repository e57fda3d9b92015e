"""The pages about permissions: the snippets of each are a project whose tests pass."""

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

PAGES = Path(__file__).parents[2] / "docs" / "howto"


@pytest.mark.parametrize("page", ["least-role.md", "forbidden.md"])
def test_a_page(pytester: pytest.Pytester, page: str) -> None:
    pytester.makeini(INI)
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", (PAGES / page).read_text(), re.DOTALL):
        (pytester.path / name).write_text(code)

    result = pytester.runpytest_inprocess("--strict-markers")

    assert result.parseoutcomes().keys() == {"passed"}, result.stdout.str()
