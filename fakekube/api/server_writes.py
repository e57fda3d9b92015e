"""What the API server itself writes into objects that others own: the counts of quotas and of disruption budgets."""

from __future__ import annotations

from fakekube.api.call import Call, WriteOptions
from fakekube.api.control_plane import ControlPlane
from fakekube.api.field_ownership import own_created, untracked, writer_of
from fakekube.objects import repeated_changes
from fakekube.registry.kind import Kind, Object
from fakekube.registry.user import User

API_SERVER = User("system:apiserver", ("system:masters", "system:authenticated"))
FIELD_MANAGER = "kube-apiserver"


def own_new(plane: ControlPlane, kind: Kind, obj: Object) -> None:
    """Write into a fresh object of the API server's own, its metadata complete, that all of it is."""
    call = Call(API_SERVER, kind, "", obj["metadata"]["name"], user_agent=FIELD_MANAGER)
    own_created(plane, call, obj, WriteOptions(False, "", ""))


def own_status(plane: ControlPlane, kind: Kind, old: Object, new: Object) -> None:
    """Write into `new` that what its status says otherwise than that of `old` is the API server's; both are in the form of storage.

    The metadata of `new` are changed in place.
    """
    metadata = new["metadata"]
    present = old["metadata"].get("managedFields")
    if not present:
        return  # Nobody is tracked.
    call = Call(API_SERVER, kind, metadata.get("namespace", ""), metadata["name"], "status", user_agent=FIELD_MANAGER)
    writer = writer_of(plane, call, WriteOptions(False, "", ""))
    metadata["managedFields"] = repeated_changes.updated(writer, untracked(old), untracked(new), present)
