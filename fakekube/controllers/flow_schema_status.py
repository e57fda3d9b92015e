"""Whether the priority level of a FlowSchema is there: the condition `Dangling`.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from __future__ import annotations

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.user import User

SCHEMAS, LEVELS = (
    f"{resource}.flowcontrol.apiserver.k8s.io" for resource in ("flowschemas", "prioritylevelconfigurations")
)

EVERY = ""
"""In the place of a name: all FlowSchemas. A level does not know whose it is."""


def every(_: Object) -> tuple[Key, ...]:
    return (("", EVERY),)


async def reconcile(context: Context, _: str, name: str) -> None:
    if name == EVERY:
        for each in context.client.list(SCHEMAS):
            context.wake(("", each["metadata"]["name"]))
        return
    schema = context.client.get(SCHEMAS, "", name)
    if schema is None:
        return
    level = schema["spec"]["priorityLevelConfiguration"]["name"]
    wanted = told(level, is_there=context.client.get(LEVELS, "", level) is not None)
    for condition in (schema.get("status") or {}).get("conditions") or ():
        if wanted.items() <= condition.items():
            return
    configuration = {
        "kind": schema["kind"],
        "apiVersion": schema["apiVersion"],
        "metadata": {"name": name},
        "status": {"conditions": [{**wanted, "lastTransitionTime": context.clock.timestamp()}]},
    }
    await context.client.apply(SCHEMAS, configuration, "status")


def told(level: str, *, is_there: bool) -> Object:
    """The condition, without its time."""
    status, reason, end = (
        ("False", "Found", "and it exists") if is_there else ("True", "NotFound", "but there is no such object")
    )
    message = f"This FlowSchema references the PriorityLevelConfiguration object named {go_quoted(level)} {end}"
    return {"type": "Dangling", "status": status, "reason": reason, "message": message}


CONTROLLER = Controller(
    name="priority-and-fairness-config-consumer",
    watches=(Watch(SCHEMAS, key=own), Watch(LEVELS, key=every, types=("ADDED", "DELETED"))),
    reconcile=reconcile,
    user=User("system:apiserver", ("system:masters", "system:authenticated")),
    field_manager="api-priority-and-fairness-config-consumer-v1",
)
