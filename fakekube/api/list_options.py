"""What a list, a watch or a deletecollection asks for, and how wrong options are refused, in the order in which the server looks.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

from __future__ import annotations

from dataclasses import dataclass

from fakekube.api.call import Call, boolean, integer, options_invalid
from fakekube.api.selection import Selection
from fakekube.errors import BadRequest, StatusError
from fakekube.objects.field_errors import FieldError, forbidden, go_quoted, not_supported
from fakekube.objects.selectors import FieldSelector, parse_fields, parse_labels

MATCH = "resourceVersionMatch"
EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The options of one request, judged; `resource_version` is still text, for a list and a watch refuse a bad one differently."""

    selection: Selection
    required_name: str | None
    """The name that the field selector demands."""
    limit: int
    continue_token: str
    resource_version: str
    match: str
    timeout_s: int | None
    allow_bookmarks: bool
    send_initial_events: bool | None


def parse(call: Call, *, watch: bool, old_watch_path: bool = False) -> ListOptions:
    """The options from the query. Raises BadRequest (grammar, fields the kind does not know) and Invalid (rules).

    `old_watch_path`: a request to /watch/..., whose options follow the rules of a list and where nothing is filled in.
    """
    query = call.query
    timeout_s = integer(query, "timeoutSeconds")
    limit = integer(query, "limit") or 0
    labels = parse_labels(query.get("labelSelector", ""))
    fields = parse_fields(query.get("fieldSelector", ""))
    version, match = query.get("resourceVersion", ""), query.get(MATCH, "")
    send_initial_events = boolean(query, "sendInitialEvents")
    token = query.get("continue", "")
    if watch and not old_watch_path:
        if version in ("", "0") and send_initial_events is None and not match:
            send_initial_events, match = True, NOT_OLDER_THAN
        errors = _watch_errors(match, send_initial_events, token)
    else:
        errors = _list_errors(match, version, send_initial_events, token)
    if errors:
        raise options_invalid("ListOptions", errors)
    fields.refuse_unknown(call.kind.facts.field_selectors, call.kind.facts.field_selector_error)
    if old_watch_path and call.name:
        fields = _only_name(fields, call.name)
    return ListOptions(
        selection=Selection(call.kind, labels, fields),
        required_name=fields.required_name(),
        limit=limit,
        continue_token=token,
        resource_version=version,
        match=match,
        timeout_s=timeout_s,
        allow_bookmarks=bool(boolean(query, "allowWatchBookmarks")),
        send_initial_events=send_initial_events,
    )


def parse_version(text: str) -> int:
    """A resourceVersion as a number; empty is 0. Raises ValueError with the text that list and watch wrap."""
    if not text:
        return 0
    quoted = go_quoted(text)
    if not (text.isascii() and text.isdecimal()):
        message = f"resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: invalid syntax"
        raise ValueError(message)
    if len(text) > 20 or int(text) >= 1 << 64:
        message = f"resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: value out of range"
        raise ValueError(message)
    return int(text)


def version_of_watch(text: str) -> int:
    """Raises the 500 without reason that a watch or a get answers to a version that is no number."""
    try:
        return parse_version(text)
    except ValueError as error:
        raise StatusError(str(error), code=500, reason="") from None


def version_of_list(text: str) -> int:
    """Raises BadRequest."""
    try:
        return parse_version(text)
    except ValueError as error:
        raise BadRequest(f"invalid resource version: {error}") from None


def _list_errors(match: str, version: str, send_initial_events: bool | None, token: str) -> list[FieldError]:
    errors = []
    if match:
        if not version:
            errors.append(forbidden(MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if token:
            errors.append(forbidden(MATCH, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in (EXACT, NOT_OLDER_THAN):
            errors.append(not_supported(MATCH, match, (EXACT, NOT_OLDER_THAN, "")))
        if match == EXACT and version == "0":
            errors.append(forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if send_initial_events is not None:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _watch_errors(match: str, send_initial_events: bool | None, token: str) -> list[FieldError]:
    errors = []
    if send_initial_events is not None and match != NOT_OLDER_THAN:
        errors.append(forbidden(MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if match:
        if send_initial_events is None:
            errors.append(
                forbidden(MATCH, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            )
        if match != NOT_OLDER_THAN:
            errors.append(not_supported(MATCH, match, (NOT_OLDER_THAN,)))
        if token:
            errors.append(forbidden(MATCH, "resourceVersionMatch is forbidden when continue is provided"))
    return errors


def _only_name(fields: FieldSelector, name: str) -> FieldSelector:
    if not fields.everything and fields.required_name() != name:
        raise BadRequest("fieldSelector metadata.name doesn't match requested name")
    escaped = name.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
    return parse_fields(f"metadata.name={escaped}")
