"""An object is refused in the same words, whichever form its body has."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from fakekube.objects import schemas
from fakekube.server import protobuf
from tests.kinds.conftest import KINDS
from tests.kinds.core.test_pod_rules import MAIN, SPECS
from tests.kinds.test_refusals import REFUSALS

from .conftest import Cluster

PODS = [("pods", {"spec": {"automountServiceAccountToken": False, "containers": [MAIN], **spec}}) for spec, _ in SPECS]
SENT = [(kind, sent) for kind, sent, _ in REFUSALS] + PODS


@pytest.mark.parametrize(("kind_name", "sent"), SENT)
def test_json_yaml_and_protobuf_are_answered_alike(cluster: Cluster, kind_name: str, sent: Any) -> None:
    kind = KINDS.named(kind_name)
    metadata = {"name": "x", **sent.get("metadata", {})}
    obj = {"kind": kind.kind, "apiVersion": kind.api_version, **sent, "metadata": metadata}
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    path = f"{root}/namespaces/default/{kind.resource}" if kind.namespaced else f"{root}/{kind.resource}"
    decoded = schemas.decode(kind.type_name, obj, kind=kind.kind, version=kind.api_version).object
    bodies = {
        "application/json": orjson.dumps(obj),
        # In the flow style, in which texts are quoted: a plain `n` would be no text in the YAML of Kubernetes.
        "application/yaml": orjson.dumps(obj, option=orjson.OPT_INDENT_2),
        "application/vnd.kubernetes.protobuf": protobuf.encode(kind.type_name, decoded),
    }

    answers = [
        cluster.http.post(path, params={"dryRun": "All"}, content=body, headers={"Content-Type": media_type})
        for media_type, body in bodies.items()
    ]

    assert len({answer.status_code for answer in answers}) == 1
    # protobuf does not tell a map or list that was sent empty from one that was not sent.
    told = {
        re.sub(r"(?<=Invalid value: )(\{\}|\[\])(?=:|,|$)", "null", answer.json().get("message", ""))
        for answer in answers
    }
    assert len(told) == 1
