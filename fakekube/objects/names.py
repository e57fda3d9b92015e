"""What names, label keys and label values may look like, and the texts that say what is wrong with one.

Each rule returns the texts of what is wrong, in order; an empty list means that the value is good.
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import cache, lru_cache

NameRule = Callable[[str, bool], list[str]]
"""(name, prefix): with `prefix` true the text is a generateName, which may end in a dash."""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_WITH_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH_PATH = rf"{_LABEL_WITH_UNDERSCORE}(\.{_LABEL_WITH_UNDERSCORE})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"

_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_label_1035 = re.compile(_LABEL_1035).fullmatch
_is_qualified = re.compile(_QUALIFIED).fullmatch
_is_label_value = re.compile(_LABEL_VALUE).fullmatch
_is_config_key = re.compile(_CONFIG_KEY).fullmatch

SUBDOMAIN_MOST_CHARACTERS = 253
LABEL_MOST_CHARACTERS = 63
GENERATED_SUFFIX_LENGTH = 5
GENERATED_PREFIX_MOST_CHARACTERS = LABEL_MOST_CHARACTERS - GENERATED_SUFFIX_LENGTH

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_LABEL_1035}')"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_LABEL_VALUE}')"
)
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_CONFIG_KEY}')"
)
IP_ADDRESS_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def subdomain(text: str) -> list[str]:
    """A DNS subdomain of RFC 1123, `my-app.example.com`: what most objects are called."""
    errors = []
    if _bytes(text) > SUBDOMAIN_MOST_CHARACTERS:
        errors.append(f"must be no more than {SUBDOMAIN_MOST_CHARACTERS} characters")
    if not _is_subdomain(text):
        errors.append(_SUBDOMAIN_TEXT)
    return errors


def search_path(text: str) -> list[str]:
    """A DNS search path: a subdomain in which underscores may stand."""
    errors = []
    if _bytes(text) > SUBDOMAIN_MOST_CHARACTERS:
        errors.append(f"must be no more than {SUBDOMAIN_MOST_CHARACTERS} characters")
    if not re.fullmatch(_SEARCH_PATH, text):
        errors.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start "
            f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SEARCH_PATH}')"
        )
    return errors


def label(text: str) -> list[str]:
    """A DNS label of RFC 1123, `my-app`."""
    errors = []
    if _bytes(text) > LABEL_MOST_CHARACTERS:
        errors.append(f"must be no more than {LABEL_MOST_CHARACTERS} characters")
    if not _is_label(text):
        errors.append("must not contain dots" if _is_subdomain(text) else _LABEL_TEXT)
    return errors


def label_1035(text: str) -> list[str]:
    """A DNS label of RFC 1035, which begins with a letter."""
    errors = []
    if _bytes(text) > LABEL_MOST_CHARACTERS:
        errors.append(f"must be no more than {LABEL_MOST_CHARACTERS} characters")
    if not _is_label_1035(text):
        errors.append(_LABEL_1035_TEXT)
    return errors


def path_segment(text: str) -> list[str]:
    """Anything that may stand between two slashes of a URL: RBAC names such as `system:node`."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return path_segment_prefix(text)


def path_segment_prefix(text: str) -> list[str]:
    return [f"may not contain '{character}'" for character in "/%" if character in text]


def ip_address(text: str) -> list[str]:
    """An address in its canonical form, as IPAddress objects are called."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return [IP_ADDRESS_TEXT]
    return [] if str(address) == text else ["must be a valid IP address in canonical form"]


@lru_cache(4096)
def _qualified_name(text: str) -> tuple[str, ...]:
    *prefixes, name = text.split("/")
    if len(prefixes) > 1:
        example = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"a valid label key {_QUALIFIED_TEXT} {example}",)
    errors = []
    if prefixes:
        if not prefixes[0]:
            errors.append("prefix part must be non-empty")
        else:
            errors += [f"prefix part {error}" for error in subdomain(prefixes[0])]
    if not name:
        errors.append("name part must be non-empty")
    elif _bytes(name) > LABEL_MOST_CHARACTERS:
        errors.append(f"name part must be no more than {LABEL_MOST_CHARACTERS} bytes")
    if not _is_qualified(name):
        errors.append(f"name part {_QUALIFIED_TEXT}")
    return tuple(errors)


def qualified_name(text: str) -> list[str]:
    """A key with an optional domain before it, `example.com/team`: labels, annotations, finalizers, taints."""
    return list(_qualified_name(text))


@lru_cache(4096)
def _label_value(text: str) -> tuple[str, ...]:
    errors = []
    if _bytes(text) > LABEL_MOST_CHARACTERS:
        errors.append(f"must be no more than {LABEL_MOST_CHARACTERS} bytes")
    if not _is_label_value(text):
        errors.append(_LABEL_VALUE_TEXT)
    return tuple(errors)


def label_value(text: str) -> list[str]:
    return list(_label_value(text))


def config_key(text: str) -> list[str]:
    """A key in the data of a ConfigMap or Secret; it becomes a file name in a volume."""
    errors = []
    if _bytes(text) > SUBDOMAIN_MOST_CHARACTERS:
        errors.append(f"must be no more than {SUBDOMAIN_MOST_CHARACTERS} characters")
    if not _is_config_key(text):
        errors.append(_CONFIG_KEY_TEXT)
    if text in (".", ".."):
        errors.append(f"must not be '{text}'")
    elif text.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def environment_variable(text: str) -> list[str]:
    if text and all(" " <= character <= "~" and character != "=" for character in text):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


def port_name(text: str) -> list[str]:
    """The name of a port, an IANA service name: at most 15 characters with a letter among them."""
    errors = []
    if _bytes(text) > 15:
        errors.append("must be no more than 15 characters")
    if not re.fullmatch("[-a-z0-9]+", text):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        errors.append("must contain at least one letter (a-z)")
    if "--" in text:
        errors.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def _with_dash_allowed(check: Callable[[str], list[str]]) -> NameRule:
    """A prefix may end in a dash: as in Kubernetes, its last two characters are looked at as one letter."""

    def named(name: str, prefix: bool) -> list[str]:
        if prefix and len(name) > 1 and name.endswith("-"):
            name = name[:-2] + "a"
        return check(name)

    return named


def _path_segment_name(name: str, prefix: bool) -> list[str]:
    return path_segment_prefix(name) if prefix else path_segment(name)


def _ip_address_name(name: str, prefix: bool) -> list[str]:
    return ip_address(name)


_RULES: dict[str, NameRule] = {
    "subdomain": _with_dash_allowed(subdomain),
    "label": _with_dash_allowed(label),
    "path segment": _path_segment_name,
    "an IP address in canonical form": _ip_address_name,
}


@cache
def rule(name_rule: str) -> NameRule:
    """The check behind `ResourceFacts.name_rule`; what follows in parentheses there is the kind's own validation."""
    return _RULES[name_rule.split(" (")[0]]


def generate(prefix: str, random_suffix: Callable[[int], str]) -> str:
    """The name made from `metadata.generateName`; a long prefix is cut so that the name stays a label."""
    return prefix[:GENERATED_PREFIX_MOST_CHARACTERS] + random_suffix(GENERATED_SUFFIX_LENGTH)
