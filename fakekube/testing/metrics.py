"""What pods are said to use: nobody measures, so a test says it, and autoscalers look at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fakekube.objects.selectors import LabelSelector, label_selector_of, selector_of_labels
from fakekube.testing.requests import kind_named

if TYPE_CHECKING:
    from fakekube.controllers.loop import Loop
    from fakekube.controllers.metrics_source import MetricsSource
    from fakekube.server.run import RunningServer


class MetricsHandle:
    """The part of FakeCluster that says what is used, until the next reset."""

    plane: Any
    _loop: Loop | None
    server: RunningServer

    def set_metrics(
        self,
        target: str | Mapping[str, str],
        usage: Mapping[str, str] | None = None,
        *,
        namespace: str = "default",
        container: str = "",
        **more: str,
    ) -> None:
        """What each pod of `target` uses from now on: `kube.set_metrics("deployment/web", cpu="250m", memory="64Mi")`.

        `target` is `kind/name` of a pod or of something with a selector, which must be there, or a dict of labels. `usage` holds names that
        are no Python names, such as those of custom metrics of pods. Raises LookupError when the target is not there.
        """
        amounts = {**(usage or {}), **more}

        async def set_them() -> None:
            selector, name = self._measured(target, namespace)
            self._metrics.set_pods(namespace, selector, amounts, name=name, container=container)
            self._serve()

        self.server.call(set_them())

    def set_object_metric(self, target: str, metric: str, value: str, *, namespace: str = "default") -> None:
        """A metric that describes an object: `kube.set_object_metric("Ingress/shop", "requests-per-second", "2k")`."""
        kind, _, name = target.partition("/")

        async def set_it() -> None:
            found = kind_named(self.plane.kinds, kind)
            self._metrics.set_object(namespace, found.kind, name, metric, value)

        self.server.call(set_it())

    def set_external_metric(self, metric: str, value: str, *, namespace: str = "default") -> None:
        """A metric of something outside: `kube.set_external_metric("queue-length", "30")`."""

        async def set_it() -> None:
            self._metrics.set_external(namespace, metric, value)

        self.server.call(set_it())

    def _serve(self) -> None:
        """From now on there is a metrics API, for `kubectl top` and whoever else asks."""
        from fakekube.kinds import usage_metrics
        from fakekube.server.capabilities.usage_metrics import reader

        plane, source = self.plane, self._metrics
        for kind in usage_metrics.kinds():
            if plane.kinds.of_kind(kind.group, kind.version, kind.kind) is None:
                plane.kinds.add(kind)
            plane.capabilities[kind.resource] = reader(source)

    @property
    def _metrics(self) -> MetricsSource:
        assert self._loop is not None
        return self._loop.settings.metrics

    def _measured(self, target: str | Mapping[str, str], namespace: str) -> tuple[LabelSelector, str]:
        """The selector of the pods that are meant, and the name of the one pod if it is one."""
        if not isinstance(target, str):
            return selector_of_labels(target), ""
        word, _, name = target.partition("/")
        kind = kind_named(self.plane.kinds, word)
        stored = self.plane.store.get(kind.collection, namespace, name)
        if stored is None:
            raise LookupError(f'there is no {kind.resource} "{name}" in the namespace {namespace}')
        if kind.kind == "Pod":
            return selector_of_labels(None), name
        selector = stored.value.get("spec", {}).get("selector")
        if not selector:
            raise LookupError(f"{kind.kind} {name} has no selector: expected a pod, or something that has one")
        is_map = kind.kind in ("Service", "ReplicationController")
        return (selector_of_labels(selector) if is_map else label_selector_of(selector)), ""
