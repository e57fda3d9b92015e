"""The commands `run`, `exec`, `render` and `doctor`: their options, and how they end.

They stand between a developer and programs that are started often, so they read their command line without click, which alone takes
as long to import as everything else here; nothing is imported before it is needed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fakekube.in_pod.connection import Connection
    from fakekube.in_pod.pod_view import Choices
    from fakekube.sandbox import Prepared

USAGE_ERROR = 2


class UsageError(Exception):
    """The command line is not understood; the message says why."""


class Option(NamedTuple):
    """One option: `name` is its key in what `parse` returns; without a `metavar` it is a switch."""

    name: str
    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False


class Command(NamedTuple):
    """One command. `positionals` names what stands before `--`, `takes_command` says that a command stands behind it."""

    name: str
    summary: str
    usage: str
    options: tuple[Option, ...]
    positionals: int = 1
    takes_command: bool = True
    more: str = ""


class Parsed:
    """What stands on a command line: the options' values by name, what stands before `--`, and the command behind it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.positionals: list[str] = []
        self.command: list[str] = []


_CONTAINER = Option("container", ("-c", "--container"), "The container.  [default: as kubectl has it]", "NAME")
_NAMESPACE = Option("namespace", ("-n", "--namespace"), "[default: the kubeconfig's]", "NAME")
_SERVER = (
    Option("certs_dir", ("--certs-dir",), "Take the kubeconfig of this directory.  [default: $KUBECONFIG, else certs]", "DIR"),
    Option("kubeconfig", ("--kubeconfig",), "Take this kubeconfig.", "FILE"),
)  # fmt: skip
_FILE = Option(
    "filename", ("-f", "--filename"), "The pod's manifest, and whatever else it needs. Without a server one is started for it. Repeatable.",
    "FILE", many=True,
)  # fmt: skip
_VIEW = (
    Option("net", ("--net",), "The network: this machine's, or one of the pod's own.  [default: host]", "NETWORK", ("host", "pod")),
    Option("as_root", ("--as-root",), "Show the program itself as root."),
    Option("workdir_from", ("--workdir-from",), "What is seen at the container's workingDir.  [default: the current directory]", "DIR"),
    Option("clean_env", ("--clean-env",), "Nothing of this machine's environment but PATH, HOME, TERM and LANG."),
    Option("backend", ("--backend",), "What builds the view (see fakekube doctor).  [default: the best that works]", "NAME",
           ("namespaces", "bubblewrap", "root", "sudo", "files", "python", "container")),
    Option("proxy_image", ("--proxy-image",), "An image that is a kubectl proxy, which fakekube plays. Repeatable.", "IMAGE", many=True),
)  # fmt: skip

RUN = Command(
    "run",
    "Run a program as a container of a pod, on this machine.",
    "fakekube run [pod/NAME | -f POD.yaml] [OPTIONS] -- COMMAND...",
    (
        _FILE,
        _CONTAINER,
        _NAMESPACE,
        *_VIEW,
        Option(
            "sync_period",
            ("--sync-period",),
            "Show changes in volumes only so often, as a kubelet does.  [default: 0, at once]",
            "SECONDS",
        ),
        Option(
            "sidecar",
            ("--sidecar",),
            "Run this shell command as another container of the pod. Repeatable.",
            "NAME=COMMAND",
            many=True,
        ),
        *_SERVER,
    ),
    more="Without COMMAND the container's own command and args are run. The exit code is the program's; 125 is an error of fakekube's.",
)
EXEC = Command(
    "exec",
    "Run another program where a container's program runs.",
    "fakekube exec pod/NAME [OPTIONS] -- COMMAND...",
    (
        Option("stdin", ("-i", "--stdin"), "Let the program read stdin."),
        Option("tty", ("-t", "--tty"), "Taken for kubectl's sake: a terminal is passed on as it is."),
        _CONTAINER,
        _NAMESPACE,
        *_VIEW,
        *_SERVER,
    ),
    more="Where no program plays the container, the command gets a view of its own, and the pod does not hear of it.",
)
RENDER = Command(
    "render",
    "Write a pod's volumes and environment as files, for docker, compose and others.",
    "fakekube render POD.yaml DIR [OPTIONS]",
    (_CONTAINER, _NAMESPACE, *_SERVER),
    positionals=2,
    takes_command=False,
    more="Prints the options for `docker run`. Without a server the tokens are those of one that has ended.",
)
DOCTOR = Command(
    "doctor",
    "Tell how well this machine can show a pod's view, and what would help.",
    "fakekube doctor",
    _SERVER,
    0,
    False,
)

COMMANDS: Mapping[str, Command] = {each.name: each for each in (RUN, EXEC, RENDER, DOCTOR)}


def main(arguments: Sequence[str]) -> int:
    """`arguments` begin with the command's name; the exit code."""
    command = COMMANDS[arguments[0]]
    try:
        parsed = parse(command, arguments[1:], os.environ)
    except UsageError as error:
        return _fail(f"{error}. Usage: {command.usage}", USAGE_ERROR)
    if parsed is None:
        sys.stdout.write(help_text(command))
        return 0
    return _reported(command, parsed)


def parse(command: Command, arguments: Sequence[str], environ: Mapping[str, str]) -> Parsed | None:
    """None when help is asked for. Options may be given as FAKEKUBE_RUN_NET=pod as well. Raises UsageError."""
    parsed = Parsed({option.name: [] if option.many else None for option in command.options})
    by_flag = {flag: option for option in command.options for flag in option.flags}
    for option in command.options:
        given = environ.get(f"FAKEKUBE_{command.name.upper()}_{option.name.upper()}")
        if given:
            _set(parsed, option, option.flags[-1], given.split() if option.many else [given])
    rest = list(arguments)
    named: set[str] = set()
    while rest:
        word = rest.pop(0)
        if word == "--":
            parsed.command = rest
            break
        if word in ("-h", "--help"):
            return None
        if not word.startswith("-") or word == "-":
            parsed.positionals.append(word)
            if len(parsed.positionals) > command.positionals:
                raise UsageError(_too_many(command, word))
            continue
        for flag, value in _split(word, by_flag):
            option = by_flag[flag]
            if option.metavar and value is None:
                if not rest:
                    raise UsageError(f"{flag} needs a value: {option.metavar}")
                value = rest.pop(0)
            elif not option.metavar and value is not None:
                raise UsageError(f"{flag} takes no value")
            if option.many and option.name not in named:
                parsed.values[option.name] = []
            named.add(option.name)
            _set(parsed, option, flag, [value or "true"])
    if parsed.command and not command.takes_command:
        raise UsageError("nothing may stand behind --")
    return parsed


def _too_many(command: Command, word: str) -> str:
    if command.takes_command:
        return f"{word!r} is not understood: a command stands behind --"
    return f"{word!r} is one too many"


def _split(word: str, by_flag: Mapping[str, Option]) -> list[tuple[str, str | None]]:
    """`--name=value`, `-nVALUE`, and switches in one word as in `-it`. Raises UsageError."""
    flag, equals, value = word.partition("=")
    if flag in by_flag:
        return [(flag, value if equals else None)]
    if not word.startswith("--"):
        found: list[tuple[str, str | None]] = []
        for place, letter in enumerate(word[1:], 2):
            option = by_flag.get(f"-{letter}")
            if option is None:
                break
            if option.metavar:
                return [*found, (f"-{letter}", word[place:] or None)]
            found.append((f"-{letter}", None))
        else:
            return found
    raise UsageError(f"there is no option {word.partition('=')[0]}")


def _set(parsed: Parsed, option: Option, flag: str, values: Sequence[str]) -> None:
    for value in values:
        if option.choices and value not in option.choices:
            raise UsageError(f"{flag} {value}: expected {', '.join(option.choices)}")
        if not option.metavar:
            parsed.values[option.name] = value.lower() in ("1", "true", "yes", "on")
        elif option.many:
            parsed.values[option.name].append(value)
        else:
            parsed.values[option.name] = value


def help_text(command: Command) -> str:
    lines = [f"Usage: {command.usage}", "", f"  {command.summary}"]
    if command.more:
        lines += ["", f"  {command.more}"]
    lines += ["", "Options:"]
    shown = []
    for option in command.options:
        values = f"[{'|'.join(option.choices)}]" if option.choices else option.metavar
        shown.append((", ".join(option.flags) + (f" {values}" if values else ""), option.help))
    shown.append(("-h, --help", "Show this message."))
    width = min(max(len(flags) for flags, _ in shown), 30)
    for flags, text in shown:
        lines += [f"  {flags:<{width}}  {text}"] if len(flags) <= width else [f"  {flags}", f"  {'':<{width}}  {text}"]
    return "\n".join(lines) + "\n"


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"error: {message}\n")
    return code


def _reported(command: Command, parsed: Parsed) -> int:
    """Errors that say what to do become a line instead of a traceback."""
    from fakekube.in_pod.errors import OWN_FAILURE, InPodError
    from fakekube.in_pod.runtime_directory import RuntimeDirectoryError
    from fakekube.remote import RemoteError
    from fakekube.sandbox import SandboxError
    from fakekube.server.kubeconfig import KubeconfigError

    try:
        return _DO[command.name](parsed)
    except UsageError as error:
        return _fail(f"{error}. Usage: {command.usage}", USAGE_ERROR)
    except (InPodError, SandboxError) as error:
        return _fail(error.message, error.exit_code)
    except RemoteError as error:
        where = f"Error from server ({error.reason}): " if error.reason else ""
        return _fail(f"{where}{error.message}", OWN_FAILURE)
    except (KubeconfigError, RuntimeDirectoryError) as error:
        return _fail(str(error), OWN_FAILURE)
    except KeyboardInterrupt:
        return 130


def _run(parsed: Parsed) -> int:
    values = parsed.values
    with _prepared(values) as sandbox:
        from fakekube.in_pod import servers
        from fakekube.in_pod.connection import Connection

        choices = _choices(values)
        sidecars = dict(_sidecar(each) for each in values["sidecar"])
        if sidecars and choices.network == "pod":
            raise UsageError(
                "--sidecar needs the host's network: with --net=pod each container would be in a network of its own"
            )
        if values["filename"]:
            files = [Path(name) for name in values["filename"]]
            with (
                _seed_errors(),
                servers.for_manifests(files, *_server(values), values["namespace"]) as (connection, found),
            ):
                return _run_on(connection, *_pod_of(parsed, found), parsed, choices, sidecars, sandbox)
        endpoint = servers.running(*_server(values))
        namespace = values["namespace"] or endpoint.namespace
        return _run_on(Connection(endpoint), _pod_name(parsed), namespace, parsed, choices, sidecars, sandbox)


def _run_on(
    connection: Connection,
    name: str,
    namespace: str,
    parsed: Parsed,
    choices: Choices,
    sidecars: Mapping[str, str],
    sandbox: Prepared,
) -> int:
    from fakekube.in_pod import pods
    from fakekube.in_pod.supervisor import run

    pod = pods.find(connection, namespace, name)
    container = pods.container_of(pod, parsed.values["container"])
    commands = {
        each: _sidecar_command(pods.container_of(pod, each)["name"], text, pod, connection, parsed.values)
        for each, text in sidecars.items()
    }
    return run(connection, pod, container, parsed.command, choices, sandbox, sidecars=commands)


def _exec(parsed: Parsed) -> int:
    values = parsed.values
    if not parsed.command:
        raise UsageError("which command? It stands behind --")
    from fakekube.in_pod import pods, servers
    from fakekube.in_pod.connection import Connection

    endpoint = servers.running(*_server(values))
    connection = Connection(endpoint)
    pod = pods.find(connection, values["namespace"] or endpoint.namespace, _pod_name(parsed))
    container = pods.container_of(pod, values["container"])
    from fakekube.in_pod.supervisor import run_beside, run_within

    with_stdin = bool(values["stdin"])
    code = run_within(pod, container, parsed.command, with_stdin=with_stdin)
    if code is not None:
        return code
    with _prepared(values) as sandbox:
        return run_beside(connection, pod, container, parsed.command, _choices(values), sandbox, with_stdin=with_stdin)


def _prepared(values: Mapping[str, Any]) -> Prepared:
    """What builds the view begins to look around, while this process imports, reads and asks."""
    from fakekube.sandbox import Prepared

    return Prepared(values["backend"])


def _render(parsed: Parsed) -> int:
    from fakekube.in_pod import pods, servers
    from fakekube.in_pod.render import render

    if len(parsed.positionals) != 2:
        raise UsageError("give the pod's manifest and a directory")
    file, directory = map(Path, parsed.positionals)
    values = parsed.values
    with _seed_errors(), servers.for_manifests([file], *_server(values), values["namespace"]) as (connection, found):
        if len(found) > 1:
            raise UsageError(f"{file} holds {len(found)} pods: give a file with one")
        metadata = found[0]["metadata"]
        pod = pods.find(connection, metadata["namespace"], metadata["name"])
        lines = render(connection, pod, pods.container_of(pod, values["container"]), directory)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _doctor(parsed: Parsed) -> int:
    from fakekube.in_pod.servers import running
    from fakekube.sandbox import doctor
    from fakekube.server.kubeconfig import KubeconfigError

    sys.stdout.write(doctor())
    try:
        endpoint = running(*_server(parsed.values))
    except KubeconfigError as error:
        sys.stdout.write(f"\nServer: none. {error}\n")
        return 0
    sys.stdout.write(f"\nServer: {endpoint.url}{_answer(endpoint)}\n")
    return 0


def _answer(endpoint: Any) -> str:
    from fakekube.in_pod.connection import Connection
    from fakekube.remote import RemoteError

    try:
        version = Connection(endpoint).ask("GET", "/version")["gitVersion"]
    except RemoteError as error:
        return f" does not answer: {error.message}"
    return f" answers ({version})"


_DO = {"run": _run, "exec": _exec, "render": _render, "doctor": _doctor}


def _server(values: Mapping[str, Any]) -> tuple[Path | None, Path | None]:
    kubeconfig, certs_dir = values["kubeconfig"], values["certs_dir"]
    return Path(kubeconfig) if kubeconfig else None, Path(certs_dir) if certs_dir else None


def _choices(values: Mapping[str, Any]) -> Choices:
    from fakekube.in_pod.pod_view import Choices

    try:
        sync_period_s = float(values.get("sync_period") or 0)
    except ValueError:
        raise UsageError(f"--sync-period {values['sync_period']}: expected seconds") from None
    directory = Path(values["workdir_from"]) if values["workdir_from"] else None
    if directory is not None and not directory.is_dir():
        raise UsageError(f"--workdir-from {directory} is not a directory")
    return Choices(
        network=values["net"] or "host",
        as_root=bool(values["as_root"]),
        workdir_from=directory,
        clean_environment=bool(values["clean_env"]),
        proxy_images=tuple(values["proxy_image"]),
        sync_period_s=sync_period_s,
    )


def _pod_name(parsed: Parsed) -> str:
    """`pod/NAME`, `pods/NAME` or NAME. Raises UsageError."""
    if not parsed.positionals:
        raise UsageError("which pod? Give pod/NAME")
    kind, slash, name = parsed.positionals[0].partition("/")
    if not slash:
        return kind
    if kind not in ("pod", "pods", "po"):
        raise UsageError(f"{parsed.positionals[0]} is not a pod: expected pod/NAME")
    return name


def _pod_of(parsed: Parsed, found: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Name and namespace of the pod that is meant, of those in the manifests. Raises UsageError."""
    if not parsed.positionals and len(found) > 1:
        names = ", ".join(f"pod/{each['metadata']['name']}" for each in found)
        raise UsageError(f"the manifests hold several pods: say which one of {names}")
    wanted = _pod_name(parsed) if parsed.positionals else found[0]["metadata"]["name"]
    for each in found:
        if each["metadata"]["name"] == wanted:
            return wanted, each["metadata"]["namespace"]
    raise UsageError(f"the manifests hold no pod {wanted}")


def _sidecar(text: str) -> tuple[str, str]:
    name, equals, command = text.partition("=")
    if not equals or not command:
        raise UsageError(f"--sidecar {text!r}: expected NAME='COMMAND'")
    return name, command


def _sidecar_command(
    name: str, text: str, pod: Mapping[str, Any], connection: Connection, values: Mapping[str, Any]
) -> list[str]:
    """A `fakekube run` of its own for another container of the pod."""
    options = [*_kubeconfig_options(connection, values), *(["--as-root"] if values["as_root"] else [])]
    options += ["--backend", values["backend"]] if values["backend"] else []
    for image in values["proxy_image"]:
        options += ["--proxy-image", image]
    metadata = pod["metadata"]
    target = [f"pod/{metadata['name']}", "-n", metadata["namespace"], "-c", name]
    return [sys.executable, "-P", "-m", "fakekube", "run", *target, *options, "--", "sh", "-c", text]


def _kubeconfig_options(connection: Connection, values: Mapping[str, Any]) -> list[str]:
    if connection.endpoint.file is not None:
        return ["--kubeconfig", str(connection.endpoint.file)]
    return []


class _seed_errors:  # noqa: N801 - used as `with`, like a function
    """Manifests that cannot be read are errors of the same kind as others."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        from fakekube.in_pod.errors import InPodError
        from fakekube.seeding import SeedError

        if isinstance(error, SeedError):
            raise InPodError(str(error)) from None
