"""Puts tokens into Secrets of type kubernetes.io/service-account-token, and takes away those whose account has gone.

https://kubernetes.io/docs/concepts/security/service-accounts/#token-secret
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch
from fakekube.errors import NotFound

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"

ACCOUNT_PREFIX = "account/"
"""Before the name in the key of an account: all Secrets that name it are to be looked at."""


def token_secret(secret: Object) -> Iterable[Key]:
    if secret.get("type") != TYPE:
        return ()
    return ((secret["metadata"]["namespace"], secret["metadata"]["name"]),)


def secrets_of_account(account: Object) -> Iterable[Key]:
    return ((account["metadata"]["namespace"], ACCOUNT_PREFIX + account["metadata"]["name"]),)


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    if not name.startswith(ACCOUNT_PREFIX):
        secret = context.client.get("secrets", namespace, name)
        if secret is not None and secret.get("type") == TYPE:
            await _settle(context, secret)
        return None
    account_name = name.removeprefix(ACCOUNT_PREFIX)
    for secret in context.client.list("secrets", namespace):
        if secret.get("type") == TYPE and _annotations(secret).get(ACCOUNT_NAME) == account_name:
            await _settle(context, secret)
    return None


async def _settle(context: Context, secret: Object) -> None:
    metadata, annotations = secret["metadata"], _annotations(secret)
    namespace, name = metadata["namespace"], metadata["name"]
    if "deletionTimestamp" in metadata:
        return
    account = context.client.get("serviceaccounts", namespace, annotations.get(ACCOUNT_NAME, ""))
    uid = annotations.get(ACCOUNT_UID, "")
    if account is None or (uid and uid != account["metadata"]["uid"]):
        with suppress(NotFound):
            await context.client.delete("secrets", namespace, name, uid=metadata["uid"])
        return
    data, certificate = secret.get("data") or {}, _encoded(context.settings.ca_pem)
    missing = {}
    # Another certificate is put right; another namespace or token is somebody's own.
    if data.get("ca.crt") != certificate:
        missing["ca.crt"] = certificate
    if not data.get("namespace"):
        missing["namespace"] = _encoded(namespace)
    if not data.get("token"):
        token = context.client.plane.service_account_tokens.issue_legacy(account, name)
        missing["token"] = _encoded(token)
    changes: Object = {"uid": metadata["uid"]}
    if not uid:
        changes["annotations"] = {ACCOUNT_UID: account["metadata"]["uid"]}
    if missing or not uid:
        await context.client.patch("secrets", namespace, name, {"metadata": changes, "data": missing})


def _annotations(secret: Object) -> Object:
    return secret["metadata"].get("annotations") or {}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CONTROLLER = Controller(
    name="tokens-controller",
    watches=(
        Watch("secrets", key=token_secret, types=("ADDED", "MODIFIED")),
        Watch("serviceaccounts", key=secrets_of_account, beside="secrets"),
    ),
    reconcile=reconcile,
)
