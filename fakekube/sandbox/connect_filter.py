"""How does connect() to one address reach another, in any program, without privileges? By seccomp user notification.

The program carries a filter that stops each connect() and hands it to the monitor, which lets it go on, or connects the
program's own socket elsewhere and gives the result. seccomp(2), seccomp_unotify(2), pidfd_getfd(2).

It fails closed: whatever goes wrong with a redirected address, the program gets ECONNREFUSED, never the real address.
For the same reason the ways around connect() are refused: TCP fast open, io_uring, system calls of another architecture.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct

from fakekube.sandbox import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fakekube.sandbox.orders import RedirectsOrder

_LOAD, _EQUAL, _BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
"""Offsets in struct seccomp_data; argument N stands at 16 + 8 * N, low half first on both machines."""

_ALLOW, _NOTIFY, _REFUSE = 0x7FFF0000, 0x7FC00000, 0x00050000
_MSG_FASTOPEN = 0x20000000
_X32 = 0x40000000
_FOREIGN = {
    # How 32-bit programs of the same machine connect, by (machine, their architecture): socketcall and connect.
    "x86_64": (0x40000003, (102, 362)),
    "aarch64": (0x40000028, (102, 283)),
}
_FLAGS_ARGUMENT = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}

_SET_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 8, 32
_RECEIVE, _ANSWER, _STILL_VALID = 0xC0502100, 0xC0182101, 0x40082102
_NOTIFICATION = struct.Struct("=QIIiIQQQQQQQ")
_REPLY = struct.Struct("=QqiI")
_GO_ON = 1

_V4_MAPPED = b"\0" * 10 + b"\xff\xff"
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "::1": "127.0.0.1"}
"""Other words for this machine: connecting to the unspecified address means the loopback, and ::1 is localhost too."""


def program() -> bytes:
    """The filter in BPF. Raises OSError on a machine whose system calls are not known."""
    connect = linux.number_of("connect")
    machine = os.uname().machine
    foreign, foreign_calls = _FOREIGN[machine]

    def refuse(number: int) -> bytes:
        return _instruction(_RETURN, _REFUSE | number)

    parts = [_instruction(_LOAD, _ARCHITECTURE)]
    foreign_part = [_instruction(_LOAD, _NUMBER)]
    for number in foreign_calls:
        foreign_part += [_instruction(_EQUAL, number, 0, 1), refuse(errno.EACCES)]
    foreign_part.append(_instruction(_RETURN, _ALLOW))
    parts += [_instruction(_EQUAL, foreign, 0, len(foreign_part)), *foreign_part]
    # Architectures that these machines do not have cannot come; letting them through would be failing open.
    parts += [_instruction(_EQUAL, linux.ARCHITECTURES[machine], 1, 0), refuse(errno.ENOSYS)]
    parts.append(_instruction(_LOAD, _NUMBER))
    if machine == "x86_64":
        parts += [_instruction(_EQUAL, _X32 | connect, 0, 1), refuse(errno.EACCES)]
    parts += [_instruction(_EQUAL, connect, 0, 1), _instruction(_RETURN, _NOTIFY)]
    parts += [_instruction(_EQUAL, linux.number_of("io_uring_setup"), 0, 1), refuse(errno.EPERM)]
    for name, argument in _FLAGS_ARGUMENT.items():
        parts += [
            _instruction(_EQUAL, linux.number_of(name), 0, 4),
            _instruction(_LOAD, 16 + 8 * argument),
            _instruction(_BITS, _MSG_FASTOPEN, 0, 1),
            refuse(errno.EOPNOTSUPP),
            _instruction(_RETURN, _ALLOW),
        ]
    parts.append(_instruction(_RETURN, _ALLOW))
    return b"".join(parts)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def install() -> int:
    """Puts the filter on this process and all that come from it; returns the descriptor that hears of each connect()."""
    code = program()
    content = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(content)))
    try:
        listener = _set_filter(header)
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        # Who is not privileged in its user namespace must first promise never to become so.
        linux.forgo_privileges()
        listener = _set_filter(header)
    os.set_inheritable(listener, False)
    return listener


def _set_filter(header: ctypes.Array[ctypes.c_char]) -> int:
    try:
        # Once we have heard of a connect(), a signal does not start it anew: the socket may be connected by then.
        return linux.call("seccomp", _SET_FILTER, _NEW_LISTENER | _WAIT_KILLABLE, header)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return linux.call("seccomp", _SET_FILTER, _NEW_LISTENER, header)  # Before Linux 5.19.


class Redirects:
    """From the address that a program asks for to the one that it gets; replaced as a whole, so threads may read it."""

    def __init__(self, redirects: RedirectsOrder) -> None:
        self._table: dict[tuple[str, int], tuple[str, int]] = {}
        self.replace(redirects)

    def replace(self, redirects: RedirectsOrder) -> None:
        self._table = {(address, port): (to, to_port) for address, port, to, to_port in redirects}

    def get(self, address: str, port: int) -> tuple[str, int] | None:
        table = self._table
        return table.get((address, port)) or table.get((_LOOPBACK.get(address, address), port))


def answer_forever(listener: int, redirects: Redirects) -> None:
    """Body of a thread; several may share a listener, so that one blocking connect() holds up no other."""
    while answer_once(listener, redirects):
        pass


def answer_once(listener: int, redirects: Redirects) -> bool:
    """Waits for a connect() and answers it; False when no program with the filter is left."""
    notification = bytearray(_NOTIFICATION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, notification)
    except OSError as error:
        # ENOENT: the program was killed meanwhile. Else the last one has ended.
        return error.errno in (errno.ENOENT, errno.EINTR)
    identity, pid, _, _, _, _, descriptor, pointer, size, _, _, _ = _NOTIFICATION.unpack(notification)
    reply = _reply(listener, redirects, identity, pid, descriptor & 0xFFFFFFFF, pointer, size & 0xFFFFFFFF)
    try:
        fcntl.ioctl(listener, _ANSWER, reply)
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def _reply(
    listener: int, redirects: Redirects, identity: int, pid: int, descriptor: int, pointer: int, size: int
) -> bytes:
    try:
        wanted = _read(pid, pointer, min(size, 28))
        family, address, port = _parse(wanted)
    except OSError:
        # Where to is not known, so it may be a redirected address.
        return _REPLY.pack(identity, 0, -errno.ECONNREFUSED, 0)
    to = redirects.get(address, port) if family else None
    if to is None:
        return _REPLY.pack(identity, 0, 0, _GO_ON)
    try:
        fcntl.ioctl(listener, _STILL_VALID, struct.pack("=Q", identity))
        number = _connect(pid, descriptor, family, to)
    except OSError:
        number = errno.ECONNREFUSED
    return _REPLY.pack(identity, 0, -number, 0)


def _read(pid: int, pointer: int, size: int) -> bytes:
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(memory, size, pointer)
    finally:
        os.close(memory)


def _parse(content: bytes) -> tuple[int, str, int]:
    """Family, address and port of a struct sockaddr; family 0 when it is not of the internet."""
    family = struct.unpack_from("=H", content)[0] if len(content) >= 2 else 0
    if family == socket.AF_INET and len(content) >= 16:
        return family, socket.inet_ntoa(content[4:8]), struct.unpack_from("!H", content, 2)[0]
    if family == socket.AF_INET6 and len(content) >= 24:
        packed = content[8:24]
        is_v4 = packed[:12] == _V4_MAPPED
        address = socket.inet_ntoa(packed[12:]) if is_v4 else socket.inet_ntop(socket.AF_INET6, packed)
        return family, address, struct.unpack_from("!H", content, 2)[0]
    return 0, "", 0


def _connect(pid: int, descriptor: int, family: int, to: tuple[str, int]) -> int:
    """Connects the program's own socket, so that what it set on it, and who waits for it, stays; returns an errno."""
    address, port = to
    pidfd = _pidfd(pid)
    try:
        duplicate = linux.duplicate_from(pidfd, descriptor)
    finally:
        os.close(pidfd)
    try:
        if family == socket.AF_INET6 and ":" not in address:
            _accept_v4(duplicate)
            address = f"::ffff:{address}"
        return _raw_connect(duplicate, family, address, port)
    finally:
        os.close(duplicate)


def _accept_v4(descriptor: int) -> None:
    """An IPv6 socket that was set to IPv6 alone could not reach a redirect's IPv4 address; if it is no such, never mind."""
    off = ctypes.c_int(0)
    linux.libc().setsockopt(descriptor, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ctypes.byref(off), 4)


def _raw_connect(descriptor: int, family: int, address: str, port: int) -> int:
    """connect() of libc with a struct sockaddr of ours: Python's would wait for a socket that is not to be waited for."""
    if family == socket.AF_INET:
        name = struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton(address) + bytes(8)
    else:
        packed = socket.inet_pton(socket.AF_INET6, address)
        name = struct.pack("=H", family) + struct.pack("!HI", port, 0) + packed + bytes(4)
    return 0 if linux.libc().connect(descriptor, name, len(name)) == 0 else ctypes.get_errno()


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError:
        # `pid` is that of a thread; a pidfd is had of the thread that leads them.
        with open(f"/proc/{pid}/status") as status:
            leader = next(line for line in status if line.startswith("Tgid:"))
        return os.pidfd_open(int(leader.split()[1]))
