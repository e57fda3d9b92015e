"""ServiceAccounts: of the secrets they name only the names are kept."""

from __future__ import annotations

from fakekube.registry.kind import Object, Operation, Strategy


def keep_names(account: Object, *_: object) -> None:
    if secrets := account.get("secrets"):
        account["secrets"] = [{"name": secret["name"]} if "name" in secret else {} for secret in secrets]


def prepare_create(account: Object, operation: Operation) -> None:
    keep_names(account)


STRATEGY = Strategy(prepare_create=prepare_create, prepare_update=keep_names, returns_deleted_object=True)
