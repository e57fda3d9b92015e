from __future__ import annotations

import base64

import pytest

from fakekube.api.control_plane import ControlPlane
from fakekube.api.delete import delete
from fakekube.api.list import Page, list_
from fakekube.errors import BadRequest, Expired, Invalid
from tests.api.conftest import MakeCall, Put


def names(page: Page) -> list[str]:
    return [stored.name for stored in page.items]


async def test_pages_show_the_state_of_the_first_one(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    for name in "abcd":
        await put("configmaps", name)
    first = await list_(plane, call("configmaps", limit="2"))
    await put("configmaps", "bb")
    await delete(plane, call("configmaps", "d"), b"")
    second = await list_(plane, call("configmaps", limit="2", **{"continue": first.continue_token}))
    assert (names(first), first.remaining) == (["a", "b"], 2)
    assert (names(second), second.continue_token, second.remaining) == (["c", "d"], "", None)
    assert second.revision == first.revision


async def test_with_a_selector_the_remaining_count_is_left_out_and_the_last_page_has_no_token(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    for name in "abcd":
        await put("configmaps", name, labels={"even": "yes"} if name in "bc" else {})
    first = await list_(plane, call("configmaps", limit="1", labelSelector="even"))
    second = await list_(
        plane, call("configmaps", limit="1", labelSelector="even", **{"continue": first.continue_token})
    )
    assert (names(first), first.remaining) == (["b"], None)
    assert (names(second), second.continue_token) == (["c"], "")


async def test_resource_version_zero_ignores_the_limit(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    for name in "abc":
        await put("configmaps", name)
    page = await list_(plane, call("configmaps", limit="1", resourceVersion="0"))
    assert names(page) == ["a", "b", "c"]


async def test_exact_lists_what_was_there_at_that_version(plane: ControlPlane, call: MakeCall, put: Put) -> None:
    first = await put("configmaps", "a")
    await put("configmaps", "b")
    query = {"resourceVersion": str(first.revision), "resourceVersionMatch": "Exact"}
    page = await list_(plane, call("configmaps", **query))
    assert (names(page), page.revision) == (["a"], first.revision)


async def test_a_compacted_version_is_410_and_a_compacted_token_brings_a_new_one(
    plane: ControlPlane, call: MakeCall, put: Put
) -> None:
    for name in "abc":
        await put("configmaps", name)
    first = await list_(plane, call("configmaps", limit="1"))
    await put("configmaps", "d")
    plane.store.forget_history()
    with pytest.raises(Expired, match="The provided continue parameter is too old") as caught:
        await list_(plane, call("configmaps", **{"continue": first.continue_token}))
    fresh = caught.value.status()["metadata"]["continue"]
    rest = await list_(plane, call("configmaps", **{"continue": fresh}))
    assert names(rest) == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": "abc"}, 'strconv.ParseInt: parsing "abc": invalid syntax'),
        ({"limit": "99999999999999999999"}, 'strconv.ParseInt: parsing "99999999999999999999": value out of range'),
        ({"timeoutSeconds": "", "limit": "x"}, 'strconv.ParseInt: parsing "": invalid syntax'),
        (
            {"resourceVersion": "abc"},
            'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
        ),
        ({"continue": "???"}, "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"),
        (
            {"fieldSelector": "spec.x=1"},
            '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
    ],
)
async def test_wrong_options_are_refused_in_the_servers_words(
    plane: ControlPlane, call: MakeCall, query: dict[str, str], message: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        await list_(plane, call("configmaps", **query))
    assert caught.value.message == message


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "json: cannot unmarshal array into Go value of type storage.continueToken"),
        ('{"v": 1}', "json: cannot unmarshal number into Go struct field continueToken.v of type string"),
        ('{"rv": 1.5}', "json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type int64"),
        ('{"v": "meta.k8s.io/v1", "rv": 5}', "encoded start key empty (version meta.k8s.io/v1)"),
        ('{"v": "meta.k8s.io/v1", "rv": 5, "start": "/../a"}', "/../a"),
        ('{"v": "meta.k8s.io/v1", "rv": 5, "start": "//a"}', "//a"),
    ],
)
async def test_what_is_wrong_with_a_token_is_told(plane: ControlPlane, call: MakeCall, text: str, problem: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await list_(plane, call("configmaps", **{"continue": token(text)}))

    assert caught.value.message == f"invalid continue token: continue key is not valid: {problem}"


@pytest.mark.parametrize(
    ("start", "rest"),
    [("/b", ["b", "c"]), ("b\\u0000", ["c"]), ("/a-", ["b", "c"]), ("/", ["a", "b", "c"])],
)
async def test_a_token_without_a_zero_byte_begins_with_what_it_names(
    plane: ControlPlane, call: MakeCall, put: Put, start: str, rest: list[str]
) -> None:
    for name in ("a", "b", "c"):
        await put("configmaps", name)

    page = await list_(
        plane, call("configmaps", **{"continue": token(f'{{"v":"meta.k8s.io/v1","rv":-7,"start":"{start}"}}')})
    )

    assert names(page) == rest


async def test_all_broken_rules_of_the_options_are_told_at_once(plane: ControlPlane, call: MakeCall) -> None:
    with pytest.raises(Invalid) as caught:
        await list_(plane, call("configmaps", resourceVersionMatch="Newest", sendInitialEvents="false"))
    assert [cause["field"] for cause in caught.value.status()["details"]["causes"]] == [
        "resourceVersionMatch",
        "resourceVersionMatch",
        "sendInitialEvents",
    ]
