"""Random pods, and random patches of pods in each dialect, from few names, so that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

NAMES = ("a", "b", "c")
FINALIZERS = ("example.com/a", "example.com/b", "example.com/c")
_name = st.sampled_from(NAMES)
_text = st.sampled_from(("1", "2", "x"))
_amount = st.sampled_from(("1", "2"))
_labels = st.dictionaries(_name, _text, max_size=3)
_finalizers = st.lists(st.sampled_from(FINALIZERS), unique=True, max_size=3)


def _optional(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(required, optional=optional or {})


def _unique(items: st.SearchStrategy[Json], key: str, least: int = 0) -> st.SearchStrategy[list[Json]]:
    return st.lists(items, min_size=least, max_size=3, unique_by=lambda item: item[key])


_env = _optional({"name": _name}, {"value": _text})
_ports = _optional({"containerPort": st.sampled_from((80, 443))}, {"name": _text, "protocol": st.just("UDP")})
_container = _optional(
    {"name": _name, "image": _text},
    {
        "env": _unique(_env, "name"),
        "args": st.lists(_text, max_size=2),
        "ports": _unique(_ports, "containerPort"),
        "resources": _optional({}, {"limits": st.dictionaries(st.sampled_from(("cpu", "memory")), _amount)}),
    },
)
_tolerations = st.lists(_optional({"key": _name}, {"operator": st.just("Exists")}), max_size=2)
pods: st.SearchStrategy[Json] = _optional(
    {
        "apiVersion": st.just("v1"),
        "kind": st.just("Pod"),
        "metadata": _optional({"name": st.just("p")}, {"labels": _labels, "finalizers": _finalizers}),
        "spec": _optional(
            {"containers": _unique(_container, "name", least=1)},
            {
                "nodeSelector": _labels,
                "tolerations": _tolerations,
                "imagePullSecrets": _unique(_optional({"name": _name}, {}), "name"),
                "securityContext": _optional({}, {"runAsUser": st.integers(0, 2), "fsGroup": st.integers(0, 2)}),
            },
        ),
    }
)


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, values, st.none())


_directive = st.sampled_from(("replace", "delete"))


def _directed(object_: dict[str, Any]) -> st.SearchStrategy[Json]:
    """An object in which any field may be left out or null, now and then with a directive."""
    fields = {name: _or_null(values) for name, values in object_.items()}
    return _optional({}, fields | {"$patch": _directive}) | _optional({}, fields)


def _items(key: str, names: st.SearchStrategy[Any], fields: dict[str, Any]) -> st.SearchStrategy[list[Json]]:
    item = _optional({key: names}, {name: _or_null(values) for name, values in fields.items()})
    gone = _optional({key: names, "$patch": st.just("delete")}, {})
    anew = st.just({"$patch": "replace"})
    return st.lists(item | item | gone | anew, max_size=3, unique_by=lambda each: each.get(key, ""))


_patched_containers = _items(
    "name",
    _name,
    {
        "image": _text,
        "env": _items("name", _name, {"value": _text}),
        "args": st.lists(_text, max_size=2),
        "ports": _items("containerPort", st.sampled_from((80, 443)), {"name": _text}),
        "resources": _directed({"limits": _directed({"cpu": _text})}),
    },
)


@st.composite
def _with_order(draw: st.DrawFn, spec: Json) -> Json:
    """The same with the order that its containers shall have, as kubectl apply sends it."""
    containers = spec.get("containers")
    if containers is None or not draw(st.booleans()):
        return spec
    named = [item["name"] for item in containers if "name" in item and "$patch" not in item]
    others = draw(st.lists(st.sampled_from([name for name in (*NAMES, "z") if name not in named]), unique=True))
    return {"$setElementOrder/containers": [{"name": name} for name in (*named, *others)], **spec}


strategic_patches: st.SearchStrategy[Json] = _optional(
    {},
    {
        "metadata": _optional(
            {},
            {"labels": _or_null(_directed(dict.fromkeys(NAMES, _text))), "finalizers": _or_null(_finalizers)},
        )
        | _optional({}, {"$deleteFromPrimitiveList/finalizers": _finalizers}),
        "spec": _directed(
            {
                "containers": _patched_containers,
                "nodeSelector": _directed(dict.fromkeys(NAMES, _text)),
                "tolerations": _tolerations,
                "imagePullSecrets": _items("name", _name, {}),
                "securityContext": _directed({"runAsUser": st.integers(0, 2)}),
            }
        ).flatmap(_with_order),
    },
)

merge_patches: st.SearchStrategy[Json] = _optional(
    {},
    {
        "metadata": _optional({}, {"labels": _or_null(st.dictionaries(_name, _or_null(_text)))}),
        "spec": _optional(
            {},
            {
                "containers": _unique(_container, "name"),
                "nodeSelector": _or_null(st.dictionaries(_name, _or_null(_text))),
                "securityContext": _or_null(st.dictionaries(_name, _or_null(st.integers(0, 2)))),
            },
        ),
    },
)

_paths = st.sampled_from(
    (
        "/metadata/labels/a",
        "/metadata/labels",
        "/metadata/finalizers/0",
        "/metadata/finalizers/-",
        "/spec/containers/0/image",
        "/spec/containers/-1",
        "/spec/nodeSelector/b",
        "/spec/tolerations/1",
    )
)
json_patches: st.SearchStrategy[list[Json]] = st.lists(
    st.one_of(
        st.fixed_dictionaries({"op": st.sampled_from(("add", "replace", "test")), "path": _paths, "value": _text}),
        st.fixed_dictionaries({"op": st.just("remove"), "path": _paths}),
        st.fixed_dictionaries({"op": st.sampled_from(("move", "copy")), "from": _paths, "path": _paths}),
    ),
    max_size=3,
)
