"""kubectl patches offline with the libraries of the API server: `kubectl patch --local` must make of random objects what we make of them.

Pods are patched by patches that say everything a patch can say; objects of all kinds by patches made from their types.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakekube.errors import StatusError
from fakekube.objects import patches
from fakekube.registry.kind import Kind
from tests.objects import random_objects
from tests.objects.patch_examples import json_patches, merge_patches, pods, strategic_patches

KUBECTL = Path(sys.executable).with_name("kubectl")
FAILED = "failed"

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
of_all_kinds = settings(few, max_examples=25)
kinds = st.sampled_from(random_objects.PATCHED)

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl beside this Python: install the group facts")


def of_kubectl(folder: Path, pod: Any, dialect: str, patch: Any) -> Any:
    """The patched pod as kubectl prints it (it does not decode it), or FAILED."""
    file = folder / "pod.json"
    file.write_text(json.dumps(pod))
    options = ["--local", "-o", "json", "-f", str(file), "--type", dialect, "-p", json.dumps(patch)]
    command = [str(KUBECTL), "patch", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(folder)})
    return json.loads(done.stdout) if done.returncode == 0 else FAILED


def of_ours(pod: Any, function: patches.Patch, patch: Any) -> Any:
    document = json.loads(json.dumps(pod))
    try:
        return function(document, json.dumps(patch).encode(), True).document
    except StatusError:
        return FAILED


@few
@given(pods, strategic_patches)
def test_strategic_merge_patches_do_what_kubectl_does(tmp_path: Path, pod: Any, patch: Any) -> None:
    ours = of_ours(pod, patches.strategic_merge_of("core.v1.Pod"), patch)

    assert ours == of_kubectl(tmp_path, pod, "strategic", patch)


@few
@given(pods, merge_patches)
def test_merge_patches_do_what_kubectl_does(tmp_path: Path, pod: Any, patch: Any) -> None:
    ours = of_ours(pod, patches.PATCHES[patches.MERGE_PATCH], patch)

    assert ours == of_kubectl(tmp_path, pod, "merge", patch)


@few
@given(pods, json_patches)
def test_json_patches_do_what_kubectl_does(tmp_path: Path, pod: Any, patch: Any) -> None:
    ours = of_ours(pod, patches.PATCHES[patches.JSON_PATCH], patch)

    assert ours == of_kubectl(tmp_path, pod, "json", patch)


@st.composite
def patched_strategically(draw: st.DrawFn) -> tuple[Kind, Any, Any]:
    kind = draw(st.sampled_from(random_objects.MERGED))
    return kind, draw(random_objects.objects(kind)), draw(random_objects.strategic_patches(kind))


@of_all_kinds
@given(patched_strategically())
def test_strategic_merge_patches_of_any_kind_do_what_kubectl_does(tmp_path: Path, drawn: tuple[Kind, Any, Any]) -> None:
    kind, obj, patch = drawn

    ours = of_ours(obj, patches.strategic_merge_of(kind.type_name), patch)

    assert ours == of_kubectl(tmp_path, obj, "strategic", patch)


@st.composite
def two_of_a_kind(draw: st.DrawFn) -> tuple[Any, Any]:
    kind = draw(kinds)
    return draw(random_objects.objects(kind)), draw(random_objects.objects(kind))


@of_all_kinds
@given(two_of_a_kind())
def test_merge_patches_make_one_object_of_another_as_kubectl_does(tmp_path: Path, pair: tuple[Any, Any]) -> None:
    old, new = pair
    patch = random_objects.merge_patch(old, new)

    assert of_ours(old, patches.PATCHES[patches.MERGE_PATCH], patch) == new
    assert of_kubectl(tmp_path, old, "merge", patch) == new


@of_all_kinds
@given(two_of_a_kind())
def test_json_patches_make_one_object_of_another_as_kubectl_does(tmp_path: Path, pair: tuple[Any, Any]) -> None:
    old, new = pair
    patch = random_objects.json_patch(old, new)

    assert of_ours(old, patches.PATCHES[patches.JSON_PATCH], patch) == new
    assert of_kubectl(tmp_path, old, "json", patch) == new
