"""Files and addresses at other places, in this very process: for code that reads and asks what is there in a pod. Undone at the end.

What Python itself opens, lists and looks up is led there, and what `ssl` loads. Code in C that opens files by itself is not, nor is who has
taken a function of `os` for itself before (`from os import stat`).
"""

from __future__ import annotations

import builtins
import functools
import glob
import io
import os
import posixpath
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

_ONE_PATH = (
    *(
        "access",
        "chmod",
        "chown",
        "getxattr",
        "lchown",
        "listdir",
        "listxattr",
        "lstat",
        "mkdir",
        "mkfifo",
        "open",
        "readlink",
    ),
    *("remove", "rmdir", "scandir", "stat", "statvfs", "truncate", "unlink", "utime"),
)
"""Functions of `os` whose first argument is a path."""
_TWO_PATHS = ("link", "rename", "replace")
_SECOND_PATH = ("symlink",)
"""Its first argument is the text of the link."""
_PATH_ARGUMENTS = ("path", "file", "src", "dst")
_CAPABILITIES = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")
"""Sets in `os` by which `shutil` finds out what a function can do."""

Place = Callable[[Any], Any]
Address = tuple[str, int]
"""(name or address, port)"""

_SERVICES = {"https": 443, "http": 80}


def place_of(places: Mapping[str, Path]) -> Place:
    """A function from a path to where it lies; paths below none of `places` (absolute path -> where it lies) stay as they are."""
    targets: dict[str, str] = {}
    for target, place in places.items():
        # /var/run is mostly a link to /run, and some look for the latter.
        for name in (posixpath.normpath(target), os.path.realpath(target)):
            targets.setdefault(name, str(place))
    deepest_first = sorted(targets.items(), key=lambda item: -len(item[0]))

    def find(path: Any) -> Any:
        try:
            text = os.fsdecode(path)
        except TypeError:
            return path  # a descriptor, or nothing
        if not text.startswith("/"):
            return path
        clean = posixpath.normpath(text)
        for target, place in deepest_first:
            if clean == target or clean.startswith(f"{target}/"):
                found = place + clean[len(target) :]
                return os.fsencode(found) if isinstance(path, bytes) else found
        return path

    return find


@contextmanager
def files_placed(places: Mapping[str, Path]) -> Iterator[None]:
    """While it lasts, everything in this process finds `places` (absolute path -> where it really lies)."""
    find = place_of(places)
    with ExitStack() as undo:
        for module in (builtins, io):
            undo.enter_context(_replaced(module, "open", find, 0))
        for names, places_of_paths in ((_ONE_PATH, (0,)), (_TWO_PATHS, (0, 1)), (_SECOND_PATH, (1,))):
            for name in names:
                if hasattr(os, name):
                    undo.enter_context(_replaced(os, name, find, *places_of_paths))
        for name in ("load_verify_locations", "load_cert_chain"):
            undo.enter_context(_method_replaced(ssl.SSLContext, name, find))
        yield


@contextmanager
def addresses_placed(places: Mapping[Address, Address]) -> Iterator[None]:
    """While it lasts, who looks for one of `places` ((name or address, port) -> where it really is) in this process is sent there."""
    module: Any = socket
    original = module.getaddrinfo

    @functools.wraps(original)
    def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        number = _SERVICES.get(port, port)
        if isinstance(number, str) and number.isdecimal():
            number = int(number)
        host, port = places.get((name, number), (host, port))
        return original(host, port, *more, **named)

    module.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        module.getaddrinfo = original


@contextmanager
def _replaced(module: Any, name: str, find: Place, *paths: int) -> Iterator[None]:
    """`paths` are the positions of arguments that are paths."""
    original = getattr(module, name)

    @functools.wraps(original)
    def call(*arguments: Any, **named: Any) -> Any:
        found = [find(each) if position in paths else each for position, each in enumerate(arguments)]
        for key in _PATH_ARGUMENTS:
            if key in named and not (key == "src" and 0 not in paths):
                named[key] = find(named[key])
        return original(*found, **named)

    sets = [able for each in _CAPABILITIES if original in (able := getattr(os, each))] if module is os else []
    keepers = list(_keepers(name, original))
    setattr(module, name, call)
    for keeper in keepers:
        setattr(keeper, name, staticmethod(call))
    for able in sets:
        able.add(call)
    try:
        yield
    finally:
        setattr(module, name, original)
        for keeper in keepers:
            setattr(keeper, name, staticmethod(original))
        for able in sets:
            able.discard(call)


def _keepers(name: str, original: Any) -> Iterator[type]:
    """Classes of `glob` that have taken a function of `os` for themselves, by which pathlib looks for patterns since Python 3.13."""
    for each in vars(glob).values():
        kept = vars(each).get(name) if isinstance(each, type) else None
        if isinstance(kept, staticmethod) and kept.__func__ is original:
            yield each


@contextmanager
def _method_replaced(owner: type, name: str, find: Place) -> Iterator[None]:
    """A method whose arguments may be files; whatever else they are is left alone."""
    inherited = name not in vars(owner)
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        return original(self, *map(_file(find), arguments), **{key: _file(find)(each) for key, each in named.items()})

    setattr(owner, name, call)
    try:
        yield
    finally:
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, original)


def _file(find: Place) -> Place:
    """Certificates may be given as texts and bytes, which begin with no slash; passwords may be functions."""
    return lambda value: find(value) if isinstance(value, str | os.PathLike) else value
