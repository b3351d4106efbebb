# SPDX-License-Identifier: MIT
"""Decides, from the model of vk.xml and the policy, how the Vulkan shim (icd/) treats each command
that names an instance-level object. Classification is by rule; what no rule covers stops the
generator with its name."""

from dataclasses import dataclass, field


INTEGERS = ("uint32_t", "uint64_t", "VkDeviceSize", "VkDeviceAddress")


class PlanError(Exception):
    """A command, structure or member that neither a rule nor the policy covers."""


@dataclass
class Argument:
    """How one parameter is passed on."""

    name: str
    declaration: str
    expression: str  # what the driver's function gets
    copy: "Copy | None" = None  # a shallow copy to be made first
    handle: bool = False  # a wrapped handle passed by value


@dataclass
class Copy:
    type: str
    source: str  # the parameter
    name: str  # the local variable
    handles: list = field(default_factory=list)  # members that are wrapped handles: (name, type)
    objects: list = field(default_factory=list)  # members that are integers: (name, selector, enum)


@dataclass
class Trampoline:
    name: str  # canonical, with vk
    names: list  # the canonical name and its aliases
    kind: str  # physical_device, create, destroy, broadcast, device
    returns: str
    arguments: list
    missing: str  # the result when the driver lacks the command, "" for void
    clear: list  # statements that empty outputs when the driver lacks it
    lost: str  # the result when the driver has no handle for a wrapped one
    created_type: str | None = None
    after: tuple | None = None
    fallback: str | None = None  # a hand-written function
    embedded: tuple | None = None  # (older command, output parameter, member)
    presentation: bool = False  # asks whether a physical device can present
    core: bool = False

    @property
    def short(self):
        return self.name[2:]

    @property
    def function(self):
        return "shim_" + self.short


@dataclass
class Plan:
    header_version: int
    trampolines: list
    device_trampolines: list
    hand_written: list  # (name, function, level)
    withheld: list  # (name, level): known commands that the shim does not offer
    extensions: list  # (name, surface, refused reason or None)
    refused_device_extensions: list
    chain: list  # (VkStructureType value, struct) that may extend VkDeviceCreateInfo
    object_types: dict  # enum type -> list of (enumerant, handle type)
    foreign: list  # declarations of platform types
    opaque: list  # structures that the Vulkan core header does not define


class Planner:
    def __init__(self, model, policy):
        self.model = model
        self.policy = policy
        self.used_policy = set()
        self.wrapped = {
            h.name for h in model.handles.values()
            if h.parent is None or h.parent == "VkInstance"}
        self.refused = self._refused_extensions()
        self.surface = self._closure({"VK_KHR_surface"})
        self.surface_commands = {
            model.canonical(c) for name in self.surface
            for c, _ in model.extensions[name].commands}
        self.offered = {
            e.name for e in model.extensions.values()
            if e.supported and e.name not in self.refused and self._platform_known(e)}

    # What is offered

    def _platform_known(self, extension):
        return extension.platform is None or extension.platform in self.policy["platforms"]

    def _closure(self, missing):
        """The extensions in `missing` and all that cannot be without them."""
        missing = set(missing)
        size = 0
        while size != len(missing):
            size = len(missing)
            missing |= {e.name for e in self.model.extensions.values()
                        if not e.possible_without(missing)}
        return missing

    def _refused_extensions(self):
        reasons = self.policy["refused_extensions"]
        carried = "requires an extension that is not offered"
        return {name: reasons.get(name, carried) for name in self._closure(reasons)}

    def _command_names(self):
        """Names of all commands that an offered extension or the core provides."""
        names = dict.fromkeys(self.model.core_commands)
        for extension in self.model.extensions.values():
            if extension.name not in self.offered:
                continue
            for command, needs in extension.commands:
                known = [n for n in needs if n in self.model.extensions]
                if not known or any(n in self.offered for n in known):
                    names[command] = None
        return list(names)

    # Structures

    def _members_with_wrapped(self, struct):
        return [m for m in struct.members if m.type in self.wrapped]

    def _members_with_object(self, struct):
        return [m for m in struct.members if m.object_type]

    def _rule_for_member(self, struct, member):
        return f"{struct.name}.{member.name}" in self.policy["hand_written_structures"]

    def _check_member(self, command, struct, member):
        """A member that a shallow copy can deal with is a single handle held by value."""
        if member.pointers or member.is_array or struct.is_union:
            raise PlanError(
                f"{command.name}: {struct.name}.{member.name} holds {member.type} in a way that no "
                "rule covers; name it in policy.toml [hand_written_structures] and write its code")

    def _check_nested(self, command, struct, seen):
        """A wrapped handle one level further down cannot be reached by a shallow copy."""
        for member in struct.members:
            inner = self.model.structs.get(member.type)
            if inner is None or inner.name in seen:
                continue
            seen.add(inner.name)
            found = self._members_with_wrapped(inner) + self._members_with_object(inner)
            for hidden in found:
                if self._rule_for_member(inner, hidden):
                    continue
                raise PlanError(
                    f"{command.name}: {inner.name}.{hidden.name}, inside {struct.name}."
                    f"{member.name}, names an object that may be wrapped, and no rule covers it")
            self._check_nested(command, inner, seen)

    def _check_chains(self):
        """A structure in a pNext chain is not seen by a trampoline."""
        for struct in self.model.structs.values():
            if not struct.extends:
                continue
            for member in self._members_with_wrapped(struct) + self._members_with_object(struct):
                passed = f"{struct.name}.{member.name}" in self.policy["passed_chains"]
                if not passed and not self._rule_for_member(struct, member):
                    raise PlanError(
                        f"{struct.name}.{member.name} is a {member.type} in a pNext chain of "
                        f"{', '.join(struct.extends)}, and no rule covers it")

    # Parameters

    def _argument(self, command, param, by_hand):
        argument = Argument(param.name, param.declaration, param.name)
        passed = command.name in self.policy["passed_objects"]
        if param.object_type and not passed:
            raise PlanError(
                f"{command.name}: parameter {param.name} names an object of any type, and no rule "
                "covers it")
        if param.type in self.wrapped:
            if param.pointers or param.is_array:
                raise PlanError(
                    f"{command.name}: parameter {param.name} is an array or pointer of "
                    f"{param.type}, and no rule covers it")
            argument.handle = True
            argument.expression = f"{param.name}_real"
            return argument
        struct = self.model.structs.get(param.type)
        if struct is None:
            return argument
        if not passed and not by_hand:
            self._check_nested(command, struct, {struct.name})
        handles = self._members_with_wrapped(struct)
        objects = [] if passed else self._members_with_object(struct)
        if not handles and not objects:
            return argument
        if not param.is_const or param.pointers != 1 or param.is_array:
            raise PlanError(
                f"{command.name}: parameter {param.name} is not one constant {struct.name}, and no "
                "rule covers the handles in it")
        for member in handles + objects:
            self._check_member(command, struct, member)
        types = {m.name: m.type for m in struct.members}
        argument.copy = Copy(
            struct.name, param.name, f"{param.name}_real", [(m.name, m.type) for m in handles],
            [(m.name, m.object_type, types[m.object_type]) for m in objects])
        argument.expression = f"&{argument.copy.name}"
        return argument

    @staticmethod
    def _counts(command):
        """Outputs that say how many elements follow: emptied when there is nobody to ask."""
        lengths = {p.length for p in command.params if p.length}
        return [f"*{p.name} = 0;" for p in command.params
                if p.name in lengths and p.pointers and not p.is_const]

    @staticmethod
    def _booleans(command):
        return [p for p in command.params
                if p.type == "VkBool32" and p.pointers and not p.is_const and not p.is_array]

    def _results(self, trampoline, command):
        """What a command answers for a driver that lacks it, or has no such surface."""
        if command.returns == "VkResult":
            trampoline.missing = "VK_ERROR_EXTENSION_NOT_PRESENT"
            trampoline.lost = "VK_ERROR_SURFACE_LOST_KHR"
        elif command.returns == "VkBool32":
            trampoline.missing = trampoline.lost = "VK_FALSE"
        elif command.returns in INTEGERS:
            trampoline.missing = trampoline.lost = "0"
        elif command.returns != "void":
            raise PlanError(f"{command.name}: no rule for the result type {command.returns}")
        trampoline.clear = self._counts(command)
        booleans = self._booleans(command)
        if booleans and command.returns == "VkResult":
            # A yes-or-no question about a driver that cannot do it has an answer: no.
            trampoline.clear += [f"*{p.name} = VK_FALSE;" for p in booleans]
            trampoline.missing = trampoline.lost = "VK_SUCCESS"
        # What a surface extension asks of a physical device in this way is whether it can present.
        trampoline.presentation = (
            trampoline.kind == "physical_device" and command.name in self.surface_commands
            and (bool(booleans) or command.returns == "VkBool32"))

    # Commands

    def _kind(self, command):
        first = command.params[0] if command.params else None
        if first is None or first.type not in ("VkInstance", "VkPhysicalDevice"):
            raise PlanError(f"{command.name}: is asked without an instance; write it by hand")
        if first.type == "VkPhysicalDevice":
            return "physical_device"
        last = command.params[-1]
        if last.type in self.wrapped and last.pointers == 1 and not last.is_const:
            return "create"
        by_value = [p for p in command.params[1:] if p.type in self.wrapped and not p.pointers]
        if command.name.startswith("vkDestroy") and len(by_value) == 1:
            return "destroy"
        if by_value:
            raise PlanError(
                f"{command.name}: takes {by_value[0].type} and destroys nothing; no rule")
        if command.returns != "void":
            raise PlanError(
                f"{command.name}: returns {command.returns} for a whole instance; no rule says "
                "which driver answers")
        return "broadcast"

    def _trampoline(self, command, kind, names):
        created = command.params[-1] if kind == "create" else None
        arguments = []
        for param in command.params[1:]:
            if param is created:
                arguments.append(Argument(param.name, param.declaration, "&real"))
            else:
                arguments.append(self._argument(command, param, False))
        first = command.params[0]
        arguments.insert(0, Argument(first.name, first.declaration, ""))
        result = Trampoline(
            command.name, names, kind, command.returns, arguments, "", [], "",
            created_type=created.type if created else None)
        if kind in ("physical_device", "device"):
            self._results(result, command)
        if kind == "create" and command.returns != "VkResult":
            raise PlanError(f"{command.name}: creates an object and returns {command.returns}")
        if kind in ("broadcast", "destroy", "create"):
            for argument in arguments[1:]:
                if argument.copy or (argument.handle and kind != "destroy"):
                    raise PlanError(
                        f"{command.name}: {argument.name} needs another copy for each driver, and "
                        "no rule covers it")
        self._hooks(result, command)
        return result

    def _hooks(self, trampoline, command):
        after = self.policy["after"].get(command.name)
        if after:
            self.used_policy.add(("after", command.name))
            trampoline.after = (after["function"], after["argument"])
        fallback = self.policy["fallback"].get(command.name)
        if fallback:
            self.used_policy.add(("fallback", command.name))
            trampoline.fallback = fallback["function"]
        elif trampoline.kind == "physical_device":
            trampoline.embedded = self._embedded(command)

    def _embedded(self, command):
        """vkXxx2(…, S2 *out) where S2 embeds the S that vkXxx(…, S *out) writes."""
        older = self.model.commands.get(command.name.removesuffix("2"))
        if older is None or older.name == command.name or older.returns != command.returns:
            return None
        if older.name not in self.model.core_commands:
            return None
        inputs = [p.declaration for p in command.params[:-1]]
        if [p.declaration for p in older.params[:-1]] != inputs:
            return None
        struct = self.model.structs.get(command.params[-1].type)
        if struct is None or command.params[-1].is_array:
            return None
        for member in struct.members:
            if member.type == older.params[-1].type and not member.pointers:
                return (older.name, command.params[-1].name, member.name)
        return None

    def _names_of(self, canonical, names):
        return sorted(n for n in names if self.model.canonical(n) == canonical)

    def _takes_wrapped(self, command):
        for param in command.params:
            if param.type in self.wrapped or (
                    param.object_type and command.name not in self.policy["passed_objects"]):
                return True
            struct = self.model.structs.get(param.type)
            if struct and (self._members_with_wrapped(struct) or self._members_with_object(struct)):
                return True
        return False

    # The whole

    def plan(self):
        self._check_chains()
        names = self._command_names()
        canonical = sorted({self.model.canonical(n) for n in names})
        instance, device, hand = [], [], []
        for name in canonical:
            command = self.model.commands.get(name)
            if command is None:
                raise PlanError(f"{name} is required by a feature or extension and not defined")
            all_names = self._names_of(name, names)
            by_hand = self.policy["hand_written"].get(name)
            if by_hand:
                self.used_policy.add(("hand_written", name))
                hand += [(n, by_hand["function"], self._level(command)) for n in all_names]
            elif self.model.is_instance_level(command):
                instance.append(self._trampoline(command, self._kind(command), all_names))
                instance[-1].core = name in self.model.core_commands
            elif self._takes_wrapped(command):
                device.append(self._trampoline(command, "device", all_names))
        self._check_policy()
        instance += self._hidden_slots(instance)
        return Plan(
            self.model.header_version, instance, device, sorted(hand), self._withheld(names),
            self._extension_table(),
            sorted(e.name for e in self.model.extensions.values()
                   if e.type == "device" and e.name in self.refused),
            self._chain(), self._object_types(), self._foreign(),
            self._opaque(instance + device))

    def _hidden_slots(self, trampolines):
        """Commands that only a hand-written function calls have a slot in the table as well."""
        have = {t.name for t in trampolines}
        slots = []
        for name in self.policy["hand_written"]:
            command = self.model.commands.get(name)
            if command is None or name in have or not self.model.is_instance_level(command):
                continue
            if command.params and command.params[0].type in ("VkInstance", "VkPhysicalDevice"):
                names = sorted({name} | {a for a in self.model.aliases
                                         if self.model.canonical(a) == name})
                slots.append(Trampoline(
                    name, names, "slot", command.returns,
                    [Argument(p.name, p.declaration, p.name) for p in command.params],
                    "", [], ""))
        return slots

    def _withheld(self, offered):
        """Commands that a driver may have and that the shim could not pass on rightly."""
        rows = []
        for name in [*self.model.commands, *self.model.aliases]:
            command = self.model.commands.get(self.model.canonical(name))
            if name in offered or command is None:
                continue
            if self.model.is_instance_level(command) or self._takes_wrapped(command):
                rows.append((name, self._level(command)))
        return sorted(rows)

    def _level(self, command):
        first = command.params[0].type if command.params else ""
        return {"VkInstance": "instance", "VkPhysicalDevice": "physical_device"}.get(
            first, "device" if first in self.model.handles else "global")

    def _check_policy(self):
        """A policy entry that names nothing is a mistake, or has become one."""
        for section in ("hand_written", "after", "fallback"):
            for name in self.policy[section]:
                if (section, name) not in self.used_policy:
                    raise PlanError(
                        f"policy.toml [{section}] names {name}, which vk.xml does not offer")

    def _extension_table(self):
        table = []
        for extension in self.model.extensions.values():
            if extension.type != "instance" or not extension.supported:
                continue
            if extension.name not in self.refused and extension.name not in self.offered:
                continue
            table.append((extension.name, extension.name in self.surface,
                          self.refused.get(extension.name)))
        return sorted(table)

    def _chain(self):
        """Structures of known size that may stand in front of a device group's in the chain."""
        available = self._core_header_types()
        return sorted(
            (s.structure_type, s.name) for name, s in self.model.structs.items()
            if name == s.name and "VkDeviceCreateInfo" in s.extends and s.structure_type
            and name in available)

    def _object_types(self):
        """Enumerants by which an integer can name one of the wrapped handles."""
        utils, report = [], []
        for name in sorted(self.wrapped):
            enumerant = self.model.handles[name].object_type
            if enumerant is None:
                continue
            utils.append((enumerant, name))
            old = enumerant.replace("VK_OBJECT_TYPE_", "VK_DEBUG_REPORT_OBJECT_TYPE_") + "_EXT"
            if old in self.model.enumerants:
                report.append((old, name))
        return {"VkObjectType": utils, "VkDebugReportObjectTypeEXT": report}

    def _core_header_types(self):
        """Types that vulkan_core.h defines: neither a platform's header nor another API's."""
        types = set(self.model.core_types)
        for extension in self.model.extensions.values():
            if extension.supported and extension.platform is None:
                types.update(extension.types)
        return types

    def _platform_types(self):
        """Types that only a platform's or the beta header defines."""
        types = {t for e in self.model.extensions.values() if e.platform is not None
                 for t in e.types}
        return types - self._core_header_types()

    def _foreign(self):
        return [line for lines in self.policy["platforms"].values() for line in lines]

    def _opaque(self, trampolines):
        elsewhere = self._platform_types()
        used = set()
        for trampoline in trampolines:
            command = self.model.commands[trampoline.name]
            for param in command.params:
                if param.type in elsewhere and param.type in self.model.structs:
                    if not param.pointers:
                        raise PlanError(f"{command.name}: {param.type} by value is not declared")
                    used.add(param.type)
                elif param.type in elsewhere:
                    raise PlanError(f"{command.name}: {param.type} is declared by no core header")
                elif param.type in self.model.foreign_types and not any(
                        param.type in line for line in self._foreign()):
                    raise PlanError(
                        f"{command.name}: {param.type} is a platform's type; declare it in "
                        "policy.toml [platforms]")
        return sorted(used)
