"""What differs from run to run in an answer of HTTP becomes a placeholder, so that two servers that behave alike give one text."""

from __future__ import annotations

import re
from typing import Any

UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
PEM = re.compile(r"-----BEGIN [A-Z ]+-----[\s\S]+?-----END [A-Z ]+-----\n?")
AGE = re.compile(r"(\d+[ydhms])+|<invalid>")
RV_IN_TEXT = re.compile(
    r"(resource version: |ResourceVersion in (?:precondition|object meta): |ResourceVersion in (?:record|the precondition) \()\d+"
)
RV_AFTER_RV = re.compile(r"(<rv>, current: |<rv> \()\d+")
IP = re.compile(r"\b10\.\d+\.\d+\.\d+\b")


class Normaliser:
    """Replaces what differs from run to run by ordinal placeholders, one memory per scenario."""

    def __init__(self, namespace: str, run_id: str, number_versions: bool = False) -> None:
        self.namespace, self.run_id, self.number_versions = namespace, run_id, number_versions
        self.seen: dict[str, dict[str, str]] = {}
        self.generated: dict[str, str] = {}

    def ordinal(self, kind: str, value: str) -> str:
        known = self.seen.setdefault(kind, {})
        return known.setdefault(value, f"<{kind}-{len(known) + 1}>")

    def version(self, value: str) -> str:
        known = self.seen.setdefault("rv", {})
        if value not in known and value.isdigit():
            older = any(int(other) > int(value) for other in known)
            known[value] = f"<rv-{len(known) + 1}{' older' if older else ''}>"
        return known.get(value, value)

    def text(self, value: str) -> str:
        for name, mark in self.generated.items():
            value = value.replace(name, mark)
        if self.namespace:
            value = value.replace(self.namespace, "$NS")
        value = value.replace(self.run_id, "$ID")
        value = re.sub(r"kube-api-access-[a-z0-9]{5}\b", "kube-api-access-<random>", value)
        value = JWT.sub("<jwt>", value)
        value = PEM.sub("<pem>", value)
        value = UID.sub(lambda m: self.ordinal("uid", m[0]), value)
        value = TIME.sub(lambda m: "<microtime>" if m[1] else "<time>", value)
        value = RV_IN_TEXT.sub(r"\1<rv>", value)
        value = RV_AFTER_RV.sub(r"\1<rv>", value)
        return IP.sub(lambda m: self.ordinal("ip", m[0]), value)

    def learn(self, value: Any) -> None:
        """Remember names the server generated, so that later mentions compare equal."""
        if isinstance(value, dict):
            meta = value.get("metadata")
            if isinstance(meta, dict):
                prefix, name = meta.get("generateName"), meta.get("name")
                if prefix and name and name.startswith(prefix) and name not in self.generated:
                    self.generated[name] = f"{prefix}<generated-{len(self.generated) + 1}>"
            for item in value.values():
                self.learn(item)
        elif isinstance(value, list):
            for item in value:
                self.learn(item)

    def value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            if self.number_versions and "name" in value and isinstance(value.get("resourceVersion"), str):
                value = value | {"resourceVersion": self.version(value["resourceVersion"])}
            return {self.text(k): self.value(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v, key) for v in value]
        if isinstance(value, str):
            if key == "resourceVersion" and value not in ("", "0"):
                return value if value.startswith("<rv-") else "<rv>"
            if key == "continue" and value:
                return "<continue>"
            if key == "cells" and AGE.fullmatch(value):
                return "<age>"
            if key in ("clusterIP", "podIP", "hostIP") and value not in ("None", ""):
                return self.ordinal("ip", value)
            return self.text(value)
        return value
