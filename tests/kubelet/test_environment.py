"""The variables of a container, and its command."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from fakekube.kubelet.environment import ContainerConfigError, command_line, environment, references
from tests.kubelet.sources import Held, pod_of

OF_API = {
    "KUBERNETES_SERVICE_HOST": "10.96.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    "KUBERNETES_PORT": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
    "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
    "KUBERNETES_PORT_443_TCP_PORT": "443",
    "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1",
}


def filled() -> Held:
    encoded = {"password": base64.b64encode(b"s3cret").decode(), "raw": base64.b64encode(b"\xff\x00x").decode()}
    return Held(
        config_maps={
            ("shop", "settings"): {
                "data": {"COLOR": "blue", "SIZE": "large", "not.a-name 1": "x"},
                "binaryData": {"logo": "aGk="},
            },
            ("shop", "more"): {"data": {"SIZE": "huge"}},
        },
        secrets={("shop", "login"): {"data": encoded}},
    )


def own(container: dict[str, Any], source: Held | None = None, **spec: Any) -> dict[str, str]:
    """The variables that the container itself asks for."""
    pod = pod_of(container, **spec)
    found = environment(pod, pod["spec"]["containers"][0], source or filled())
    return {name: value for name, value in found.items() if name not in OF_API and name != "HOSTNAME"}


def test_every_container_knows_its_hostname_first_and_the_api_server() -> None:
    pod = pod_of()

    found = environment(pod, pod["spec"]["containers"][0], filled())

    assert next(iter(found.items())) == ("HOSTNAME", "p")
    assert {name: value for name, value in found.items() if name != "HOSTNAME"} == OF_API


def test_all_keys_of_config_maps_and_secrets_become_variables_with_their_prefix() -> None:
    found = own(
        {"envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "DB_", "secretRef": {"name": "login"}}]}
    )

    assert found["COLOR"] == "blue"
    assert found["not.a-name 1"] == "x"
    assert found["DB_password"] == "s3cret"
    assert "logo" not in found


def test_bytes_that_are_no_text_reach_the_process_as_they_are() -> None:
    found = own({"envFrom": [{"secretRef": {"name": "login"}}]})

    assert found["raw"].encode(errors="surrogateescape") == b"\xff\x00x"


def test_later_sources_override_earlier_ones_and_variables_override_them_all() -> None:
    sources = [{"configMapRef": {"name": "settings"}}, {"configMapRef": {"name": "more"}}]

    assert own({"envFrom": sources})["SIZE"] == "huge"
    assert own({"envFrom": sources[::-1]})["SIZE"] == "large"
    assert own({"envFrom": sources, "env": [{"name": "SIZE", "value": "mine"}]})["SIZE"] == "mine"


def test_values_may_name_what_came_before_and_services() -> None:
    variables = [
        {"name": "EARLY", "value": "$(LATE) $(COLOR)"},
        {"name": "LATE", "value": "late"},
        {"name": "URL", "value": "https://$(KUBERNETES_SERVICE_HOST)/$(LATE)$$(LATE)"},
    ]

    found = own({"envFrom": [{"configMapRef": {"name": "settings"}}], "env": variables})

    assert found["EARLY"] == "$(LATE) blue"
    assert found["URL"] == "https://10.96.0.1/late$(LATE)"


def test_what_a_container_sets_itself_hides_hostname_and_services() -> None:
    pod = pod_of({"env": [{"name": "HOSTNAME", "value": "mine"}, {"name": "KUBERNETES_SERVICE_HOST", "value": "::1"}]})

    found = environment(pod, pod["spec"]["containers"][0], filled())

    assert found["HOSTNAME"] == "mine"
    assert found["KUBERNETES_SERVICE_HOST"] == "::1"
    assert found["KUBERNETES_PORT_443_TCP_ADDR"] == "10.96.0.1"


def source_of(**value_from: Any) -> dict[str, Any]:
    return {"env": [{"name": "V", "valueFrom": value_from}]}


@pytest.mark.parametrize(
    ("container", "value"),
    [
        ({"env": [{"name": "V"}]}, ""),
        ({"env": [{"name": "V", "value": ""}]}, ""),
        (source_of(fieldRef={"apiVersion": "v1", "fieldPath": "status.podIP"}), "10.244.0.5"),
        (source_of(fieldRef={"apiVersion": "v1", "fieldPath": "metadata.labels['app']"}), "web"),
        (source_of(resourceFieldRef={"resource": "limits.cpu", "divisor": "1m"}), "8000"),
        (source_of(configMapKeyRef={"name": "settings", "key": "COLOR"}), "blue"),
        (source_of(secretKeyRef={"name": "login", "key": "password"}), "s3cret"),
    ],
)
def test_a_value_from_each_source(container: dict[str, Any], value: str) -> None:
    assert own(container) == {"V": value}


@pytest.mark.parametrize(
    "container",
    [
        {"envFrom": [{"configMapRef": {"name": "gone", "optional": True}}]},
        {"envFrom": [{"secretRef": {"name": "gone", "optional": True}}]},
        source_of(configMapKeyRef={"name": "gone", "key": "K", "optional": True}),
        source_of(configMapKeyRef={"name": "settings", "key": "K", "optional": True}),
        source_of(secretKeyRef={"name": "gone", "key": "K", "optional": True}),
        source_of(secretKeyRef={"name": "login", "key": "K", "optional": True}),
    ],
)
def test_what_is_optional_and_missing_is_not_set_at_all(container: dict[str, Any]) -> None:
    assert own(container) == {}


def test_a_missing_optional_key_leaves_what_was_set_before() -> None:
    key = {"name": "more", "key": "COLOR", "optional": True}
    container = {
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "env": [{"name": "COLOR", "valueFrom": {"configMapKeyRef": key}}],
    }

    assert own(container)["COLOR"] == "blue"


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"envFrom": [{"configMapRef": {"name": "gone"}}]}, 'configmap "gone" not found'),
        ({"envFrom": [{"secretRef": {"name": "gone"}}]}, 'secret "gone" not found'),
        (source_of(configMapKeyRef={"name": "gone", "key": "K"}), 'configmap "gone" not found'),
        (source_of(secretKeyRef={"name": "gone", "key": "K"}), 'secret "gone" not found'),
        (
            source_of(configMapKeyRef={"name": "settings", "key": "K"}),
            "couldn't find key K in ConfigMap shop/settings",
        ),
        (
            source_of(configMapKeyRef={"name": "settings", "key": "logo"}),
            "couldn't find key logo in ConfigMap shop/settings",
        ),
        (source_of(secretKeyRef={"name": "login", "key": "K"}), "couldn't find key K in Secret shop/login"),
        (source_of(fieldRef={"fieldPath": "spec.x"}), "field label not supported: spec.x"),
        (
            source_of(resourceFieldRef={"resource": "limits.cpu", "containerName": "other"}),
            "container other not found",
        ),
        (
            source_of(fileKeyRef={"volumeName": "v", "path": "f", "key": "K"}),
            'cannot find the volume "v" referenced by FileKeyRef',
        ),
    ],
)
def test_why_a_container_cannot_be_configured(container: dict[str, Any], message: str) -> None:
    with pytest.raises(ContainerConfigError) as refused:
        own(container)

    assert str(refused.value) == message


def test_nothing_starts_before_services_are_known() -> None:
    with pytest.raises(ContainerConfigError) as refused:
        own({}, Held(all_services=None))

    assert str(refused.value) == "services have not yet been read at least once, cannot construct envvars"


def test_a_pod_that_the_api_server_has_not_completed_is_refused() -> None:
    with pytest.raises(ContainerConfigError, match=r"^nil pod\.spec\.enableServiceLinks encountered"):
        own({}, enableServiceLinks=None)


def test_resources_need_the_node() -> None:
    with pytest.raises(ContainerConfigError, match=r"^failed to find node object, expected a node$"):
        own(source_of(resourceFieldRef={"resource": "limits.cpu"}), Held(nodes={}))


class TestVariablesFromFiles:
    """fileKeyRef: what an init container has left in an emptyDir."""

    def read(self, directory: Path, **reference: Any) -> dict[str, str]:
        wanted = {"volumeName": "v", "path": "out/vars.env", "key": "COLOR", **reference}
        pod = pod_of(source_of(fileKeyRef=wanted), volumes=[{"name": "v", "emptyDir": {}}])
        found = environment(pod, pod["spec"]["containers"][0], filled(), lambda name: directory)
        return {name: value for name, value in found.items() if name == "V"}

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        (tmp_path / "volume" / "out").mkdir(parents=True)
        (tmp_path / "volume" / "out" / "vars.env").write_text("# made\nCOLOR='red $(X)'\n")
        (tmp_path / "secret.env").write_text("COLOR='outside'\n")
        return tmp_path / "volume"

    def test_a_value_is_taken_literally(self, directory: Path) -> None:
        assert self.read(directory) == {"V": "red $(X)"}

    def test_a_missing_key_is_an_error_unless_it_is_optional(self, directory: Path) -> None:
        path = directory.resolve() / "out" / "vars.env"

        with pytest.raises(ContainerConfigError) as refused:
            self.read(directory, key="K")

        assert str(refused.value) == f'environment variable key "K" not found in file "{path}"'
        assert self.read(directory, key="K", optional=True) == {}

    @pytest.mark.parametrize("path", ["gone.env", "../secret.env", "link.env"])
    def test_nothing_is_read_outside_of_the_volume(self, directory: Path, path: str) -> None:
        (directory / "link.env").symlink_to("../secret.env")

        with pytest.raises(ContainerConfigError, match=r"^couldn't parse env file$"):
            self.read(directory, path=path)

    def test_a_file_that_is_none_is_told(self, directory: Path) -> None:
        (directory / "out" / "vars.env").write_text("COLOR=red\n")

        with pytest.raises(ContainerConfigError, match=r"^couldn't parse env file$"):
            self.read(directory)


def test_command_and_arguments_are_expanded_with_everything() -> None:
    container = {"command": ["sh", "-c"], "args": ["echo $(A) $(KUBERNETES_SERVICE_HOST) $$(A) $(B)"]}

    words = command_line(container, {"A": "1", "KUBERNETES_SERVICE_HOST": "10.96.0.1"})

    assert words == ["sh", "-c", "echo 1 10.96.0.1 $(A) $(B)"]
    assert command_line({"name": "c"}, {}) == []


def test_what_the_variables_depend_on_is_known() -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
        "env": [
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            {"name": "D", "valueFrom": {"secretKeyRef": {"name": "d", "key": "k"}}},
            {"name": "E", "value": "e"},
        ],
    }

    assert references(container) == {("configmaps", "a"), ("secrets", "b"), ("configmaps", "c"), ("secrets", "d")}
