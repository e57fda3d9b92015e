"""Tokens of service accounts: what they claim when they are issued, and whether that is still so when they are shown.

A token that was verified once is remembered with what it stands on (account, pod, secret, node, time): each request asks again whether
these still are what they were, which is a look into the store and no cryptography.

https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fakekube.access.signing_keys import KeyRing, NotAToken, Token
from fakekube.objects.field_errors import go_quoted
from fakekube.objects.times import to_datetime
from fakekube.registry.kind import Object
from fakekube.registry.user import User, service_account

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who issues tokens, and the only audience of the API server itself."""
LEGACY_ISSUER = "kubernetes/serviceaccount"
"""Of tokens that lie in Secrets."""

POD_SECONDS = 3607
"""What projected volumes ask for. Such a token says that it should be renewed after that time, and is good for a year."""
EXTENDED_SECONDS = 365 * 24 * 60 * 60

LEEWAY = timedelta(seconds=60)
"""By which clocks may differ, and for which an object that is being deleted still counts."""

MOST_REMEMBERED = 4096

_PRIVATE = "kubernetes.io"
_INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
_LEGACY = "kubernetes.io/serviceaccount/"
_CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"

Get = Callable[[str, str, str, str], Object | None]
"""(group, resource, namespace, name) -> the stored object."""


class InvalidToken(Exception):
    """The token is nobody's; the message is what TokenReviews are told."""


NOBODYS = "invalid bearer token"


@dataclass(frozen=True, slots=True)
class _Reference:
    """An object that a token stands on."""

    resource: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature is good: whose it is, for whom, and on what it stands."""

    user: User
    audiences: tuple[str, ...]
    account: _Reference
    bound_to: tuple[_Reference, ...]
    begins: datetime | None
    ends: datetime | None
    """When it is good, leeway included."""
    legacy_token: str = field(default="", repr=False)
    """The text of a token that lies in a Secret, which must be the one that lies there."""
    secret_name: str = ""


class ServiceAccountTokens:
    """Issues and verifies the tokens of one cluster. `get` reads its store, `now` is its clock."""

    def __init__(self, keys: KeyRing, get: Get, now: Callable[[], datetime], new_uid: Callable[[], str]) -> None:
        self.keys = keys
        self._get = get
        self._now = now
        self._new_uid = new_uid
        self._verified: dict[str, Verified] = {}

    def issue(self, account: Object, audiences: Sequence[str], seconds: int, bound_to: Object | None = None) -> str:
        """A token of `account` that ends after `seconds`, or with the Pod, Secret or Node that it is bound to."""
        now = int(self._now().timestamp())
        namespace, name, uid = (account["metadata"][key] for key in ("namespace", "name", "uid"))
        private: Object = {"namespace": namespace}
        warn_after = 0
        if bound_to is not None:
            kind, metadata = bound_to["kind"].lower(), bound_to["metadata"]
            if kind == "pod":
                node = self._node_claim(bound_to)
                if node:
                    private["node"] = node
                if seconds == POD_SECONDS and list(audiences) == [ISSUER]:
                    warn_after, seconds = now + seconds, EXTENDED_SECONDS
            private[kind] = {"name": metadata["name"], "uid": metadata["uid"]}
        private["serviceaccount"] = {"name": name, "uid": uid}
        if warn_after:
            private["warnafter"] = warn_after
        claims = {
            "aud": list(audiences),
            "exp": now + seconds,
            "iat": now,
            "iss": ISSUER,
            "jti": self._new_uid(),
            _PRIVATE: private,
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        return self.keys.sign(claims)

    def issue_legacy(self, account: Object, secret_name: str) -> str:
        """A token without an end, for a Secret that holds it."""
        namespace, name, uid = (account["metadata"][key] for key in ("namespace", "name", "uid"))
        claims = {
            "iss": LEGACY_ISSUER,
            f"{_LEGACY}namespace": namespace,
            f"{_LEGACY}secret.name": secret_name,
            f"{_LEGACY}service-account.name": name,
            f"{_LEGACY}service-account.uid": uid,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        return self.keys.sign(claims)

    def user_of(self, text: str) -> Verified:
        """The token of a request to this very server; one that is known costs a few look-ups. Raises InvalidToken."""
        verified = self._verified.get(text)
        if verified is None or ISSUER not in verified.audiences:
            self.verify(text)
            verified = self._verified[text]
        else:
            self._check(verified)
        return verified

    def verify(self, text: str, audiences: Sequence[str] = (ISSUER,)) -> tuple[User, list[str]]:
        """Whose token it is, and for which of `audiences`, in their order. Raises InvalidToken."""
        verified = self._verified.get(text)
        if verified is None:
            verified = self._read(text)
        shared = [audience for audience in audiences if audience in verified.audiences]
        if not shared:
            told = f"token audiences {_quoted(verified.audiences)} is invalid for the target audiences {_quoted(audiences)}"
            raise _invalid(told)
        self._check(verified)
        if text not in self._verified:
            if len(self._verified) >= MOST_REMEMBERED:
                self._verified.clear()
            self._verified[text] = verified
        return verified.user, shared

    def _node_claim(self, pod: Object) -> Object | None:
        name = pod["spec"].get("nodeName", "")
        if not name:
            return None
        node = self._get("", "nodes", "", name)
        return {"name": name, "uid": node["metadata"]["uid"]} if node is not None else {"name": name}

    def _read(self, text: str) -> Verified:
        try:
            token = Token(text)
        except NotAToken:
            raise InvalidToken(NOBODYS) from None
        issuer = token.claims.get("iss")
        if issuer not in (ISSUER, LEGACY_ISSUER):
            raise InvalidToken(NOBODYS)
        keys = self.keys.for_id(token.key_id)
        if not keys:
            raise _invalid("invalid signature, no keys found")
        if not any(key.verifies(token) for key in keys):
            raise _invalid("go-jose/go-jose: error in cryptographic primitive")
        try:
            return _verified(token.claims) if issuer == ISSUER else _verified_legacy(token.claims, text)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            # Signed by us, and yet not what we sign.
            raise InvalidToken(NOBODYS) from None

    def _check(self, verified: Verified) -> None:
        """Whether all that the token stands on is still what it was. Raises InvalidToken."""
        now = self._now()
        if verified.ends is not None and now > verified.ends:
            raise _invalid("service account token has expired")
        if verified.begins is not None and now < verified.begins:
            raise _invalid("service account token is not valid yet")
        secret = self._secret(verified, now) if verified.legacy_token else None
        account = verified.account
        present = self._get("", "serviceaccounts", account.namespace, account.name)
        if present is None:
            raise _invalid(f'serviceaccounts "{account.name}" not found')
        metadata = present["metadata"]
        uid = metadata["uid"]
        what = "ServiceAccount" if verified.legacy_token else "service account"
        if uid != account.uid:
            raise _invalid(f"{what} UID ({uid}) does not match claim ({account.uid})")
        if "deletionTimestamp" in metadata and _is_gone(present, now):
            raise _invalid(f"{what} {account.namespace}/{account.name} has been deleted")
        for bound in verified.bound_to:
            found = self._get("", bound.resource, bound.namespace, bound.name)
            if found is None:
                raise _invalid("service account token has been invalidated")
            if found["metadata"]["uid"] != bound.uid:
                kind = bound.resource.removesuffix("s")
                is_, was = found["metadata"]["uid"], bound.uid
                raise _invalid(f"{kind} UID ({is_}) does not match service account {kind} ref claim ({was})")
            if _is_gone(found, now):
                raise _invalid("service account token has been invalidated")
        if secret is not None and (secret["metadata"].get("labels") or {}).get(_INVALID_SINCE):
            raise _invalid(_marked_invalid(verified))

    def _secret(self, verified: Verified, now: datetime) -> Object:
        """The Secret in which the token lies. Raises InvalidToken."""
        import base64

        secret = self._get("", "secrets", verified.account.namespace, verified.secret_name)
        if secret is None or _is_gone(secret, now):
            raise _invalid("Token has been invalidated")
        kept = (secret.get("data") or {}).get("token", "")
        if base64.b64decode(kept) != verified.legacy_token.encode():
            raise _invalid("Token does not match server's copy")
        return secret


def _verified(claims: Mapping[str, Any]) -> Verified:
    private = claims[_PRIVATE]
    namespace, account = private["namespace"], private["serviceaccount"]
    audiences = claims.get("aud") or [ISSUER]
    if isinstance(audiences, str):
        audiences = [audiences]
    extra: dict[str, tuple[str, ...]] = {}
    if claims.get("jti"):
        extra[_CREDENTIAL_ID] = (f"JTI={claims['jti']}",)
    bound: list[_Reference] = []
    if pod := private.get("pod"):
        bound.append(_Reference("pods", namespace, pod["name"], pod["uid"]))
        extra["authentication.kubernetes.io/pod-name"] = (pod["name"],)
        extra["authentication.kubernetes.io/pod-uid"] = (pod["uid"],)
    if secret := private.get("secret"):
        bound.append(_Reference("secrets", namespace, secret["name"], secret["uid"]))
    if node := private.get("node"):
        # Of a pod's token the node is only told: its end is not the end of the token.
        if not pod:
            bound.append(_Reference("nodes", "", node["name"], node["uid"]))
        extra["authentication.kubernetes.io/node-name"] = (node["name"],)
        if node.get("uid"):
            extra["authentication.kubernetes.io/node-uid"] = (node["uid"],)
    user = service_account(namespace, account["name"], account["uid"])
    return Verified(
        User(user.name, user.groups, user.uid, extra),
        tuple(map(str, audiences)),
        _Reference("serviceaccounts", namespace, account["name"], account["uid"]),
        tuple(bound),
        _time(claims.get("nbf"), -LEEWAY),
        _time(claims.get("exp"), LEEWAY),
    )


def _verified_legacy(claims: Mapping[str, Any], text: str) -> Verified:
    words = ("namespace", "service-account.name", "service-account.uid", "secret.name")
    namespace, name, uid, secret = (str(claims[f"{_LEGACY}{word}"]) for word in words)
    if claims["sub"] != f"system:serviceaccount:{namespace}:{name}":
        raise ValueError("sub")
    account = _Reference("serviceaccounts", namespace, name, uid)
    return Verified(service_account(namespace, name, uid), (ISSUER,), account, (), None, None, text, secret)


def _marked_invalid(verified: Verified) -> str:
    account = verified.account
    return (
        f"the token in secret {account.namespace}/{verified.secret_name} for service account {account.namespace}/{account.name} has been "
        "marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the "
        f"'{_INVALID_SINCE}' label from the secret to temporarily allow use of this token"
    )


def _invalid(text: str) -> InvalidToken:
    return InvalidToken(f"[{NOBODYS}, {text}]")


def _time(seconds: Any, leeway: timedelta) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC) + leeway


def _is_gone(obj: Object, now: datetime) -> bool:
    """Whether its deletion began so long ago that it no longer counts."""
    deleted = obj["metadata"].get("deletionTimestamp")
    return deleted is not None and to_datetime(deleted) < now - LEEWAY


def _quoted(texts: Sequence[str]) -> str:
    return f"[{' '.join(map(go_quoted, texts))}]"
