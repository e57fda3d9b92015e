"""Files of variables."""

from __future__ import annotations

import pytest

from fakekube.kubelet.environment_file import EnvironmentFileError, parse


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("A='1'", {"A": "1"}),
        ("A='1'\nB='two words'\n", {"A": "1", "B": "two words"}),
        ("# a comment\n\n  A='1'   # another\n", {"A": "1"}),
        ("A='first\nsecond # no comment\n'\nB='2'", {"A": "first\nsecond # no comment\n", "B": "2"}),
        ("A='$(B) ${C} \\n \"'", {"A": '$(B) ${C} \\n "'}),
        ("A=''", {"A": ""}),
        ("A='1'\nA='2'", {"A": "2"}),
        ("A='1'\r\nB='2'\r\n", {"A": "1", "B": "2"}),
    ],
)
def test_literals_in_single_quotes_are_taken_as_they_are(text: str, variables: dict[str, str]) -> None:
    assert parse(text) == variables


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1", 1), ('A="1"', 1), ("A='1'\nB", 2), ("A='1", 1), ("A='1' B='2'", 1), ("A='1\n2'\n='3'", 3), ("A ='1'", 1)],
)
def test_everything_else_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(EnvironmentFileError, match=f"^line {line}: "):
        parse(text)
