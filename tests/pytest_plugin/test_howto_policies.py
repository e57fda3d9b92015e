"""docs/howto/policies.md: its last section is a project whose test passes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pytest_plugin.sessions import INI

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "policies.md").read_text()


def test_the_page(pytester: pytest.Pytester) -> None:
    pytester.makeini(INI)
    snippets = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
    for name, code in snippets:
        (pytester.path / name).write_text(code)

    result = pytester.runpytest_inprocess("--strict-markers")

    assert snippets
    assert result.parseoutcomes() == {"passed": 1}, result.stdout.str()
