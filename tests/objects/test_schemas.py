"""Bodies of writes against what a real server said of them (tests/conformance), and what no recording shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
import yaml

from fakekube import facts
from fakekube.errors import BadRequest
from fakekube.objects import schemas
from fakekube.objects.schemas import decode_delete_options

CONFORMANCE = Path(__file__).parents[1] / "conformance"


class Expected(NamedTuple):
    group: str
    version: str
    kind: str
    type_name: str


CONFIG_MAP = Expected("", "v1", "ConfigMap", "core.v1.ConfigMap")
POD = Expected("", "v1", "Pod", "core.v1.Pod")
DEPLOYMENT = Expected("apps", "v1", "Deployment", "apps.v1.Deployment")
WIDGET = Expected("example.com", "v1", "Widget", "")

AREAS = (
    "validation/decode_json",
    "validation/decode_kind",
    "validation/decode_lenient",
    "validation/decode_types",
    "validation/decode_values",
    "validation/decode_yaml",
    "validation/field_validation",
    "validation/field_validation_limits",
)


def decode_body(
    body: bytes, expected: Expected, *, content_type: str = "json", field_validation: str = ""
) -> tuple[dict[str, Any], list[str]]:
    return schemas.decode_body(
        body, f"application/{content_type}", **expected._asdict(), field_validation=field_validation
    )


def recorded_writes() -> list[Any]:
    writes = []
    for area in AREAS:
        steps = yaml.safe_load((CONFORMANCE / "scenarios" / f"{area}.yaml").read_text())["steps"]
        answers = json.loads((CONFORMANCE / "golden" / f"{area}.json").read_text())
        for number, (step, answer) in enumerate(zip(steps, answers, strict=True)):
            if step["do"].startswith(("POST", "PUT")):
                writes.append(pytest.param(step, answer, id=f"{area}-{number}"))
    return writes


def expected_of(path: str) -> Expected:
    parts = [part for part in path.split("/") if part]
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    rest = parts[2 if parts[0] == "api" else 3 :]
    resource = rest[2] if rest[0] == "namespaces" and len(rest) > 2 else rest[0]
    row = next(row for row in facts.resources() if (row.group, row.version, row.resource) == (group, version, resource))
    return Expected(group, version, row.kind, row.type_name)


def as_recorded(text: str) -> str:
    """Times are placeholders in the recordings."""
    text = text.replace("2006-01-02T15:04:05.000000Z", "<microtime>").replace("2006-01-02T15:04:05Z", "<time>")
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)


def warnings_of(answer: dict[str, Any]) -> list[str]:
    header = answer["headers"].get("warning", "")
    texts = re.findall(r'299 - ("(?:[^"\\]|\\.)*")', header)
    return [re.sub(r"\\(.)", r"\1", text[1:-1]) for text in texts]


@pytest.mark.parametrize(("step", "answer"), recorded_writes())
def test_a_body_is_taken_or_refused_with_the_words_of_a_real_server(
    step: dict[str, Any], answer: dict[str, Any]
) -> None:
    url = urlsplit(step["do"].split()[1])
    body = step["raw"].encode() if "raw" in step else json.dumps(step["body"]).encode()
    validation = parse_qs(url.query).get("fieldValidation", [""])[0]

    try:
        _, warnings = decode_body(
            body,
            expected_of(url.path),
            content_type="yaml" if "yaml" in step.get("type", "") else "json",
            field_validation=validation,
        )
        message = ""
    except BadRequest as error:
        message, warnings = as_recorded(error.message), []

    assert message == (answer["body"]["message"] if answer["status"] == 400 else "")
    # All warnings together are limited in length where they are sent.
    assert warnings[: len(warnings_of(answer))] == [w for w in warnings_of(answer) if "deprecated" not in w] or (
        max(map(len, warnings)) > 256
    )


def refusal(body: bytes, expected: Expected = CONFIG_MAP, **options: Any) -> str:
    with pytest.raises(BadRequest) as refused:
        decode_body(body, expected, **options)
    return refused.value.message


def test_kind_and_version_come_first_and_fields_in_the_order_of_the_type() -> None:
    decoded, _ = decode_body(b'{"data": {"a": "b"}, "metadata": {"name": "c"}, "apiVersion": "v1"}', CONFIG_MAP)

    assert list(decoded) == ["kind", "apiVersion", "metadata", "data"]


def test_a_mistake_of_a_quantity_is_told_before_an_earlier_one_of_a_plain_value() -> None:
    body = b'{"metadata": {"name": 7}, "spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}}'

    assert "quantities must match" in refusal(body, POD)


def test_paths_of_mistakes_name_embedded_structs() -> None:
    body = orjson.dumps({"spec": {"containers": [{"livenessProbe": {"httpGet": {"port": {}}}}]}})

    assert refusal(body, POD) == (
        'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field '
        "HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32"
    )
    assert "Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource" in refusal(
        b'{"spec": {"volumes": [{"emptyDir": 1}]}}', POD
    )


def test_findings_stand_in_the_order_of_the_document() -> None:
    body = b'{"metadata": {"name": "a", "x": 1}, "data": {"k": "1"}, "y": 1, "data": {"k": "2"}, "immutable": true, "immutable": true}'

    _, warnings = decode_body(body, CONFIG_MAP)

    assert warnings == [
        'unknown field "metadata.x"',
        'unknown field "y"',
        'duplicate field "data"',
        'duplicate field "immutable"',
    ]


def test_repeated_keys_inside_unknown_fields_are_nobodys_concern() -> None:
    _, warnings = decode_body(b'{"x": {"a": 1, "a": 2}}', CONFIG_MAP)

    assert warnings == ['unknown field "x"']


def test_numbers_are_told_as_they_were_written() -> None:
    assert refusal(b'{"spec": {"replicas": 1.50}}', DEPLOYMENT).endswith(
        "cannot unmarshal number 1.50 into Go struct field DeploymentSpec.spec.replicas of type int32"
    )
    assert "number 99999999999999999999 into" in refusal(b'{"spec": {"replicas": 99999999999999999999}}', DEPLOYMENT)


def test_bare_numbers_are_quantities_with_the_text_they_were_written_with() -> None:
    body = b'{"spec": {"containers": [{"resources": {"limits": {"a": 1e3, "b": 0.5, "c": 2, "d": 1.50}}}]}}'

    decoded, warnings = decode_body(body, POD)

    limits = decoded["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"a": "1e3", "b": "500m", "c": "2", "d": "1500m"}
    assert warnings == []


@pytest.mark.parametrize("levels", [300, 2_000, 9_000])
def test_deep_unknown_fields_are_dropped_like_shallow_ones(levels: int) -> None:
    decoded, warnings = decode_body(b'{"x": ' + b"[" * levels + b"]" * levels + b"}", CONFIG_MAP)

    assert "x" not in decoded
    assert warnings == ['unknown field "x"']


def test_a_body_deeper_than_go_reads_is_refused() -> None:
    assert "json parse error: exceeded max depth (" in refusal(b'{"x":' * 10_001 + b"1" + b"}" * 10_001)


@pytest.mark.parametrize("content_type", ["json", "yaml"])
def test_raw_parts_that_are_too_deep_to_be_written_are_refused(content_type: str) -> None:
    revision = Expected("apps", "v1", "ControllerRevision", "apps.v1.ControllerRevision")

    message = refusal(b'{"data": ' + b"[" * 900 + b"]" * 900 + b"}", revision, content_type=content_type)

    assert message.endswith("exceeded max depth")


def test_schemas_that_are_nested_without_end_are_refused() -> None:
    crd = next(row for row in facts.resources() if row.kind == "CustomResourceDefinition")
    expected = Expected(crd.group, crd.version, crd.kind, crd.type_name)
    deep = (
        b'{"spec": {"versions": [{"schema": {"openAPIV3Schema": '
        + b'{"not": ' * 3_000
        + b"{}"
        + b"}" * 3_000
        + b"}}]}}"
    )

    assert refusal(deep, expected).endswith("exceeded max depth")
    assert refusal(deep.replace(b'{"spec"', b'{"metadata": {"name": 1}, "spec"'), expected).endswith(
        "exceeded max depth"
    )


def test_data_of_a_kind_the_path_is_not_for_is_looked_at_first() -> None:
    body = b'{"apiVersion": "v1", "kind": "Secret", "data": {"a": "?"}}'

    assert (
        refusal(body) == 'Secret in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 0'
    )


def test_a_version_without_a_name_is_missing() -> None:
    assert refusal(b'{"apiVersion": "v1/", "metadata": {}}') == (
        'ConfigMap in version "" cannot be handled as a ConfigMap: '
        'Object \'apiVersion\' is missing in \'{"apiVersion": "v1/", "metadata": {}}\''
    )


def test_kinds_of_other_schemes_are_not_registered() -> None:
    crd = next(row for row in facts.resources() if row.kind == "CustomResourceDefinition")
    expected = Expected(crd.group, crd.version, crd.kind, crd.type_name)

    assert refusal(b'{"apiVersion": "v1", "kind": "ConfigMap"}', expected) == (
        'ConfigMap in version "v1" cannot be handled as a CustomResourceDefinition: no kind "ConfigMap" is registered for version "v1" '
        'in scheme "k8s.io/apiextensions-apiserver/pkg/apiserver/apiserver.go:55"'
    )


def test_an_event_of_the_other_group_is_of_another_version() -> None:
    assert refusal(
        b'{"apiVersion": "events.k8s.io/v1", "kind": "Event"}', Expected("", "v1", "Event", "core.v1.Event")
    ) == ("the API version in the data (events.k8s.io/v1) does not match the expected API version (v1)")


def test_a_custom_resource_has_to_say_its_kind_and_keeps_its_fields() -> None:
    missing = refusal(b'{"metadata": {"name": "two"}, "spec": {"size": 1}}', WIDGET)
    body = b'{"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"n": null}, "metadata": {"name": "a", "color": 1}}'

    decoded, warnings = decode_body(body, WIDGET)

    assert missing == (
        "the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in "
        '\'{"metadata": {"name": "two"}, "spec": {"size": 1}}\' ({"metadata": {"name": "two"},  ...)'
    )
    assert decoded == {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"n": None}}
    assert warnings == ['unknown field "metadata.color"']


def test_metadata_of_a_custom_resource_is_decoded_by_itself() -> None:
    body = b'{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"labels": {"a": 1}}}'

    assert refusal(body, WIDGET) == (
        'Widget in version "v1" cannot be handled as a Widget: '
        "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
    )


def test_yaml_is_decoded_with_sorted_keys() -> None:
    _, warnings = decode_body(b"zeta: 1\nalpha: 1\n", CONFIG_MAP, content_type="yaml")

    assert warnings == ['unknown field "alpha"', 'unknown field "zeta"']


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "couldn't get version/kind; json parse error: unexpected end of JSON input"),
        (
            b"[]",
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type "
            r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }',
        ),
        (
            b'{"gracePeriodSeconds": "soon"}',
            "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
        ),
        (
            b'{"dryRun": "All"}',
            "json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string",
        ),
        (
            b'{"propagationPolicy": 1}',
            "json: cannot unmarshal number into Go struct field DeleteOptions.propagationPolicy of type v1.DeletionPropagation",
        ),
        (
            b'{"preconditions": {"uid": 1}}',
            "json: cannot unmarshal number into Go struct field Preconditions.preconditions.uid of type types.UID",
        ),
        (
            b'{"kind": "Secret", "apiVersion": "v1"}',
            'no kind "Secret" is registered for version "v1" in scheme '
            '"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
        ),
    ],
)
def test_delete_options_are_refused_without_a_sentence_around_it(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        decode_delete_options(body)

    assert refused.value.message == message


def test_delete_options_of_any_version_are_taken_and_unknown_fields_ignored() -> None:
    options = decode_delete_options(
        b'{"kind": "DeleteOptions", "apiVersion": "batch/v1", "gracePeriodSeconds": 0, "gracePeriod": 5}'
    )

    assert options == {"kind": "DeleteOptions", "apiVersion": "batch/v1", "gracePeriodSeconds": 0}


POD_BODY = b'{"metadata": {"name": "a"}, %s}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"kind": "Pod", "KIND": "x"}', 'x in version "v1" cannot be handled as a Pod: no kind "x" is registered'),
        (b'{"kind": "Pod", "apiVersion": "v1", "ApiVerSion": "v2"}', 'Pod in version "v2" cannot be handled as a Pod'),
        (b'{"KIND": 5}', "cannot unmarshal number into Go struct field .kind of type string"),
        (b'{"\xe2\x84\xaaind": "x"}', 'x in version "v1" cannot be handled'),
    ],
)
def test_of_which_kind_data_is_may_be_said_in_any_case_and_the_last_counts(body: bytes, message: str) -> None:
    assert message in refusal(body, POD)


def test_null_does_not_take_back_of_which_kind_data_is() -> None:
    obj, warnings = decode_body(b'{"kind": "Pod", "kind": null, "Kind": null}', POD)

    assert obj["kind"] == "Pod"
    assert warnings == ['duplicate field "kind"', 'unknown field "Kind"']


def test_names_that_cannot_be_printed_are_quoted_as_go_quotes() -> None:
    assert refusal(b'{"kind": "a\\u007f\xef\xbb\xbf"}', POD).endswith(
        r'no kind "a\x7f\ufeff" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
    )


@pytest.mark.parametrize("version", ["v1", "v9", "apps/v1"])
def test_kinds_without_a_version_are_registered_in_all(version: str) -> None:
    body = b'{"kind": "Status", "apiVersion": "%s"}' % version.encode()

    assert refusal(body, POD).endswith("converting (v1.Status) to (core.Pod): unknown conversion")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b'{"apiVersion": "extensions/v1beta1", "x": 1}',
            'Deployment in version "v1beta1" cannot be handled as a Deployment: strict decoding error: unknown field "x"',
        ),
        (
            b'{"apiVersion": "extensions/v1beta1", "metadata": {"name": 5}}',
            'Deployment in version "v1beta1" cannot be handled as a Deployment: '
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (
            b'{"apiVersion": "extensions/v1beta1"}',
            "the API version in the data (extensions/v1beta1) does not match the expected API version (apps/v1)",
        ),
    ],
)
def test_data_of_another_version_is_decoded_before_that_is_told(body: bytes, message: str) -> None:
    assert refusal(body, DEPLOYMENT, field_validation="Strict") == message


def test_a_review_of_an_old_version_is_one_of_another_version() -> None:
    expected = Expected("authentication.k8s.io", "v1", "TokenReview", "authentication.v1.TokenReview")

    assert refusal(b'{"apiVersion": "authentication.k8s.io/v1beta1", "kind": "TokenReview"}', expected) == (
        "the API version in the data (authentication.k8s.io/v1beta1) does not match the expected API version "
        "(authentication.k8s.io/v1)"
    )


def test_a_network_policy_of_the_old_group_is_one_of_another_version() -> None:
    expected = Expected("networking.k8s.io", "v1", "NetworkPolicy", "networking.v1.NetworkPolicy")

    assert refusal(b'{"apiVersion": "extensions/v1beta1"}', expected) == (
        "the API version in the data (extensions/v1beta1) does not match the expected API version (networking.k8s.io/v1)"
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (b'"spec": {"nodeName": "a"}, "spec": {"hostname": "b"}', {"nodeName": "a", "hostname": "b"}),
        (b'"spec": {"nodeName": "a", "nodeName": null}', {"nodeName": "a"}),
        (b'"spec": {"runtimeClassName": "a", "runtimeClassName": null}', {}),
        (b'"spec": {"nodeSelector": {"a": "1"}, "nodeSelector": {"b": "2"}}', {"nodeSelector": {"a": "1", "b": "2"}}),
        (b'"spec": {"nodeSelector": {"a": "1"}, "nodeSelector": null}', {}),
        (
            b'"spec": {"hostAliases": [{"ip": "1"}, {"ip": "2"}], "hostAliases": [{"hostnames": ["h"]}]}',
            {"hostAliases": [{"ip": "1", "hostnames": ["h"]}]},
        ),
        (b'"spec": {"hostAliases": [{"ip": "1"}], "hostAliases": []}', {}),
        (b'"spec": {"overhead": {"cpu": "1"}, "overhead": {"cpu": null}}', {"overhead": {"cpu": "0"}}),
    ],
)
def test_a_field_that_is_repeated_is_read_into_what_is_there(members: bytes, expected: dict[str, Any]) -> None:
    obj, _ = decode_body(POD_BODY % members, POD)

    assert obj["spec"] == {"containers": None, **expected}


def test_without_a_type_the_last_of_repeated_fields_counts_alone() -> None:
    body = (
        b'{"kind": "Widget", "apiVersion": "example.com/v1", "metadata": {"labels": {"a": "1"}, "labels": {"b": "2"}}}'
    )

    obj, _ = decode_body(body, WIDGET)

    assert obj["metadata"]["labels"] == {"b": "2"}


def test_bytes_may_be_a_list_of_numbers() -> None:
    obj, _ = decode_body(b'{"binaryData": {"a": [104, 105, null]}}', CONFIG_MAP)

    assert obj["binaryData"] == {"a": "aGkA"}
    assert refusal(b'{"binaryData": {"a": [256]}}').endswith(
        "cannot unmarshal number 256 into Go struct field ConfigMap.binaryData of type uint8"
    )


def test_the_least_integer_is_one() -> None:
    obj, _ = decode_body(b'{"metadata": {"generation": -9223372036854775808, "x": 1, "x": 2}}', CONFIG_MAP)

    assert obj["metadata"]["generation"] == -(2**63)


def test_a_list_of_user_data_tells_of_its_strings() -> None:
    expected = Expected("authentication.k8s.io", "v1", "TokenReview", "authentication.v1.TokenReview")

    assert refusal(b'{"status": {"user": {"extra": {"a": [1]}}}}', expected).endswith(
        "cannot unmarshal number into Go struct field UserInfo.status.user.extra of type string"
    )


DEFINITION = Expected(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
)
SCHEMA_BODY = b'{"spec": {"group": 5, "versions": [{"schema": {"openAPIV3Schema": %s}}]}}'
IN_SCHEMA = "Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (b'{"additionalProperties": 5}', "boolean or JSON schema expected"),
        (b'{"items": {"type": 5}}', f"json: cannot unmarshal number into {IN_SCHEMA}.items.type of type string"),
        (b'{"items": [5]}', f"json: cannot unmarshal number into {IN_SCHEMA}.items of type v1.JSONSchemaProps"),
        (
            b'{"dependencies": {"a": [5]}}',
            f"json: cannot unmarshal number into {IN_SCHEMA}.dependencies of type string",
        ),
        (
            b'{"additionalItems": {"x-kubernetes-validations": [{"rule": 5}]}}',
            f"json: cannot unmarshal number into {IN_SCHEMA}.additionalItems.x-kubernetes-validations.rule of type string",
        ),
    ],
)
def test_a_mistake_in_an_inner_schema_ends_reading_at_once(schema: bytes, message: str) -> None:
    assert refusal(SCHEMA_BODY % schema, DEFINITION).endswith(f"as a CustomResourceDefinition: {message}")


def test_of_unknown_fields_of_inner_schemas_nothing_is_told() -> None:
    body = SCHEMA_BODY.replace(b"5", b'"g"') % b'{"items": {"x": 1, "nullable": false}, "additionalProperties": false}'

    obj, warnings = decode_body(body, DEFINITION)

    schema = obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert (schema, warnings) == ({"items": {}, "additionalProperties": False}, [])


def test_a_number_that_is_none_is_refused() -> None:
    body = SCHEMA_BODY.replace(b"5", b'"g"') % b'{"maximum": 1e400}'

    assert refusal(body, DEFINITION).endswith(f"cannot unmarshal number 1e400 into {IN_SCHEMA}.maximum of type float64")
