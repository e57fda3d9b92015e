"""Who are you: client certificate, bearer token, or nobody in particular.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from fakekube.access.bootstrap_tokens import BootstrapTokens
from fakekube.access.tokens import ISSUER, NOBODYS, InvalidToken, ServiceAccountTokens
from fakekube.errors import Unauthorized
from fakekube.registry.user import ANONYMOUS, User

__all__ = ["API_AUDIENCE", "Authenticator", "InvalidToken", "unauthorized"]

AUTHENTICATED = "system:authenticated"
API_AUDIENCE = ISSUER
EXTRA_SPACE_WARNING = "the provided Authorization header contains extra space before the bearer token, and is ignored"


class Authenticator:
    """Finds the user of a request. `tokens` holds the users of static tokens; they and bootstrap tokens are asked before service accounts'.

    `legacy_token_used(namespace, name)` is told whenever the token that lies in this Secret was shown.
    """

    def __init__(
        self,
        tokens: Mapping[str, User],
        service_accounts: ServiceAccountTokens | None = None,
        bootstrap: BootstrapTokens | None = None,
        *,
        anonymous: bool = True,
        legacy_token_used: Callable[[str, str], None] = lambda namespace, name: None,
    ) -> None:
        self._tokens = {token: _authenticated(user) for token, user in tokens.items()}
        self._service_accounts = service_accounts
        self._bootstrap = bootstrap
        self._anonymous = anonymous
        self._legacy_token_used = legacy_token_used
        self._certificates: dict[bytes, User] = {}

    def by_certificate(self, common_name: str, organizations: Sequence[str], der: bytes) -> User | None:
        """The user a verified client certificate names: CN, and every O is a group. None without a CN."""
        user = self._certificates.get(der)
        if user is None:
            if not common_name:
                return None
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
        user = self._kept(token)
        if user is not None:
            return user
        accounts = self._service_accounts
        if accounts is None:
            raise unauthorized()
        try:
            verified = accounts.user_of(token)
        except InvalidToken:
            raise unauthorized() from None
        if verified.secret_name:
            self._legacy_token_used(verified.account.namespace, verified.secret_name)
        return verified.user

    def review(self, token: str, audiences: Sequence[str]) -> tuple[User, list[str]]:
        """The user of a token that is meant for one of `audiences`, and those for which it is. Raises InvalidToken.

        It is read as if it stood in a header: its first word counts, and none at all is nobody's.
        """
        words = f"Bearer {token}".strip().split(" ")
        token = words[1] if len(words) > 1 else ""
        if not token and self._anonymous:
            return ANONYMOUS, list(audiences)
        user = self._kept(token)
        if user is None:
            if self._service_accounts is None:
                raise InvalidToken(NOBODYS)
            return self._service_accounts.verify(token, audiences)
        if API_AUDIENCE not in audiences:
            raise InvalidToken(NOBODYS)
        return user, [API_AUDIENCE]

    def _kept(self, token: str) -> User | None:
        """The user of a token that is written down somewhere, and good for this server alone."""
        user = self._tokens.get(token)
        if user is None and self._bootstrap is not None:
            user = self._bootstrap.user_of(token)
            return None if user is None else _authenticated(user)
        return user

    def nobody(self) -> User:
        """Who gives no credential. Raises Unauthorized when the server lets nobody in unknown."""
        if not self._anonymous:
            raise unauthorized()
        return ANONYMOUS


def unauthorized() -> Unauthorized:
    return Unauthorized("Unauthorized")


def _authenticated(user: User) -> User:
    if user.name == ANONYMOUS.name or AUTHENTICATED in user.groups or "system:unauthenticated" in user.groups:
        return user
    return User(user.name, (*user.groups, AUTHENTICATED), user.uid, user.extra)
