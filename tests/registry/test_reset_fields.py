from __future__ import annotations

import pytest

from fakekube.kinds import Kinds
from fakekube.objects.field_sets import text
from fakekube.registry.reset_fields import _OTHERS, reset_fields

KINDS = Kinds.builtin()


@pytest.mark.parametrize(
    ("resource", "subresource", "paths"),
    [
        ("jobs.batch", "", [".status"]),
        ("jobs.batch", "status", [".spec"]),
        ("configmaps", "", []),
        ("deployments.apps", "status", [".spec", ".metadata.labels"]),
        ("certificatesigningrequests.certificates.k8s.io", "", [".spec", ".status"]),
        ("certificatesigningrequests.certificates.k8s.io", "approval", [".spec", ".status.certificate"]),
        ("namespaces", "finalize", [".status"]),
        ("pods", "resize", []),
        ("volumeattachments.storage.k8s.io", "status", [".spec", ".metadata"]),
    ],
)
def test_a_door_resets_what_it_does_not_let_through(resource: str, subresource: str, paths: list[str]) -> None:
    assert [text(path) for path in reset_fields(KINDS.named(resource), subresource)] == paths


def test_exceptions_are_made_for_kinds_with_a_status() -> None:
    served = {f"{kind.resource}.{kind.group}" if kind.group else kind.resource: kind for kind in KINDS}

    assert all("status" in served[name].subresource_named for name in _OTHERS if name in served)
