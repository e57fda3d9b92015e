"""What the caller and the monitor send each other: dictionaries that `marshal` can carry.

Types alone; the monitor imports this module for the type checker only, because its start is part of every view's cost.

To the monitor, one of these, and then any number of the second kind:

    {"do": "probe"}    {"do": "choose", "backend": NAME | None}
    {"do": "start", "view": ViewOrder, "backend": NAME | None, "tty": bool}          with three descriptors
    {"do": "enter", "record": RecordOrder, "command": CommandOrder, "tty": bool}     with three descriptors

    {"do": "signal", "number": N}    {"do": "kill"}    {"do": "redirect", "redirects": ...}    {"do": "resolve", "names": ...}

From it: {"rungs": [RungAnswer]}, {"failed": text, "exit_code": N}, {"started": StartedAnswer}, {"exited": N, "signal": N | None}.
"""

from __future__ import annotations

from typing import TypedDict

RedirectsOrder = list[tuple[str, int, str, int]]
"""Address and port that a program asks for, address and port that it gets."""


class ResolverOrder(TypedDict):
    names: dict[str, list[str]]
    search: list[str]
    domain: str
    address: str


class CommandOrder(TypedDict):
    argv: list[str]
    environment: dict[str, str]
    working_directory: str


class ViewOrder(CommandOrder):
    hostname: str | None
    mounts: list[tuple[str, str, bool]]
    files: dict[str, bytes]
    hidden: list[str]
    redirects: RedirectsOrder
    network: str
    resolver: ResolverOrder | None
    uid: int
    gid: int
    groups: list[int]
    image: str | None


class RecordOrder(TypedDict):
    rung: str
    pid: int
    started: int
    network: str
    redirects: RedirectsOrder
    uid: int
    gid: int
    groups: list[int]
    catches: bool
    environment: dict[str, str]
    container: str


class RungAnswer(TypedDict):
    name: str
    usable: bool
    why: str
    advice: list[str]
    redirects: str
    bindable: list[tuple[str, int]]
    missing: list[str]
    processes: bool


class StartedAnswer(TypedDict):
    pid: int
    rung: str
    missing: list[str]
    record: RecordOrder
