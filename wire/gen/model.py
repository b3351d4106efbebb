# SPDX-License-Identifier: MIT
"""A model of vk.xml: handles, structures, commands, extensions. It holds no C text beyond the
declarations that vk.xml itself spells, and no decision about what to generate."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

API = "vulkan"
# A version's features may be split into parts that belong together.
FEATURE_APIS = {API, "vulkanbase", "vulkancompute", "vulkangraphics"}


class ModelError(Exception):
    """vk.xml says something that the model does not understand."""


@dataclass(frozen=True)
class Handle:
    name: str
    parent: str | None
    dispatchable: bool
    object_type: str | None


@dataclass(frozen=True)
class Variable:
    """A parameter of a command or a member of a structure."""

    name: str
    type: str
    prefix: str  # what stands before the type: "const ", "struct "
    suffix: str  # between type and name: "*", "* const*"
    array: str  # after the name: "[4]"
    length: str | None
    optional: str | None
    object_type: str | None  # the sibling that tells the handle type of this integer
    values: str | None
    alternative: str | None = None  # the length as a C expression, where `length` is a formula
    unchecked: bool = False  # no validity follows from the declaration alone
    selector: str | None = None  # the sibling that tells which member of a union is there
    stride: str | None = None  # the sibling that tells how far apart elements lie
    selection: str | None = None  # of a union's member: the selector's values

    @property
    def pointers(self):
        return self.suffix.count("*")

    @property
    def is_const(self):
        return "const" in self.prefix

    @property
    def is_array(self):
        return bool(self.array) or bool(self.length and self.length != "1")

    @property
    def declaration(self):
        stars = self.suffix.strip()
        joint = " " if not stars else " " + stars
        space = " " if stars.endswith("const") else ""
        return f"{self.prefix}{self.type}{joint}{space}{self.name}{self.array}"


@dataclass(frozen=True)
class Struct:
    name: str
    is_union: bool
    members: tuple
    extends: tuple
    returned_only: bool

    @property
    def structure_type(self):
        for member in self.members:
            if member.name == "sType":
                return member.values
        return None


@dataclass(frozen=True)
class Command:
    name: str
    returns: str
    params: tuple


@dataclass
class Enum:
    """An enumeration, or the bits of a bitmask. Only what this API has; each value once."""

    name: str
    bits: bool = False
    wide: bool = False  # of 64 bits
    values: dict = field(default_factory=dict)  # name -> integer
    versions: dict = field(default_factory=dict)  # name -> "1.0", of those that the core has

    @property
    def first(self):
        """The smallest value of the core that is not negative; 0 where there is one."""
        candidates = [v for n, v in self.values.items() if v >= 0 and n in self.versions]
        return min(candidates or [v for v in self.values.values() if v >= 0])

    @property
    def known(self):
        """The values that one may have: of a bitmask a single bit, or 0 where that has a name."""
        return sorted({v for v in self.values.values()
                       if not self.bits or (v >= 0 and not v & (v - 1))})

    @property
    def ranges(self):
        """Of those that are known: (first, last) of the range that has the first value, and [(first,
        last)] of the others in order."""
        result = []
        for value in self.known:
            if result and result[-1][1] == value - 1:
                result[-1] = (result[-1][0], value)
            else:
                result.append((value, value))
        usual = next(r for r in result if r[0] <= self.first <= r[1])
        return usual, [r for r in result if r != usual]


@dataclass
class Extension:
    name: str
    type: str | None
    platform: str | None
    supported: bool
    requires: str  # names joined by & (and), | (or), with parentheses; "" for none
    commands: list = field(default_factory=list)
    types: list = field(default_factory=list)
    type_needs: list = field(default_factory=list)  # (type, extensions it is there for)
    spec_version: int = 0
    promoted_to: str | None = None  # VK_VERSION_1_3, or another extension

    def possible_without(self, missing):
        """Whether what this extension requires can be met when the extensions in `missing` are
        not there and everything else is."""
        return not self.requires or _evaluate(self.requires, missing)


@dataclass
class Model:
    header_version: int
    handles: dict
    structs: dict
    commands: dict  # canonical name -> Command
    aliases: dict  # other name -> canonical name
    extensions: dict
    core_commands: dict  # name -> "1.0"
    core_types: set
    enumerants: set
    foreign_types: set  # types of platform headers
    defined_types: dict  # type -> category
    typedefs: dict  # basetype or bitmask -> what it is
    type_aliases: dict  # other name -> type
    constants: dict  # name -> integer
    type_versions: dict  # core type -> "1.0"
    enums: dict  # canonical name -> Enum

    def canonical_type(self, name):
        while name in self.type_aliases:
            name = self.type_aliases[name]
        return name

    def canonical(self, name):
        while name in self.aliases:
            name = self.aliases[name]
        return name

    def is_instance_level(self, command):
        """Instance level: dispatched by an instance, a physical device, or by nothing."""
        first = command.params[0].type if command.params else None
        handle = self.handles.get(first)
        return handle is None or first in ("VkInstance", "VkPhysicalDevice")


def _for_this_api(element):
    api = element.get("api")
    return api is None or API in api.split(",")


def _text(element):
    return "" if element is None or element.text is None else element.text


def _variable(element):
    type_element = element.find("type")
    name_element = element.find("name")
    prefix = _text(element)
    suffix = type_element.tail or ""
    array = name_element.tail or ""
    for enum in element.findall("enum"):
        array += _text(enum) + (enum.tail or "")
    if ":" in array:
        array = array.strip()
    return Variable(
        name=_text(name_element),
        type=_text(type_element),
        prefix=re.sub(r"\s+", " ", prefix.lstrip()),
        suffix=re.sub(r"\s+", " ", suffix).strip(),
        array=re.sub(r"\s+", "", array),
        length=element.get("len"),
        optional=element.get("optional"),
        object_type=element.get("objecttype"),
        values=element.get("values"),
        alternative=element.get("altlen"),
        unchecked=element.get("noautovalidity") == "true",
        selector=element.get("selector"),
        selection=element.get("selection"),
        stride=element.get("stride"),
    )


def _evaluate(expression, missing):
    words = re.findall(r"[()&|]|[^()&|]+", expression)
    code = {"&": " and ", "|": " or ", "(": "(", ")": ")"}
    text = "".join(code.get(word) or str(word not in missing) for word in words)
    return eval(text, {"__builtins__": {}})  # only True, False, and, or, parentheses


def _requirement(element):
    """`requires` is a list (a,b: both); `depends`, newer, an expression (+ is and, a comma or)."""
    if element.get("depends"):
        text = element.get("depends").replace(",", "|").replace("+", "&")
    else:
        text = (element.get("requires") or "").replace(",", "&")
    if not re.fullmatch(r"[\w()&|:]*", text):
        raise ModelError(f"{element.get('name')}: requirement {text!r} is not understood")
    return text


def _names(expression):
    return tuple(re.findall(r"VK_\w+", expression or ""))


def _read_types(root, model):
    struct_aliases = {}
    for element in root.findall("types/type"):
        if not _for_this_api(element):
            continue
        category = element.get("category")
        name = element.get("name") or _text(element.find("name"))
        if category is None:
            if element.get("requires") not in (None, "vk_platform"):
                model.foreign_types.add(name)
            continue
        model.defined_types[name] = category
        if element.get("alias"):
            model.type_aliases[name] = element.get("alias")
        elif category in ("basetype", "bitmask") and element.find("type") is not None:
            model.typedefs[name] = _text(element.find("type"))
        if category == "define" and name == "VK_HEADER_VERSION":
            model.header_version = int(re.search(r"\d+", element.find("name").tail).group())
        elif category == "handle" and element.get("alias") is None:
            kind = _text(element.find("type"))
            model.handles[name] = Handle(
                name, element.get("parent"), kind == "VK_DEFINE_HANDLE", element.get("objtypeenum"))
        elif category in ("struct", "union"):
            if element.get("alias"):
                struct_aliases[name] = element.get("alias")
                continue
            members = tuple(_variable(m) for m in element.findall("member") if _for_this_api(m))
            model.structs[name] = Struct(
                name, category == "union", members,
                tuple(filter(None, (element.get("structextends") or "").split(","))),
                element.get("returnedonly") == "true")
    for name, target in struct_aliases.items():
        while target in struct_aliases:
            target = struct_aliases[target]
        if target in model.structs:
            model.structs[name] = model.structs[target]


def _read_commands(root, model):
    for element in root.findall("commands/command"):
        if not _for_this_api(element):
            continue
        alias = element.get("alias")
        if alias:
            model.aliases[element.get("name")] = alias
            continue
        name = _text(element.find("proto/name"))
        params = tuple(_variable(p) for p in element.findall("param") if _for_this_api(p))
        model.commands[name] = Command(name, _text(element.find("proto/type")), params)


def _read_constants(root, model):
    """Integers of the API constants: sizes of arrays."""
    aliases = {}
    for enums in root.findall("enums"):
        if enums.get("name") != "API Constants":
            continue
        for element in enums.findall("enum"):
            if element.get("alias"):
                aliases[element.get("name")] = element.get("alias")
            elif re.fullmatch(r"\d+", element.get("value", "")):
                model.constants[element.get("name")] = int(element.get("value"))
    for name, target in aliases.items():
        if target in model.constants:
            model.constants[name] = model.constants[target]


def _value(element, extension):
    """The integer that an <enum> defines, or None for other names of one and for what is none.
    `extension`: the number of the one that it stands in."""
    if element.get("value"):
        return int(element.get("value"), 0) if re.fullmatch(
            r"-?(\d+|0x[0-9A-Fa-f]+)", element.get("value")) else None
    if element.get("bitpos"):
        return 1 << int(element.get("bitpos"))
    if not element.get("offset"):
        return None
    number = int(element.get("extnumber") or extension)
    value = 1000000000 + (number - 1) * 1000 + int(element.get("offset"))
    return -value if element.get("dir") == "-" else value


def _read_enums(root, model):
    for enums in root.findall("enums"):
        if enums.get("name") == "API Constants":
            continue
        enum = Enum(enums.get("name"), enums.get("type") == "bitmask",
                    enums.get("bitwidth") == "64")
        model.enums[enum.name] = enum
        for element in enums.findall("enum"):
            _add_value(model, enum.name, element, None, "1.0")
    for feature in root.findall("feature"):
        if FEATURE_APIS.intersection(feature.get("api", "").split(",")):
            for element in _required_values(feature):
                _add_value(model, element.get("extends"), element, None, feature.get("number"))
    for extension in root.findall("extensions/extension"):
        if API in (extension.get("supported") or "").split(","):
            for element in _required_values(extension):
                _add_value(model, element.get("extends"), element, extension.get("number"), None)


def _required_values(element):
    return [e for require in element.findall("require") if _for_this_api(require)
            for e in require.findall("enum") if e.get("extends")]


def _add_value(model, name, element, extension, version):
    value = _value(element, extension) if _for_this_api(element) else None
    enum = model.enums.get(model.canonical_type(name))
    if value is None or enum is None:
        return
    enum.values[element.get("name")] = value
    if version:
        enum.versions.setdefault(element.get("name"), version)


def _read_requirements(root, model):
    for element in root.iter("enum"):
        if element.get("name"):
            model.enumerants.add(element.get("name"))
    for feature in root.findall("feature"):
        if not FEATURE_APIS.intersection(feature.get("api", "").split(",")):
            continue
        for command in feature.findall("require/command"):
            model.core_commands.setdefault(command.get("name"), feature.get("number"))
        for type_ in feature.findall("require/type"):
            model.core_types.add(type_.get("name"))
            model.type_versions.setdefault(type_.get("name"), feature.get("number"))
    for element in root.findall("extensions/extension"):
        extension = Extension(
            name=element.get("name"),
            type=element.get("type"),
            platform=element.get("platform"),
            supported=API in (element.get("supported") or "").split(","),
            requires=_requirement(element),
            promoted_to=element.get("promotedto"))
        for require in element.findall("require"):
            if not _for_this_api(require):
                continue
            needs = _names(require.get("extension") or require.get("depends"))
            for command in require.findall("command"):
                extension.commands.append((command.get("name"), needs))
            for type_ in require.findall("type"):
                extension.types.append(type_.get("name"))
                extension.type_needs.append((type_.get("name"), needs))
            for enum in require.findall("enum"):
                if (enum.get("name") or "").endswith("_SPEC_VERSION") and enum.get("value"):
                    extension.spec_version = int(enum.get("value"), 0)
        model.extensions[extension.name] = extension


def load(path):
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ModelError(f"{path}: {error}") from error
    model = Model(0, {}, {}, {}, {}, {}, {}, set(), set(), set(), {}, {}, {}, {}, {}, {})
    _read_types(root, model)
    _read_commands(root, model)
    _read_constants(root, model)
    _read_enums(root, model)
    _read_requirements(root, model)
    if not model.header_version:
        raise ModelError(f"{path}: VK_HEADER_VERSION is not defined")
    return model
