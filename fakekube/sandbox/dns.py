"""What does a cluster's DNS answer? Addresses of the names given, "no such name" below its domain, else what the host hears.

Enough of RFC 1035 for resolvers of programs: one question, A and AAAA records, over UDP.
"""

from __future__ import annotations

import socket
import struct
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_A, _AAAA, _ANY = 1, 28, 255
_HEADER = struct.Struct("!6H")
_RESPONSE, _AUTHORITATIVE, _RECURSION_AVAILABLE, _RECURSION_DESIRED = 0x8000, 0x0400, 0x0080, 0x0100
_FORMAT_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME = 1, 2, 3
_TTL_S = 5
_TO_NAME_OF_QUESTION = b"\xc0\x0c"
_FORWARD_TIMEOUT_S = 3.0
_LONGEST = 4096


class Names:
    """The names that are answered here; replaced as a whole, so threads may read them."""

    def __init__(self, names: Mapping[str, Sequence[str]], domain: str) -> None:
        self._names = names
        self._domain = domain

    def replace(self, names: Mapping[str, Sequence[str]]) -> None:
        self._names = names

    def get(self, name: str) -> Sequence[str] | None:
        """Addresses, none for a name that does not exist; None: others must know."""
        found = self._names.get(name)
        if found is None and (name == self._domain or name.endswith(f".{self._domain}")):
            return ()
        return found


def answer(query: bytes, names: Names) -> bytes | None:
    """The response to one query; None: ask others."""
    question = _question(query)
    if question is None:
        return failure(query, _FORMAT_ERROR)
    name, kind, end = question
    addresses = names.get(name)
    if addresses is None:
        return None
    records = [record for address in addresses if (record := _record(address, kind))]
    code = 0 if addresses else _NO_SUCH_NAME
    return _head(query, _AUTHORITATIVE | code, 1, len(records)) + query[12:end] + b"".join(records)


def failure(query: bytes, code: int = _SERVER_FAILURE) -> bytes:
    return _head(query.ljust(12, b"\0"), code, 0, 0)


def _head(query: bytes, flags: int, questions: int, answers: int) -> bytes:
    identity, asked, *_ = _HEADER.unpack_from(query)
    flags |= _RESPONSE | _RECURSION_AVAILABLE | (asked & _RECURSION_DESIRED)
    return _HEADER.pack(identity, flags, questions, answers, 0, 0)


def _question(query: bytes) -> tuple[str, int, int] | None:
    """Name in lower case, type, and where the question ends."""
    if len(query) < _HEADER.size or _HEADER.unpack_from(query)[2] != 1:
        return None
    labels = []
    position = 12
    while position < len(query) and (length := query[position]):
        if length > 63:
            return None
        labels.append(query[position + 1 : position + 1 + length])
        position += 1 + length
    if position + 5 > len(query):
        return None
    name = b".".join(labels).decode("ascii", "replace").lower()
    return name, struct.unpack_from("!H", query, position + 1)[0], position + 5


def _record(address: str, kind: int) -> bytes:
    """b"" where the address is not of the type that was asked for."""
    own, family = (_AAAA, socket.AF_INET6) if ":" in address else (_A, socket.AF_INET)
    if kind not in (own, _ANY):
        return b""
    data = socket.inet_pton(family, address)
    return _TO_NAME_OF_QUESTION + struct.pack("!HHIH", own, 1, _TTL_S, len(data)) + data


def serve_forever(questions: socket.socket, names: Names) -> None:
    """Body of a thread."""
    while True:
        try:
            query, sender = questions.recvfrom(_LONGEST)
        except OSError:
            return
        response = answer(query, names)
        if response is None:
            threading.Thread(target=_forward, args=(questions, query, sender), daemon=True).start()
        else:
            _send(questions, response, sender)


def _forward(questions: socket.socket, query: bytes, sender: tuple[str, int]) -> None:
    for server in _servers_of_host():
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as onward:
                onward.settimeout(_FORWARD_TIMEOUT_S)
                onward.connect((server, 53))
                onward.send(query)
                _send(questions, onward.recv(_LONGEST), sender)
                return
        except OSError:
            continue
    _send(questions, failure(query), sender)


def _send(questions: socket.socket, response: bytes, sender: tuple[str, int]) -> None:
    try:
        questions.sendto(response, sender)
    except OSError:
        return


def _servers_of_host() -> list[str]:
    try:
        with open("/etc/resolv.conf") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
