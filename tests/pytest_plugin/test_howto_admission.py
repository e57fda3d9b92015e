"""The pages about webhooks and policies: the snippets of each are a project whose tests pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pytest_plugin.sessions import INI

pytest_plugins = ["pytester"]

PAGES = Path(__file__).parents[2] / "docs" / "howto"


@pytest.mark.parametrize(("page", "passed"), [("webhooks.md", 2), ("policies.md", 1)])
def test_a_page(pytester: pytest.Pytester, page: str, passed: int) -> None:
    pytester.makeini(INI)
    snippets = re.findall(r"```python\n# (\S+)\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    for name, code in snippets:
        (pytester.path / name).write_text(code)

    result = pytester.runpytest_inprocess("--strict-markers")

    assert snippets
    assert result.parseoutcomes() == {"passed": passed}, result.stdout.str()
