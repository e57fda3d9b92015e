"""The system calls that Python's standard library lacks; each raises OSError that names the call.

Numbers are those of x86_64 and aarch64, from the man pages and headers of Linux. Importing needs no Linux.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19
MNT_DETACH = 2

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* by `os.uname().machine`."""

CALLS = {
    # name: (x86_64, aarch64)
    "connect": (42, 203),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "pivot_root": (155, 41),
    "seccomp": (317, 277),
    "io_uring_setup": (425, 425),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1
_SIOCSIFADDR = 0x8916
_SIOCSIFFLAGS = 0x8914
_SIOCSIFNETMASK = 0x891C
_IFF_UP_RUNNING = 0x41

_loaded: list[Any] = []


def libc() -> Any:
    if not _loaded:
        _loaded.append(ctypes.CDLL(None, use_errno=True))
    return _loaded[0]


def number_of(call: str) -> int:
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        raise OSError(38, f"{call}: no system call numbers for {machine}, only for {' and '.join(ARCHITECTURES)}")
    return CALLS[call][list(ARCHITECTURES).index(machine)]


def checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def call(name: str, *arguments: Any) -> int:
    """The system call of that name in CALLS; integers are passed as long."""
    passed = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return checked(libc().syscall(ctypes.c_long(number_of(name)), *passed), name)


def unshare(flags: int) -> None:
    checked(libc().unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, flags: int) -> None:
    checked(libc().setns(descriptor, ctypes.c_int(flags)), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    result = libc().mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    checked(result, f"mount {source} on {target}")


def unmount(target: str) -> None:
    checked(libc().umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    call("pivot_root", os.fsencode(new), os.fsencode(old))


def make_read_only(target: str) -> None:
    """All of the mount at `target`; before Linux 5.12 not what is mounted below it."""
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0))
    try:
        call("mount_setattr", _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, attributes, 32)
    except OSError as error:
        if error.errno != 38:
            raise
        # A flag that the mount was given by the owner of the machine must be repeated, or the kernel refuses.
        locked = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | locked)


def set_hostname(name: str) -> None:
    content = name.encode()
    checked(libc().sethostname(content, ctypes.c_size_t(len(content))), "sethostname")


def _prctl(option: int, value: int, what: str) -> None:
    zero = ctypes.c_ulong(0)
    checked(libc().prctl(option, ctypes.c_ulong(value), zero, zero, zero), what)


def die_with_parent() -> None:
    """SIGKILL when the parent ends. Forgotten when ids change, so to be called after that."""
    _prctl(_PR_SET_PDEATHSIG, 9, "PR_SET_PDEATHSIG")


def adopt_orphans() -> None:
    """Descendants whose parent has ended become children of this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, "PR_SET_CHILD_SUBREAPER")


def forgo_privileges() -> None:
    """No program that is executed from now on gets more rights by being setuid."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")


def duplicate_from(pidfd: int, descriptor: int) -> int:
    """A descriptor of another process, as one of ours (pidfd_getfd)."""
    return call("pidfd_getfd", pidfd, descriptor, 0)


def loopback_up(addresses: list[str]) -> None:
    """In a new network namespace: `lo` with 127.0.0.1, ::1 and these addresses."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP_RUNNING))
        versions = [(address, ":" in address) for address in addresses]
        for number, address in enumerate(address for address, is_v6 in versions if not is_v6):
            name = f"lo:{number}".encode()
            for request, value in ((_SIOCSIFADDR, socket.inet_aton(address)), (_SIOCSIFNETMASK, b"\xff" * 4)):
                fcntl.ioctl(control, request, struct.pack("16sH2x4s8x", name, socket.AF_INET, value))
    for address in (address for address, is_v6 in versions if is_v6):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
            packed = socket.inet_pton(socket.AF_INET6, address)
            fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("=16sIi", packed, 128, socket.if_nametoindex("lo")))
