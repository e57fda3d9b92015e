"""What a test makes of pods' lives: `kube.pods`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from fakekube.api.command_answers import Answer, CommandAnswer
from fakekube.api.container_logs import Entry
from fakekube.kubelet.lives import Life, Rule
from fakekube.kubelet.pod_status import is_finished

if TYPE_CHECKING:
    from fakekube.testing.played import PlayedCluster

Object = dict[str, Any]

KUBELET = "kubelet"
NOT_FOUND = (
    'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve image: not found'
)


class PodsHandle:
    """Says how pods live, in place of the processes that nobody runs.

        kube.pods.fail("web", exit_code=137, reason="OOMKilled")
        kube.pods.crash_loop("worker-*")
        kube.pods.live(image="*/slow-db:*", ready_after_s=20)

    Names are patterns with `*` and `?`. What is said holds for pods that are there, whose kubelets have acted when the call returns, and
    for those that come later; what is said last counts; `recover` and `kube.reset()` take it back. What restartPolicy says is done: a
    container of a Deployment that fails is started again.

    Pods on nodes that fakekube does not run live as whoever plays their kubelet has it.
    """

    def __init__(self, cluster: PlayedCluster) -> None:
        self._cluster = cluster

    def live(
        self,
        name: str = "*",
        *,
        namespace: str = "*",
        container: str = "*",
        image: str = "*",
        labels: Mapping[str, str] | None = None,
        owner: str = "",
        role: str = "",
        once: bool = False,
        **life: Any,
    ) -> None:
        """Have containers live so from now on; `life` are the fields of fakekube.kubelet.lives.Life: `lasts_s=30, exit_code=1`,
        `ready_after_s=5`, `stops_after_s=20` ...

        `owner` is the kind of the pod's controller, `role` one of init, sidecar, main, ephemeral. Raises TypeError for what is no field.
        """
        rule = Rule(
            life=Life(**life),
            namespace=namespace,
            name=name,
            container=container,
            image=image,
            labels=labels or {},
            owner=owner,
            role=role,
            once=once,
        )
        self._cluster._run(lambda: self._add(rule))

    def succeed(self, name: str, *, namespace: str = "default", container: str = "*") -> None:
        """The main containers end now, with exit code 0. When no such pod is there: those of each that will come."""
        self.live(name, namespace=namespace, container=container, role="main", once=True, lasts_s=0)

    def fail(
        self,
        name: str,
        *,
        namespace: str = "default",
        container: str = "*",
        exit_code: int = 1,
        reason: str = "",
        message: str = "",
    ) -> None:
        """The main containers end now, and not well: `exit_code=137, reason="OOMKilled"`. Only once: what is started again runs.
        When no such pod is there: those of each that will come. `live(owner="Job", lasts_s=0, exit_code=1)` is for ever.
        """
        how: Any = {"exit_code": exit_code, "reason": reason, "message": message}
        self.live(name, namespace=namespace, container=container, role="main", once=True, lasts_s=0, **how)

    def crash_loop(
        self,
        name: str,
        *,
        namespace: str = "default",
        container: str = "*",
        exit_code: int = 1,
        reason: str = "",
        lasts_s: float = 0,
    ) -> None:
        """The main containers end `lasts_s` after each start, and are started again with a growing back-off."""
        how: Any = {"exit_code": exit_code, "reason": reason}
        self.live(name, namespace=namespace, container=container, role="main", lasts_s=lasts_s, **how)

    def image_pull_error(
        self,
        name: str = "*",
        *,
        namespace: str = "default",
        container: str = "*",
        image: str = "*",
        message: str = "",
    ) -> None:
        """Images cannot be pulled, of containers that have not started yet."""
        self.live(name, namespace=namespace, container=container, image=image, pull_error=message or NOT_FOUND)

    def not_ready(self, name: str, *, namespace: str = "default", container: str = "*", output: str = "") -> None:
        """The main containers go on and their readiness probes fail."""
        how: Any = {"probe_output": output} if output else {}
        self.live(name, namespace=namespace, container=container, role="main", ready_after_s=None, **how)

    def keep_running(self, name: str, *, namespace: str = "default", container: str = "*") -> None:
        """The main containers do not end by themselves; so Jobs do not complete before `succeed`."""
        self.live(name, namespace=namespace, container=container, role="main")

    def recover(self, name: str = "*", *, namespace: str = "default") -> None:
        """Forget what was said of this name, or of a pattern that this one covers: those pods live as if nobody had said anything."""

        async def forget() -> None:
            await self._wake(
                self._cluster._lives.remove(
                    lambda rule: rule.namespace in ("*", namespace) and fnmatchcase(rule.name, name)
                )
            )

        self._cluster._run(forget)

    def set_log(
        self,
        name: str,
        text: str | Callable[[Object, str], str],
        *,
        namespace: str = "default",
        container: str = "*",
        image: str = "*",
        previous: bool = False,
        time: datetime | None = None,
    ) -> None:
        """What containers have written: a text, or a function of the pod and the name of the container. `previous`: before their last
        restart. `time`: when, for `--since` and `--timestamps`; by default as they were started."""
        self._write(
            Entry(
                text=text,
                namespace=namespace,
                name=name,
                container=container,
                image=image,
                previous=previous,
                time=time,
            )
        )

    def append_log(self, name: str, text: str, *, namespace: str = "default", container: str = "*") -> None:
        """They write this now; whoever follows sees it."""
        self._write(
            Entry(
                text=text,
                namespace=namespace,
                name=name,
                container=container,
                time=self._cluster.clock.now(),
                appended=True,
            )
        )

    def set_exec(
        self,
        name: str,
        answer: Answer,
        *,
        command: Sequence[str] | None = None,
        namespace: str = "default",
        container: str = "*",
    ) -> None:
        """What `kubectl exec` and its like get to see, through WebSockets: a text, a CommandResult (stdout, stderr, exit_code), or a
        function of the command's words, or of the words and the bytes of standard input. `command`: only of commands that begin with these
        words. What nobody has said is run as a program if the cluster has `allow_exec`, and refused otherwise.

        A client of the protocol v4, which cannot say that its input has ended, is answered after its first message.
        """
        said = CommandAnswer(answer=answer, command=command, namespace=namespace, name=name, container=container)

        async def put() -> None:
            self._cluster.plane.commands.put(said)

        self._cluster._run(put)

    def _write(self, entry: Entry) -> None:
        async def write() -> None:
            self._cluster.plane.logs.put(entry)

        self._cluster._run(write)

    async def _add(self, rule: Rule) -> None:
        if rule.once:
            present = [stored.value for stored in self._cluster.plane.store.list("pods")]
            meant = [pod["metadata"]["uid"] for pod in present if rule.concerns(pod) and not is_finished(pod["status"])]
            rule = replace(rule, uids=frozenset(meant))
        self._cluster._lives.add(rule)
        await self._wake([rule])

    async def _wake(self, rules: list[Rule]) -> None:
        loop = self._cluster._loop
        assert loop is not None
        for stored in self._cluster.plane.store.list("pods"):
            if any(rule.concerns(stored.value) for rule in rules):
                loop.wake((stored.namespace, stored.name), name=KUBELET)
        await self._cluster._settle()
