from __future__ import annotations

from fakekube.objects import go_structs


def test_struct_shows_every_field_in_go_order() -> None:
    port = {"port": 80, "protocol": "TCP"}

    assert list(go_structs.shown("core.ServicePort", port).items()) == [
        ("Name", ""),
        ("Protocol", "TCP"),
        ("AppProtocol", None),
        ("Port", 80),
        ("TargetPort", 0),
        ("NodePort", 0),
    ]


def test_template_shows_its_metadata_in_json_and_its_spec_in_go() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}], "hostNetwork": True}}

    shown = go_structs.shown("core.PodTemplateSpec", template)

    assert list(shown) == ["labels", "Spec"]
    assert shown["Spec"]["Containers"][0]["Resources"] == {"Limits": None, "Requests": None, "Claims": None}
    assert shown["Spec"]["SecurityContext"]["HostNetwork"] is True
    assert shown["Spec"]["Volumes"] is None


def test_embedded_struct_stands_in_its_place() -> None:
    assert list(go_structs.shown("core.Volume", {"name": "v", "emptyDir": {}}))[:3] == ["Name", "HostPath", "EmptyDir"]
