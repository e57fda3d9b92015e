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


WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case "
    "alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation "
    rf"is '\*\.{_SUBDOMAIN}')"
)


def wildcard_subdomain(text: str) -> list[str]:
    """`*.example.com`."""
    errors = []
    if _bytes(text) > SUBDOMAIN_MOST_CHARACTERS:
        errors.append(f"must be no more than {SUBDOMAIN_MOST_CHARACTERS} characters")
    if not text.startswith("*.") or not _is_subdomain(text[2:]):
        errors.append(WILDCARD_TEXT)
    return errors


_DOMAIN_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_is_domain_path = re.compile(_DOMAIN_PATH).fullmatch
DOMAIN_PREFIXED_TEXT = 'must be a domain-prefixed path (such as "acme.io/foo")'


def domain_prefixed_path(text: str) -> list[tuple[str, str]]:
    """`acme.io/foo`: controllers of ingress classes, managers of jobs. What is wrong with which part of it; the empty text is the
    caller's affair."""
    host, slash, path = text.partition("/")
    if not slash or not host or not path:
        return [(text, DOMAIN_PREFIXED_TEXT)]
    errors = [(host, why) for why in subdomain(host)]
    if not _is_domain_path(path):
        errors.append((path, f"Invalid path (regex used for validation is '{_DOMAIN_PATH}')"))
    return errors


CIDR_TEXT = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_LINK_LOCAL_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def parsed_ip(text: str) -> Address | None:
    """What the API server makes of an address; leading zeros are overlooked. None for what is no address."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(_LEADING_ZEROS.sub("", text) if ":" not in text else text)
    except ValueError:
        return None


_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def ip(text: str) -> list[str]:
    """An address that is written new: no leading zeros, no IPv4 address in the clothes of IPv6."""
    address = parsed_ip(text)
    if address is None:
        return [IP_ADDRESS_TEXT]
    if address.version == 4:
        return ["must not have leading 0s"] if _LEADING_ZEROS.search(text) else []
    return ["must not be an IPv4-mapped IPv6 address"] if address.ipv4_mapped else []


def canonical_ip(text: str) -> list[str]:
    """An address in a field that has never known any other form."""
    return ip(text) or _canonical(text, parsed_ip(text))


def canonical_cidr(text: str) -> list[str]:
    """The same of a network."""
    return cidr(text) or _canonical(text, parsed_cidr(text))


def _canonical(text: str, parsed: Address | Network | None) -> list[str]:
    return [] if str(parsed) == text else [f'must be in canonical form ("{parsed}")']


def end_point(text: str) -> list[str]:
    """Why an address, good in itself, is none that clients could be sent to."""
    address = parsed_ip(text)
    if address is None:
        return [IP_ADDRESS_TEXT]
    if address.is_unspecified:
        return [f"may not be unspecified ({address})"]
    if address.is_loopback:
        return ["may not be in the loopback range (127.0.0.0/8, ::1/128)"]
    if address.is_link_local:
        return ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"]
    if any(address.version == network.version and address in network for network in _LINK_LOCAL_MULTICAST):
        return ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"]
    return []


def parsed_cidr(text: str) -> Network | None:
    """The network of `10.0.0.0/8`; bits beyond the prefix are overlooked. None for what is no network."""
    host, slash, length = text.partition("/")
    address = parsed_ip(host)
    if not slash or address is None or not (length.isascii() and length.isdecimal()):
        return None
    if int(length) > address.max_prefixlen:
        return None
    return ipaddress.ip_network(f"{address}/{int(length)}", strict=False)


def cidr(text: str) -> list[str]:
    """A network that is written new."""
    network = parsed_cidr(text)
    if network is None:
        return [CIDR_TEXT]
    host, _, length = text.partition("/")
    address = parsed_ip(host)
    if (network.version == 4 and _LEADING_ZEROS.search(host)) or str(int(length)) != length:
        return ["must not have leading 0s in IP or prefix length"]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return ["must not have an IPv4-mapped IPv6 address"]
    return [] if address == network.network_address else ["must not have bits set beyond the prefix length"]


def ip_warnings(text: str, path: str) -> list[str]:
    """What is told of an address that is good, but not as it should be written."""
    address = parsed_ip(text)
    if address is None:
        return []
    if address.version == 4 and _LEADING_ZEROS.search(text):
        return [f'{path}: non-standard IP address "{text}" is invalid: use "{address}"']
    if address.version == 6 and str(address) != text:
        return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']
    return []


def cidr_warnings(text: str, path: str) -> list[str]:
    network = parsed_cidr(text)
    if network is None:
        return []
    if cidr(text):
        return [f'{path}: non-standard CIDR value "{text}" is invalid: use "{network}"']
    if network.version == 6 and str(network) != text:
        return [f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")']
    return []


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


_is_environment_variable = re.compile("[ -<>-~]+").fullmatch


def environment_variable(text: str) -> list[str]:
    if _is_environment_variable(text):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


_is_plain_port_name = re.compile("[a-z]([a-z0-9]{0,13}[a-z0-9])?").fullmatch


def port_name(text: str) -> list[str]:
    """The name of a port, an IANA service name: at most 15 characters with a letter among them."""
    if _is_plain_port_name(text):
        return []
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
        if prefix and len(name) > 1 and name.endswith("-") and name[-2].isascii():
            name = name[:-2] + "a"
        return check(name)

    return named


def _path_segment_name(name: str, prefix: bool) -> list[str]:
    return path_segment_prefix(name) if prefix else path_segment(name)


def _ip_address_name(name: str, prefix: bool) -> list[str]:
    return canonical_ip(name)


def _long_name(name: str, prefix: bool) -> list[str]:
    """A subdomain as it is judged by what is declared of its type: by bytes, and without its prefix."""
    too_long = f"must be no more than {SUBDOMAIN_MOST_CHARACTERS} "
    return [] if prefix else [f"{too_long}bytes" if text.startswith(too_long) else text for text in subdomain(name)]


_RULES: dict[str, NameRule] = {
    "subdomain": _with_dash_allowed(subdomain),
    "long name": _long_name,
    "label": _with_dash_allowed(label),
    "label 1035": _with_dash_allowed(label_1035),
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
