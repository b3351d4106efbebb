# SPDX-License-Identifier: MIT
"""What paravirtual.py plans and the templates of templates/paravirtual write: commands, their
parameters, extensions."""

import re
from dataclasses import dataclass, field

from layout import SCALARS


@dataclass
class Param:
    """A parameter that crosses. `kind`:

    value, array (of fixed size), handle, dispatchable;
    stride: how far apart elements lie in the program's memory; they are packed on the wire;
    values, handles, dispatchables, structs, lists (an array of pointers to arrays): inputs behind a
    pointer;
    made, many_made: handles that the guest has chosen ids for;
    count (of a two-call enumeration), out_value, out_values, out_structs: outputs."""

    name: str
    type: str
    kind: str
    declaration: str  # as vk.xml has it
    size: int = 0  # of an element
    elements: int = 1
    length: str | None = None
    inner_length: str | None = None
    optional: bool = False
    element_optional: bool = False
    object: str | None = None
    struct: object = None
    scalar: str | None = None
    present: int | None = None  # bit in the parameter block
    const: bool = True
    stride: str | None = None  # the parameter that tells how far apart the elements lie
    wanted: list = field(default_factory=list)  # members whose ids args_X has
    wanted_ids: bool = False  # args_X has the ids of this array
    counts: str | None = None  # of an output array: the parameter that holds its count by reference
    enum: object = None  # the model's, of values of an enumeration that the driver gets

    def length_of(self, prefix):
        return "1" if self.length is None else self.length.replace("{0}", prefix)

    def inner_length_of(self, prefix):
        return self.inner_length.replace("{0}", prefix)

    @property
    def is_output(self):
        return self.kind in ("count", "out_value", "out_values", "out_structs")

    @property
    def in_block(self):
        return self.kind in ("value", "array", "handle", "dispatchable", "made", "count")

    @property
    def has_piece(self):
        """Something follows the parameter block."""
        return self.kind in ("values", "handles", "dispatchables", "structs", "lists",
                             "many_made") or (self.kind == "out_structs" and self.struct.has_next)

    @property
    def block_member(self):
        if self.kind in ("handle", "dispatchable", "made"):
            return 8, f"stream_u64 {self.name}"
        if self.kind == "array":
            return self.size * self.elements, f"{self.scalar} {self.name}[{self.elements}]"
        scalar = self.scalar
        if scalar == "size_t" or SCALARS[scalar] == 8:
            return 8, f"stream_u64 {self.name}"
        return 4, f"{scalar} {self.name}"

    @property
    def host_type(self):
        """Of a by-value parameter or of what a pointer points to."""
        return self.type


@dataclass
class Command:
    name: str  # canonical, without vk
    aliases: list  # other names, without vk
    level: str  # global, instance, physical_device, device
    leading: str | None  # the parameter that is left out: instance, device …
    returns: str
    declarations: list  # of all parameters
    names: list  # of all parameters
    params: list  # that cross
    call: list  # what the driver gets, in order: ("leading", None), ("null", None), ("param", Param)
    wire: bool = True
    guest: str = "generated"  # or by_hand, ignored
    exec_by_hand: bool = False
    reply: bool = False
    kind: str = "call"  # create, destroy, record, async, call
    members: list = field(default_factory=list)  # (declaration, name or None for padding)
    size: int = 0
    has_present: bool = False
    destroyed: str | None = None  # the handle parameter that a destroy ends
    fixed: bool = False  # nothing follows the parameter block
    core: str | None = None
    dispatch: bool = True  # the driver is asked for it

    @property
    def function(self):
        return "umd_" + self.name

    def counted(self, count):
        """The array that a two-call enumeration fills."""
        return next(p.name for p in self.params if p.counts == count.name)

    @property
    def param_names(self):
        return {p.name for p in self.params}

    @property
    def asks(self):
        """Questions, which programs may ask about what they do not know."""
        return self.level == "physical_device"

    @property
    def steering(self):
        """Parameters that say how long something is."""
        words = set()
        for param in self.params:
            words |= set(re.findall(r"\{0\}(\w+)", param.length or ""))
        return words

    @property
    def uses_block(self):
        """Whether the worker reads the parameter block."""
        return self.reply or self.has_present or any(p.in_block for p in self.params)

    @property
    def padded(self):
        return any(name is None for _, name in self.members)

    @property
    def dropped(self):
        """Parameters that do not cross."""
        crossing = {p.name for p in self.params}
        return [n for n in self.names[1 if self.leading else 0:] if n not in crossing]

    @property
    def outputs(self):
        return [p for p in self.params if p.is_output]

    @property
    def pieces(self):
        return [p for p in self.params if p.has_piece]

    @property
    def recorded(self):
        return self.leading == "command_buffer"

    @property
    def returned_value(self):
        return self.returns if self.returns not in ("void", "VkResult") else None


@dataclass
class Offer:
    """An extension."""

    name: str
    upper: str
    index: int
    spec_version: int
    device: bool
    refused: str | None
    promoted_to: str | None
    foreign: bool  # of a platform
    window: bool  # the guest's own: the host's device does not get it


@dataclass
class Entry:
    """A name that vkGet*ProcAddr knows."""

    name: str
    level: str
    core: str | None
    extensions: list
    command: Command


@dataclass
class Plan:
    header_version: int
    api_version: str
    digest: str
    objects: list  # (enumerant, handle type, dispatchable)
    commands: list  # all that have an entry point
    wire: list  # all that cross
    aliases: list  # (other name, canonical name)
    extensions: list
    entries: list
    dispatch: list  # (name, names, level)
    inputs: list
    outputs: list
    chain_in: list
    chain_out: list
    struct_encoders: list
    destroyers: list  # (object enumerant, handle type, command)
    sanitized: list  # structures
    refused_commands: list  # (name, reason)
    refused_structures: list
    foreign: list  # declarations of platforms' types
    opaque: list  # structures that the Vulkan core header does not define
    guest_objects: list  # handle types

    @staticmethod
    def _all(structs):
        done = {}

        def visit(struct):
            if struct.name not in done:
                done[struct.name] = struct
                for planned in struct.fields:
                    if planned.struct is not None:
                        visit(planned.struct)
                    for _, choice in planned.choices:
                        visit(choice.struct)

        for struct in structs:
            visit(struct)
        return sorted(done.values(), key=lambda s: s.name)

    @property
    def trial_inputs(self):
        return self._all(self.inputs + self.chain_in)

    @property
    def trial_outputs(self):
        return self._all(self.outputs + self.chain_out)

    @property
    def steering(self):
        """Members that say how long something beside their structure is."""
        lengths = [text for c in self.wire for p in c.params
                   for text in (p.length, p.inner_length) if text]
        return set(re.findall(r"(?:->|\.)(\w+)", " ".join(lengths)))

    @property
    def trial_made(self):
        """Outputs that are parameters or stand in chains."""
        return {p.type for c in self.wire for p in c.params if p.kind == "out_structs"} | {
            s.name for s in self.chain_out}

    @property
    def trial_roots(self):
        return {p.type for c in self.wire for p in c.params
                if p.kind == "structs" and not p.stride}

    @property
    def wants_id_arrays(self):
        return any(p.wanted_ids for c in self.wire for p in c.params)

    @property
    def taken(self):
        """Structures in arrays behind pointers of structures."""
        return {f.type for s in self.inputs for f in s.fields if f.kind in ("structs", "pointers")}

    @staticmethod
    def set_name(extensions):
        return "of_" + "_".join(map(str, extensions)) if extensions else "none"

    @property
    def extension_sets(self):
        sets = {tuple(e.extensions) for e in self.entries if e.extensions}
        return [(self.set_name(s), s) for s in sorted(sets)]

    @property
    def all_structs(self):
        """Inputs and outputs, those first that others hold by value."""
        done = {}

        def visit(struct):
            if struct.name in done:
                return
            for planned in struct.fields:
                if planned.kind == "struct":
                    visit(planned.struct)
            done[struct.name] = struct

        for struct in self.inputs + self.outputs:
            visit(struct)
        return list(done.values())

    @property
    def decoded(self):
        """Inputs, and those of chains that the host alone looks at."""
        known = {s.name: s for s in self.inputs}
        known.update({s.name: s for s in self.chain_in if s.checked})
        return [known[n] for n in sorted(known)]

    @property
    def enums(self):
        """The enumerations that commands hand to the driver."""
        used = [p.enum for c in self.wire for p in c.params]
        used += [f.enum for s in self.trial_inputs for f in s.fields]
        return sorted({e.name: e for e in used if e}.values(), key=lambda e: e.name)

    @property
    def enum_arrays(self):
        """One member for each enumeration that structures have arrays of."""
        members = {f.enum.name: f for s in self.decoded for f in s.fields
                   if f.enum and f.kind == "values"}
        return [members[n] for n in sorted(members)]

    @property
    def raw_names(self):
        return {s.name for s in self.inputs if s.raw}

    @property
    def pointed(self):
        """Structures in arrays of pointers."""
        return sorted({f.type for s in self.inputs for f in s.fields if f.kind == "pointers"})

    @staticmethod
    def _by_tail(structs):
        tails = {}
        for struct in structs:
            if struct.simple:
                tails.setdefault(struct.tail, []).append(struct)
        return sorted(tails.items())

    @property
    def simple_in(self):
        return self._by_tail(self.chain_in)

    @property
    def simple_out(self):
        return self._by_tail(self.chain_out)

    @property
    def version(self):
        """1.3"""
        return ".".join(re.findall(r"\d+", self.api_version)[1:3])

    @property
    def by_hand_names(self):
        return {c.name for c in self.wire if c.exec_by_hand}
