"""What can build a view on this machine? Tried, not guessed: a call that is allowed proves nothing about the next one.

Best first; `container` comes last because it runs the command in an image, not among the programs of this machine, and so
it is never taken unless asked for.

| rung        | tried when      | files at their paths              | connect() to the API address                 |
|-------------|-----------------|-----------------------------------|----------------------------------------------|
| root        | root            | own mounts                        | caught, or relayed in network "pod"          |
| namespaces  | Linux           | own mounts in a user namespace    | the same                                     |
| bubblewrap  | bwrap installed | bwrap's mounts                    | caught                                       |
| sudo        | not root, Linux | as root, the program as the user  | as root                                      |
| files       | root, Linux     | real links, removed afterwards    | caught, or 127.x.y.z that a relay listens on |
| python      | always          | mapped in Python programs only    | caught, or in Python programs only           |
| container   | asked for       | -v of docker or podman            | --add-host                                   |
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import sys

from fakekube.sandbox import connect_filter, linux, namespaces, relays
from fakekube.sandbox.channel import Channel
from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fakekube.sandbox.orders import RungAnswer

    Addresses = Sequence[tuple[str, int]]

# subprocess and shutil are imported where they are needed: the first two rungs do without, and each view pays.

_LINUX = sys.platform == "linux"
_PROBE_TIMEOUT_S = 5.0
_PROBED_ADDRESS = ("127.96.0.1", 1)
"""Any address will do: nothing listens there, so only a redirected connect() succeeds."""


class Tried:
    """error      what was refused, "" when the files and ids of a view can be had
    processes     whether a pid namespace with its own /proc can be had
    catches       "" when connect() can be caught, else what was refused
    """

    def __init__(self, error: str, processes: bool, catches: str) -> None:
        self.error = error
        self.processes = processes
        self.catches = catches


def probe(addresses: Addresses) -> list[RungAnswer]:
    return [rung(addresses) for rung in RUNGS.values()]


def choose(name: str | None, addresses: Addresses) -> RungAnswer:
    """The first usable rung, or the one named. Raises SandboxError if that is not usable."""
    if name is None:
        return next(answer for rung in RUNGS.values() if (answer := rung(addresses))["usable"])
    if name not in RUNGS:
        raise SandboxError(f"there is no rung {name!r}; there are {', '.join(RUNGS)}")
    answer = RUNGS[name](addresses)
    if not answer["usable"]:
        raise SandboxError(" ".join([f"the rung {name!r} is not usable here: {answer['why']}", *answer["advice"]]))
    return answer


def try_namespaces(*, user: bool) -> Tried:
    """Makes namespaces with everything that a view needs, in a forked child; a few milliseconds."""
    refused = _tried_once(namespaces.Kind(mounts=True, user=user, processes=True))
    if not refused.error:
        return refused
    without = _tried_once(namespaces.Kind(mounts=True, user=user, processes=False))
    return without if not without.error else refused


def try_catching() -> str:
    """Whether connect() can be caught without namespaces: "" or what was refused."""
    return _tried_once(namespaces.NONE).catches


def _tried_once(kind: namespaces.Kind) -> Tried:
    ours, theirs = Channel.pair()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(int(_PROBE_TIMEOUT_S))
            ours.close()
            _in_child(kind, theirs)
        finally:
            os._exit(0)
    theirs.close()
    try:
        built = ours.receive()
        error = "the probing process was killed" if built is None else str(built.message["error"])
        catches = error or _answer_probe(ours)
    finally:
        ours.close()
        os.waitpid(pid, 0)
    return Tried(error, kind.processes, catches)


def _in_child(kind: namespaces.Kind, channel: Channel) -> None:
    try:
        namespaces.unshare(kind, os.getuid(), os.getgid(), network=False)
        if kind.mounts:
            linux.mount("none", "/", None, linux.MS_REC | linux.MS_SLAVE)
            linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV)
            linux.set_hostname("probe")
        if kind.processes:
            _in_grandchild(namespaces.mount_proc)
    except OSError as error:
        channel.send({"error": str(error)})
        return
    channel.send({"error": ""})
    try:
        listener = connect_filter.install()
    except OSError as error:
        channel.send({"error": str(error)})
        return
    channel.send({"error": ""}, [listener])
    os.close(listener)
    if channel.receive() is None:
        return
    with socket.socket() as connection:
        channel.send({"error": "" if connection.connect_ex(_PROBED_ADDRESS) == 0 else "a caught connect() was refused"})


def _in_grandchild(body: Callable[[], None]) -> None:
    """Runs in a new process, because a pid namespace begins with the next child; raises its OSError."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            body()
        except OSError as error:
            os.write(writing, marshal.dumps((error.errno, error.strerror)))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        failed = pipe.read()
    os.waitpid(pid, 0)
    if failed:
        raise OSError(*marshal.loads(failed))


def _answer_probe(channel: Channel) -> str:
    """Plays the monitor for the one connect() of the probing child."""
    installed = channel.receive()
    if installed is None or installed.message["error"]:
        return str(installed.message["error"]) if installed else "the process that installed the filter was killed"
    listener = installed.descriptors[0]
    with relays.listen("127.0.0.1", 0) as server:
        redirects = connect_filter.Redirects([(*_PROBED_ADDRESS, *server.getsockname()[:2])])
        channel.send({"go": True})
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        # POLLHUP alone means that it ended without connecting; waiting for it then could take forever.
        if any(events & select.POLLIN for _, events in waiting.poll(_PROBE_TIMEOUT_S * 1000)):
            connect_filter.answer_once(listener, redirects)
        os.close(listener)
        done = channel.receive()
    return "no answer" if done is None else str(done.message["error"])


def _answer(
    name: str,
    usable: bool,
    why: str,
    *,
    advice: Sequence[str] = (),
    catches: str = "",
    addresses: Addresses = (),
    missing: Sequence[str] = (),
    processes: bool = False,
) -> RungAnswer:
    bindable = _bindable(addresses) if usable and catches else []
    return {
        "name": name,
        "usable": usable,
        "why": why,
        "advice": list(advice),
        "redirects": "bound" if catches else "any",
        "bindable": bindable,
        "missing": [*missing, *_missing_by(catches)] if usable else [],
        "processes": processes,
    }


def _missing_by(catches: str) -> list[str]:
    if not catches:
        return []
    return [
        f"connect() cannot be caught ({catches}), so only addresses that a relay can listen on lead to the API server."
    ]


def _bindable(addresses: Addresses) -> list[tuple[str, int]]:
    found = []
    for address, port in addresses:
        try:
            relays.listen(address, port).close()
        except OSError:
            continue
        found.append((address, port))
    return found


def _root(addresses: Addresses) -> RungAnswer:
    if not _LINUX or os.geteuid() != 0:
        return _answer("root", False, "this is not root on Linux.")
    tried = try_namespaces(user=False)
    if tried.error:
        return _answer("root", False, f"root may not make namespaces here: {tried.error}.", advice=[_CONTAINER_ADVICE])
    return _answer(
        "root",
        True,
        "root may make mounts, a hostname and processes of its own.",
        catches=tried.catches,
        addresses=addresses,
        missing=_missing_processes(tried),
        processes=tried.processes,
    )


def _namespaces(addresses: Addresses) -> RungAnswer:
    if not _LINUX:
        return _answer("namespaces", False, f"{sys.platform} has no mount namespaces.", advice=_foreign_advice())
    tried = try_namespaces(user=True)
    if tried.error:
        return _answer("namespaces", False, f"user namespaces are refused: {tried.error}.", advice=_user_advice())
    return _answer(
        "namespaces",
        True,
        "user namespaces work for this user.",
        catches=tried.catches,
        addresses=addresses,
        missing=_missing_processes(tried),
        processes=tried.processes,
    )


def _missing_processes(tried: Tried) -> list[str]:
    if tried.processes:
        return []
    return ["The processes are not numbered anew, because /proc cannot be mounted; those of the host are seen."]


NO_OWN_NETWORK = 'Network "pod" cannot be had.'
"""To be known before a view is asked for; one in the host's network lacks nothing by it."""


def _bubblewrap(addresses: Addresses) -> RungAnswer:
    import shutil

    program = shutil.which("bwrap") if _LINUX else None
    if program is None:
        return _answer(
            "bubblewrap", False, "bwrap is not installed.", advice=["Install the package bubblewrap."] if _LINUX else []
        )
    base = [program, "--dev-bind", "/", "/", "--unshare-user", "--unshare-uts", "--hostname", "probe"]
    base += ["--unshare-pid", "--proc", "/proc", "--tmpfs", "/tmp"]
    catches = _try_catching_within(base)
    # Only then is it worth knowing whether it is the view or the catching that does not work.
    refused = _run([*base, "true"]) if catches else ""
    if refused:
        return _answer("bubblewrap", False, f"bwrap is refused: {refused}.", advice=_user_advice())
    return _answer(
        "bubblewrap",
        True,
        "bwrap works for this user.",
        catches=catches,
        addresses=addresses,
        missing=[NO_OWN_NETWORK],
    )


def _try_catching_within(command: list[str]) -> str:
    """Whether the connect() of a program under `command` can be caught: confinement may forbid what is allowed outside."""
    import subprocess

    ours, theirs = Channel.pair()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(int(_PROBE_TIMEOUT_S))
            ours.close()
            listener = connect_filter.install()
            theirs.send({"error": ""}, [listener])
            os.close(listener)
            theirs.receive()
            connecting = f"import socket; raise SystemExit(socket.socket().connect_ex({_PROBED_ADDRESS!r}))"
            done = subprocess.run(
                [*command, sys.executable, "-I", "-S", "-c", connecting], stderr=subprocess.DEVNULL, check=False
            )
            theirs.send({"error": "" if done.returncode == 0 else "a caught connect() was refused"})
        except OSError as error:
            theirs.send({"error": str(error)})
        finally:
            os._exit(0)
    theirs.close()
    try:
        return _answer_probe(ours)
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _sudo(addresses: Addresses) -> RungAnswer:
    import shutil

    if not _LINUX or os.geteuid() == 0 or shutil.which("sudo") is None:
        return _answer("sudo", False, "this is root already, or there is no sudo, or no Linux.")
    refused = _run(["sudo", "-n", sys.executable, "-I", "-S", "-c", "pass"])
    if refused:
        return _answer("sudo", False, f"sudo asks for a password or refuses: {refused}.")
    return _answer("sudo", True, "sudo works without a password.", missing=[])


def _files(addresses: Addresses) -> RungAnswer:
    if not _LINUX or os.geteuid() != 0:
        return _answer("files", False, "this is not root on Linux.")
    missing = [
        "The hostname stays the machine's.",
        "Volumes are links on the real file system: one such view at a time, and read-only ones can be written by root.",
        "Hidden directories stay visible; KUBECONFIG names a file that does not exist instead.",
        "The processes are not numbered anew.",
    ]
    return _answer(
        "files",
        True,
        "root may write to this file system, which is meant for a container that is thrown away.",
        catches=try_catching(),
        addresses=addresses,
        missing=missing,
    )


def _python(addresses: Addresses) -> RungAnswer:
    missing = [
        "Only Python programs find the volumes, /etc/hosts and the redirected addresses; others have the environment alone.",
        "The hostname stays the machine's.",
        "Hidden directories stay visible; KUBECONFIG names a file that does not exist instead.",
        "The processes are not numbered anew.",
    ]
    if not _LINUX:
        missing.append("A process that has left the program's process group is not ended with it.")
    catches = try_catching() if _LINUX else f"{sys.platform} has no seccomp"
    return _answer(
        "python",
        True,
        "the environment and a sitecustomize module need no permission.",
        catches=catches,
        addresses=addresses,
        missing=missing,
    )


def _container(addresses: Addresses) -> RungAnswer:
    import shutil

    whys = []
    for program in CONTAINER_PROGRAMS:
        if shutil.which(program) is None:
            whys.append(f"{program} is not installed")
            continue
        refused = _run([program, "version"])
        if not refused:
            missing = ["The command runs in the image of the container, not among the programs of this machine."]
            return _answer(
                "container", True, f"{program} answers.", catches="" if _LINUX else "another machine", missing=missing
            )
        whys.append(f"{program} does not answer ({refused})")
    return _answer(
        "container", False, f"{' and '.join(whys)}.", advice=["Start the daemon of docker, or install podman."]
    )


CONTAINER_PROGRAMS = ("docker", "podman")

RUNGS: dict[str, Callable[[Addresses], RungAnswer]] = {
    "root": _root,
    "namespaces": _namespaces,
    "bubblewrap": _bubblewrap,
    "sudo": _sudo,
    "files": _files,
    "python": _python,
    "container": _container,
}


def _run(command: list[str]) -> str:
    """ "" when it succeeds, else the first line that it printed."""
    import subprocess

    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end after {_PROBE_TIMEOUT_S:g} s"
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0].rstrip(".")


_SETTINGS = {
    # what forbids user namespaces: (file, value that forbids, what to do)
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "Ubuntu's AppArmor keeps user namespaces from programs without a profile: install bubblewrap, which has one from "
        "Ubuntu 25.04 on, or run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`.",
    ),
    "/proc/sys/kernel/unprivileged_userns_clone": (
        "0",
        "Run `sudo sysctl -w kernel.unprivileged_userns_clone=1`.",
    ),
    "/proc/sys/user/max_user_namespaces": (
        "0",
        "Run `sudo sysctl -w user.max_user_namespaces=15000`.",
    ),
}


def _user_advice() -> list[str]:
    found = []
    for path, (forbidding, advice) in _SETTINGS.items():
        try:
            with open(path) as file:
                if file.read().strip() == forbidding:
                    found.append(advice)
        except OSError:
            continue
    return found + _container_advice()


_CONTAINER_ADVICE = (
    "In a container: start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`, and for root "
    "also `--cap-add SYS_ADMIN`."
)


def _container_advice() -> list[str]:
    """For an ordinary user, to whom a container is only one of the reasons."""
    return [_CONTAINER_ADVICE] if any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv"))) else []


def _foreign_advice() -> list[str]:
    return ['Run in a container or a virtual machine with Linux, or take the rung "container" (docker or podman).']
