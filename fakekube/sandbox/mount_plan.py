"""What must be done to a private copy of the host's file system so that it shows a view? Computed, not done.

A target that does not exist cannot be made on the host: an ordinary user may not, and nobody should leave traces. So the
deepest directory above it that exists is built anew: an empty one laid over it, filled with all that the old one has.
"""

from __future__ import annotations

import os

from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NAME_SERVICE_CACHES = ("/run/nscd", "/var/run/nscd")
"""Where nscd listens: it would answer from the hosts file of the host."""
_UNTOUCHABLE = ("/proc",)


class Bind:
    """A file or directory of the host, or the content of a file, to be seen at `target`, which exists by then."""

    def __init__(self, source: str | bytes, target: str, read_only: bool, is_directory: bool) -> None:
        self.source = source
        self.target = target
        self.read_only = read_only
        self.is_directory = is_directory


class Plan:
    """In this order: rebuild directories, make what is missing in them, bind; then forbid writing to the hidden ones.

    rebuilt     (directory, names to leave out); None leaves everything out. Parents first
    made        (path, whether a directory): each in a rebuilt directory or in one made before
    binds       parents first
    hidden      the directories that are shown empty
    """

    def __init__(self) -> None:
        self.rebuilt: dict[str, set[str] | None] = {}
        self.made: dict[str, bool] = {}
        self.binds: list[Bind] = []
        self.hidden: list[str] = []


def plan(
    mounts: Sequence[tuple[str, str, bool]],
    files: Mapping[str, bytes],
    hidden: Sequence[str],
    *,
    make_in_source: Callable[[str, bool], None] | None = None,
) -> Plan:
    """Raises SandboxError for what cannot be shown.

    `make_in_source` makes the mount point of a mount that lies in another one: that is a path of the other's source.
    """
    result = Plan()
    wanted = [Bind(source, target, read_only, os.path.isdir(source)) for source, target, read_only in mounts]
    for bind in wanted:
        if isinstance(bind.source, str) and not os.path.lexists(bind.source):
            raise SandboxError(f"cannot mount {bind.source} at {bind.target}: there is no such file or directory")
    laid_over = {os.path.normpath(bind.target) for bind in wanted} | {os.path.normpath(path) for path in files}
    wanted += [Bind(content, path, True, False) for path, content in files.items()]
    hidden = list(hidden)
    if "/etc/hosts" in laid_over:
        hidden += _NAME_SERVICE_CACHES
        if "/etc/nsswitch.conf" not in laid_over:
            wanted.append(Bind(name_service_switch(), "/etc/nsswitch.conf", True, False))
    for path in hidden:
        resolved = os.path.realpath(path)
        if os.path.isdir(resolved) and resolved not in result.hidden:
            result.hidden.append(resolved)
            result.rebuilt[resolved] = None
    for bind in wanted:
        bind.target = os.path.realpath("/" + bind.target)
    for bind in sorted(wanted, key=lambda bind: bind.target.count("/")):
        _add(result, bind, make_in_source or _make)
    result.rebuilt = dict(sorted(result.rebuilt.items(), key=lambda item: len(_parts(item[0]))))
    return result


def _add(result: Plan, bind: Bind, make_in_source: Callable[[str, bool], None]) -> None:
    if bind.target == "/" or any(_is_below(bind.target, path) for path in _UNTOUCHABLE):
        raise SandboxError(f"cannot mount anything at {bind.target}: choose another mountPath")
    above = [
        other
        for other in result.binds
        if other.is_directory and other.target != bind.target and _is_below(bind.target, other.target)
    ]
    if above:
        _add_within(above[-1], bind, make_in_source)
    elif _is_kind(result, bind.target, bind.is_directory) is not True:
        _make_room(result, bind)
    result.binds = [other for other in result.binds if other.target != bind.target] + [bind]


def _add_within(parent: Bind, bind: Bind, make_in_source: Callable[[str, bool], None]) -> None:
    """The mount point lies in another mount: as the container runtimes do, it is made there, in the volume."""
    assert isinstance(parent.source, str)
    source = os.path.realpath(parent.source)
    point = os.path.realpath(os.path.join(source, os.path.relpath(bind.target, parent.target)))
    if not _is_below(point, source):
        raise SandboxError(
            f"cannot mount at {bind.target}: a link in the volume mounted at {parent.target} leads out of it"
        )
    bind.target = os.path.join(parent.target, os.path.relpath(point, source))
    if os.path.isdir(point) == bind.is_directory and os.path.lexists(point):
        return
    try:
        make_in_source(point, bind.is_directory)
    except OSError as error:
        raise SandboxError(
            f"cannot make the mount point {bind.target} in the volume mounted at {parent.target}: {error.strerror}"
        ) from None


def _make(path: str, is_directory: bool) -> None:
    os.makedirs(path if is_directory else os.path.dirname(path), exist_ok=True)
    if not is_directory:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _make_room(result: Plan, bind: Bind) -> None:
    missing = [bind.target]
    wrong = _is_kind(result, bind.target, bind.is_directory) is False
    parent = os.path.dirname(bind.target)
    while not wrong and _is_kind(result, parent, True) is None:
        missing.append(parent)
        parent = os.path.dirname(parent)
    if _is_kind(result, parent, True) is False:
        raise SandboxError(f"cannot mount at {bind.target}: {parent} is not a directory")
    if parent not in result.made and result.rebuilt.get(parent, set()) is not None:
        names = result.rebuilt.setdefault(parent, set())
        assert names is not None
        names.update([os.path.basename(bind.target)] if wrong else [])
    for path in reversed(missing[1:]):
        result.made[path] = True
    result.made[bind.target] = bind.is_directory


def _is_kind(result: Plan, path: str, is_directory: bool) -> bool | None:
    """Whether what the view shows at `path` is a directory, or a file, as wanted; None when there is nothing."""
    if path in result.made:
        return result.made[path] == is_directory
    if any(path != hidden and _is_below(path, hidden) for hidden in result.hidden):
        return None
    if not os.path.lexists(path):
        return None
    return os.path.isdir(path) == is_directory


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def name_service_switch() -> bytes:
    """The host's /etc/nsswitch.conf, but names of hosts come from /etc/hosts first, and then from DNS.

    Otherwise a resolver daemon of the host could answer first, from the hosts file that it sees.
    """
    try:
        with open("/etc/nsswitch.conf", "rb") as host:
            lines = host.read().splitlines()
    except OSError:
        lines = [b"passwd: files", b"group: files"]
    kept = [line for line in lines if line.split(b":")[0].strip() != b"hosts"]
    return b"\n".join([*kept, b"hosts: files dns", b""])
