"""What the metrics of a cluster say: whatever a test has set. Until something is set there is no metrics API at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fakekube.objects.quantities import parse
from fakekube.objects.selectors import LabelSelector

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What each of some pods uses."""

    namespace: str
    selector: LabelSelector
    name: str
    """Of the one pod that is meant; "" for all that the selector finds."""
    usage: Mapping[str, Decimal]
    container: str

    def concerns(self, pod: Object) -> bool:
        metadata = pod["metadata"]
        if metadata["namespace"] != self.namespace or self.name not in ("", metadata["name"]):
            return False
        return self.selector.matches(metadata.get("labels"))


@dataclass(slots=True)
class MetricsSource:
    """The metrics of pods, of other objects, and of the world outside. Lives on the event loop of the store."""

    _rules: list[_Rule] = field(default_factory=list)
    _others: dict[tuple[str, ...], Decimal] = field(default_factory=dict)
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_set(self) -> bool:
        return bool(self._rules)

    def set_pods(
        self,
        namespace: str,
        selector: LabelSelector,
        usage: Mapping[str, str],
        *,
        name: str = "",
        container: str = "",
    ) -> None:
        """What each pod uses (`{"cpu": "250m"}`, or a metric of any name), one of its containers if named; later words count."""
        amounts = {resource: parse(amount) for resource, amount in usage.items()}
        self._rules.append(_Rule(namespace, selector, name, amounts, container))
        self._tell()

    def set_object(self, namespace: str, kind: str, name: str, metric: str, value: str) -> None:
        self._others["object", namespace, kind, name, metric] = parse(value)
        self._tell()

    def set_external(self, namespace: str, metric: str, value: str) -> None:
        self._others["external", namespace, metric] = parse(value)
        self._tell()

    def of_pod(self, pod: Object, metric: str, container: str = "") -> Decimal | None:
        """What a pod, or one of its containers, uses; None when nobody has said so."""
        whole: Decimal | None = None
        parts: dict[str, Decimal] = {}
        for rule in self._rules:
            if metric in rule.usage and rule.concerns(pod):
                if rule.container:
                    parts[rule.container] = rule.usage[metric]
                else:
                    whole, parts = rule.usage[metric], {}
        if container:
            return parts.get(container, whole)
        return sum(parts.values(), Decimal(0)) if parts else whole

    def of_object(self, namespace: str, kind: str, name: str, metric: str) -> Decimal | None:
        return self._others.get(("object", namespace, kind, name, metric))

    def external(self, namespace: str, metric: str) -> Decimal | None:
        return self._others.get(("external", namespace, metric))

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
