"""What the filter says to each system call, on both machines, and which words mean one address."""

from __future__ import annotations

import errno
import os
import struct
from typing import Any

import pytest

from fakekube.sandbox import connect_filter
from fakekube.sandbox.connect_filter import Redirects

ALLOW, NOTIFY, REFUSE = 0x7FFF0000, 0x7FC00000, 0x00050000
X86_64, I386, AARCH64, ARM, RISCV64 = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028, 0xC00000F3
FAST_OPEN = 0x20000000


def verdict(
    machine: str, architecture: int, number: int, arguments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> int:
    """Runs the filter as the kernel would."""
    name = os.uname_result(("Linux", "host", "6.1", "#1", machine))
    monkeypatch.setattr(os, "uname", lambda: name)
    code = connect_filter.program()
    data = struct.pack("=iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    position, accumulator = 0, 0
    while True:
        operation, if_true, if_false, value = struct.unpack_from("=HBBI", code, 8 * position)
        position += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("=I", data, value)[0]
            case 0x15:
                position += if_true if accumulator == value else if_false
            case 0x45:
                position += if_true if accumulator & value else if_false
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(f"no instruction {operation:#x}")


@pytest.mark.parametrize(
    ("machine", "architecture", "number", "arguments", "expected"),
    [
        ("x86_64", X86_64, 42, (3,), NOTIFY),
        ("x86_64", X86_64, 0, (), ALLOW),
        ("x86_64", X86_64, 41, (), ALLOW),
        ("x86_64", X86_64, 44, (3, 0, 0, 0), ALLOW),
        ("x86_64", X86_64, 44, (3, 0, 0, FAST_OPEN), REFUSE | errno.EOPNOTSUPP),
        ("x86_64", X86_64, 46, (3, 0, FAST_OPEN), REFUSE | errno.EOPNOTSUPP),
        ("x86_64", X86_64, 307, (3, 0, 1, FAST_OPEN | 0x40), REFUSE | errno.EOPNOTSUPP),
        ("x86_64", X86_64, 425, (), REFUSE | errno.EPERM),
        ("x86_64", X86_64, 0x40000000 | 42, (3,), REFUSE | errno.EACCES),
        ("x86_64", I386, 102, (3,), REFUSE | errno.EACCES),
        ("x86_64", I386, 362, (3,), REFUSE | errno.EACCES),
        ("x86_64", I386, 42, (), ALLOW),
        ("x86_64", RISCV64, 42, (), REFUSE | errno.ENOSYS),
        ("aarch64", AARCH64, 203, (3,), NOTIFY),
        ("aarch64", AARCH64, 42, (), ALLOW),
        ("aarch64", AARCH64, 206, (3, 0, 0, FAST_OPEN), REFUSE | errno.EOPNOTSUPP),
        ("aarch64", AARCH64, 211, (3, 0, FAST_OPEN), REFUSE | errno.EOPNOTSUPP),
        ("aarch64", AARCH64, 269, (3, 0, 1, FAST_OPEN), REFUSE | errno.EOPNOTSUPP),
        ("aarch64", AARCH64, 425, (), REFUSE | errno.EPERM),
        ("aarch64", ARM, 283, (3,), REFUSE | errno.EACCES),
        ("aarch64", ARM, 203, (), ALLOW),
    ],
)
def test_filter_lets_pass_asks_or_refuses(
    machine: str,
    architecture: int,
    number: int,
    arguments: tuple[int, ...],
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert verdict(machine, architecture, number, arguments, monkeypatch) == expected


def test_other_machine_is_refused_with_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.uname_result(("Linux", "host", "6.1", "#1", "riscv64"))
    monkeypatch.setattr(os, "uname", lambda: name)

    with pytest.raises(OSError, match="no system call numbers for riscv64, only for x86_64 and aarch64"):
        connect_filter.install()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("10.96.0.1", 443), ("127.0.0.1", 6443)),
        (("10.96.0.1", 80), None),
        (("10.96.0.2", 443), None),
        (("127.0.0.1", 8001), ("127.0.0.1", 9001)),
        (("::1", 8001), ("127.0.0.1", 9001)),
        (("0.0.0.0", 8001), ("127.0.0.1", 9001)),
        (("::", 8001), ("127.0.0.1", 9001)),
        (("::1", 8002), ("::1", 9002)),
    ],
)
def test_all_words_for_the_loopback_mean_one_address(asked: Any, expected: Any) -> None:
    redirects = Redirects(
        [
            ("10.96.0.1", 443, "127.0.0.1", 6443),
            ("127.0.0.1", 8001, "127.0.0.1", 9001),
            ("127.0.0.1", 8002, "127.0.0.1", 1),
            ("::1", 8002, "::1", 9002),
        ]
    )

    assert redirects.get(*asked) == expected
