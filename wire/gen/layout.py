# SPDX-License-Identifier: MIT
"""Sizes and offsets of vk.xml's types in a 64-bit and in a 32-bit (i386) process."""

import re
from dataclasses import dataclass

SCALARS = {
    "char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int": 4, "int32_t": 4,
    "uint32_t": 4, "float": 4, "int64_t": 8, "uint64_t": 8, "double": 8}
POINTERS = ("funcpointer",)


class LayoutError(Exception):
    """A type whose size is not known."""


@dataclass(frozen=True)
class Abi:
    pointer: int
    wide: int  # alignment of 8-byte integers


LP64 = Abi(8, 8)
I386 = Abi(4, 4)


@dataclass(frozen=True)
class Layout:
    size: int
    align: int
    offsets: tuple  # of the members
    sizes: tuple
    padded: bool  # there are bytes that belong to no member


def round_up(value, align):
    return (value + align - 1) // align * align


class Layouts:
    def __init__(self, model):
        self.model = model
        self.structs = {}

    def dimensions(self, variable):
        """[3][4] → (3, 4)."""
        result = []
        for word in re.findall(r"\[(\w+)\]", variable.array):
            if word.isdigit():
                result.append(int(word))
            elif word in self.model.constants:
                result.append(self.model.constants[word])
            else:
                raise LayoutError(f"{variable.name}: the array size {word} is not known")
        return tuple(result)

    def elements(self, variable):
        count = 1
        for dimension in self.dimensions(variable):
            count *= dimension
        return count

    def scalar(self, name):
        """The C type behind a type of vk.xml, or None when it is not a number."""
        seen = set()
        while name not in seen:
            seen.add(name)
            if name in SCALARS or name == "size_t":
                return name
            name = self.model.canonical_type(name)
            if self.model.defined_types.get(name) == "enum":
                return "uint32_t"
            name = self.model.typedefs.get(name, name)
        return None

    def of_type(self, name, abi):
        scalar = self.scalar(name)
        if scalar == "size_t":
            return abi.pointer, abi.pointer
        if scalar:
            size = SCALARS[scalar]
            return size, abi.wide if size == 8 else size
        name = self.model.canonical_type(name)
        handle = self.model.handles.get(name)
        if handle:
            return (abi.pointer, abi.pointer) if handle.dispatchable else (8, abi.wide)
        if self.model.defined_types.get(name) in POINTERS:
            return abi.pointer, abi.pointer
        if name in self.model.structs:
            layout = self.of_struct(name, abi)
            return layout.size, layout.align
        raise LayoutError(f"the size of {name} is not known")

    def of_variable(self, variable, abi):
        if variable.pointers:
            return abi.pointer, abi.pointer
        if ":" in variable.array:
            raise LayoutError(f"{variable.name}: a bit field has no rule")
        size, align = self.of_type(variable.type, abi)
        return size * self.elements(variable), align

    def of_struct(self, name, abi):
        struct = self.model.structs[name]
        key = (struct.name, abi)
        if key not in self.structs:
            self.structs[key] = self._lay_out(struct, abi)
        return self.structs[key]

    def _lay_out(self, struct, abi):
        at, alignment, offsets, sizes, padded = 0, 1, [], [], False
        for member in struct.members:
            try:
                size, align = self.of_variable(member, abi)
            except LayoutError as error:
                raise LayoutError(f"{struct.name}: {error}") from error
            offset = 0 if struct.is_union else round_up(at, align)
            padded |= not struct.is_union and offset != at
            offsets.append(offset)
            sizes.append(size)
            at = max(at, size) if struct.is_union else offset + size
            alignment = max(alignment, align)
        total = round_up(at, alignment)
        return Layout(total, alignment, tuple(offsets), tuple(sizes), padded or total != at)
