"""Which fields, in which order and with which tags, do the Go structs of Kubernetes have? Read out of the kubectl binary.

A Go program carries the types that it may reflect upon in its read-only data. What is read here: names, types, embedding and the tags
`json:"..."`, `protobuf:"..."`, `patchStrategy:"..."` of struct fields. The layout is that of internal/abi/type.go of Go 1.21 and later:

    a type          48 bytes; tflag at 20 (1: has an uncommon part, 2: its text begins with a star too many, 4: has a name), kind at 23,
                    offset of its text at 40; element of a pointer or slice at 48, key and element of a map at 48 and 56;
                    a struct's fields at 56 (pointer, length, capacity); offset of a struct's package path at 80
    a struct field  24 bytes: pointer to its name, pointer to its type, offset
    a name          a byte of flags (2: has a tag, 8: embedded field), varint length, text, varint length, tag
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_HAS_UNCOMMON = 1
_EXTRA_STAR = 2
_NAMED = 4

_KINDS = {
    1: "bool",
    2: "int",
    5: "int32",
    6: "int64",
    8: "uint8",
    10: "uint32",
    11: "uint64",
    13: "float32",
    14: "float64",
    20: "interface",
    21: "map",
    22: "pointer",
    23: "slice",
    24: "string",
    25: "struct",
}

_TAG = re.compile(r'(\w+):"([^"]*)"')
_TEXT_OF_A_NAMED_TYPE = re.compile(r"\*?[a-z0-9_]+\.[A-Z]\w*(\[.*\])?")


class NotAnElf(Exception):
    """The file is no 64-bit little-endian ELF: kubectl of macOS or Windows, whose sections lie elsewhere."""


@dataclass(frozen=True, slots=True)
class GoType:
    """A type as `reflect` shows it."""

    text: str
    """`[]v1.Container`, `*int32`, `v1.RestartPolicy`."""
    kind: str
    """`struct map slice pointer string bool int32 ...`."""
    struct: str = ""
    """With kind `struct`: its full name, `k8s.io/api/core/v1.Container`."""
    element: GoType | None = None
    """Of a pointer, slice or map."""


@dataclass(frozen=True, slots=True)
class GoField:
    name: str
    type: GoType
    embedded: bool
    tags: Mapping[str, str]

    @property
    def json_name(self) -> str:
        """`""` for an inlined struct, `-` for a field that JSON does not know."""
        return self.tags.get("json", "").split(",")[0]

    @property
    def json_options(self) -> frozenset[str]:
        return frozenset(self.tags.get("json", "").split(",")[1:])

    @property
    def is_inlined(self) -> bool:
        return self.embedded and not self.json_name and self.type.kind == "struct"

    @property
    def protobuf_number(self) -> int:
        """0 without a `protobuf` tag."""
        parts = self.tags.get("protobuf", "").split(",")
        return int(parts[1]) if len(parts) > 1 else 0


def read_structs(path: Path) -> dict[str, tuple[GoField, ...]]:
    """The fields of every struct with a `json` tag in the program at `path`, by full name, `k8s.io/api/core/v1.PodSpec`.

    Raises NotAnElf where the program is of another format.
    """
    return _Program(path.read_bytes()).structs()


@dataclass(frozen=True, slots=True)
class _Section:
    address: int
    offset: int
    size: int


class _Program:
    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x02\x01":
            raise NotAnElf
        self.data = data
        self.sections = dict(self._read_sections())
        self.constants = self.sections[".rodata"]
        self.types: dict[int, GoType] = {}

    def structs(self) -> dict[str, tuple[GoField, ...]]:
        found = {}
        for address, (fields, count) in sorted(self._struct_addresses.items()):
            go_type = self._type(address)
            if "/" in go_type.struct:
                found[go_type.struct] = tuple(self._field(fields + 24 * index) for index in range(count))
        return found

    def _read_sections(self) -> Iterator[tuple[str, _Section]]:
        table = self._word(0x28)
        entry_size, count, names_index = struct.unpack_from("<HHH", self.data, 0x3A)
        rows = [struct.unpack_from("<IIQQQQ", self.data, table + index * entry_size) for index in range(count)]
        names_offset = rows[names_index][4]
        for name_offset, _, _, address, offset, size in rows:
            start = names_offset + name_offset
            yield self.data[start : self.data.index(b"\0", start)].decode(), _Section(address, offset, size)

    def _word(self, offset: int) -> int:
        return int(struct.unpack_from("<Q", self.data, offset)[0])

    def _offset(self, address: int) -> int:
        """Where the byte at `address` of the running program lies in the file. All types lie in `.rodata`."""
        return self.constants.offset + address - self.constants.address

    def _varint(self, offset: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = self.data[offset]
            offset += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, offset

    def _name(self, address: int) -> tuple[str, str, bool]:
        """Name, tag and whether it is that of an embedded field."""
        offset = self._offset(address)
        flags = self.data[offset]
        length, start = self._varint(offset + 1)
        end = start + length
        tag = ""
        if flags & 2:
            length, tag_start = self._varint(end)
            tag = self.data[tag_start : tag_start + length].decode()
        return self.data[start:end].decode(), tag, bool(flags & 8)

    @cached_property
    def _tagged_names(self) -> set[int]:
        """Addresses of the names that carry a `json` tag."""
        begin = self.constants.offset
        found = set()
        for match in re.finditer(rb'json:"', self.data[begin : begin + self.constants.size]):
            tag_start = begin + match.start()
            for length_bytes in (1, 2):
                name_end = tag_start - length_bytes
                length, end = self._varint(name_end)
                if end != tag_start or not 6 <= length <= 600:
                    continue
                for name_length in range(1, 64):
                    start = name_end - name_length
                    flags = self.data[start - 2]
                    if self.data[start - 1] == name_length and flags & 2 and flags < 16:
                        if self.data[start:name_end].isalnum():
                            found.add(self.constants.address + start - 2 - begin)
                        break
        return found

    @cached_property
    def _struct_addresses(self) -> dict[int, tuple[int, int]]:
        """Address of each struct type with tagged fields: address and number of its fields."""
        first, size = self.constants.address, self.constants.size // 8 * 8
        words = memoryview(self.data)[self.constants.offset : self.constants.offset + size].cast("Q")
        references = {first + 8 * index for index, word in enumerate(words) if word in self._tagged_names}
        found = {}
        for index in range(7, len(words) - 2):
            fields, count = words[index], words[index + 1]
            if count != words[index + 2] or not 0 < count < 400 or not first <= fields < first + size:
                continue
            address = first + 8 * index - 56
            is_struct = self._kind(address) == "struct"
            if is_struct and any(fields + 24 * position in references for position in range(count)):
                found[address] = (fields, count)
        return found

    @cached_property
    def _names_base(self) -> int:
        """The address from which offsets of texts count: the word of the module's data that makes the texts of types readable."""
        module = self.sections[".go.module"].offset
        candidates = {self._word(module + 8 * index) for index in range(74)}
        first, last = self.constants.address, self.constants.address + self.constants.size
        sample = sorted(self._struct_addresses)[:64]

        def readable(base: int) -> int:
            texts = 0
            for address in sample:
                try:
                    text = self._name(base + self._text_offset(address))[0]
                except (UnicodeDecodeError, IndexError):
                    continue
                texts += _TEXT_OF_A_NAMED_TYPE.fullmatch(text) is not None
            return texts

        return max((base for base in sorted(candidates) if first <= base < last), key=readable)

    def _text_offset(self, address: int) -> int:
        return int(struct.unpack_from("<i", self.data, self._offset(address) + 40)[0])

    def _kind(self, address: int) -> str:
        return _KINDS.get(self.data[self._offset(address) + 23] & 0x1F, "other")

    def _type(self, address: int) -> GoType:
        if address not in self.types:
            self.types[address] = self._read_type(address)
        return self.types[address]

    def _read_type(self, address: int) -> GoType:
        offset = self._offset(address)
        flags = self.data[offset + 20]
        kind = self._kind(address)
        text = self._name(self._names_base + self._text_offset(address))[0]
        if flags & _EXTRA_STAR:
            text = text.removeprefix("*")
        struct_name = ""
        if kind == "struct" and flags & _NAMED:
            package = ""
            if flags & _HAS_UNCOMMON:
                (package_offset,) = struct.unpack_from("<i", self.data, offset + 80)
                package = self._name(self._names_base + package_offset)[0] if package_offset else ""
            struct_name = f"{package}.{text.partition('.')[2]}"
        element = None
        if kind in ("pointer", "slice"):
            element = self._type(self._word(offset + 48))
        elif kind == "map":
            element = self._type(self._word(offset + 56))
        return GoType(text=text, kind=kind, struct=struct_name, element=element)

    def _field(self, address: int) -> GoField:
        offset = self._offset(address)
        name, tag, embedded = self._name(self._word(offset))
        return GoField(name, self._type(self._word(offset + 8)), embedded, dict(_TAG.findall(tag)))
