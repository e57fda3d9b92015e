from __future__ import annotations

from fakekube.api.control_plane import ControlPlane
from fakekube.api.delete import delete
from fakekube.api.list_options import parse
from fakekube.api.patch import patch
from fakekube.api.watch import Notice, Watch
from fakekube.objects.patches import MERGE_PATCH
from tests.api.conftest import MakeCall, Put


def watch(plane: ControlPlane, call: MakeCall, **query: str) -> Watch:
    asked = call("configmaps", watch="1", **query)
    return Watch(plane, asked, parse(asked, watch=True))


async def told(watching: Watch) -> list[Notice]:
    return await watching.next() or []


def shown(notices: list[Notice]) -> list[tuple[str, str]]:
    return [(notice.type, notice.stored.name if notice.stored else "") for notice in notices]


async def test_without_a_version_a_watch_begins_with_everything_there_is(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("configmaps", "b")
    await put("configmaps", "a")
    watching = watch(plane, call, allowWatchBookmarks="true")
    notices = await told(watching)
    assert shown(notices) == [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", "")]
    assert notices[-1].initial_events_end


async def test_from_a_version_only_what_came_after_is_told(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    first = await put("configmaps", "a")
    await put("configmaps", "b")
    watching = watch(plane, call, resourceVersion=str(first.revision))
    assert shown(await told(watching)) == [("ADDED", "b")]
    await put("configmaps", "c")
    assert shown(await told(watching)) == [("ADDED", "c")]


async def test_selectors_move_objects_in_and_out(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    await put("configmaps", "a")
    watching = watch(plane, call, labelSelector="colour=red", resourceVersion=str(plane.store.revision))
    for colour, expected in (("red", "ADDED"), ("blue", "DELETED")):
        body = b'{"metadata":{"labels":{"colour":"%b"}}}' % colour.encode()
        stored = await patch(plane, call("configmaps", "a"), body, MERGE_PATCH)
        (notice,) = await told(watching)
        assert (notice.type, notice.revision) == (expected, stored.revision)
    assert notice.stored is not None
    assert notice.stored.value["metadata"]["labels"] == {"colour": "red"}
    assert notice.stored.value["metadata"]["resourceVersion"] == str(stored.revision)


async def test_a_deletion_shows_the_last_state_under_its_own_version(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("configmaps", "a", data={"x": "1"})
    watching = watch(plane, call, resourceVersion=str(plane.store.revision))
    await delete(plane, call("configmaps", "a"), b"")
    (notice,) = await told(watching)
    assert notice.type == "DELETED"
    assert notice.stored is not None
    assert notice.stored.value["data"] == {"x": "1"}
    assert notice.stored.value["metadata"]["resourceVersion"] == str(plane.store.revision)


async def test_watch_from_an_expired_revision_streams_one_error_event(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put("configmaps", "a")
    plane.store.forget_history()
    watching = watch(plane, call, resourceVersion="1")
    (notice,) = await told(watching)
    assert notice.error is not None
    assert (notice.error.status()["code"], notice.error.status()["reason"]) == (410, "Expired")
    assert await watching.next() is None


async def test_a_watch_ends_when_the_server_closes_it(plane: ControlPlane, call: MakeCall) -> None:
    watching = watch(plane, call, resourceVersion=str(plane.store.revision))
    plane.store.close_watchers()
    assert await watching.next() is None
