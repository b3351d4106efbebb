# SPDX-License-Identifier: MIT
"""How each structure crosses: the plan of its members for the paravirtual driver's wire format. What
neither a rule nor the policy covers stops the generator with its name."""

import re
from dataclasses import dataclass, field

from layout import I386, LP64, Layouts, SCALARS, round_up

ADDRESSES = ("VkDeviceOrHostAddressKHR", "VkDeviceOrHostAddressConstKHR")


class PlanError(Exception):
    """A command, structure or member that neither a rule nor the policy covers."""


@dataclass
class Field:
    """A member of a structure. `kind`:

    stype, next, value, union (of plain data), address, handle, dispatchable, struct, select (a union
    told by a sibling): held by value;
    values, handles, dispatchables, structs, pointers (to one structure each), string, strings: behind
    a pointer;
    zero: not sent."""

    name: str
    type: str
    kind: str
    size: int  # of one element in a 64-bit process; of the whole member for values
    elements: int = 1  # of a fixed array
    dimensions: tuple = ()
    length: str | None = None  # expression of siblings, written as {0}name; None: one element
    optional: bool = False
    element_optional: bool = False
    struct: "Struct | None" = None
    choices: list = field(default_factory=list)  # of select: (values, Field)
    selector: str | None = None
    object: str | None = None
    scalar: str | None = None
    length_name: str | None = None  # of an output: the member that is its length
    output: bool = False  # behind a pointer that the driver writes to
    deep_copied: bool = False
    enum: object = None  # the model's, of values of an enumeration that the driver gets
    never_replaced: bool = False  # an unknown value of it is refused

    def length_of(self, prefix):
        return "1" if self.length is None else self.length.replace("{0}", prefix)

    @property
    def is_pointer(self):
        return self.kind in ("values", "handles", "dispatchables", "structs", "pointers", "string",
                             "strings")


@dataclass
class Struct:
    name: str
    stype: str | None
    fields: list
    size: int
    size32: int
    raw64: bool  # the guest copies it whole in a 64-bit process
    raw: bool  # and in a 32-bit one
    flat: bool  # of plain data alone: nothing in it is an id or a pointer
    tail: int | None  # bytes behind pNext, when they are raw everywhere
    sanitized: bool = False
    wire_fields: list = field(default_factory=list)  # declarations of struct vkwire_s_X

    @property
    def has_next(self):
        return self.stype is not None

    @property
    def tails(self):
        """Members behind which something follows on the wire, without the chain."""
        return [f for f in self.fields if f.is_pointer or
                (f.kind in ("struct", "select") and f.deep_copied)]

    @property
    def length_names(self):
        """Of an output: members that say how long what others point to is."""
        return sorted({f.length_name for f in self.tails if f.output})

    @property
    def deep(self):
        return self.has_next or bool(self.tails)

    @property
    def fixed(self):
        """Whether the host looks at anything in it."""
        return self.has_next or bool(self.checked)

    @property
    def checked(self):
        """Members that the host looks at, without the chain. Those that say how long something is come
        after it: they are changed last."""
        found = [f for f in self.fields if f.kind in ("handle", "zero", "select", "dispatchable") or
                 f.is_pointer or (f.kind == "struct" and f.struct.fixed) or
                 (f.enum and f.name not in self.selector_names)]
        return sorted(found, key=lambda f: f.name in self.steering)

    def steered_by(self, planned):
        """What has a length that this member says."""
        return [f for f in self.fields
                if planned.name in re.findall(r"\{0\}(\w+)", f.length or "")]

    @property
    def steering(self):
        """Numbers that say how long something is."""
        words = set()
        for planned in self.fields:
            words |= set(re.findall(r"\{0\}(\w+)", planned.length or ""))
        return words

    @property
    def selector_names(self):
        return {f.selector for f in self.fields if f.kind == "select"}

    @property
    def never_refused(self):
        return all(f.kind == "zero" or (f.kind == "value" and not f.never_replaced and
                                        f.name not in self.steering) for f in self.checked)

    @property
    def simple(self):
        """Only sType, pNext and raw members."""
        return self.tail is not None and self.flat and self.raw64_tail

    raw64_tail: bool = False


def parts(text):
    return tuple((text or "").split(","))


def is_true(text, index):
    words = parts(text)
    return index < len(words) and words[index] == "true"


class Structures:
    def __init__(self, model, policy):
        self.model = model
        self.policy = policy
        self.layouts = Layouts(model)
        self.inputs = {}
        self.outputs = {}

    # Names

    def object_name(self, handle):
        return "VKWIRE_OBJECT_" + self.model.handles[handle].object_type.removeprefix(
            "VK_OBJECT_TYPE_")

    def canonical(self, name):
        return self.model.canonical_type(name)

    def is_struct(self, name):
        name = self.canonical(name)
        return name in self.model.structs and not self.model.structs[name].is_union

    def key(self, struct, member):
        return f"{struct.name}.{member.name}"

    # Lengths

    def length(self, variable, siblings, where):
        """The length as an expression of siblings: {0}count."""
        text = variable.alternative or parts(variable.length)[0]
        if not re.fullmatch(r"[\w\s()+*/>-]+", text) or "latex" in text:
            raise PlanError(f"{where}: the length {variable.length} has no rule")
        divided = re.fullmatch(r"(\w+) ?/ ?(\d+)", text)
        if divided:  # what is left over counts: the driver may read it
            text = "{0} / {1} + ({0} % {1} != 0)".format(*divided.groups())

        def name(match):
            word = match.group()
            if word in siblings:  # in 64 bits, so that nothing wraps
                return "(uint64_t){0}" + word
            if word.isdigit() or word in self.model.constants or word in self.model.enumerants:
                return word
            if match.start() >= 2 and text[match.start() - 2:match.start()] == "->":
                return word
            raise PlanError(f"{where}: the length {text} names {word}, which is not beside it")
        return re.sub(r"\w+", name, text)

    # Enumerations

    def enum(self, type_, where):
        """The enumeration that values are of, or None."""
        name = self.canonical(type_)
        if self.model.defined_types.get(name) != "enum":
            return None
        enum = self.model.enums.get(name)
        if enum is None or enum.wide or max(enum.known, default=-1) < 0:
            raise PlanError(f"{where} is a {name}, which has no values or 64 bits, and no rule "
                            "covers it")
        return enum

    def _enum_in_union(self, name):
        """Of a union of numbers."""
        return any(self.model.defined_types.get(self.canonical(m.type)) == "enum" or (
            m.type in self.model.structs and self._enum_in_union(m.type))
            for m in self.model.structs[self.canonical(name)].members)

    def _check_union(self, name, where):
        if self._enum_in_union(name):
            raise PlanError(f"{where} is a union with an enumeration in it, and no rule covers it")

    # Plans of inputs

    def input(self, name):
        struct = self.model.structs[self.canonical(name)]
        if struct.name not in self.inputs:
            self.inputs[struct.name] = None
            self.inputs[struct.name] = self._plan(struct, self._input_field)
        plan = self.inputs[struct.name]
        if plan is None:
            raise PlanError(f"{struct.name} holds itself, and no rule covers that")
        return plan

    def output(self, name):
        struct = self.model.structs[self.canonical(name)]
        if struct.name not in self.outputs:
            self.outputs[struct.name] = None
            self.outputs[struct.name] = self._plan(struct, self._output_field)
        return self.outputs[struct.name]

    def _plan(self, struct, rule):
        if struct.is_union:
            raise PlanError(f"{struct.name} is a union, and no rule covers it")
        siblings = {m.name for m in struct.members}
        fields = [rule(struct, member, siblings) for member in struct.members]
        wide = self.layouts.of_struct(struct.name, LP64)
        narrow = self.layouts.of_struct(struct.name, I386)
        for planned, size in zip(fields, wide.sizes):
            planned.size = planned.size or size
        stype = struct.structure_type if any(f.kind == "next" for f in fields) else None
        inner = [f for f in fields if f.kind not in ("stype", "next")]
        raw_members = all(
            f.kind in ("value", "union", "address", "handle") or
            (f.kind == "struct" and f.struct.raw64) for f in inner)
        sanitized = struct.name in self.policy["sanitized"]
        same = wide.offsets == narrow.offsets and wide.size == narrow.size and all(
            f.struct.raw for f in inner if f.kind == "struct")
        raw64 = raw_members and stype is None and not wide.padded and not sanitized
        flat = all(f.kind in ("stype", "next", "value", "union", "address") or
                   (f.kind == "struct" and f.struct.flat and not f.struct.has_next)
                   for f in fields)
        for planned in inner:
            planned.deep_copied = self._deep_copied(planned)
        plan = Struct(
            struct.name, stype, fields, wide.size, narrow.size, raw64, raw64 and same, flat,
            self._tail(struct, fields, wide, narrow), sanitized)
        plan.raw64_tail = plan.tail is not None and not sanitized
        plan.wire_fields = self._wire_fields(struct, fields, wide)
        return plan

    @staticmethod
    def _deep_copied(planned):
        if planned.kind == "struct":
            return planned.struct.deep
        if planned.kind == "select":
            return any(choice.struct is not None and choice.struct.deep
                       for _, choice in planned.choices)
        return False

    def _tail(self, struct, fields, wide, narrow):
        """Bytes behind sType and pNext, when the same bytes are there in both kinds of process."""
        if len(fields) < 3 or fields[0].kind != "stype" or fields[1].kind != "next":
            return None
        inner = fields[2:]
        for planned in inner:
            if planned.kind == "struct" and planned.struct.raw:
                continue
            if planned.kind not in ("value", "union"):
                return None
        ours = [o - 16 for o in wide.offsets[2:]]
        theirs = [o - 8 for o in narrow.offsets[2:]]
        end = wide.offsets[-1] + wide.sizes[-1]
        if ours != theirs or wide.sizes[2:] != narrow.sizes[2:] or sum(wide.sizes[2:]) != end - 16:
            return None
        return end - 16

    def _wire_fields(self, struct, fields, wide):
        """Members of the structure as it crosses, padding named: (declaration, pad)."""
        result, at, pads = [], 0, 0
        for planned, offset, size in zip(fields, wide.offsets, wide.sizes):
            if offset != at:
                result.append((f"uint8_t pad{pads}[{offset - at}]", f"pad{pads}"))
                pads += 1
            result.append((self._wire_declaration(struct, planned, size), None))
            at = offset + size
        if at != wide.size:
            result.append((f"uint8_t pad{pads}[{wide.size - at}]", f"pad{pads}"))
        return result

    def _wire_declaration(self, struct, planned, size):
        array = "".join(f"[{d}]" for d in planned.dimensions)
        if planned.is_pointer or planned.kind in (
                "next", "handle", "dispatchable", "address") or \
                (planned.kind == "zero" and planned.scalar is None):
            return f"stream_u64 {planned.name}{array}"
        if planned.kind in ("union", "select"):
            align = self.layouts.of_type(planned.type, LP64)[1]
            return f"_Alignas({align}) uint8_t {planned.name}[{size}]"
        if planned.kind == "struct":
            type_ = planned.type if planned.struct.raw else f"struct vkwire_s_{planned.type}"
            return f"{type_} {planned.name}{array}"
        scalar = planned.scalar or "uint32_t"
        if scalar == "size_t" or SCALARS[scalar] == 8:
            scalar = "stream_u64"
        return f"{scalar} {planned.name}{array}"

    def _common(self, struct, member):
        """What inputs and outputs have in common, or None."""
        type_ = self.canonical(member.type)
        elements = self.layouts.elements(member)
        base = dict(name=member.name, type=type_, size=0, elements=elements,
                    dimensions=self.layouts.dimensions(member))
        if member.name == "sType":
            return Field(kind="stype", scalar="uint32_t", **base)
        if member.name == "pNext":
            return Field(kind="next", **base)
        if self.key(struct, member) in self.policy["zeroed"]:
            return Field(kind="zero", scalar=None if member.pointers else
                         self.layouts.scalar(type_), **base)
        if member.pointers:
            return None
        if member.object_type:
            raise PlanError(f"{struct.name}.{member.name} names an object of any type, and no rule "
                            "covers it")
        scalar = self.layouts.scalar(type_)
        if scalar:
            return Field(kind="value", scalar=scalar, **base)
        if type_ in ADDRESSES:
            return Field(kind="address", **base)
        return None

    def _plain_union(self, name):
        """A union of numbers alone."""
        return all(not m.pointers and (
            self.layouts.scalar(m.type) or
            (self.is_struct(m.type) and self.input(m.type).raw) or
            (not self.is_struct(m.type) and self.canonical(m.type) in self.model.structs and
             self._plain_union(self.canonical(m.type))))
            for m in self.model.structs[name].members)

    def _input_field(self, struct, member, siblings):
        planned = self._common(struct, member)
        where = f"{struct.name}.{member.name}"
        if planned and planned.kind == "value":
            planned.enum = self.enum(member.type, where)
            planned.element_optional = is_true(member.optional, 0)
            planned.never_replaced = where in self.policy["never_replaced"]
        if planned:
            return planned
        type_ = self.canonical(member.type)
        nullable = where in self.policy["nullable"] or member.unchecked
        base = dict(name=member.name, type=type_, size=0,
                    elements=self.layouts.elements(member),
                    dimensions=self.layouts.dimensions(member))
        if not member.pointers:
            return self._input_by_value(struct, member, where, nullable, base)
        if "const" not in member.prefix and where not in self.policy["read_only"]:
            raise PlanError(f"{where} is a pointer to something that the driver writes, and no rule "
                            "covers it")
        planned = self._behind_pointer(member, where, siblings)
        planned.optional = nullable or is_true(member.optional, 0)
        planned.element_optional = planned.enum is None and (
            nullable or is_true(member.optional, 1))
        return planned

    def _input_by_value(self, struct, member, where, nullable, base):
        type_ = base["type"]
        handle = self.model.handles.get(type_)
        if handle:
            if handle.dispatchable and type_ in ("VkInstance", "VkDevice", "VkPhysicalDevice"):
                raise PlanError(f"{where} is a {type_}, and no rule covers it")
            return Field(
                kind="dispatchable" if handle.dispatchable else "handle",
                object=self.object_name(type_), optional=nullable or is_true(member.optional, 0),
                **base)
        if type_ not in self.model.structs:
            raise PlanError(f"{where} is a {type_}, and no rule covers it")
        if not self.model.structs[type_].is_union:
            return Field(kind="struct", struct=self.input(type_), **base)
        if self._plain_union(type_):
            self._check_union(type_, where)
            return Field(kind="union", **base)
        return self._select(struct, member, where, base)

    def _select(self, struct, member, where, base):
        if not member.selector:
            raise PlanError(f"{where} is a union of {base['type']} without a selector, and no rule "
                            "covers it")
        choices = []
        for choice in self.model.structs[base["type"]].members:
            if choice.pointers or not choice.selection or not self.is_struct(choice.type):
                raise PlanError(f"{where}: {base['type']}.{choice.name} has no rule")
            choices.append((parts(choice.selection), Field(
                choice.name, self.canonical(choice.type), "struct", 0,
                struct=self.input(choice.type))))
        return Field(kind="select", choices=choices, selector=member.selector, **base)

    def _behind_pointer(self, member, where, siblings):
        """Kind of what an input pointer points to."""
        type_ = self.canonical(member.type)
        base = dict(name=member.name, type=type_, size=0)
        words = parts(member.length)
        if type_ == "char":
            if member.pointers == 1 and words == ("null-terminated",):
                return Field(kind="string", **base)
            if member.pointers == 2 and len(words) == 2 and words[1] == "null-terminated":
                return Field(kind="strings", length=self.length(member, siblings, where), **base)
        if member.pointers == 2 and len(words) == 2 and words[1] == "1" and self.is_struct(type_):
            return Field(kind="pointers", length=self.length(member, siblings, where),
                         struct=self.input(type_), **base)
        if member.pointers != 1 or (type_ == "void" and not member.length):
            raise PlanError(f"{where} is a pointer without a length, and no rule covers it")
        length = self.length(member, siblings, where) if member.length else None
        scalar = "uint8_t" if type_ == "void" else self.layouts.scalar(type_)
        if scalar == "size_t":
            raise PlanError(f"{where} is an array of size_t, and no rule covers it")
        if scalar:
            size = SCALARS[scalar]
            base["size"] = size
            return Field(kind="values", length=length, scalar=scalar,
                         enum=self.enum(type_, where), **base)
        handle = self.model.handles.get(type_)
        if handle:
            if type_ in ("VkInstance", "VkDevice", "VkPhysicalDevice"):
                raise PlanError(f"{where} points to {type_}, and no rule covers it")
            base["size"] = 8
            return Field(kind="dispatchables" if handle.dispatchable else "handles",
                         length=length, object=self.object_name(type_), **base)
        if type_ in self.model.structs and self.model.structs[type_].is_union:
            if type_ not in ADDRESSES and not self._plain_union(type_):
                raise PlanError(f"{where} points to {type_}, and no rule covers it")
            if type_ not in ADDRESSES:
                self._check_union(type_, where)
            wide = self.layouts.of_struct(type_, LP64)
            base["size"] = wide.size
            if type_ not in ADDRESSES and \
                    self.layouts.of_struct(type_, I386).size != wide.size:
                raise PlanError(f"{where} points to {type_}, which differs in a 32-bit process")
            return Field(kind="values", length=length, scalar="union", **base)
        if type_ in self.model.structs:
            inner = self.input(type_)
            base["size"] = inner.size
            return Field(kind="structs", length=length, struct=inner, **base)
        raise PlanError(f"{where} points to {type_}, and no rule covers it")

    # Plans of outputs

    def _output_field(self, struct, member, siblings):
        planned = self._common(struct, member)
        if planned:
            return planned
        where = f"{struct.name}.{member.name}"
        type_ = self.canonical(member.type)
        base = dict(name=member.name, type=type_, size=0,
                    elements=self.layouts.elements(member),
                    dimensions=self.layouts.dimensions(member))
        if member.pointers:
            return self._output_pointer(member, where, siblings, base)
        if type_ in self.model.structs:
            if self.model.structs[type_].is_union:
                if self._plain_union(type_):
                    return Field(kind="union", **base)
            else:
                return Field(kind="struct", struct=self.output(type_), **base)
        raise PlanError(f"{where} is an output of {type_}, and no rule covers it")

    def _output_pointer(self, member, where, siblings, base):
        scalar = "uint8_t" if base["type"] == "void" else self.layouts.scalar(base["type"])
        if member.pointers != 1 or "const" in member.prefix or not member.length or \
                member.length not in siblings:
            raise PlanError(f"{where} is a pointer in an output, and no rule covers it")
        length = self.length(member, siblings, where)
        base["elements"], base["dimensions"] = 1, ()
        if scalar and scalar != "size_t":
            base["size"] = SCALARS[scalar]
            return Field(kind="values", length=length, length_name=member.length, scalar=scalar,
                         output=True, **base)
        if self.is_struct(base["type"]):
            inner = self.output(base["type"])
            if inner.raw:
                base["size"] = inner.size
                return Field(kind="structs", length=length, length_name=member.length,
                             struct=inner, output=True, **base)
        raise PlanError(f"{where} points to outputs of {base['type']}, and no rule covers it")


__all__ = ["ADDRESSES", "Field", "PlanError", "Struct", "Structures", "is_true", "parts",
           "round_up"]
