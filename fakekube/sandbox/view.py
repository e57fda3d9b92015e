"""What a program is to see, and what this machine can show it: the words that both sides of the sandbox speak.

Everything here goes through JSON, because the monitor that builds the view is a process of its own.
"""

from __future__ import annotations

import base64
import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Address: TypeAlias = tuple[str, int]
"""An IP address in its usual text form (`10.96.0.1`, `::1`) and a TCP port."""

Network = Literal["host", "pod"]

RungName = Literal["namespaces", "bubblewrap", "root", "sudo", "files", "python", "container"]
"""What builds the view, one name per line of the table in `rungs.py`, which says when each is chosen."""


class SandboxError(Exception):
    """The view cannot be built, or the program in it cannot be started; the text says why and what to do.

    `exit_code` is what a shell would return: 127 no such program, 126 it cannot be executed, 125 the view failed.
    """

    def __init__(self, message: str, exit_code: int = 125) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


@dataclasses.dataclass(frozen=True)
class Mount:
    """The file or directory `source` of the host, to be seen at the absolute path `target`, which need not exist.

    Later mounts may lie below earlier ones. A directory mounted writable is the very directory of the host.
    """

    source: pathlib.Path
    target: str
    read_only: bool = False


@dataclasses.dataclass(frozen=True)
class Resolver:
    """The DNS server of network "pod": `names` are answered here, all others by the resolvers of the host.

    `names` holds lower-case names without a final dot, each with its IPv4 or IPv6 addresses; a name given here, and
    each name below `domain`, is never asked elsewhere.
    """

    names: Mapping[str, tuple[str, ...]]
    search: tuple[str, ...] = ()
    domain: str = "cluster.local"
    address: str = "10.96.0.10"


@dataclasses.dataclass(frozen=True)
class View:
    """One command and everything that it sees otherwise than the programs of the host do.

    argv, environment       the command and its complete environment; nothing is inherited
    working_directory       a path inside of the view
    hostname                what `uname -n` answers, at most 64 bytes; None leaves the host's
    mounts                  parents before children or not, as one likes
    files                   contents laid over single paths, such as /etc/resolv.conf; /etc/nsswitch.conf comes by itself
                            where /etc/hosts is laid over, unless it is given
    hidden                  directories shown empty and read-only where they exist, such as ~/.kube
    redirects               a TCP connect() to the address at the left reaches the one at the right instead, which is an
                            address of the host, whatever the network is. Fails closed: never the real address.
    network                 "host": the host's own, with the redirects; "pod": one of its own, where the addresses of the
                            redirects are local ones, any port may be listened on, and pasta, if there, leads outward
    resolver                network "pod" only: also writes /etc/resolv.conf, unless `files` or a mount has it
    uid, gid, groups        what the program is and sees itself as (0: as root); None keeps the caller's.
                            Only root can really become another, or have groups; else the caller's own ids show as these
    image                   rung "container" only: the image to run the command in
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    working_directory: str = "/"
    hostname: str | None = None
    mounts: tuple[Mount, ...] = ()
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    redirects: Mapping[Address, Address] = dataclasses.field(default_factory=dict)
    network: Network = "host"
    resolver: Resolver | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    image: str | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """What `enter` must know of a running view; `to_json` and `from_json` keep it for another process.

    `pid` is the view's first process as the host numbers it, `started` its start time in clock ticks, which tells it
    from a later process of the same number. `container` is the id of a docker or podman container, else "".
    """

    rung: RungName
    pid: int
    started: int
    network: Network
    redirects: Mapping[Address, Address]
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    container: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "redirects": redirects_to_json(self.redirects)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Record:
        return cls(
            **{**fields, "redirects": redirects_from_json(fields["redirects"]), "groups": tuple(fields["groups"])}
        )


@dataclasses.dataclass(frozen=True)
class Rung:
    """One way to build a view, and what trying it on this machine showed.

    why         one sentence: what worked, or what was refused with which error
    advice      what to change so that it becomes usable or better, one sentence each
    redirects   "any": connect() to every address can be caught; "bound": only to addresses that a relay can listen on
                (127.96.0.1:443 where root or the system allows it); a Python program's connect() is caught everywhere
    missing     what a program in such a view will not find, one sentence each
    """

    name: RungName
    usable: bool
    why: str
    advice: tuple[str, ...] = ()
    redirects: Literal["any", "bound"] = "any"
    bindable: tuple[Address, ...] = ()
    missing: tuple[str, ...] = ()

    def reaches(self, address: Address) -> bool:
        """Whether every program in such a view can reach a redirected `address`; else advertise the real one."""
        return self.redirects == "any" or address in self.bindable


@dataclasses.dataclass(frozen=True)
class Rungs:
    """Every rung of this machine, best first."""

    rungs: tuple[Rung, ...]

    @property
    def best(self) -> Rung:
        """The first usable one; "python" is always usable."""
        return next(rung for rung in self.rungs if rung.usable)

    def __getitem__(self, name: str) -> Rung:
        return next(rung for rung in self.rungs if rung.name == name)


def redirects_to_json(redirects: Mapping[Address, Address]) -> list[list[Any]]:
    return [[list(address), list(to)] for address, to in redirects.items()]


def redirects_from_json(pairs: list[list[Any]]) -> dict[Address, Address]:
    return {(address[0], address[1]): (to[0], to[1]) for address, to in pairs}


def view_to_json(view: View) -> dict[str, Any]:
    fields = {field.name: getattr(view, field.name) for field in dataclasses.fields(view)}
    return {
        **fields,
        "mounts": [[str(mount.source), mount.target, mount.read_only] for mount in view.mounts],
        "files": {path: base64.b64encode(content).decode() for path, content in view.files.items()},
        "redirects": redirects_to_json(view.redirects),
        "environment": dict(view.environment),
        "resolver": resolver_to_json(view.resolver) if view.resolver else None,
    }


def view_from_json(fields: Mapping[str, Any]) -> View:
    return View(
        **{
            **fields,
            "argv": tuple(fields["argv"]),
            "mounts": tuple(Mount(pathlib.Path(source), target, flag) for source, target, flag in fields["mounts"]),
            "files": {path: base64.b64decode(content) for path, content in fields["files"].items()},
            "hidden": tuple(fields["hidden"]),
            "redirects": redirects_from_json(fields["redirects"]),
            "resolver": resolver_from_json(fields["resolver"]) if fields["resolver"] else None,
            "groups": tuple(fields["groups"]),
        }
    )


def resolver_to_json(resolver: Resolver) -> dict[str, Any]:
    return {**dataclasses.asdict(resolver), "names": {name: list(ips) for name, ips in resolver.names.items()}}


def resolver_from_json(fields: Mapping[str, Any]) -> Resolver:
    names = {name: tuple(addresses) for name, addresses in fields["names"].items()}
    return Resolver(**{**fields, "names": names, "search": tuple(fields["search"])})
