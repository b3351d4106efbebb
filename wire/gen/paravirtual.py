# SPDX-License-Identifier: MIT
"""Decides, from the model of vk.xml and paravirtual.toml, how each command of Vulkan crosses between
the paravirtual driver and its worker: which have a wire form, what it holds, who implements the two
ends, and which extensions are offered. Classification is by rule; what neither a rule nor the policy
covers stops the generator with its name."""

import fnmatch

import paravirtual_policy
from layout import LP64, SCALARS, LayoutError
from paravirtual_plan import Command, Entry, Offer, Param, Plan
from structures import PlanError, Structures, is_true

LEADING = {"VkInstance": "instance", "VkPhysicalDevice": "physical_device", "VkDevice": "device",
           "VkCommandBuffer": "command_buffer"}
UNSAFE_OUTPUTS = ("VkInstance", "VkDevice", "VkPhysicalDevice")


class Planner:
    def __init__(self, model, policy, digest):
        self.model = model
        self.digest = digest
        self.policy = paravirtual_policy.checked(policy, model)
        self.structures = Structures(model, self.policy)
        self.window = {*self.policy["window_extensions"], *self.policy["window_host_extensions"]}
        self.refused = self._refused_extensions()
        self.provided = self._provided()

    # Extensions

    def _own_reason(self, extension):
        for pattern, reason in self.policy["refused_extensions"].items():
            if fnmatch.fnmatchcase(extension.name, pattern):
                return reason
        if extension.platform == "provisional":
            return "provisional"
        if extension.platform and extension.platform not in self.policy["platforms"]:
            return f"of the platform {extension.platform}"
        return None

    def _refused_extensions(self):
        """name → reason, with all that cannot be without them."""
        reasons = {}
        for extension in self.model.extensions.values():
            reason = self._own_reason(extension)
            if extension.supported and reason:
                reasons[extension.name] = reason
        size = -1
        while size != len(reasons):
            size = len(reasons)
            for extension in self.model.extensions.values():
                if extension.supported and extension.name not in reasons and \
                        not extension.possible_without(set(reasons)):
                    needed = [n for n in reasons if n in extension.requires.replace(
                        "(", "|").replace(")", "|").replace("&", "|").split("|")]
                    reasons[extension.name] = f"needs {needed[0]}"
        return reasons

    def _offered(self):
        return [e for e in self.model.extensions.values()
                if e.supported and e.name not in self.refused]

    def _provided(self):
        """command name (vk…) → names of offered extensions that provide it."""
        provided = {}
        for extension in self._offered():
            for command, needs in extension.commands:
                if self._possible(needs):
                    provided.setdefault(command, []).append(extension.name)
        return provided

    def _possible(self, needs):
        """Whether one of the extensions that bring something is offered, if any is named."""
        known = [n for n in needs if n in self.model.extensions]
        return not known or any(n not in self.refused for n in known)

    def _types_offered(self):
        names = set(self.model.core_types)
        for extension in self._offered():
            names.update(t for t, needs in extension.type_needs if self._possible(needs))
        return {self.model.canonical_type(n) for n in names}

    def _offers(self):
        result = []
        for extension in sorted(self.model.extensions.values(), key=lambda e: e.name):
            if not extension.supported:
                continue
            promoted = extension.promoted_to
            if promoted and not promoted.startswith("VK_VERSION_"):
                promoted = None
            result.append(Offer(
                extension.name, extension.name.removeprefix("VK_").upper(), len(result),
                extension.spec_version, extension.type == "device",
                self.refused.get(extension.name),
                promoted.replace("VK_VERSION_", "VK_API_VERSION_") if promoted else None,
                bool(extension.platform), extension.name in self.policy["window_extensions"]))
        return result

    def _of_window(self, command):
        """Commands that the guest's window system gives are the guest's."""
        names = [command.name, *(a for a, c in self.model.aliases.items() if c == command.name)]
        return any(e in self.window for n in names for e in self.provided.get(n, ()))

    # Parameters

    def _param(self, command, variable, siblings):
        where = f"{command.name}: {variable.name}"
        type_ = self.model.canonical_type(variable.type)
        base = dict(name=variable.name, type=type_, declaration=variable.declaration,
                    const=variable.is_const)
        nullable = variable.unchecked or \
            f"{command.name[2:]}.{variable.name}" in self.policy["nullable"]
        if not variable.pointers and not variable.array:
            return self._by_value(command, variable, where, base, nullable)
        if variable.array:
            scalar = self.structures.layouts.scalar(type_)
            if not scalar or SCALARS.get(scalar) != 4 or not variable.is_const:
                raise PlanError(f"{where} is an array of {type_}, and no rule covers it")
            return Param(kind="array", size=4, scalar=scalar,
                         elements=self.structures.layouts.elements(variable),
                         enum=self.structures.enum(type_, where), **base)
        if variable.is_const:
            param = self._input(command, variable, siblings, where, base)
            param.optional = nullable or is_true(variable.optional, 0)
            param.element_optional = param.enum is None and (
                nullable or is_true(variable.optional, 1))
            return param
        return self._output(command, variable, siblings, where, base)

    def _by_value(self, command, variable, where, base, nullable):
        type_ = base["type"]
        if variable.object_type:
            raise PlanError(f"{where} names an object of any type, and no rule covers it")
        scalar = self.structures.layouts.scalar(type_)
        strided = [p for p in command.params if p.stride == variable.name]
        if strided:
            size, _ = self.structures.layouts.of_type(strided[0].type, LP64)
            return Param(kind="stride", size=size, **base)
        if scalar:
            if scalar == "double":
                raise PlanError(f"{where} is a double, and no rule covers it")
            if SCALARS.get(scalar, 8) < 4:
                scalar = "uint32_t"
            return Param(kind="value", scalar=scalar, enum=self.structures.enum(type_, where),
                         element_optional=is_true(variable.optional, 0), **base)
        handle = self.model.handles.get(type_)
        if handle and type_ not in LEADING or type_ == "VkCommandBuffer":
            return Param(kind="dispatchable" if handle.dispatchable else "handle",
                         object=self.structures.object_name(type_),
                         optional=nullable or is_true(variable.optional, 0), **base)
        raise PlanError(f"{where} is a {type_}, and no rule covers it")

    def _input(self, command, variable, siblings, where, base):
        inner = self.policy["inner_lengths"].get(f"{command.name[2:]}.{variable.name}")
        if variable.pointers == 2 and inner:
            element = self.structures.layouts.of_type(base["type"], LP64)[0]
            sibling = inner.split("[")[0]
            if sibling not in siblings:
                raise PlanError(f"{where}: {sibling} is not beside it")
            return Param(kind="lists", size=element,
                         length=self.structures.length(variable, siblings, where),
                         inner_length="{0}" + inner, **base)
        planned = self.structures._behind_pointer(variable, where, siblings)
        kind = planned.kind
        if kind not in ("values", "handles", "dispatchables", "structs"):
            raise PlanError(f"{where} is a {kind}, and no rule covers it")
        if variable.stride and not (kind == "structs" and planned.struct.raw):
            raise PlanError(f"{where} has a stride, and no rule covers it")
        return Param(kind=kind, size=planned.size, length=planned.length, object=planned.object,
                     struct=planned.struct, scalar=planned.scalar, enum=planned.enum,
                     stride=variable.stride, **base)

    def _output(self, command, variable, siblings, where, base):
        type_ = base["type"]
        by_name = {p.name: p for p in command.params}
        if variable.pointers != 1:
            raise PlanError(f"{where} gives out a pointer, and no rule covers it")
        handle = self.model.handles.get(type_)
        if handle:
            if type_ in UNSAFE_OUTPUTS or handle.dispatchable and type_ != "VkCommandBuffer":
                raise PlanError(f"{where} gives out {type_}, and no rule covers it")
            length = self.structures.length(variable, siblings, where) if variable.length else None
            return Param(kind="many_made" if length else "made", size=8, length=length,
                         object=self.structures.object_name(type_), **base)
        counted = [p for p in command.params if p.length == variable.name]
        scalar = "uint8_t" if type_ == "void" else self.structures.layouts.scalar(type_)
        if counted and not variable.length:
            if scalar not in ("uint32_t", "size_t"):
                raise PlanError(f"{where} counts by {scalar}, and no rule covers it")
            return Param(kind="count", scalar=scalar, **base)
        length, counts = None, None
        if variable.length:
            count = by_name.get(variable.length)
            if count is not None and count.pointers:
                counts, length = count.name, "*{0}" + count.name
            else:
                length = self.structures.length(variable, siblings, where)
        elif type_ == "void":
            raise PlanError(f"{where} is written without a length, and no rule covers it")
        common = dict(length=length, counts=counts,
                      optional=is_true(variable.optional, 0) or counts is not None, **base)
        if scalar == "size_t":
            raise PlanError(f"{where} gives out size_t, and no rule covers it")
        if scalar:
            return Param(kind="out_values", size=SCALARS[scalar], scalar=scalar, **common)
        if self.structures.is_struct(type_):
            struct = self.structures.output(type_)
            return Param(kind="out_structs", size=struct.size, struct=struct, **common)
        raise PlanError(f"{where} gives out {type_}, and no rule covers it")

    # Commands

    def _level(self, command):
        first = command.params[0].type if command.params else None
        if first == "VkInstance":
            return "global" if command.name == "vkGetInstanceProcAddr" else "instance"
        if first == "VkPhysicalDevice":
            return "physical_device"
        if first not in self.model.handles:
            return "global"
        return "device"

    def _command(self, command):
        name = command.name[2:]
        first = command.params[0].type if command.params else None
        result = Command(
            name, [], self._level(command), LEADING.get(first), command.returns,
            [p.declaration for p in command.params], [p.name for p in command.params], [], [])
        result.core = self.model.core_commands.get(command.name)
        for section in ("guest", "by_hand", "ignored"):
            if name in self.policy[section]:
                result.guest = section
        if self._of_window(command):
            result.guest = "guest"
        if result.guest in ("guest", "ignored"):
            result.wire = False
            if result.guest == "ignored" and command.returns != "void":
                raise PlanError(f"{command.name} returns {command.returns} and cannot be ignored")
            return result
        if result.leading is None and first != "VkQueue":
            raise PlanError(f"{command.name} belongs to no device or instance; write it by hand")
        result.exec_by_hand = name in self.policy["exec_by_hand"]
        self._params(result, command)
        self._check_resolved(result, command)
        self._classify(result, command)
        self._lay_out(result)
        return result

    def _check_resolved(self, result, command):
        """No generated entry point sends the id of an object that the host may not know."""
        def find(fields, where):
            for field in fields:
                name = f"{where}.{field.name}"
                if field.type in self.policy["resolved_objects"]:
                    raise PlanError(f"{name} is a {field.type}, which the guest resolves: write the "
                                    "entry point by hand")
                if field.struct:
                    find(field.struct.fields, name)

        if result.guest == "generated":
            find([p for p in result.params if not p.is_output], command.name)

    def _params(self, result, command):
        siblings = {p.name for p in command.params}
        for index, variable in enumerate(command.params):
            if index == 0 and result.leading:
                result.call.append(("leading", None))
            elif variable.type in self.policy["dropped_parameters"]:
                result.call.append(("null", None))
            else:
                param = self._param(command, variable, siblings)
                result.params.append(param)
                result.call.append(("param", param))
        for wanted in self.policy["want_ids"].get(result.name, ()):
            name, _, member = wanted.partition(".")
            param = next((p for p in result.params if p.name == name), None)
            if param is not None and not member and param.kind in ("handles", "dispatchables"):
                param.wanted_ids = True
                continue
            if param is None or param.kind != "structs" or \
                    member not in {f.name for f in param.struct.fields if f.kind == "handle"}:
                raise PlanError(f"want_ids: {command.name} has no handle {wanted}")
            param.wanted.append(member)

    def _classify(self, result, command):
        made = [p for p in result.params if p.kind in ("made", "many_made")]
        listed = result.name in self.policy["asynchronous"]
        if listed and (result.outputs or command.returns != "VkResult"):
            raise PlanError(f"asynchronous: {command.name} has an output, or no VkResult")
        if result.outputs or result.returned_value:
            result.reply = True
        elif command.returns == "VkResult" and not made and not listed:
            result.reply = True
        if result.reply and made:
            raise PlanError(f"{command.name} makes objects and has another output; no rule")
        if made:
            result.kind = "create"
            if result.guest == "generated" and (len(made) > 1 or made[0].kind == "many_made"):
                raise PlanError(f"{command.name} makes several objects: write its entry point")
            if made[0].kind == "many_made" and not result.exec_by_hand:
                raise PlanError(f"{command.name} makes several objects: write exec_{result.name}")
        elif command.name.startswith("vkDestroy"):
            result.kind = "destroy"
            handles = [p for p in result.params if p.kind == "handle"]
            if len(handles) != 1:
                raise PlanError(f"{command.name} does not end one object; no rule")
            handles[0].optional = True
            result.destroyed = handles[0]
        elif result.recorded and command.name.startswith("vkCmd"):
            result.kind = "record"
            if result.reply:
                raise PlanError(f"{command.name} is recorded and has an output; no rule")
        else:
            result.kind = "call" if result.reply else "async"

    @staticmethod
    def _needs_bit(param):
        return param.optional and (
            param.kind in ("values", "handles", "dispatchables", "structs") or
            param.kind in ("out_values", "out_structs"))

    def _lay_out(self, command):
        """The parameter block: what has 4 bytes first, beside the header."""
        small = [("uint32_t reply", "reply", 4)] if command.reply else []
        bits = 0
        for param in command.params:
            if self._needs_bit(param):
                param.present = bits
                bits += 1
        command.has_present = bits > 0
        if bits > 32:
            raise PlanError(f"vk{command.name} has too many optional parameters")
        if bits:
            small.append(("uint32_t present", "present", 4))
        large = []
        for param in command.params:
            if not param.in_block:
                continue
            size, declaration = param.block_member
            (large if size == 8 and param.kind != "array" else small).append(
                (declaration, param.name, size))
        at = 4
        for declaration, name, size in small:
            command.members.append((declaration, name))
            at += size
        if at % 8:
            command.members.append(("uint32_t pad", None))
            at += 4
        for declaration, name, size in large:
            command.members.append((declaration, name))
            at += size
        command.size = at
        command.fixed = not command.pieces

    def _usable_names(self):
        """Names of all commands that an entry point may have."""
        names = dict.fromkeys(self.model.core_commands)
        names.update(dict.fromkeys(self.provided))
        return list(names)

    def _commands(self, names):
        commands = {}
        for name in names:
            canonical = self.model.canonical(name)
            if canonical[2:] in self.policy["refused_commands"]:
                continue
            if canonical not in commands:
                command = self.model.commands.get(canonical)
                if command is None:
                    raise PlanError(f"{name} is required by a feature or extension, not defined")
                try:
                    commands[canonical] = self._command(command)
                except (LayoutError, PlanError) as error:
                    message = str(error)
                    if not message.startswith(canonical):
                        message = f"{canonical}: {message}"
                    raise PlanError(message) from error
            if name != canonical:
                commands[canonical].aliases.append(name[2:])
        return [commands[name] for name in sorted(commands)]

    def _entries(self, commands, names, offers):
        by_name = {"vk" + c.name: c for c in commands}
        index = {o.name: o.index for o in offers}
        result = []
        for name in sorted(names):
            command = by_name.get(self.model.canonical(name))
            if command is None:
                continue
            result.append(Entry(
                name, command.level, self.model.core_commands.get(name),
                sorted(index[e] for e in self.provided.get(name, ())), command))
        return result

    def _dispatch(self):
        """All commands that the Vulkan headers without a platform declare: [(name, names, level)]."""
        names = dict.fromkeys(self.model.core_commands)
        for extension in self.model.extensions.values():
            if extension.supported and not extension.platform:
                names.update(dict.fromkeys(c for c, _ in extension.commands))
        grouped = {}
        for name in names:
            grouped.setdefault(self.model.canonical(name), set()).add(name)
        result = []
        for canonical in sorted(grouped):
            level = self._level(self.model.commands[canonical])
            if level == "global":
                continue
            ordered = [canonical] + sorted(grouped[canonical] - {canonical})
            # The device's own functions are looked up by it.
            of_device = level == "device" and canonical != "vkGetDeviceProcAddr"
            result.append((canonical[2:], ordered, "device" if of_device else "instance"))
        return result

    # Chains

    def _chained(self, bases, rule):
        """The structures that may stand in a chain of one of the bases, and what they bring."""
        offered = self._types_offered()
        done = {}
        bases = set(bases)
        while True:
            found = [s for s in self._unique_structs()
                     if bases.intersection(self.model.canonical_type(e) for e in s.extends) and
                     s.name in offered and s.name not in done and
                     s.name not in self.policy["refused_structures"]]
            if not found:
                return [done[n] for n in sorted(done)]
            for struct in found:
                done[struct.name] = rule(struct.name)
            bases |= self._with_next(done.values())

    def _unique_structs(self):
        return list({s.name: s for s in self.model.structs.values()}.values())

    def _reach(self, plans, seen):
        for plan in plans:
            if plan is None or plan.name in seen:
                continue
            seen[plan.name] = plan
            for planned in plan.fields:
                inner = [planned.struct] + [c.struct for _, c in planned.choices]
                self._reach([i for i in inner if i is not None], seen)
        return seen

    def _with_next(self, plans):
        return {p.name for p in self._reach(plans, {}).values() if p.has_next}

    def _opaque(self, commands):
        """Structures of platforms' headers that entry points point to."""
        core = set(self.model.core_types)
        for extension in self.model.extensions.values():
            if extension.supported and not extension.platform:
                core.update(extension.types)
        used = {p.type for c in commands for p in self.model.commands["vk" + c.name].params
                if p.type in self.model.structs}
        return sorted(used - core)

    # The whole

    def _api_version(self, commands):
        known = {"vk" + c.name for c in commands}
        version = None
        order = sorted(set(self.model.core_commands.values()),
                       key=lambda v: tuple(map(int, v.split("."))))
        for number in order:
            names = [n for n, v in self.model.core_commands.items() if v == number]
            if any(self.model.canonical(n) not in known for n in names):
                break
            version = number
        if version is None:
            raise PlanError("Vulkan 1.0 is not covered")
        major, minor = version.split(".")
        return f"VK_MAKE_API_VERSION(0, {major}, {minor}, {self.model.header_version})"

    def _objects(self):
        handles = sorted(self.model.handles.values(), key=lambda h: h.object_type)
        offered = self._types_offered()
        return [(self.structures.object_name(h.name), h.name, h.dispatchable)
                for h in handles if h.name in offered]

    def _destroyers(self, dispatch):
        """vkDestroyX(device, x, pAllocator)."""
        result = []
        for name, _, level in dispatch:
            params = self.model.commands["vk" + name].params
            kind = self.model.handles.get(params[1].type) if len(params) == 3 else None
            if level == "device" and kind and name.startswith("Destroy") and \
                    kind.name in self._types_offered():
                result.append((self.structures.object_name(kind.name), kind.name, name))
        return result

    def plan(self):
        names = self._usable_names()
        commands = self._commands(names)
        offers = self._offers()
        wire = [c for c in commands if c.wire]
        roots_in = [p.struct for c in wire for p in c.params
                    if p.struct is not None and p.kind == "structs"]
        roots_in += [self.structures.input(n) for n in self.policy["struct_encoders"]]
        roots_out = [p.struct for c in wire for p in c.params
                     if p.struct is not None and p.kind == "out_structs"]
        bases_in = self._with_next(roots_in) | set(self.policy["chain_bases"])
        chain_in = self._chained(bases_in, self.structures.input)
        chain_out = self._chained(self._with_next(roots_out), self.structures.output)
        based_in = self._reach(roots_in, {})
        for plan in chain_in:
            self._reach([f.struct for f in plan.fields if f.struct is not None] +
                        [c.struct for f in plan.fields for _, c in f.choices], based_in)
        based_out = self._reach(roots_out, {})
        for plan in chain_out:
            self._reach([f.struct for f in plan.fields if f.struct is not None], based_out)
        for plan in chain_in:
            if not plan.simple:
                based_in.setdefault(plan.name, plan)
        for plan in chain_out:
            if not plan.simple:
                based_out.setdefault(plan.name, plan)
        return Plan(
            self.model.header_version, self._api_version(commands), self.digest, self._objects(),
            commands, wire, self._aliases(commands), offers,
            self._entries(commands, names, offers), self._dispatch(),
            [based_in[n] for n in sorted(based_in)], [based_out[n] for n in sorted(based_out)],
            chain_in, chain_out, [self.structures.input(n) for n in self.policy["struct_encoders"]],
            self._destroyers(self._dispatch()), sorted(self.policy["sanitized"]),
            [(n, r) for n, r in sorted(self.policy["refused_commands"].items())
             if "vk" + n in self.model.commands],
            [(n, r) for n, r in sorted(self.policy["refused_structures"].items())
             if n in self.model.structs],
            [line for lines in self.policy["platforms"].values() for line in lines],
            self._opaque(commands), self.policy["guest_objects"])

    @staticmethod
    def _aliases(commands):
        return sorted((alias, c.name) for c in commands for alias in c.aliases)


__all__ = ["Planner", "PlanError"]
