"""The file of static tokens: a line of `TOKEN,NAME,UID,"GROUP,GROUP"` for each, as kube-apiserver's --token-auth-file has it.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from fakekube.registry.user import User


class TokenFileError(Exception):
    """The file cannot be used; the message names it and the line, never a token."""


def read(path: Path) -> dict[str, User]:
    """The users by their tokens; of a token that is there twice the last line counts. Raises TokenFileError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _users(path, file)
    except OSError as error:
        raise TokenFileError(f"{path} cannot be read: {error.strerror}. Name a file with --token-auth-file") from None
    except UnicodeDecodeError:
        raise TokenFileError(f'{path} is not a text file: expected lines of TOKEN,NAME,UID,"GROUP,GROUP"') from None


def _users(path: Path, lines: Iterable[str]) -> dict[str, User]:
    users: dict[str, User] = {}
    reader = csv.reader(lines)
    for row in reader:
        # Empty lines and lines without a token are passed over, as the real server does with a warning.
        if not row:
            continue
        if len(row) < 3:
            raise TokenFileError(
                f"{path} line {reader.line_num} has {len(row)} columns: expected at least 3, TOKEN,NAME,UID and after them "
                '"GROUP,GROUP"'
            )
        token, name, uid = row[:3]
        if token:
            groups = tuple(row[3].split(",")) if len(row) > 3 and row[3] else ()
            users[token] = User(name, groups, uid)
    return users
