"""kubeconfig files: written for clients of this server, and read by our own commands.

https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import json
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fakekube.options import CERTS_DIRECTORY, KUBECONFIG
from fakekube.server.certificates import ADMINISTRATOR, KeyPair, client_context

CLUSTER = "fakekube"


class KubeconfigError(Exception):
    """A kubeconfig cannot be used. The message names the file, what is wrong, and what was expected."""


def kubeconfig(
    url: str,
    ca_certificate: str,
    credential: KeyPair | str,
    *,
    user: str = ADMINISTRATOR,
    namespace: str | None = None,
) -> dict[str, Any]:
    """A `Config` for one user of one cluster, with everything inline, so that the file can be copied anywhere.

    `credential` is a client certificate with its key, or a bearer token.
    """
    name = f"{user}@{CLUSTER}"
    context = {"cluster": CLUSTER, "user": user}
    if namespace is not None:
        context["namespace"] = namespace
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CLUSTER, "cluster": {"certificate-authority-data": _base64(ca_certificate), "server": url}}
        ],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
        "users": [{"name": user, "user": _user(credential)}],
    }


def _user(credential: KeyPair | str) -> dict[str, str]:
    if isinstance(credential, str):
        return {"token": credential}
    return {
        "client-certificate-data": _base64(credential.certificate),
        "client-key-data": _base64(credential.key),
    }


def to_yaml(config: Mapping[str, Any]) -> str:
    """Block style as kubectl writes it. Only what `kubeconfig` makes: mappings, lists of mappings, strings."""
    return "".join(f"{line}\n" for line in _mapping_lines(config))


def _mapping_lines(mapping: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += [f"{key}:", *(f"  {line}" for line in _mapping_lines(value))]
        elif isinstance(value, str):
            lines.append(f"{key}: {_scalar(value)}")
        else:
            lines.append(f"{key}:")
            for item in value:
                first, *rest = _mapping_lines(item)
                lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def from_yaml(text: bytes) -> dict[str, Any] | None:
    """What `to_yaml` has written, without a parser of YAML, which would take longer to import than most commands run; None: it is
    something else."""
    try:
        lines = text.decode("ascii").splitlines()
        config, left = _read_mapping(lines, 0)
    except (ValueError, RecursionError):
        return None
    return None if left else config


def _read_mapping(lines: list[str], indent: int) -> tuple[dict[str, Any], list[str]]:
    """The mapping whose lines begin behind so many blanks, and the lines after it. Raises ValueError for what `to_yaml` never writes."""
    mapping: dict[str, Any] = {}
    start = " " * indent
    while lines and lines[0].startswith(start) and lines[0][indent : indent + 1] not in (" ", "-", ""):
        match = _LINE.match(lines[0][indent:])
        if match is None or match["key"] in mapping:
            raise ValueError(lines[0])
        key, value, lines = match["key"], match["value"], lines[1:]
        if value:
            mapping[key] = json.loads(value) if value.startswith('"') else value
        elif lines and lines[0].startswith(f"{start}- "):
            mapping[key] = []
            while lines and lines[0].startswith(f"{start}- "):
                item, lines = _read_mapping([f"{start}  {lines[0][indent + 2 :]}", *lines[1:]], indent + 2)
                mapping[key].append(item)
        else:
            mapping[key], lines = _read_mapping(lines, indent + 2)
    if not mapping:
        raise ValueError(lines[0] if lines else "")
    return mapping, lines


# Not plain: whatever YAML could read as a number, a boolean, null, or as more than one word.
_PLAIN = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n)\Z)[A-Za-z][A-Za-z0-9+/=._@-]*\Z|https?://[^\s#]+\Z", re.IGNORECASE
)


_LINE = re.compile(
    r"(?P<key>[A-Za-z][A-Za-z-]*):(?: (?P<value>" + _PLAIN.pattern + r'|"(?:[^"\\]|\\.)*"\Z))?\Z', re.IGNORECASE
)
"""A line of a mapping as `to_yaml` writes it."""


def _scalar(value: str) -> str:
    return value if _PLAIN.match(value) else json.dumps(value)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class NoServerNamed(KubeconfigError):
    """Nothing says which server is meant."""


@dataclass(frozen=True, repr=False)
class Endpoint:
    """A server and what to say to it: the part of a kubeconfig that a client needs.

    `ca_certificate` is PEM, None for the system's authorities. `token` goes into the Authorization header.
    """

    url: str
    ca_certificate: str | None = None
    client: KeyPair | None = None
    token: str | None = None
    namespace: str = "default"
    verify: bool = True
    file: Path | None = field(default=None, compare=False)
    """The kubeconfig that says so; None: nothing was read."""

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def prefix(self) -> str:
        """What stands before `/api` in every path, without a slash at its end."""
        return urlsplit(self.url).path.rstrip("/")

    def context(self) -> ssl.SSLContext | None:
        """None for plain HTTP. Raises KubeconfigError when certificate and key do not belong together."""
        if not self.url.startswith("https://"):
            return None
        try:
            context = client_context(self.ca_certificate, self.client)
        except (ssl.SSLError, ValueError) as error:
            raise KubeconfigError(f"the certificates for {self.url} cannot be used: {error}") from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def read(path: str | os.PathLike[str]) -> Endpoint:
    """The current context of a kubeconfig file. Raises KubeconfigError."""
    file = Path(path)
    config = _parse(file)
    context_name = config.get("current-context")
    if not context_name:
        raise KubeconfigError(f"{file} names no current-context: expected the name of one of its contexts")
    context = _named(file, config, "contexts", "context", context_name)
    cluster = _named(file, config, "clusters", "cluster", context.get("cluster", ""))
    user = _named(file, config, "users", "user", context["user"]) if context.get("user") else {}
    for unsupported in ("exec", "auth-provider"):
        if unsupported in user:
            raise KubeconfigError(f"{file}: user {context['user']!r} uses {unsupported}, which fakekube's commands do not "
                                  "run: expected a client certificate or a token")  # fmt: skip
    url = cluster.get("server", "")
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise KubeconfigError(f"{file}: server {url!r} is not a URL: expected one as https://127.0.0.1:6443")
    certificate = _data(file, user, "client-certificate")
    key = _data(file, user, "client-key")
    token = user.get("token")
    if token is None and "tokenFile" in user:
        token = _text(file, user["tokenFile"]).strip()
    return Endpoint(
        url=url.rstrip("/"),
        ca_certificate=_data(file, cluster, "certificate-authority"),
        client=KeyPair(certificate, key) if certificate and key else None,
        token=token,
        namespace=context.get("namespace") or "default",
        verify=not cluster.get("insecure-skip-tls-verify", False),
        file=file,
    )


def chosen(kubeconfig: Path | None, certs_dir: Path | None) -> Endpoint:
    """The server of --kubeconfig, --certs-dir, $KUBECONFIG or ./certs, whichever is said first. ~/.kube/config never is.

    Raises KubeconfigError, NoServerNamed.
    """
    if kubeconfig is not None:
        return read(kubeconfig)
    if certs_dir is not None:
        return read(certs_dir / KUBECONFIG)
    named = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    if named:
        return read(next((name for name in named if os.path.exists(name)), named[0]))
    default = Path(CERTS_DIRECTORY, KUBECONFIG)
    if not default.exists():
        raise NoServerNamed(f"which server? KUBECONFIG is not set and {default} does not exist. "
                            "Start `fakekube serve` here, or give --certs-dir or --kubeconfig")  # fmt: skip
    return read(default)


def server_of(path: str | os.PathLike[str]) -> str | None:
    """The URL in a kubeconfig that `to_yaml` wrote, None when there is no such file. Needs no YAML parser."""
    try:
        match = re.search(r"^ +server: \"?(https?://[^\s\"]+)", Path(path).read_text(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    return match[1] if match else None


def _parse(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise KubeconfigError(
            f"{file} cannot be read: {error.strerror}. Start `fakekube serve`, or name another kubeconfig"
        ) from None
    own = from_yaml(text)
    if own is not None:
        return own
    from fakekube.objects import yaml

    try:
        config = yaml.load(text).value
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{file} is not YAML: {error}") from None
    if not isinstance(config, dict):
        raise KubeconfigError(f"{file} is not a kubeconfig: expected a mapping with clusters, contexts and users")
    return config


def _named(file: Path, config: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    entries = config.get(plural)
    for entry in entries if isinstance(entries, Sequence) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(singular) or {}, dict):
            return entry.get(singular) or {}
    raise KubeconfigError(f"{file} has no {singular} {name!r} in {plural}")


def _data(file: Path, holder: dict[str, Any], name: str) -> str | None:
    """What `<name>-data` says, or the file that `<name>` names, relative to the kubeconfig."""
    data = holder.get(f"{name}-data")
    if data:
        try:
            return base64.b64decode("".join(data.split()), validate=True).decode()
        except (AttributeError, ValueError):  # not a text; binascii.Error and UnicodeDecodeError are ValueErrors
            raise KubeconfigError(f"{file}: {name}-data is not PEM text in base64") from None
    return _text(file, holder[name]) if holder.get(name) else None


def _text(file: Path, name: str) -> str:
    path = file.parent / name
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"{file} names {path}, which cannot be read: {error}") from None
