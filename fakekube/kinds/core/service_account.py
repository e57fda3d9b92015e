"""ServiceAccounts: of the secrets they name only the names are kept."""

from __future__ import annotations

from fakekube.registry.kind import Object, Operation, Strategy

MOUNTABLE_ONLY = "kubernetes.io/enforce-mountable-secrets"


def keep_names(account: Object, *_: object) -> None:
    if secrets := account.get("secrets"):
        account["secrets"] = [{"name": secret["name"]} if "name" in secret else {} for secret in secrets]


def prepare_create(account: Object, operation: Operation) -> None:
    keep_names(account)


def warnings(account: Object, old: Object | None) -> list[str]:
    """Of an annotation that is out of date, when it comes."""
    present, before = ((each or {}).get("metadata", {}).get("annotations") or {} for each in (account, old))
    if MOUNTABLE_ONLY not in present or MOUNTABLE_ONLY in before:
        return []
    advice = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{MOUNTABLE_ONLY}]: {advice}"]


STRATEGY = Strategy(
    prepare_create=prepare_create, prepare_update=keep_names, warnings=warnings, returns_deleted_object=True
)
