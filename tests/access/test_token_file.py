from __future__ import annotations

from pathlib import Path

import pytest

from fakekube.access.token_file import TokenFileError, read
from fakekube.registry.user import User


def test_a_line_is_a_user_with_the_groups_in_quotes(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text('t1,jane,u-1,"dev,ops"\n\nt2,bob,,\n,nobody,u\nt3,"van der Berg",u-3\n')

    assert read(path) == {
        "t1": User("jane", ("dev", "ops"), "u-1"),
        "t2": User("bob"),
        "t3": User("van der Berg", (), "u-3"),
    }


def test_a_line_too_short_is_told_without_its_token(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("secret,jane\n")

    with pytest.raises(TokenFileError, match="line 1 has 2 columns") as refused:
        read(path)

    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError, match="cannot be read"):
        read(tmp_path / "tokens.csv")
