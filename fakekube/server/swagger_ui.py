"""/swagger-ui/: the OpenAPI documents to read and try out in a browser, by the program Swagger UI of the extra `fakekube[ui]`.

All addresses in the page are relative, so that it works wherever the server's root is: behind `kubectl proxy` it is
http://localhost:8001/swagger-ui/.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fakekube.server.request import Request
from fakekube.server.responses import Response, page_not_found, text

PREFIX = "/swagger-ui/"

_PAGE = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Kubernetes API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" href="favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="swagger-ui-standalone-preset.js"></script>
<script src="documents.js"></script>
</body>
</html>
"""

# The index names the documents by paths from the server's root; ".." goes there from this page, also below a proxy's prefix.
# The documents say that a body may be of any type, which Swagger UI would send word for word; what it writes is JSON.
_SCRIPT = b"""fetch("../openapi/v3").then((answer) => answer.json()).then((index) => {
  const urls = Object.entries(index.paths).map(([name, entry]) => ({ name, url: ".." + entry.serverRelativeURL }));
  window.ui = SwaggerUIBundle({
    urls,
    "urls.primaryName": "api/v1",
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (request.headers["Content-Type"] === "*/*") request.headers["Content-Type"] = "application/json";
      return request;
    },
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    layout: "StandaloneLayout",
  });
});
"""

_OWN_FILES = {
    "": (_PAGE, b"text/html; charset=utf-8"),
    "index.html": (_PAGE, b"text/html; charset=utf-8"),
    "documents.js": (_SCRIPT, b"text/javascript; charset=utf-8"),
}
_BUNDLE_FILES = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui-standalone-preset.js": b"text/javascript; charset=utf-8",
    "favicon-16x16.png": b"image/png",
    "favicon-32x32.png": b"image/png",
}
"""The files of the bundle that the page needs, and no others: a name is looked up, never joined to a path unseen."""

_MISSING = """Swagger UI is not installed beside this server.
Install the extra that brings it, and start the server again:

    pip install 'fakekube[ui]'
"""


def handle(request: Request) -> Response | None:
    """The answer, or None where the path is not below /swagger-ui."""
    path = request.path
    if path == PREFIX[:-1]:
        return Response(status=301, content_type=None, headers=[(b"location", b"swagger-ui/")])
    if not path.startswith(PREFIX):
        return None
    folder = _bundle()
    if folder is None:
        return text(_MISSING, 404)
    name = path.removeprefix(PREFIX)
    if name in _OWN_FILES:
        body, content_type = _OWN_FILES[name]
        return Response(body, content_type=content_type)
    if name in _BUNDLE_FILES:
        body = (folder / name).read_bytes()
        return Response(body, content_type=_BUNDLE_FILES[name], cache_control=b"public, max-age=3600")
    return page_not_found()


@cache
def _bundle() -> Path | None:
    """The folder of the installed Swagger UI, found without importing the package."""
    package = find_spec("swagger_ui_bundle")
    for location in (package.submodule_search_locations or ()) if package else ():
        for file in sorted(Path(location).glob("vendor/*/swagger-ui-bundle.js"), reverse=True):
            return file.parent
    return None
