# SPDX-License-Identifier: MIT
"""The sections of paravirtual.toml, and whether what they name is there."""

import fnmatch

from structures import PlanError

LISTS = ("guest", "by_hand", "ignored", "exec_by_hand", "asynchronous", "struct_encoders",
         "chain_bases", "sanitized", "newer", "window_extensions", "window_host_extensions",
         "guest_objects", "resolved_objects")
TABLES = ("platforms", "want_ids", "inner_lengths", "nullable", "read_only", "zeroed", "never_replaced",
          "dropped_parameters",
          "refused_structures", "refused_commands", "refused_extensions")
OF_COMMANDS = ("guest", "by_hand", "ignored", "exec_by_hand", "asynchronous", "want_ids",
               "refused_commands")
OF_STRUCTURES = ("struct_encoders", "chain_bases", "sanitized", "refused_structures")
OF_MEMBERS = ("zeroed", "nullable", "read_only", "never_replaced")


def _canonical(section, model):
    """The section with today's names of commands: others may have become aliases."""
    def name(old):
        return model.canonical("vk" + old)[2:]

    if isinstance(section, dict):
        return {name(n): entry for n, entry in section.items()}
    return [name(n) for n in section]


def _has_member(model, name):
    struct, _, member = name.partition(".")
    known = model.structs.get(struct)
    return known is not None and member in {m.name for m in known.members}


def checked(policy, model):
    """The policy with all its sections; stops at a name that vk.xml does not know and that is not
    listed as newer."""
    unknown = set(policy) - set(LISTS) - set(TABLES)
    if unknown:
        raise PlanError(f"unknown section {sorted(unknown)[0]} in the policy")
    policy = {**{name: [] for name in LISTS}, **{name: {} for name in TABLES}, **policy}

    def check(sections, what, exists):
        for section in sections:
            for name in policy[section]:
                if not exists(name) and name not in policy["newer"]:
                    raise PlanError(f"{section}: there is no {what} {name}")

    check(OF_COMMANDS, "command",
          lambda n: "vk" + n in model.commands or "vk" + n in model.aliases)
    check(OF_STRUCTURES, "structure", lambda n: n in model.structs)
    check(("guest_objects", "resolved_objects"), "handle", lambda n: n in model.handles)
    check(OF_MEMBERS, "member", lambda n: _has_member(model, n))
    check(("window_extensions", "window_host_extensions"), "extension",
          lambda n: n in model.extensions)
    check(("refused_extensions",), "extension", lambda n: fnmatch.filter(model.extensions, n))
    for section in OF_COMMANDS:
        policy[section] = _canonical(policy[section], model)
    return policy
