"""Makes a Python program find a view's files, names and addresses, where nothing could be mounted for it.

Python imports this by itself at its start, because the directory stands first in PYTHONPATH. It replaces what opens and
examines files, what reads certificates, what looks up names and what connects; then it lets the real sitecustomize come.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

_VIEW: dict[str, Any] = json.loads(os.environ.get("FAKEKUBE_PYTHON_VIEW", "{}"))
_PATHS: dict[str, str] = dict(sorted(_VIEW.get("paths", {}).items(), key=lambda item: -len(item[0])))
_REDIRECTS = {(address, port): (to, to_port) for address, port, to, to_port in _VIEW.get("redirects", [])}
_HOSTS: str | None = _VIEW.get("hosts")
_LOOPBACK = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "::1": "127.0.0.1", "": "127.0.0.1"}

_EXAMINING = ("open", "stat", "lstat", "listdir", "scandir", "access", "readlink", "chdir")


def _mapped(path: Any) -> Any:
    """The path of the host for one of the view; of the same type, or as it was."""
    if not isinstance(path, str | bytes | os.PathLike):
        return path
    text = os.fsdecode(path)
    for target, source in _PATHS.items():
        if text == target or text.startswith(target + "/"):
            found = source + text[len(target) :]
            return os.fsencode(found) if isinstance(path, bytes) else found
    return path


def _with_mapped_path(function: Callable[..., Any]) -> Callable[..., Any]:
    def mapped(path: Any = ".", *arguments: Any, **named: Any) -> Any:
        return function(_mapped(path), *arguments, **named)

    return mapped


def _examine_files() -> None:
    io.open = builtins.open = _with_mapped_path(builtins.open)
    for name in _EXAMINING:
        setattr(os, name, _with_mapped_path(getattr(os, name)))


def _read_certificates(ssl: ModuleType) -> None:
    context = ssl.SSLContext
    verify, chain = context.load_verify_locations, context.load_cert_chain

    def load_verify_locations(self: Any, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        verify(self, _mapped(cafile), _mapped(capath), cadata)

    def load_cert_chain(self: Any, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        chain(self, _mapped(certfile), _mapped(keyfile), password)

    context.load_verify_locations = load_verify_locations
    context.load_cert_chain = load_cert_chain


def _connect_elsewhere(socket: Any) -> None:
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def redirected(family: int, address: Any) -> Any:
        if not isinstance(address, tuple) or not isinstance(address[0], str):
            return address
        named = _addresses(address[0])
        host = (named[0] if named else address[0]).removeprefix("::ffff:")
        port = address[1]
        to = _REDIRECTS.get((host, port)) or _REDIRECTS.get((_LOOPBACK.get(host, host), port))
        if to is None:
            return address
        return (f"::ffff:{to[0]}", to[1]) if family == socket.AF_INET6 else to

    def addresses_of(host: Any, *arguments: Any, **named: Any) -> Any:
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        found = _addresses(text) if isinstance(text, str) else []
        if not found:
            return getaddrinfo(host, *arguments, **named)
        return [entry for address in found for entry in getaddrinfo(address, *arguments, **named)]

    socket.socket.connect = lambda self, address: connect(self, redirected(self.family, address))
    socket.socket.connect_ex = lambda self, address: connect_ex(self, redirected(self.family, address))
    socket.getaddrinfo = addresses_of


def _addresses(name: str) -> list[str]:
    """What the view's /etc/hosts says, read anew each time, because Services come and go."""
    if _HOSTS is None:
        return []
    try:
        with open(_HOSTS) as file:
            lines = [line.partition("#")[0].split() for line in file]
    except OSError:
        return []
    return [words[0] for words in lines if name.lower() in words[1:]]


_AFTER_IMPORT = {"ssl": _read_certificates, "socket": _connect_elsewhere}


class _Afterwards(importlib.abc.MetaPathFinder):
    """Changes a module once somebody imports it: importing ssl in each program would cost more than its start."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        change = _AFTER_IMPORT.pop(fullname, None)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _change_modules() -> None:
    for name in [name for name in _AFTER_IMPORT if name in sys.modules]:
        _AFTER_IMPORT.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, _Afterwards())


def _let_the_real_one_come() -> None:
    """A sitecustomize of the machine's own, which this one hides."""
    here = os.path.dirname(os.path.abspath(__file__))
    this = sys.modules.pop("sitecustomize", None)
    before = list(sys.path)
    sys.path[:] = [entry for entry in before if os.path.abspath(entry) != here]
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        if this is not None:
            sys.modules["sitecustomize"] = this


if _VIEW:
    _examine_files()
    _change_modules()
    _let_the_real_one_come()
