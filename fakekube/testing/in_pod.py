"""A test in a pod: programs that run in its view, and the test's own code with the pod's environment and files around it.

in_pod("web").run(["my-program", "--once"]).stdout         # `fakekube run`
with in_pod(POD).here() as here:                          # this process
    config.load_incluster_config()
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fakekube.testing import manifests
from fakekube.testing.environment import as_in_pod
from fakekube.testing.mailbox import Mailbox
from fakekube.testing.manifests import ManifestError, Source
from fakekube.testing.placed import Address, addresses_placed, files_placed

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from fakekube.kubelet.mounts import Mount
    from fakekube.testing.identities import Identities

Object = dict[str, Any]
Arguments = Sequence[str] | str
"""A program and its arguments; a text is for the shell."""

TIMEOUT_S = 10.0
PROGRAM_TIMEOUT_S = 60.0
END_S = 5.0

API_PORT = 443
LOCAL = "127.0.0.1"
OWN_FAILURES = (125, 126, 127)
"""Exit codes of `fakekube run` and `exec` when the program could not be started; then a line `error: ...` is the last on stderr."""


class InPod:
    """What the fixture `in_pod` is: call it with a pod."""

    def __init__(self, cluster: Identities) -> None:
        self._cluster = cluster

    def __call__(self, pod: Source, *, container: str = "", namespace: str = "default") -> TestedPod:
        """A pod that is placed on a node. `pod` is the name of one that is there (`web` or `pod/web`), or a manifest, which is created:
        a dict, a text of YAML or a Path, with whatever else the pod needs in the same file.

        `container` is by default the one that kubectl takes. Raises ManifestError, NotFound, and what refuses a creation.
        """
        __tracebackhide__ = True
        name, namespace = self._made(pod, namespace)
        found = self._cluster.wait_for("pod", name, _is_placed, namespace)
        from fakekube.in_pod.errors import InPodError
        from fakekube.in_pod.pods import container_of

        try:
            chosen = container_of(found, container or None)["name"]
        except InPodError as error:
            raise ValueError(str(error)) from None
        return TestedPod(self._cluster, name, namespace, chosen)

    def _made(self, pod: Source, namespace: str) -> tuple[str, str]:
        """Name and namespace."""
        __tracebackhide__ = True
        if isinstance(pod, str) and "\n" not in pod and ":" not in pod:
            kind, _, name = pod.rpartition("/")
            if kind not in ("", "pod", "pods", "po") or name.endswith((".yaml", ".yml", ".json")):
                raise ManifestError(f"{pod!r} is no pod: expected a name, a manifest, or pathlib.Path({pod!r})")
            self._cluster.get("pod", name, namespace)
            return name, namespace
        if isinstance(pod, Mapping) and pod.get("metadata", {}).get("uid"):
            return pod["metadata"]["name"], pod["metadata"]["namespace"]
        found = [each.object for each in manifests.read(pod) if each.object.get("kind") == "Pod"]
        if len(found) != 1:
            raise ManifestError(f"expected a manifest with one Pod, found {len(found)}")
        made = self._cluster.load(pod, namespace=namespace)
        metadata = next(each["metadata"] for each in made if each["kind"] == "Pod")
        return metadata["name"], metadata["namespace"]


def _is_placed(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName")) and bool((pod.get("status") or {}).get("podIP"))


class TestedPod:
    """One container of one pod."""

    __test__ = False

    def __init__(self, cluster: Identities, name: str, namespace: str, container: str) -> None:
        self._cluster = cluster
        self.name = name
        self.namespace = namespace
        self.container = container

    def __repr__(self) -> str:
        return f"<pod {self.namespace}/{self.name}, container {self.container}>"

    @property
    def object(self) -> Object:
        """As it is now."""
        __tracebackhide__ = True
        return self._cluster.get("pod", self.name, self.namespace)

    def run(
        self,
        program: Arguments,
        *,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        check: bool = False,
        timeout: float = PROGRAM_TIMEOUT_S,
        options: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the container, in a view of the pod, and wait for it: returncode, stdout and stderr.

        The pod knows: it is Running meanwhile, has the output as its log, and the exit code in its status. `env` is laid over this
        process's environment, and under the pod's. `options` are those of `fakekube run`: `["--net=pod"]`.

        Raises InPodError with the reason why the program could not be started, subprocess.TimeoutExpired, and with `check`
        subprocess.CalledProcessError.
        """
        __tracebackhide__ = True
        return self._finished("run", program, input, env, cwd, check, timeout, options)

    def exec(
        self,
        program: Arguments,
        *,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        check: bool = False,
        timeout: float = PROGRAM_TIMEOUT_S,
        options: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """As `run`, but beside the container: in the view of a program that runs, else in one of its own; the pod does not hear of it."""
        __tracebackhide__ = True
        return self._finished("exec", program, input, env, cwd, check, timeout, options)

    def start(
        self,
        program: Arguments,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        options: Sequence[str] = (),
    ) -> Program:
        """As `run`, without waiting: `with pod.start([...]) as program: program.expect("ready")`."""
        return Program(self._command("run", program, options), env, cwd)

    @contextmanager
    def here(self) -> Iterator[Here]:
        """The pod's environment, files and service account for the code in this process, while the block lasts.

        Variables are set over those of this process; kubeconfigs are out of sight; volumes are found at their mountPaths by Python's
        own functions, and by `ssl`; the names of the API server lead to it, and a kubectl proxy in another container of the pod is played
        on localhost. So in-cluster loaders of client libraries work unchanged.
        Volumes are written anew when what they show changes. Raises InPodError with what a kubelet would tell.
        """
        __tracebackhide__ = True
        with ExitStack() as undo:
            here = undo.enter_context(_prepared(self._cluster, self))
            undo.enter_context(as_in_pod(here.environment, self._cluster.server.host))
            undo.enter_context(addresses_placed(here.addresses))
            undo.enter_context(files_placed(here.places))
            yield here

    def _finished(
        self,
        command: Literal["run", "exec"],
        program: Arguments,
        input: str | None,
        env: Mapping[str, str] | None,
        cwd: str | os.PathLike[str] | None,
        check: bool,
        timeout: float,
        options: Sequence[str],
    ) -> subprocess.CompletedProcess[str]:
        __tracebackhide__ = True
        takes_input = ["-i"] if command == "exec" and input is not None else []
        done = subprocess.run(
            self._command(command, program, [*takes_input, *options]),
            input=input or "",
            env=_environment(env),
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        _raise_own_failure(done.returncode, done.stderr)
        if check:
            done.check_returncode()
        return done

    def _command(self, command: str, program: Arguments, options: Sequence[str]) -> list[str]:
        words = ["sh", "-c", program] if isinstance(program, str) else list(program)
        where = ["-n", self.namespace, "-c", self.container, "--kubeconfig", str(self._cluster.kubeconfig)]
        return [sys.executable, "-P", "-m", "fakekube", command, f"pod/{self.name}", *where, *options, "--", *words]


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    # A test session may have set these for a command of its own.
    own = {name: value for name, value in os.environ.items() if not name.startswith("FAKEKUBE_")}
    return {**own, **(env or {})}


def _raise_own_failure(code: int | None, stderr: str) -> None:
    __tracebackhide__ = True
    *_, last = ["", *stderr.splitlines()]
    if code in OWN_FAILURES and last.startswith("error: "):
        from fakekube.in_pod.errors import InPodError

        raise InPodError(last.removeprefix("error: "))


class Program:
    """A program that runs in a view; at the end of the block it is told to end."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str] | None, cwd: str | os.PathLike[str] | None
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(env),
            cwd=cwd,
        )
        self._output: dict[str, str] = {"stdout": "", "stderr": ""}
        self._news: Mailbox[None] = Mailbox()
        streams = {"stdout": self._process.stdout, "stderr": self._process.stderr}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), name=f"{name} of a pod", daemon=True)
            for name, stream in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    @property
    def stdout(self) -> str:
        """So far."""
        return self._output["stdout"]

    @property
    def stderr(self) -> str:
        """So far, with what `fakekube run` itself has to say."""
        return self._output["stderr"]

    def expect(self, text: str, *, timeout: float = TIMEOUT_S) -> str:
        """Wait until `text` is in stdout; stdout so far. Raises TimeoutError and, when the program has ended without it, RuntimeError."""
        __tracebackhide__ = True
        deadline = _Deadline(timeout)
        while text not in self.stdout:
            if not any(reader.is_alive() for reader in self._readers):
                _raise_own_failure(self._process.wait(END_S), self.stderr)
                if text in self.stdout:
                    break
                raise RuntimeError(f"the program has ended without {text!r}. {self._told()}")
            try:
                self._news.get(deadline.left_s)
            except TimeoutError:
                raise TimeoutError(f"no {text!r} within {timeout} s. {self._told()}") from None
        return self.stdout

    def wait(self, *, timeout: float = PROGRAM_TIMEOUT_S) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired, InPodError."""
        __tracebackhide__ = True
        code = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(END_S)
        _raise_own_failure(code, self.stderr)
        return code

    def stop(self) -> int:
        """Ask it to end as a kubelet does (SIGTERM); its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        code = self._process.wait()
        for reader in self._readers:
            reader.join(END_S)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, name: str, stream: Any) -> None:
        with stream:
            while piece := stream.read1(65536):
                self._output[name] += piece.decode("utf-8", "replace")
                self._news.put(None)
        self._news.put(None)

    def _told(self) -> str:
        return f"stdout: {self.stdout!r}, stderr: {self.stderr!r}"


class _Deadline:
    def __init__(self, timeout_s: float) -> None:
        import time

        self._now = time.monotonic
        self._ends = self._now() + timeout_s

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends - self._now())


class Here:
    """What is around the code of this process."""

    def __init__(self) -> None:
        self.environment: Mapping[str, str] = {}
        """The pod's variables."""
        self.places: Mapping[str, Path] = {}
        """mountPath -> where it really lies."""
        self.missing: tuple[str, ...] = ()
        """mountPaths that cannot be placed in a process that needs what is there: /tmp, the home directory, Python itself."""
        self.addresses: Mapping[Address, Address] = {}
        """(name, port) in the pod -> where it really is: the API server, and proxies on localhost."""
        self.failures: dict[str, str] = {}
        """volume -> why its last change could not be written, in the kubelet's words."""
        self._waiting: list[Mailbox[None]] = []

    def path(self, path: str) -> Path:
        """Where a path in the pod really lies, for code in C and for other programs."""
        from fakekube.testing.placed import place_of

        return Path(place_of(self.places)(path))

    def wait_for(
        self, path: str, condition: str | Callable[[str], bool] | None = None, *, timeout: float = TIMEOUT_S
    ) -> str:
        """Wait until a file of the pod holds what is wanted; its text. Nobody polls: whoever writes the volume says so.

        `condition` is a part of the text, or a function of it; None: the file is there. Raises TimeoutError with what it held last.
        """
        __tracebackhide__ = True
        deadline = _Deadline(timeout)
        news: Mailbox[None] = Mailbox()
        self._waiting.append(news)
        try:
            while True:
                text = self._text(path)
                if text is not None and _is_met(condition, text):
                    return text
                news.get(deadline.left_s)
        except TimeoutError:
            raise self._not_met(path, timeout) from None
        finally:
            self._waiting.remove(news)

    async def wait_for_async(
        self, path: str, condition: str | Callable[[str], bool] | None = None, *, timeout: float = TIMEOUT_S
    ) -> str:
        """`wait_for` while the caller's event loop, asyncio's or trio's, goes on."""
        __tracebackhide__ = True
        import anyio

        news: Mailbox[None] = Mailbox()
        self._waiting.append(news)
        try:
            with anyio.move_on_after(timeout):
                while True:
                    text = self._text(path)
                    if text is not None and _is_met(condition, text):
                        return text
                    await news.receive()
            raise self._not_met(path, timeout)
        finally:
            self._waiting.remove(news)

    def written(self, volume: str) -> None:
        """For whoever has written a volume."""
        self.failures.pop(volume, None)
        self._look_again()

    def failed(self, volume: str, message: str) -> None:
        """For whoever could not write a volume."""
        self.failures[volume] = message
        self._look_again()

    def _look_again(self) -> None:
        for news in list(self._waiting):
            news.put(None)

    def _text(self, path: str) -> str | None:
        try:
            return self.path(path).read_text(errors="replace")
        except OSError:
            return None

    def _not_met(self, path: str, timeout_s: float) -> TimeoutError:
        text = self._text(path)
        held = "it is not there" if text is None else f"it holds {text!r}"
        failed = [f'. MountVolume.SetUp failed for volume "{name}" : {why}' for name, why in self.failures.items()]
        return TimeoutError(f"{path} has not become what is wanted within {timeout_s} s: {held}{''.join(failed)}")


def _is_met(condition: str | Callable[[str], bool] | None, text: str) -> bool:
    if condition is None:
        return True
    return condition in text if isinstance(condition, str) else condition(text)


@contextmanager
def _prepared(cluster: Identities, tested: TestedPod) -> Iterator[Here]:
    """The pod's volumes on this machine, kept as the API says while the block lasts."""
    __tracebackhide__ = True
    from fakekube.in_pod.ambassador import Ambassador, port_of
    from fakekube.in_pod.cluster_source import ClusterSource
    from fakekube.in_pod.connection import Connection
    from fakekube.in_pod.errors import InPodError
    from fakekube.in_pod.live_volumes import LiveVolumes, SetUpFailed
    from fakekube.in_pod.pods import container_of
    from fakekube.kubelet.environment import ContainerConfigError, environment
    from fakekube.kubelet.mounts import mounts
    from fakekube.server import kubeconfig

    pod = tested.object
    container = container_of(pod, tested.container)
    endpoint = kubeconfig.read(cluster.kubeconfig)
    connection = Connection(endpoint)
    directory = Path(tempfile.mkdtemp(prefix="fakekube-pod-"))
    address = (endpoint.host, endpoint.port)
    here = Here()
    ambassadors: dict[int, Ambassador] = {}
    source = ClusterSource(connection, address)
    volumes = LiveVolumes(
        pod,
        source,
        lambda name, is_shared: directory / "volumes" / name,
        here.failed,
        written=here.written,
    )
    try:
        try:
            volumes.set_up()
            variables = environment(pod, container, source, volumes.path)
            mounted = mounts(pod, container, variables, volumes.path)
        except (SetUpFailed, ContainerConfigError) as error:
            told = f'container "{container["name"]}" of pod "{tested.name}" cannot start: {error}'
            raise InPodError(told) from None
        here.environment = variables
        here.places, here.missing = _places(mounted, directory)
        for other in pod["spec"]["containers"]:
            port = port_of(other) if other["name"] != tested.container else None
            if port is not None:
                ambassadors[port] = Ambassador(endpoint, source, pod)
                ambassadors[port].start()
        here.addresses = {
            **{(name, API_PORT): address for name in _api_names(cluster, tested.namespace)},
            **{(name, port): (LOCAL, each.port) for port, each in ambassadors.items() for name in (LOCAL, "localhost")},
        }
        volumes.follow(connection)
        yield here
    finally:
        volumes.stop()
        for each in ambassadors.values():
            each.stop()
        connection.close()
        shutil.rmtree(directory, ignore_errors=True)


def _places(mounted: Sequence[Mount], directory: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """mountPath -> where it lies, and mountPaths that are not placed."""
    hidden = directory / "no-kubeconfig"
    hidden.mkdir()
    places = {str(Path.home() / ".kube"): hidden}
    missing = []
    for number, mount in enumerate(mounted):
        if _is_needed(mount.target):
            missing.append(mount.target)
            continue
        source = mount.source
        if mount.is_subpath and any(part.startswith("..") for part in source.parts):
            # Where it is mounted it outlives the next change of the volume.
            source = directory / "subpaths" / str(number)
            source.parent.mkdir(exist_ok=True)
            if mount.source.is_dir():
                shutil.copytree(mount.source, source, symlinks=True)
            else:
                shutil.copy2(mount.source, source)
        places[mount.target] = source
    return places, tuple(missing)


def _is_needed(target: str) -> bool:
    """Whether this process, or the test session, has something of its own at or below the path."""
    own = (tempfile.gettempdir(), os.getcwd(), sys.prefix, sys.base_prefix, str(Path.home()), os.path.dirname(__file__))
    return any(Path(os.path.realpath(each)).is_relative_to(os.path.realpath(target)) for each in own)


def _api_names(cluster: Identities, namespace: str) -> tuple[str, ...]:
    """By what the pod calls the API server."""
    from fakekube.kubelet.hosts_file import API_NAMES, SHORT_API_NAME

    service = cluster.get("service", "kubernetes", "default")
    return (service["spec"]["clusterIP"], *API_NAMES, *([SHORT_API_NAME] if namespace == "default" else []))
