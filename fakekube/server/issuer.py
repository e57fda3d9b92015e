"""What a third party reads to verify tokens of service accounts: the issuer's configuration and its public keys.

https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from fakekube.access.signing_keys import KeyRing
from fakekube.access.tokens import ISSUER
from fakekube.errors import MethodNotAllowed
from fakekube.server.content_types import refuse_route
from fakekube.server.request import Request
from fakekube.server.responses import Response

CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"
MEDIA_TYPES = {CONFIGURATION: "application/json", KEYS: "application/jwk-set+json"}
CACHE_CONTROL = b"public, max-age=3600"


class Issuer:
    """The two documents. `address` is `host:port` of this server."""

    def __init__(self, keys: KeyRing, address: Callable[[], str]) -> None:
        self._keys = keys
        self._address = address

    def handle(self, request: Request) -> Response | None:
        """None for other paths. Raises MethodNotAllowed, NotAcceptable."""
        path = request.path
        media_type = MEDIA_TYPES.get(path) or MEDIA_TYPES.get(path.removesuffix("/"))
        if media_type is None:
            return None
        if request.method != "GET":
            raise MethodNotAllowed("the server does not allow this method on the requested resource", {})
        refuse_route(request.headers.get("accept", ""), (media_type,))
        document = self._configuration() if path.startswith(CONFIGURATION) else self._key_set()
        return Response(orjson.dumps(document), 200, media_type.encode(), cache_control=CACHE_CONTROL)

    def _configuration(self) -> dict[str, object]:
        return {
            "issuer": ISSUER,
            "jwks_uri": f"https://{self._address()}{KEYS}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self._keys.keys}),
        }

    def _key_set(self) -> dict[str, object]:
        return {"keys": [key.web_key() for key in self._keys.keys]}
