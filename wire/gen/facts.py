# SPDX-License-Identifier: MIT
"""Plans the tables of structures by which a physical device is described (wire/facts.h), and writes
them by a template. A structure whose members no rule covers stops the generator with its name."""

import argparse
import pathlib
import re
import sys
import tomllib
from dataclasses import dataclass

import jinja2

import model

# Chain of each structure that others extend.
ROOTS = {
    "VkPhysicalDeviceProperties2": "FACTS_PROPERTIES",
    "VkPhysicalDeviceFeatures2": "FACTS_FEATURES",
    "VkQueueFamilyProperties2": "FACTS_QUEUE_FAMILY",
    "VkPhysicalDeviceMemoryProperties2": "FACTS_MEMORY",
    "VkFormatProperties2": "FACTS_FORMAT",
    "VkImageFormatProperties2": "FACTS_IMAGE_FORMAT",
    "VkSparseImageFormatProperties2": "FACTS_SPARSE_IMAGE_FORMAT",
    "VkExternalBufferProperties": "FACTS_EXTERNAL",
    "VkExternalFenceProperties": "FACTS_EXTERNAL",
    "VkExternalSemaphoreProperties": "FACTS_EXTERNAL",
}
SECTIONS = ("refused_structures", "left_out_members", "withheld_features")
# Categories of scalars; of the types without one, those of C that have a size of their own.
SCALARS = {"enum", "bitmask", "basetype"}
C_SCALARS = {"uint8_t", "uint32_t", "int32_t", "uint64_t", "int64_t", "float", "char", "size_t"}


class PlanError(Exception):
    """A structure or member that neither a rule nor the policy covers."""


@dataclass
class Field:
    path: str  # as offsetof wants it
    is_size: bool


@dataclass
class Structure:
    name: str
    type: str
    chain: str
    is_root: bool
    fields: list
    core: str  # "1.1", or "" for none
    extensions: tuple


@dataclass
class Plan:
    structures: list
    withheld: list  # (VkStructureType value, structure, member, reason)
    formats: list  # (VkFormat value, core version)
    extension_lists: list  # distinct tuples of names


class Planner:
    def __init__(self, vk, policy):
        self.vk = vk
        self.policy = policy
        self.used = set()
        self.names = {}  # canonical structure -> all its names
        for name, struct in vk.structs.items():
            self.names.setdefault(struct.name, []).append(name)
        self.providers = {}
        for extension in vk.extensions.values():
            if extension.supported and extension.platform is None:
                for type_ in extension.types:
                    self.providers.setdefault(type_, []).append(extension.name)

    def _fields(self, struct, path, where):
        """The scalars and arrays of scalars that a structure comes down to."""
        fields = []
        for member in struct.members:
            if not path and member.name in ("sType", "pNext"):
                continue
            if f"{struct.name}.{member.name}" in self.policy["left_out_members"]:
                continue
            if member.pointers or member.type in self.vk.handles or ":" in member.array:
                raise PlanError(
                    f"{where}: {struct.name}.{member.name} is a pointer, a handle or a bit-field, "
                    "and no rule covers it; name the structure in facts.toml [refused_structures] "
                    "or write a rule")
            inner = self.vk.structs.get(member.type)
            if inner is None:
                if self.vk.defined_types.get(member.type) not in SCALARS and \
                        member.type not in C_SCALARS:
                    raise PlanError(f"{where}: {member.type} of {member.name} is not a scalar")
                fields.append(Field(path + member.name, member.type == "size_t"))
                continue
            if inner.is_union:
                raise PlanError(f"{where}: {struct.name}.{member.name} is a union")
            if not member.array:
                fields += self._fields(inner, path + member.name + ".", where)
                continue
            for i in range(self._length(member, where)):
                fields += self._fields(inner, f"{path}{member.name}[{i}].", where)
        return fields

    def _length(self, member, where):
        text = member.array.strip("[]")
        length = int(text) if text.isdigit() else self.vk.constants.get(text)
        if length is None:
            raise PlanError(f"{where}: the length of {member.name}{member.array} is not known")
        return length

    def _structure(self, name, chain, is_root):
        struct = self.vk.structs[name]
        core = [self.vk.type_versions[n] for n in self.names[name] if n in self.vk.type_versions]
        providers = sorted({e for n in self.names[name] for e in self.providers.get(n, ())})
        if not core and not providers:
            return None  # of another platform, or not for this API
        refused = [n for n in self.names[name] if n in self.policy["refused_structures"]]
        self.used.update(refused)
        if refused:
            return None
        return Structure(name, struct.structure_type, chain, is_root,
                         self._fields(struct, "", name), min(core) if core else "", tuple(providers))

    def _structures(self):
        found = {}
        for name, struct in self.vk.structs.items():
            if name != struct.name:
                continue
            for root, chain in ROOTS.items():
                if (name != root and root not in struct.extends) or name in found:
                    continue
                planned = self._structure(name, chain, name == root)
                if planned:
                    found[name] = planned
        return [found[name] for name in sorted(found)]

    def _withheld(self, structures):
        known = {s.name: s for s in structures if s.chain == "FACTS_FEATURES"}
        rows = []
        for name, reason in self.policy["withheld_features"].items():
            struct, _, member = name.partition(".")
            if struct not in known or all(f.path != member for f in known[struct].fields):
                raise PlanError(f"facts.toml [withheld_features] names {name}, which vk.xml has not")
            rows.append((known[struct].type, struct, member, reason))
        return rows

    def _formats(self):
        """Formats that the core has, in the order of their values."""
        formats = self.vk.enums.get("VkFormat", model.Enum("VkFormat"))
        return [(name, formats.versions[name])
                for name in sorted(formats.versions, key=formats.values.get)
                if name != "VK_FORMAT_UNDEFINED"]

    def plan(self):
        structures = self._structures()
        withheld = self._withheld(structures)
        for name in self.policy["refused_structures"]:
            # A structure of a newer vk.xml may be named as well: the policy is for all of them.
            if name in self.vk.structs and name not in self.used:
                raise PlanError(f"facts.toml [refused_structures] names {name}, which needs no rule")
        lists = sorted({s.extensions for s in structures if s.extensions})
        return Plan(structures, withheld, self._formats(), lists)


def read_policy(path):
    with open(path, "rb") as file:
        policy = tomllib.load(file)
    unknown = set(policy) - set(SECTIONS)
    if unknown:
        raise PlanError(f"{path}: unknown section {sorted(unknown)[0]}")
    return {section: policy.get(section, {}) for section in SECTIONS}


def version(number):
    """The C name of a core version."""
    return f"VK_API_VERSION_{number.replace('.', '_')}" if number else "0"


def render(plan, template):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True)
    environment.filters["version"] = version
    environment.filters["text"] = lambda s: re.sub(r'(["\\])', r"\\\1", s)
    return environment.get_template(template + ".j2").render(plan=plan)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xml", required=True)
    parser.add_argument("--policy", default=pathlib.Path(__file__).parent / "facts.toml")
    parser.add_argument("output")
    arguments = parser.parse_args()
    try:
        vk = model.load(arguments.xml)
        plan = Planner(vk, read_policy(arguments.policy)).plan()
        text = render(plan, "vkwire_facts.c")
    except (model.ModelError, PlanError, OSError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"facts.py: {error}")
    pathlib.Path(arguments.output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
