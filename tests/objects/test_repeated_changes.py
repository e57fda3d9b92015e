"""What is remembered of a change of owners is what is worked out anew."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects import managed_fields, repeated_changes
from fakekube.objects.managed_fields import Writer
from fakekube.objects.schemas import decode
from fakekube.objects.typed_fields import shape_of
from tests.objects.patch_examples import pods

Json = dict[str, Any]
POD = shape_of("core.v1.Pod")
MANAGERS = ("alice", "bob", "carol")


def writer(manager: str, now: str, subresource: str = "") -> Writer:
    return Writer(manager, "v1", subresource, POD, now, lambda obj, _: (obj, POD))


def pod(value: Any) -> Json:
    return decode("core.v1.Pod", value, kind="Pod", version="v1").object


def time(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}Z"


@given(st.lists(st.tuples(pods, st.sampled_from(MANAGERS), st.sampled_from(("", "status"))), min_size=2, max_size=5))
def test_a_history_of_writes_leads_to_the_same_list(history: list[tuple[Json, str, str]]) -> None:
    for start in (0, 30):  # the second time all is known already, at other times
        before = pod(history[0][0])
        listed = expected = managed_fields.created(writer(history[0][1], time(start)), before)
        for second, (value, manager, subresource) in enumerate(history[1:], start + 1):
            after = pod(value)
            if not listed:
                return
            writing = writer(manager, time(second), subresource)
            expected = managed_fields.encode(
                managed_fields.updated(writing, before, after, managed_fields.stored(expected))
            )
            listed = repeated_changes.updated(writing, before, after, listed)
            assert listed == expected
            assert [list(each) for each in listed] == [list(each) for each in expected]
            before = after


def test_a_change_that_is_known_takes_the_times_of_the_write_and_of_the_entries() -> None:
    old, new = pod({"spec": {"nodeName": "a"}}), pod({"spec": {"nodeName": "b"}})
    entries = managed_fields.created(writer("alice", time(1)), pod({"metadata": {"labels": {"a": "b"}}}))

    first = repeated_changes.updated(writer("bob", time(2)), old, new, entries)
    later = [{**each, "time": time(30)} for each in entries]
    second = repeated_changes.updated(writer("bob", time(40)), old, new, later)

    assert [each["time"] for each in first] == [time(1), time(2)]
    assert [each["time"] for each in second] == [time(30), time(40)]
    assert [each["fieldsV1"] for each in first] == [each["fieldsV1"] for each in second]


def test_an_entry_that_loses_a_field_keeps_its_time() -> None:
    old, new = pod({"metadata": {"labels": {"a": "1", "b": "1"}}}), pod({"metadata": {"labels": {"a": "2", "b": "1"}}})
    entries = managed_fields.created(writer("alice", time(1)), old)

    for second in (5, 6):
        after = repeated_changes.updated(writer("bob", time(second)), old, new, entries)

        assert [(each["manager"], each["time"]) for each in after] == [("alice", time(1)), ("bob", time(second))]


def test_the_address_of_a_pod_is_that_of_the_write() -> None:
    for start, address in enumerate(("10.244.0.2", "10.244.0.3", "fd00::7")):
        old, new = pod({"status": {"phase": "Pending"}}), pod({"status": {"podIPs": [{"ip": address}]}})
        entries = managed_fields.created(writer("kubelet", time(start), "status"), old)
        writing = writer("kubelet", time(start + 1), "status")

        reported = repeated_changes.updated(writing, old, new, entries)
        gone = repeated_changes.updated(writer("other", time(start + 2), "status"), new, old, reported)

        assert reported == managed_fields.encode(
            managed_fields.updated(writing, old, new, managed_fields.stored(entries))
        )
        assert set(reported[0]["fieldsV1"]["f:status"]["f:podIPs"]) == {".", f'k:{{"ip":"{address}"}}'}
        assert "f:podIPs" not in gone[0]["fieldsV1"]["f:status"]
