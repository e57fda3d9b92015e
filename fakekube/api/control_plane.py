"""The parts that every verb works with: the store, the kinds, admission, time and chance. One per cluster, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from fakekube.access.authentication import AUTHENTICATED
from fakekube.access.authorization import Asked, Authorizer, refusal
from fakekube.access.recording import Recorder
from fakekube.access.signing_keys import KeyRing, create_key
from fakekube.access.tokens import ServiceAccountTokens
from fakekube.admission import Chain
from fakekube.admission.attributes import Attributes
from fakekube.admission.policies import AdmissionPolicies
from fakekube.admission.webhook_configurations import Webhooks
from fakekube.api.body import completed_value
from fakekube.api.call import Call
from fakekube.api.command_answers import CommandAnswers
from fakekube.api.container_logs import ContainerLogs
from fakekube.api.container_processes import ContainerProcesses
from fakekube.kinds import Kinds
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.registry.create import complete_metadata
from fakekube.registry.kind import Object
from fakekube.registry.user import User, service_account
from fakekube.registry.webhook_calls import nobody
from fakekube.storage.store import Exists, Store

if TYPE_CHECKING:
    from fakekube.expressions.libraries.authorizer import Question

Capability = Callable[..., object]


@dataclass(slots=True)
class ControlPlane:
    """What is shared by all requests of one cluster."""

    store: Store
    kinds: Kinds
    clock: Clock
    chance: Chance
    allocators: Allocators
    admission: Chain
    capabilities: dict[str, Capability] = field(default_factory=dict)
    """What leaves the registry (log, exec, token, reviews), by `resource/subresource`; cluster.py supplies it."""
    keys: KeyRing = field(default_factory=lambda: KeyRing(lambda: [create_key()]))
    """By which tokens of service accounts are signed."""
    authorizer: Authorizer | None = None
    """Who is asked what a user may do; None: everybody may everything."""
    recorder: Recorder | None = None
    """Is told what was permitted."""
    logs: ContainerLogs = field(default_factory=ContainerLogs)
    """What the containers have written."""
    commands: CommandAnswers = field(default_factory=CommandAnswers)
    """What commands in containers answer."""
    processes: ContainerProcesses = field(init=False)
    """Which containers are played by processes of this machine."""
    service_account_tokens: ServiceAccountTokens = field(init=False)
    webhooks: Webhooks = field(init=False)
    """Whom to ask about writes. Its `call` is how webhooks are reached, those of conversions as well; cluster.py supplies it."""

    policies: AdmissionPolicies = field(init=False)

    def __post_init__(self) -> None:
        self.processes = ContainerProcesses(self.store, self.logs, self.clock)
        self.service_account_tokens = ServiceAccountTokens(self.keys, self.get, self.clock.now, self.chance.uid)
        self.webhooks = Webhooks(self.store, self.kinds, completed_value, self.chance.uid, nobody)
        self.policies = AdmissionPolicies(self.store, self.kinds, completed_value)

    def permits(self, call: Call, asked: Asked) -> bool:
        """A second check within a request: whether its user may do this as well. Callers in this process may everything."""
        if not call.is_authorized:
            return True
        permitted = self.authorizer is None or self.authorizer.allows(call.user, asked)
        if permitted and self.recorder is not None:
            self.recorder.note(call.user, asked, call.user_agent)
        return permitted

    def operation(
        self, user: User, *, dry_run: bool = False, call: Call | None = None, verb: str = ""
    ) -> WriteOperation:
        """`call` and `verb` are given where further rights of the user may be asked."""
        return WriteOperation(self, user, dry_run, call, verb)

    def attributes(
        self, call: Call, operation: str, obj: Object, *, dry_run: bool, options: Object | None = None
    ) -> Attributes:
        """What admission is told of a write of `obj`. `options` are given where they do not follow from the query."""
        metadata = obj.get("metadata") or {}
        return Attributes(
            operation,
            call.kind,
            call.namespace,
            call.name or metadata.get("name", ""),
            call.subresource,
            call.user,
            dry_run,
            self.get,
            self.list,
            call.warnings.append,
            metadata.get("generateName", ""),
            self.chance.suffix,
            lambda verb, group, resource, namespace, name: self.permits(
                call, Asked(verb, "", True, group, "v1", namespace, resource, "", name)
            ),
            self.replace,
            webhooks=self.webhooks,
            query=call.query,
            options=options,
            policies=self.policies,
            decide=partial(self._decide, call),
        )

    def _decide(self, call: Call, question: Question) -> tuple[bool, str]:
        """What expressions of admission are answered; it is asked on behalf of nobody, and so not recorded."""
        account = question.service_account
        if self.authorizer is None or (account is None and not call.is_authorized):
            return True, ""
        asked = Asked(
            question.verb,
            question.path,
            not question.path,
            question.group,
            "*",
            question.namespace,
            question.resource,
            question.subresource,
            question.name,
        )
        user = call.user
        if account is not None:
            # Such a user has not been authenticated, and is in no group of those who are.
            user = service_account(*account)
            user = User(user.name, tuple(group for group in user.groups if group != AUTHENTICATED))
        decision = self.authorizer.decide(user, asked)
        return decision.allowed, decision.reason

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        """The stored object, shared: not to be changed."""
        stored = self.store.get(f"{resource}.{group}" if group else resource, namespace, name)
        return None if stored is None else stored.value

    def list(self, group: str, resource: str, namespace: str) -> list[Object]:
        return [stored.value for stored in self.store.list(f"{resource}.{group}" if group else resource, namespace)]

    def replace(self, group: str, resource: str, namespace: str, name: str, obj: Object) -> None:
        """Store a whole new object, another in its status alone, in the place of one that is there."""
        from fakekube.api.server_writes import own_status

        collection = f"{resource}.{group}" if group else resource
        current = self.store.get(collection, namespace, name)
        if current is not None:
            obj = {**obj, "metadata": dict(obj["metadata"])}
            own_status(self, self.kinds.named(collection), current.value, obj)
            self.store.update(collection, current, obj)

    async def wait_for_revision(self, revision: int, timeout_s: float) -> bool:
        """Until the store has reached `revision`; False when it has not within `timeout_s`."""
        if self.store.revision >= revision:
            return True
        reached = asyncio.get_running_loop().create_future()

        def advanced() -> None:
            if self.store.revision >= revision and not reached.done():
                reached.set_result(None)

        stop = self.store.on_advance(advanced)
        try:
            async with asyncio.timeout(timeout_s):
                await reached
        except TimeoutError:
            return False
        finally:
            stop()
        return True


@dataclass(slots=True)
class WriteOperation:
    """`registry.kind.Operation` over a control plane."""

    plane: ControlPlane
    user: User
    dry_run: bool = False
    call: Call | None = None
    verb: str = ""

    def refusal(self, verb: str, group: str, resource: str, subresource: str, namespace: str, name: str) -> str:
        asked = Asked(verb, "", True, group, "v1", namespace, resource, subresource, name)
        if self.call is None or self.plane.permits(self.call, asked):
            return ""
        return refusal(self.user, asked).message

    @property
    def allocators(self) -> Allocators:
        return self.plane.allocators

    def now(self) -> str:
        return self.plane.clock.timestamp()

    def new_uid(self) -> str:
        return self.plane.chance.uid()

    def random_suffix(self, length: int = 5) -> str:
        return self.plane.chance.suffix(length)

    def put_beside(self, kind_name: str, obj: Object) -> None:
        from fakekube.api.server_writes import own_new

        kind = self.plane.kinds.named(kind_name)
        made = {"kind": kind.kind, "apiVersion": kind.api_version, **obj}
        complete_metadata(made, self)
        own_new(self.plane, kind, made)
        with contextlib.suppress(Exists):
            self.plane.store.create(kind.collection, "", made["metadata"]["name"], made)

    def drop_beside(self, kind_name: str, name: str) -> None:
        kind = self.plane.kinds.named(kind_name)
        if (present := self.plane.store.get(kind.collection, "", name)) is not None:
            self.plane.store.delete(kind.collection, present)

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        return self.plane.get(group, resource, namespace, name)
