"""Which tag an image's name has."""

from __future__ import annotations

import pytest

from fakekube.objects.images import tag_of

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:1.27", "1.27"),
        ("nginx:latest", "latest"),
        ("registry.example.com:5000/team/app", "latest"),
        ("registry.example.com:5000/team/app:v1", "v1"),
        ("localhost/app", "latest"),
        (f"nginx@{DIGEST}", ""),
        (f"nginx:latest@{DIGEST}", "latest"),
        ("nginx@sha256:" + "0" * 40, ""),
        ("", ""),
        ("Nginx", ""),
        ("a b", ""),
        ("host/app:", ""),
        ("a/" * 200 + "b", ""),
        ("0" * 64, ""),
    ],
)
def test_tags(image: str, tag: str) -> None:
    assert tag_of(image) == tag
