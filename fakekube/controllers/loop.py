"""How controllers are run: changes become keys, keys wait in a queue, one key at a time is reconciled, failures are repeated.

A controller is a record and a function. The function is told a key (namespace, name), looks at what is there now, and does what is missing;
it is not told what happened, so a change that was missed, doubled or late does no harm.

    CONTROLLER = Controller(
        name="job-controller",
        watches=(Watch("jobs.batch", key=own), Watch("pods", key=owner_of("Job"), owned_by=("Job",))),
        reconcile=reconcile,
    )

Nothing runs while nothing happens: a controller has a task only as long as its queue holds keys.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fakekube.api.event_recorder import EventRecorder
from fakekube.controllers.metrics_source import MetricsSource
from fakekube.controllers.ownership import Owners
from fakekube.controllers.pace import TURN_S, Pace
from fakekube.errors import StatusError
from fakekube.objects.fields import text_at
from fakekube.registry.user import User, service_account

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.registry.clock import Clock, Timer
    from fakekube.storage.store import Event, Store

Object = dict[str, Any]

Key = tuple[str, str]
"""(namespace, name) of what a controller is to look at; the namespace of cluster-scoped objects is ""."""

EVERYTHING = "*"

OWNER = "(owner)"
"""In the place of a path: the kind of the controller."""

ORPHANS = ""
"""In the place of a name: all that nobody owns in a namespace. Whose selector fits may adopt it."""

FIRST_RETRY_S = 0.005
LAST_RETRY_S = 1000.0
"""Failures of one key wait so long, doubling: as client-go's workqueue has it. The very first repetition does not wait."""

SOON_S = 1.0
"""A repetition within this time counts as work still to be done, when somebody waits for the loop to be idle."""

PATIENCE_S = 0.02
"""So long a patient controller lets others go first."""

LOOKS_AT_ONCE = 16
"""So many keys of which nothing comes, nobody having written anything meanwhile, are one step."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What controllers must know of the cluster they run in."""

    ca_pem: str = ""
    ca_key_pem: str = field(default="", repr=False)
    """The key by which certificates are signed."""
    service_cidr: str = "10.96.0.0/16"
    nodes: Collection[str] = ()
    """The names of the nodes that fakekube itself runs; there may be more later."""
    silent: Collection[str] = ()
    """Those of them of which nothing is heard; they may change."""
    metrics: MetricsSource = field(default_factory=MetricsSource, compare=False)


@dataclass(frozen=True, slots=True)
class Context:
    """What a controller works with; its client acts as the controller's own user."""

    client: Client
    recorder: EventRecorder
    clock: Clock
    settings: Settings
    owners: Owners
    """Who owns what, the same for all controllers: `context.owners("pods").of(owner)`."""
    wake: Callable[[Key], None]
    """Look at another key as well, once what waits now has been looked at."""
    turn: Callable[[], Awaitable[None]]
    """To be awaited between the parts of long work, one write or so each, so that others are answered meanwhile."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What the controller likes to remember of this cluster; only what it could find out again, since it begins empty."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Changes of `resource` (`jobs.batch`, as kubectl names it) that concern a controller.

    `key` names the keys to look at because of one object. It is asked about the object before and after each change, within the write, so
    it must be quick and must not change anything.
    """

    resource: str
    """EVERYTHING stands for all there is."""
    key: Callable[[Object], Iterable[Key]]
    types: tuple[str, ...] = ("ADDED", "MODIFIED", "DELETED")
    beside: str = ""
    """Only changes in namespaces that hold an object of this resource."""
    of: Callable[[Object], object] | None = None
    """Only changes of what this says of an object: of two that are equal the second is none."""
    where: tuple[str, str] = ("", "")
    """Only objects with this value at this path, `("spec.nodeName", "a")`. However many watch one path, a change asks those it concerns."""
    owned_by: tuple[str, ...] = ()
    """Only objects that are controlled by something of these kinds, "" standing for nothing. However many watch them, as with `where`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One controller. `name` is that of its service account in kube-system, and mostly of its events' source."""

    name: str
    watches: tuple[Watch, ...]
    reconcile: Callable[[Context, str, str], Awaitable[float | None]]
    """(context, namespace, name) -> seconds after which it wants to be called again although nothing changed, or None.

    The last answer counts. A StatusError is no mishap: the key is tried again.
    """
    user: User | None = None
    """As whom it acts; None: as its service account."""
    field_manager: str = "kube-controller-manager"
    host: str = ""
    """The host its events come from; only kubelets name one."""
    events_from: str = ""
    """The source of its events where that is not its name."""
    patient: bool = False
    """Whether it counts what others do. Then it lets them finish first, for a moment, so that many changes are one look."""

    @property
    def acts_as(self) -> User:
        return self.user or service_account("kube-system", self.name)


def own(object: Object) -> tuple[Key, ...]:
    """The object itself."""
    metadata = object["metadata"]
    return ((metadata.get("namespace", ""), metadata["name"]),)


def owner_of(kind: str) -> Callable[[Object], tuple[Key, ...]]:
    """The controller of an object, when it is of this kind."""

    def key(object: Object) -> tuple[Key, ...]:
        reference = controller_reference(object)
        if reference is None or reference["kind"] != kind:
            return ()
        return ((object["metadata"].get("namespace", ""), reference["name"]),)

    return key


def owner_or_orphans(kind: str) -> Callable[[Object], tuple[Key, ...]]:
    """The controller of an object, when it is of this kind; for one without a controller the ORPHANS of its namespace."""

    def key(object: Object) -> tuple[Key, ...]:
        reference = controller_reference(object)
        namespace = object["metadata"].get("namespace", "")
        if reference is None:
            return ((namespace, ORPHANS),)
        return ((namespace, reference["name"]),) if reference["kind"] == kind else ()

    return key


def controller_reference(object: Object) -> Object | None:
    """The owner reference that says `controller: true`."""
    for reference in object["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return reference  # type: ignore[no-any-return]
    return None


def controller_kind(object: Object) -> str:
    """Of what kind the controller of an object is; "" for one without."""
    reference = controller_reference(object)
    return "" if reference is None else reference["kind"]


class Loop:
    """Runs controllers on the event loop of the store."""

    def __init__(
        self,
        controllers: Iterable[Controller],
        *,
        store: Store,
        client_for: Callable[[Controller], Client],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._store = store
        self._owners = Owners(store)
        self._pace = Pace(lambda: clock.is_held)
        self._unsubscribe: list[Callable[[], None]] = []
        self._routers: dict[tuple[str, str], Router] = {}
        self._queues: list[Queue] = []
        for controller in controllers:
            self._queues.append(self._queue_of(controller, client_for(controller), clock, settings))
        self._impatient = [queue for queue in self._queues if not queue.controller.patient]

    def add(self, controller: Controller, client: Client) -> None:
        """Run one more, while the others run already."""
        queue = self._queue_of(controller, client, self._clock, self.settings)
        self._queues.append(queue)
        if not controller.patient:
            self._impatient.append(queue)
        for collection in self._store.collections():
            self._follow_for(queue, collection.name)

    def _queue_of(self, controller: Controller, client: Client, clock: Clock, settings: Settings) -> Queue:
        component = controller.events_from or controller.name
        recorder = EventRecorder(client, clock, component=component, host=controller.host)
        context = Context(
            client, recorder, clock, settings, self._owners, wake=lambda key: queue.add(key), turn=self._pace.turn
        )
        queue = Queue(controller, context, self._in_hurry, lambda: self._store.revision)
        return queue

    def _in_hurry(self) -> bool:
        """Whether there is work that others had better wait for."""
        for queue in self._impatient:  # noqa: SIM110 -- asked at every turn of the event loop while a controller waits
            if queue.at_work:
                return True
        return False

    def start(self) -> None:
        """Look at everything that is there, and from now on at every change."""
        for collection in self._store.collections():
            self._follow(collection.name)
        self._unsubscribe.append(self._store.on_declare(self._follow))

    def _follow(self, collection: str) -> None:
        for queue in self._queues:
            self._follow_for(queue, collection)

    def _follow_for(self, queue: Queue, collection: str) -> None:
        for watch in queue.controller.watches:
            if watch.resource in (collection, EVERYTHING):
                told = _told(queue, watch, self._store)
                path, value = watch.where
                if path:
                    self._router(collection, path).add(value, told)
                elif watch.owned_by:
                    for kind in watch.owned_by:
                        self._router(collection, OWNER).add(kind, told)
                else:
                    self._unsubscribe.append(self._store.subscribe(collection, told))
                if "ADDED" in watch.types:
                    self._look_at_all(queue, watch, collection)

    def _router(self, collection: str, path: str) -> Router:
        router = self._routers.get((collection, path))
        if router is None:
            router = self._routers[collection, path] = Router(
                controller_kind if path == OWNER else partial(text_at, path=path)
            )
            self._unsubscribe.append(self._store.subscribe(collection, router.tell))
        return router

    def _look_at_all(self, queue: Queue, watch: Watch, collection: str) -> None:
        for stored in self._store.list(collection):
            if not watch.beside or _has_any(self._store, watch.beside, stored.namespace):
                for key in watch.key(stored.value):
                    queue.add(key)

    async def stop(self) -> None:
        """End now: what waits is forgotten, what runs is cancelled."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self._routers.clear()
        await asyncio.gather(*(queue.stop() for queue in self._queues))
        self._owners.stop()

    @property
    def is_busy(self) -> bool:
        """Whether some controller has something to do that is due, or will be within SOON_S."""
        return any(queue.busy for queue in self._queues)

    async def idle(self) -> None:
        """Until no controller has anything to do: what waits for a time that is SOON_S away or more is not waited for."""
        while busy := [queue for queue in self._queues if queue.busy]:
            await busy[0].idle()

    def wake(self, key: Key, *, name: str) -> None:
        """Have all controllers of this name look at a key, as after a change that no watch tells of."""
        for queue in self._queues:
            if queue.controller.name == name:
                queue.add(key)

    def count_looks(self) -> None:
        """From now on remember what is looked at, for `busiest`."""
        for queue in self._queues:
            queue.looks = {}

    def busiest(self) -> list[tuple[int, str, Key]]:
        """(times, controller, key) of what was looked at since `count_looks`, the most often first; ends the counting."""
        counted = []
        for queue in self._queues:
            looks, queue.looks = queue.looks or {}, None
            counted += [(times, queue.controller.name, key) for key, times in looks.items()]
        return sorted(counted, key=lambda each: (-each[0], each[1:]))


def _has_any(store: Store, collection: str, namespace: str) -> bool:
    return namespace in store.collection(collection).objects


class Router:
    """Hands each change to those who watch for the value that the object has, or had, in one respect."""

    def __init__(self, value_of: Callable[[Object], str]) -> None:
        self._value_of = value_of
        self._told: dict[str, list[Callable[[Event], None]]] = {}

    def add(self, value: str, told: Callable[[Event], None]) -> None:
        self._told.setdefault(value, []).append(told)

    def tell(self, event: Event) -> None:
        # In this order, which must not depend on chance.
        values = [self._value_of(stored.value) for stored in (event.new, event.old) if stored is not None]
        for value in dict.fromkeys(values):
            for told in self._told.get(value, ()):
                told(event)


def _told(queue: Queue, watch: Watch, store: Store) -> Callable[[Event], None]:
    """The store's callback: runs within the write."""
    if watch.key is own and watch.of is None:

        def add(event: Event) -> None:
            queue.add((event.namespace, event.name))

        return add

    types, of = frozenset(watch.types), watch.of

    def add_keys(event: Event) -> None:
        if event.type not in types or (watch.beside and not _has_any(store, watch.beside, event.namespace)):
            return
        try:
            if of is not None and event.old and event.new and of(event.old.value) == of(event.new.value):
                return
            for stored in (event.old, event.new):
                if stored is not None:
                    for key in watch.key(stored.value):
                        queue.add(key)
        except Exception:
            # The write is done and answered; its client has no part in this.
            log.exception("%s: cannot tell whom %s/%s concerns", queue.controller.name, event.namespace, event.name)

    return add_keys


class Queue:
    """The keys of one controller that wait, each once, and the task that works on them while there are any."""

    def __init__(
        self, controller: Controller, context: Context, in_hurry: Callable[[], bool], revision: Callable[[], int]
    ) -> None:
        self.controller = controller
        self.context = context
        self._in_hurry = in_hurry
        self._revision = revision
        """Of the store."""
        self._turned_s = 0.0
        self._waiting: dict[Key, None] = {}
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, Timer] = {}
        self._soon: set[Key] = set()
        """Whose time comes within SOON_S, unless time is held."""
        self._retried: set[Key] = set()
        """Who has failed and is tried again within SOON_S of real time."""
        self.looks: dict[Key, int] | None = None
        """While somebody wants to know why it does not come to rest: how often it has looked at what."""
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.Event | None = None

    @property
    def at_work(self) -> bool:
        return self._task is not None

    @property
    def busy(self) -> bool:
        return self._task is not None or bool(self._retried) or (bool(self._soon) and not self.context.clock.is_held)

    def add(self, key: Key) -> None:
        self._waiting[key] = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name=self.controller.name)

    async def idle(self) -> None:
        if self.busy:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    async def stop(self) -> None:
        task, self._task = self._task, None
        self._waiting.clear()
        self._soon.clear()
        self._retried.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._tell_idle()

    async def _work(self) -> None:
        while self._waiting:
            if self.controller.patient:
                await self._let_others_finish()
            quiet = LOOKS_AT_ONCE
            for key in list(self._waiting):
                # Many keys must not hold up the requests that arrive meanwhile.
                if quiet >= LOOKS_AT_ONCE or self._is_long():
                    quiet = 0
                    await self.context.turn()
                    self._turned_s = time.monotonic()
                # It leaves the queue before it is looked at: a change that comes meanwhile puts it there again.
                del self._waiting[key]
                self._cancel(key)
                revision = self._revision()
                again_s = await self._reconcile(key)
                quiet = quiet + 1 if self._revision() == revision else LOOKS_AT_ONCE
                if again_s is not None:
                    self._add_after(key, again_s)
        self._task = None
        self._tell_idle()

    def _is_long(self) -> bool:
        """Whether its turn has lasted for long. While time is held that counts for nothing."""
        return not self.context.clock.is_held and time.monotonic() - self._turned_s > TURN_S

    async def _let_others_finish(self) -> None:
        # Nobody is in a hurry while time is held: then the order counts, which must not depend on how fast the machine is.
        until = time.monotonic() + (SOON_S if self.context.clock.is_held else PATIENCE_S)
        while self._in_hurry() and time.monotonic() < until:
            await asyncio.sleep(0)

    async def _reconcile(self, key: Key) -> float | None:
        """Seconds after which the key is due again; None for never, unless something changes."""
        if self.looks is not None:
            self.looks[key] = self.looks.get(key, 0) + 1
        try:
            again_s = await self.controller.reconcile(self.context, *key)
        except StatusError as error:
            log.debug("%s: %s/%s: %s", self.controller.name, *key, error.message)
        except Exception:
            log.exception("%s: %s/%s: trying again", self.controller.name, *key)
        else:
            self._failures.pop(key, None)
            return again_s
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._retry_after(key, 0.0 if failures == 1 else min(FIRST_RETRY_S * 2.0 ** (failures - 2), LAST_RETRY_S))
        return None

    def _retry_after(self, key: Key, delay_s: float) -> None:
        """The first repetitions are a matter of this machine and come even while time is held; later ones are not."""
        if not 0 < delay_s < SOON_S:
            self._add_after(key, delay_s)
            return
        self._retried.add(key)
        self._timers[key] = self.context.clock.real.call_later(delay_s, lambda: self._due(key))

    def _add_after(self, key: Key, delay_s: float) -> None:
        if delay_s <= 0:
            self._waiting[key] = None
            return
        if delay_s < SOON_S:
            self._soon.add(key)
        self._timers[key] = self.context.clock.call_later(delay_s, lambda: self._due(key))

    def _due(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
        self._soon.discard(key)
        self._retried.discard(key)

    def _cancel(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._soon.discard(key)
        self._retried.discard(key)

    def _tell_idle(self) -> None:
        if self._idle is not None and not self.busy:
            self._idle.set()
            self._idle = None
