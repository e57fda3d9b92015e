"""Who are you: client certificate, bearer token, or nobody in particular.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from fakekube.errors import Unauthorized
from fakekube.registry.user import ANONYMOUS, User

AUTHENTICATED = "system:authenticated"
API_AUDIENCE = "https://kubernetes.default.svc.cluster.local"
"""The issuer of service account tokens, and the only audience of the API server itself."""
EXTRA_SPACE_WARNING = "the provided Authorization header contains extra space before the bearer token, and is ignored"


class InvalidToken(Exception):
    """The token is nobody's; the message is what TokenReviews are told."""


class Authenticator:
    """Finds the user of a request. `tokens` holds the users of static tokens."""

    def __init__(self, tokens: Mapping[str, User], *, anonymous: bool = True) -> None:
        self._tokens = {token: _authenticated(user) for token, user in tokens.items()}
        self._anonymous = anonymous
        self._certificates: dict[bytes, User] = {}

    def by_certificate(self, common_name: str, organizations: Sequence[str], der: bytes) -> User:
        """The user a verified client certificate names: CN, and every O is a group. Raises Unauthorized without a CN."""
        user = self._certificates.get(der)
        if user is None:
            if not common_name:
                raise unauthorized()
            digest = hashlib.sha256(der).hexdigest()
            extra = {"authentication.kubernetes.io/credential-id": (f"X509SHA256={digest}",)}
            user = _authenticated(User(common_name, tuple(organizations), "", extra))
            if len(self._certificates) > 1000:
                self._certificates.clear()
            self._certificates[der] = user
        return user

    def by_header(self, authorization: str | None, warn: Callable[[str], None]) -> User | None:
        """The user of a bearer token, None when the header holds no credential. Raises Unauthorized for a wrong token."""
        if authorization is None:
            return None
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() != "bearer" or not rest:
            return None
        if rest.startswith(" "):
            warn(EXTRA_SPACE_WARNING)
            return None
        return self.by_token(rest.partition(" ")[0])

    def by_token(self, token: str) -> User:
        """Raises Unauthorized."""
        user = self._tokens.get(token)
        if user is None:
            raise unauthorized()
        return user

    def review(self, token: str, audiences: Sequence[str]) -> tuple[User, list[str]]:
        """The user of a token that is meant for one of `audiences`, and those for which it is. Raises InvalidToken."""
        user = self._tokens.get(token)
        if user is None or API_AUDIENCE not in audiences:
            raise InvalidToken("invalid bearer token")
        return user, [API_AUDIENCE]

    def nobody(self) -> User:
        """Who gives no credential. Raises Unauthorized when the server lets nobody in unknown."""
        if not self._anonymous:
            raise unauthorized()
        return ANONYMOUS


def unauthorized() -> Unauthorized:
    return Unauthorized("Unauthorized")


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups or "system:unauthenticated" in user.groups:
        return user
    return User(user.name, (*user.groups, AUTHENTICATED), user.uid, user.extra)
