"""What a program is to see, and what this machine can show it: the words that both sides of the sandbox speak.

This is the caller's side; the process that builds the view gets it as the plain dictionary of `orders.py`.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Address: TypeAlias = tuple[str, int]
"""An IP address in its usual text form (`10.96.0.1`, `::1`) and a TCP port."""

Network = Literal["host", "pod"]

RungName = Literal["namespaces", "bubblewrap", "root", "sudo", "files", "python", "container"]
"""What builds the view, one name per line of the table in `rungs.py`, which says when each is chosen."""


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
    redirects               a connect() to the address at the left reaches the one at the right instead, which is an IPv4
                            address of the host, whatever the network is. Fails closed: never the real address.
                            127.0.0.1 at the left stands for ::1 too, unless that is given
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
    from a later process of the same number. `catches` says that connect() is caught for the redirects, `environment` what
    the rung adds to a command's, and `container` names a container of docker or podman.
    """

    rung: RungName
    pid: int
    started: int
    network: Network
    redirects: Mapping[Address, Address]
    uid: int
    gid: int
    groups: tuple[int, ...]
    catches: bool = False
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    container: str = ""

    def to_json(self) -> dict[str, Any]:
        fields = dataclasses.asdict(self)
        return {**fields, "redirects": [[*address, *to] for address, to in self.redirects.items()]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Record:
        redirects = {(address, port): (to, to_port) for address, port, to, to_port in fields["redirects"]}
        return cls(**{**fields, "redirects": redirects, "groups": tuple(fields["groups"])})


@dataclasses.dataclass(frozen=True)
class Rung:
    """One way to build a view, and what trying it on this machine showed.

    why         one sentence: what worked, or what was refused with which error
    advice      what to change so that it becomes usable or better, one sentence each
    redirects   "any": connect() to every address can be caught; "bound": only to addresses that a relay can listen on
                (127.96.0.1:443 where root or the system allows it); a Python program's connect() is caught everywhere
    missing     what a program in such a view will not find, one sentence each
    processes   its processes are numbered anew, and the kernel ends them with the view
    """

    name: RungName
    usable: bool
    why: str
    advice: tuple[str, ...] = ()
    redirects: Literal["any", "bound"] = "any"
    bindable: tuple[Address, ...] = ()
    missing: tuple[str, ...] = ()
    processes: bool = False

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
