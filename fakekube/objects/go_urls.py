"""How Go reads URLs, with its messages for what is none: what it takes and how it writes it anew differs from Python.

https://pkg.go.dev/net/url
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from fakekube.objects.go_addresses import AddressError, parse_address
from fakekube.objects.go_text import quoted

# The bytes that stand in a part of a URL as they are.
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")
_HOST = _UNRESERVED | frozenset(b"!$&'()*+,;=:[]<>\"")
_USER = _UNRESERVED | frozenset(b"$&+,;=")
_PATH = _UNRESERVED | frozenset(b"$&+,/:;=@")
_FRAGMENT = _UNRESERVED | frozenset(b"$&+,/:;=?@!()*")
_TOLERATED = frozenset(b"!$&'()*+,;=:@[]%")
"""What is left as it was written in a path, though it would be written otherwise."""

_PERCENT = re.compile(r"%(?:([0-9A-Fa-f]{2})|.{0,2})", re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PORT = re.compile(r"(:[0-9]*)?").fullmatch
_USER_INFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*").fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class URLError(ValueError):
    """The text is no URL; the message is Go's: `parse "nonsense": invalid URI for request`."""


class _Wrong(Exception):
    pass


@dataclass(frozen=True, slots=True)
class URL:
    """A URL in its parts; `path` and `fragment` are unescaped, and what was written of them beside."""

    scheme: str = ""
    opaque: str = ""
    """What follows the scheme where that is no path: `mailto:a@b`."""
    has_authority: bool = False
    """Something begins with `//` behind the scheme, empty as it may be."""
    user: str | None = None
    """`name` or `name:password`, escaped."""
    host: str = ""
    """With the port."""
    path: bytes = b""
    written_path: str = ""
    query: str = ""
    ends_in_question_mark: bool = False
    fragment: bytes = b""
    written_fragment: str = ""

    @property
    def hostname(self) -> str:
        """Without port and brackets."""
        name = self.host.removesuffix(self._colon_port)
        return name[1:-1] if name.startswith("[") and name.endswith("]") else name

    @property
    def port(self) -> str:
        return self._colon_port[1:]

    @property
    def _colon_port(self) -> str:
        at = self.host.rfind(":")
        return self.host[at:] if at >= 0 and _PORT(self.host[at:]) else ""

    @property
    def escaped_path(self) -> str:
        return "*" if self.path == b"*" else _as_written(self.path, self.written_path, _PATH)

    def parameters(self) -> dict[str, list[str]]:
        """The query's names and values, unescaped; what cannot be read is left out."""
        found: dict[str, list[str]] = {}
        for pair in self.query.split("&"):
            if pair and ";" not in pair:
                name, _, value = pair.partition("=")
                try:
                    key, text = (_unescaped(part.replace("+", " ")).decode(errors="replace") for part in (name, value))
                except _Wrong:
                    continue
                found.setdefault(key, []).append(text)
        return found

    def __str__(self) -> str:
        text = f"{self.scheme}:" if self.scheme else ""
        text += self.opaque
        if self.host or self.user is not None or (self.has_authority and self.path):
            user = f"{self.user}@" if self.user is not None else ""
            text += f"//{user}{_escaped(self.host.encode(), _HOST)}"
        text += self.escaped_path
        if self.query or self.ends_in_question_mark:
            text += f"?{self.query}"
        if self.fragment:
            text += f"#{_as_written(self.fragment, self.written_fragment, _FRAGMENT)}"
        return text


@lru_cache(1024)
def parse(text: str) -> URL:
    """Any URL. Raises URLError."""
    before, _, fragment = text.partition("#")
    url = _read(before, of_request=False)
    if not fragment:
        return url
    try:
        return replace(url, fragment=_unescaped(fragment), written_fragment=fragment)
    except _Wrong as wrong:
        raise _error(text, wrong) from None


@lru_cache(1024)
def parse_of_request(text: str) -> URL:
    """An absolute URL or an absolute path, in which `#` begins no fragment. Raises URLError."""
    return _read(text, of_request=True)


def _read(text: str, *, of_request: bool) -> URL:
    try:
        return _parts(text, of_request)
    except _Wrong as wrong:
        raise _error(text, wrong) from None


def _error(text: str, wrong: _Wrong) -> URLError:
    return URLError(f"parse {quoted(text)}: {wrong}")


def _parts(text: str, of_request: bool) -> URL:
    if _CONTROL.search(text):
        raise _Wrong("net/url: invalid control character in URL")
    if not text and of_request:
        raise _Wrong("empty url")
    if text == "*":
        return URL(path=b"*")
    if text.startswith(":"):
        raise _Wrong("missing protocol scheme")
    match = _SCHEME.match(text)
    scheme, rest = (match[1].lower(), text[match.end() :]) if match else ("", text)
    rest, mark, query = rest.partition("?")
    url = URL(scheme=scheme, query=query, ends_in_question_mark=bool(mark) and not query)
    if not rest.startswith("/"):
        if scheme:
            return replace(url, opaque=rest)
        if of_request:
            raise _Wrong("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise _Wrong("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (scheme or not (of_request or rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        user, host = _user_and_host(scheme, authority)
        url, rest = replace(url, has_authority=True, user=user, host=host), slash + path
    return replace(url, path=_unescaped(rest), written_path=rest)


def _user_and_host(scheme: str, authority: str) -> tuple[str | None, str]:
    info, at, host = authority.rpartition("@")
    host = _host(scheme, host)
    if not at:
        return None, host
    if not _USER_INFO(info):
        raise _Wrong("net/url: invalid userinfo")
    name, colon, password = info.partition(":")
    escaped = [_escaped(_unescaped(part), _USER) for part in (name, password)]
    return colon.join(escaped), host


def _host(scheme: str, host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise _Wrong("invalid IP-literal")
    if bracket == 0:
        return _literal_host(host)
    colon = host.find(":") if scheme in ("http", "https") else host.rfind(":")
    if colon >= 0:
        _check_port(host[colon:])
    return _host_text(host)


def _literal_host(host: str) -> str:
    inside, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise _Wrong("missing ']' in host")
    _check_port(port)
    zone = inside.find("%25")
    name = _host_text(inside) if zone < 0 else _host_text(inside[:zone]) + _host_text(inside[zone:], is_zone=True)
    try:
        address = parse_address(name)
    except AddressError as error:
        raise _Wrong(f"invalid host: {error}") from None
    if address.version == 4:
        raise _Wrong("invalid IP-literal")
    return f"[{name}]{port}"


def _check_port(port: str) -> None:
    if not _PORT(port):
        raise _Wrong(f"invalid port {quoted(port)} after host")


def _host_text(host: str, *, is_zone: bool = False) -> str:
    at = 0
    while at < len(host):
        if host[at] == "%":
            match = _PERCENT.match(host, at)
            escape = match.group() if match else ""
            code = int(match[1], 16) if match and match[1] else -1
            if code < 0:
                raise _bad_escape(escape)
            allowed = code == ord("%") or (code in _HOST or code == ord(" ") if is_zone else code >= 0x80)
            if not allowed:
                raise _bad_escape(escape)
            at += 3
            continue
        if host[at].isascii() and ord(host[at]) not in _HOST:
            raise _Wrong(f"invalid character {quoted(host[at])} in host name")
        at += 1
    return _unescaped(host).decode(errors="replace")


def _bad_escape(escape: str) -> _Wrong:
    return _Wrong(f"invalid URL escape {quoted(escape)}")


def _unescaped(text: str) -> bytes:
    if "%" not in text:
        return text.encode(errors="surrogatepass")
    pieces: list[bytes] = []
    end = 0
    for match in _PERCENT.finditer(text):
        if not match[1]:
            raise _bad_escape(match.group())
        pieces += (text[end : match.start()].encode(errors="surrogatepass"), bytes.fromhex(match[1]))
        end = match.end()
    return b"".join((*pieces, text[end:].encode(errors="surrogatepass")))


def _escaped(content: bytes, plain: frozenset[int]) -> str:
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in content)


def _as_written(content: bytes, written: str, plain: frozenset[int]) -> str:
    if all(byte in plain or byte in _TOLERATED for byte in written.encode(errors="surrogatepass")):
        return written
    return _escaped(content, plain)
