"""What lies in each kind of volume, and why one cannot be had."""

from __future__ import annotations

import base64
import os
import socket
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fakekube.kubelet.volumes import Files, VolumeError, files_of, is_read_only, references, set_up
from fakekube.kubelet.volumes.atomic_writer import File
from tests.kubelet.sources import NOW, Held, pod_of


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def filled() -> Held:
    return Held(
        config_maps={
            ("shop", "settings"): {"data": {"a": "1", "b": "2"}, "binaryData": {"logo": encoded(b"\xff\x00")}}
        },
        secrets={("shop", "login"): {"data": {"user": encoded(b"me"), "key": encoded(b"\x00\x01")}}},
    )


def made(volume: dict[str, Any], source: Held | None = None, **spec: Any) -> Files:
    found = files_of({"name": "v", **volume}, pod_of(**spec), source or filled())
    assert found is not None
    return found


def contents(volume: dict[str, Any], **spec: Any) -> dict[str, tuple[bytes, int]]:
    return {path: (file.data, file.mode) for path, file in made(volume, **spec).files.items()}


def refusal(volume: dict[str, Any], source: Held | None = None, **spec: Any) -> str:
    with pytest.raises(VolumeError) as refused:
        made(volume, source, **spec)
    return str(refused.value)


def projected(*sources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"projected": {"sources": list(sources), **more}}


def test_a_config_map_is_a_file_for_each_key_of_text_and_of_bytes() -> None:
    assert contents({"configMap": {"name": "settings", "defaultMode": 0o640}}) == {
        "a": (b"1", 0o640),
        "b": (b"2", 0o640),
        "logo": (b"\xff\x00", 0o640),
    }


def test_items_choose_keys_paths_and_modes() -> None:
    items = [{"key": "b", "path": "deep/b", "mode": 0o400}, {"key": "logo", "path": "logo.png"}]

    assert contents({"configMap": {"name": "settings", "items": items}}) == {
        "deep/b": (b"2", 0o400),
        "logo.png": (b"\xff\x00", 0o644),
    }


def test_a_mode_of_zero_is_a_mode() -> None:
    volume = {"configMap": {"name": "settings", "defaultMode": 0, "items": [{"key": "a", "path": "a"}]}}

    assert contents(volume) == {"a": (b"1", 0)}


def test_a_secret_is_decoded() -> None:
    assert contents({"secret": {"secretName": "login", "defaultMode": 0o400}}) == {
        "user": (b"me", 0o400),
        "key": (b"\x00\x01", 0o400),
    }


def test_the_downward_api_writes_fields_and_resources() -> None:
    items = [
        {"path": "podName", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}},
        {"path": "labels", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}, "mode": 0o600},
        {"path": "annotations", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.annotations"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu", "divisor": "1m"}},
    ]

    assert contents({"downwardAPI": {"items": items, "defaultMode": 0o644}}) == {
        "podName": (b"p", 0o644),
        "labels": (b'app="web"', 0o600),
        "annotations": (b"", 0o644),
        "cpu": (b"8000", 0o644),
    }


API_ACCESS = projected(
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {
        "downwardAPI": {
            "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
        }
    },
    defaultMode=0o644,
)


def test_the_volume_of_the_service_account() -> None:
    source = Held(config_maps={("shop", "kube-root-ca.crt"): {"data": {"ca.crt": "PEM"}}})

    found = made(API_ACCESS, source)

    assert found.files == {
        "token": File(b"token-1", 0o644),
        "ca.crt": File(b"PEM", 0o644),
        "namespace": File(b"shop", 0o644),
    }
    assert source.asked == [
        {
            "namespace": "shop",
            "service_account": "default",
            "audience": "",
            "expiration_seconds": 3607,
            "pod_name": "p",
            "pod_uid": "u-1",
        }
    ]
    assert found.renew_at == NOW + timedelta(seconds=3607 - 721)


def test_of_several_tokens_the_first_to_be_replaced_counts() -> None:
    volume = projected(
        {"serviceAccountToken": {"expirationSeconds": 7200, "path": "long"}},
        {"serviceAccountToken": {"expirationSeconds": 600, "path": "short", "audience": "vault"}},
        {"serviceAccountToken": {"path": "plain"}},
    )
    source = Held()

    assert made(volume, source).renew_at == NOW + timedelta(seconds=480)
    assert [(each["audience"], each["expiration_seconds"]) for each in source.asked] == [
        ("", 7200),
        ("vault", 600),
        ("", 3600),
    ]


ROOT_EVERYWHERE = {"containers": [{"name": "c", "image": "i", "securityContext": {"runAsUser": 0}}]}
TWO_USERS = {
    "containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i", "securityContext": {"runAsUser": 7}}],
    "securityContext": {"runAsUser": 8},
}
ONE_OF_TWO = {
    "containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i", "securityContext": {"runAsUser": 7}}]
}


@pytest.mark.parametrize(
    ("spec", "mode", "uid"),
    [
        ({}, 0o644, None),
        ({"securityContext": {"runAsUser": 1000}}, 0o600, 1000),
        (ROOT_EVERYWHERE, 0o600, 0),
        (TWO_USERS, 0o644, None),
        (ONE_OF_TWO, 0o644, None),
        ({"securityContext": {"fsGroup": 2000}}, 0o600, None),
        ({"securityContext": {"runAsUser": 1000, "fsGroup": 2000}}, 0o600, 1000),
        (
            {
                "securityContext": {"runAsUser": 1000},
                "initContainers": [{"name": "i", "securityContext": {"runAsUser": 1}}],
            },
            0o644,
            None,
        ),
    ],
)
def test_a_token_is_private_where_one_user_or_group_owns_it(spec: dict[str, Any], mode: int, uid: int | None) -> None:
    token = made(projected({"serviceAccountToken": {"path": "token"}}), **spec).files["token"]

    assert (token.mode, token.uid) == (mode, uid)


def test_later_sources_of_a_projected_volume_override_earlier_ones() -> None:
    item = {"path": "a", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    volume = projected(
        {"configMap": {"name": "settings"}}, {"secret": {"name": "login"}}, {"downwardAPI": {"items": [item]}}
    )

    found = made(volume).files

    assert set(found) == {"a", "b", "logo", "user", "key"}
    assert found["a"].data == b"p"


MISSING_ITEM = [{"key": "K", "path": "k"}]


@pytest.mark.parametrize(
    "source",
    [
        {"configMap": {"name": "gone", "optional": True}},
        {"configMap": {"name": "gone", "optional": True, "items": MISSING_ITEM}},
        {"configMap": {"name": "settings", "optional": True, "items": MISSING_ITEM}},
        {"secret": {"secretName": "gone", "name": "gone", "optional": True}},
        {"secret": {"secretName": "login", "name": "login", "optional": True, "items": MISSING_ITEM}},
    ],
)
def test_what_is_optional_and_missing_is_no_file(source: dict[str, Any]) -> None:
    assert contents(source) == {}
    assert contents(projected(source)) == {}


ERRORS = [
    ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
    ({"configMap": {"name": "settings", "items": MISSING_ITEM}}, "configmap references non-existent config key: K"),
    ({"secret": {"secretName": "gone", "name": "gone"}}, 'secret "gone" not found'),
    (
        {"secret": {"secretName": "login", "name": "login", "items": MISSING_ITEM}},
        "references non-existent secret key: K",
    ),
    (
        {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "status.podIP"}}]}},
        "unsupported fieldPath: status.podIP",
    ),
    (
        {
            "downwardAPI": {
                "items": [{"path": "x", "resourceFieldRef": {"resource": "limits.cpu", "containerName": "z"}}]
            }
        },
        "container z not found",
    ),
]


@pytest.mark.parametrize(("source", "message"), ERRORS)
def test_why_a_volume_cannot_be_set_up(source: dict[str, Any], message: str) -> None:
    assert refusal(source) == message
    assert refusal(projected(source)) == message


def test_a_projected_volume_tells_all_that_is_wrong_each_once() -> None:
    gone, login = {"configMap": {"name": "gone"}}, {"secret": {"name": "gone"}}

    assert refusal(projected(gone, login, gone)) == '[configmap "gone" not found, secret "gone" not found]'


def test_a_token_that_cannot_be_had_is_told() -> None:
    source = Held(token_error='failed to fetch token: serviceaccounts "default" not found')

    told = refusal(projected({"serviceAccountToken": {"path": "token"}}), source)

    assert told == 'failed to fetch token: serviceaccounts "default" not found'


@pytest.mark.parametrize("type", ["clusterTrustBundle", "podCertificate"])
def test_sources_that_fakekube_has_not_are_said_to_be_so(type: str) -> None:
    assert refusal(projected({type: {}})).startswith(f"fakekube has no {type} for projected volumes")


class TestSetUp:
    """Volumes on this machine."""

    def volume(self, tmp_path: Path, volume: dict[str, Any], source: Held | None = None, **spec: Any) -> Any:
        return set_up({"name": "v", **volume}, pod_of(**spec), source or filled(), tmp_path / "of pod" / "v")

    def refusal(self, tmp_path: Path, volume: dict[str, Any], source: Held | None = None) -> str:
        with pytest.raises(VolumeError) as refused:
            self.volume(tmp_path, volume, source)
        return str(refused.value)

    def test_files_are_written_and_brought_up_to_date(self, tmp_path: Path) -> None:
        source, volume = filled(), {"configMap": {"name": "settings"}}

        first = self.volume(tmp_path, volume, source)
        again = self.volume(tmp_path, volume, source)
        source.config_maps["shop", "settings"] = {"data": {"a": "new"}}
        changed = self.volume(tmp_path, volume, source)

        assert [each.changed for each in (first, again, changed)] == [True, False, True]
        assert [each.name for each in sorted(first.path.iterdir()) if not each.name.startswith("..")] == ["a"]
        assert (first.path / "a").read_text() == "new"

    def test_an_error_leaves_what_was_there(self, tmp_path: Path) -> None:
        source, volume = filled(), {"configMap": {"name": "settings"}}
        ready = self.volume(tmp_path, volume, source)
        source.config_maps.clear()

        assert self.refusal(tmp_path, volume, source) == 'configmap "settings" not found'
        assert (ready.path / "a").read_text() == "1"

    def test_a_token_says_when_it_is_to_be_replaced(self, tmp_path: Path) -> None:
        volume = projected({"serviceAccountToken": {"path": "token", "expirationSeconds": 600}})

        ready = self.volume(tmp_path, volume)

        assert ready.renew_at == NOW + timedelta(seconds=480)
        assert (ready.path / "token").read_text() == "token-1"

    @pytest.mark.parametrize(
        ("volume", "mode"),
        [({"configMap": {"name": "settings"}}, 0o1777), ({"emptyDir": {}}, 0o777), ({}, 0o777), ({"nfs": {}}, 0o777)],
    )
    def test_the_root_has_the_mode_of_its_type(self, tmp_path: Path, volume: dict[str, Any], mode: int) -> None:
        before = os.umask(0o077)
        try:
            ready = self.volume(tmp_path, volume)
        finally:
            os.umask(before)

        assert stat.S_IMODE(ready.path.stat().st_mode) == mode

    def test_the_group_of_the_pod_owns_its_volumes(self, tmp_path: Path) -> None:
        group = os.getegid()
        context: dict[str, Any] = {"securityContext": {"fsGroup": group}}

        token = self.volume(tmp_path, projected({"serviceAccountToken": {"path": "token"}}), **context).path
        empty = set_up({"name": "w", "emptyDir": {}}, pod_of(**context), Held(), tmp_path / "w").path

        assert stat.S_IMODE((token / "token").stat().st_mode) == 0o640
        assert stat.S_IMODE(token.stat().st_mode) == 0o3777
        assert stat.S_IMODE(empty.stat().st_mode) == 0o2777
        assert {place.stat().st_gid for place in (token / "token", token, empty)} == {group}

    def test_an_empty_dir_keeps_what_lies_in_it(self, tmp_path: Path) -> None:
        (self.volume(tmp_path, {"emptyDir": {}}).path / "file").touch()

        assert (self.volume(tmp_path, {"emptyDir": {"medium": "Memory"}}).path / "file").exists()

    @pytest.mark.parametrize("type", ["nfs", "csi", "image", "iscsi", "gitRepo", "azureFile"])
    def test_an_empty_directory_stands_in_for_what_is_elsewhere(self, tmp_path: Path, type: str) -> None:
        ready = self.volume(tmp_path, {type: {"server": "x"}})

        assert (ready.stands_in, list(ready.path.iterdir())) == (type, [])

    def test_what_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        items = [{"key": "a", "path": "a"}, {"key": "b", "path": "a/b"}]

        told = self.refusal(tmp_path, {"configMap": {"name": "settings", "items": items}})

        assert "a" in told
        assert "Traceback" not in told


class TestGroup:
    """What fsGroup does to volumes that can be written."""

    CONTEXT: ClassVar[dict[str, Any]] = {"fsGroup": os.getegid()}

    @pytest.fixture
    def claimed(self, tmp_path: Path) -> Held:
        root = tmp_path / "shop" / "data"
        (root / "deep").mkdir(parents=True)
        (root / "deep" / "file").touch()
        for place, mode in ((root / "deep" / "file", 0o400), (root / "deep", 0o700), (root, 0o700)):
            place.chmod(mode)
        (root / "link").symlink_to("deep/file")
        bound = {"metadata": {"name": "data"}, "spec": {}, "status": {"phase": "Bound"}}
        return Held(claims={("shop", "data"): bound}, claims_directory=tmp_path)

    def modes(self, claimed: Held, **context: Any) -> list[int]:
        pod = pod_of(securityContext={**self.CONTEXT, **context})
        root = set_up(
            {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}, pod, claimed, Path("/nowhere")
        ).path
        return [stat.S_IMODE(place.stat().st_mode) for place in (root, root / "deep", root / "deep" / "file")]

    def test_everything_can_be_written_by_the_group(self, claimed: Held) -> None:
        assert self.modes(claimed) == [0o2770, 0o2770, 0o660]

    def test_a_root_that_is_right_can_save_the_work(self, claimed: Held) -> None:
        self.modes(claimed)
        (claimed.claims_directory / "shop" / "data" / "deep" / "file").chmod(0o400)

        assert self.modes(claimed, fsGroupChangePolicy="OnRootMismatch")[-1] == 0o400
        assert self.modes(claimed, fsGroupChangePolicy="Always")[-1] == 0o660

    def test_without_a_group_nothing_is_touched(self, claimed: Held) -> None:
        assert self.modes(claimed, fsGroup=None) == [0o700, 0o700, 0o400]


class TestHostPath:
    """What is on this machine already."""

    @pytest.fixture
    def host(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "directory").mkdir()
        (tmp_path / "file").touch()
        # A path of a socket has little room.
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
        return tmp_path

    def place(self, host: Path, name: str, type: str | None) -> Path:
        source = {"path": str(host / name)} | ({"type": type} if type is not None else {})
        return set_up({"name": "v", "hostPath": source}, pod_of(), Held(), host / "private").path

    @pytest.mark.parametrize(
        ("name", "type"),
        [
            ("directory", "Directory"),
            ("directory", "DirectoryOrCreate"),
            ("file", "File"),
            ("file", "FileOrCreate"),
            ("socket", "Socket"),
            ("file", ""),
            ("directory", None),
            ("not there", None),
        ],
    )
    def test_it_is_the_path_itself(self, host: Path, name: str, type: str | None) -> None:
        assert self.place(host, name, type) == host / name
        assert not (host / "private").exists()

    def test_devices_are_devices(self) -> None:
        volume = {"name": "v", "hostPath": {"path": "/dev/null", "type": "CharDevice"}}

        assert set_up(volume, pod_of(), Held(), Path("/nowhere")).path == Path("/dev/null")

    def test_what_is_to_be_created_is_created(self, host: Path) -> None:
        assert self.place(host, "new/deep", "DirectoryOrCreate").is_dir()
        assert self.place(host, "new/file", "FileOrCreate").read_bytes() == b""

    @pytest.mark.parametrize(
        ("name", "type", "what"),
        [
            ("file", "Directory", "a directory"),
            ("file", "DirectoryOrCreate", "a directory"),
            ("not there", "Directory", "a directory"),
            ("directory", "File", "a file"),
            ("directory", "FileOrCreate", "a file"),
            ("file", "Socket", "a socket file"),
            ("file", "CharDevice", "a character device"),
            ("file", "BlockDevice", "a block device"),
        ],
    )
    def test_what_is_of_another_type_is_refused(self, host: Path, name: str, type: str, what: str) -> None:
        with pytest.raises(VolumeError) as refused:
            self.place(host, name, type)

        assert str(refused.value) == f"hostPath type check failed: {host / name} is not {what}"

    def test_steps_back_are_refused(self) -> None:
        with pytest.raises(VolumeError) as refused:
            set_up({"name": "v", "hostPath": {"path": "/a/../b"}}, pod_of(), Held(), Path("/nowhere"))

        assert str(refused.value) == "invalid HostPath `/a/../b`: must not contain '..'"

    def test_what_cannot_be_created_is_told(self, host: Path) -> None:
        with pytest.raises(VolumeError, match="Not a directory"):
            self.place(host, "file/below", "DirectoryOrCreate")


class TestClaims:
    """Data that outlive the pod."""

    def claimed(self, tmp_path: Path, **claim: Any) -> Held:
        bound = {"metadata": {"name": "data"}, "spec": {}, "status": {"phase": "Bound"}, **claim}
        return Held(claims={("shop", "data"): bound, ("shop", "p-v"): bound}, claims_directory=tmp_path / "claims")

    @pytest.fixture(params=["persistentVolumeClaim", "ephemeral"])
    def volume(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return {"name": "v", request.param: {"claimName": "data"} if request.param != "ephemeral" else {}}

    def test_a_bound_claim_is_its_directory(self, tmp_path: Path) -> None:
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}

        ready = set_up(volume, pod_of(), self.claimed(tmp_path), tmp_path / "private")

        assert ready.path == tmp_path / "claims" / "shop" / "data"
        assert not (tmp_path / "private").exists()

    def test_an_ephemeral_volume_is_the_claim_that_the_pod_owns(self, tmp_path: Path) -> None:
        owned = {"name": "p-v", "ownerReferences": [{"kind": "Pod", "uid": "u-1"}]}

        ready = set_up({"name": "v", "ephemeral": {}}, pod_of(), self.claimed(tmp_path, metadata=owned), tmp_path)

        assert ready.path == tmp_path / "claims" / "shop" / "p-v"

    def test_a_claim_of_another_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(VolumeError) as refused:
            set_up({"name": "v", "ephemeral": {}}, pod_of(), self.claimed(tmp_path), tmp_path)

        assert str(refused.value) == "PVC shop/p-v was not created for pod shop/p (pod is not owner)"

    @pytest.mark.parametrize(
        ("claim", "message"),
        [
            (None, 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'),
            ({"status": {"phase": "Pending"}}, "PVC is not bound"),
            ({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}, "PVC is being deleted"),
            ({"spec": {"volumeMode": "Block"}}, "fakekube has no block devices: expected volumeMode Filesystem"),
        ],
    )
    def test_a_claim_that_is_not_ready(self, tmp_path: Path, claim: dict[str, Any] | None, message: str) -> None:
        source = self.claimed(tmp_path, **claim) if claim is not None else Held()
        volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}

        with pytest.raises(VolumeError) as refused:
            set_up(volume, pod_of(), source, tmp_path)

        assert str(refused.value) == f"error processing PVC shop/data: {message}"


@pytest.mark.parametrize(
    ("volume", "found"),
    [
        ({"configMap": {"name": "a"}}, {("configmaps", "a")}),
        ({"secret": {"secretName": "a"}}, {("secrets", "a")}),
        ({"downwardAPI": {}}, {("pods", "p")}),
        ({"persistentVolumeClaim": {"claimName": "a"}}, {("persistentvolumeclaims", "a")}),
        ({"ephemeral": {}}, {("persistentvolumeclaims", "p-v")}),
        ({"emptyDir": {}}, set()),
        ({"hostPath": {"path": "/"}}, set()),
        (API_ACCESS, {("configmaps", "kube-root-ca.crt"), ("pods", "p")}),
        (projected({"secret": {"name": "s"}}), {("secrets", "s")}),
    ],
)
def test_what_a_volume_shows_is_known(volume: dict[str, Any], found: set[tuple[str, str]]) -> None:
    assert references({"name": "v", **volume}, pod_of()) == found


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"configMap": {}}, True),
        ({"secret": {}}, True),
        ({"downwardAPI": {}}, True),
        ({"projected": {}}, True),
        ({"image": {}}, True),
        ({"emptyDir": {}}, False),
        ({}, False),
        ({"hostPath": {"path": "/"}}, False),
        ({"persistentVolumeClaim": {"claimName": "a"}}, False),
        ({"persistentVolumeClaim": {"claimName": "a", "readOnly": True}}, True),
        ({"nfs": {"readOnly": True}}, True),
    ],
)
def test_which_volumes_can_only_be_read(volume: dict[str, Any], expected: bool) -> None:
    assert is_read_only({"name": "v", **volume}) is expected
