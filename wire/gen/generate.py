# SPDX-License-Identifier: MIT
"""Writes one generated file from vk.xml and the policy, by a template."""

import argparse
import pathlib
import sys
import tomllib

import jinja2

import model
import shim

SECTIONS = ("platforms", "refused_extensions", "hand_written", "hand_written_structures",
            "passed_objects", "passed_chains", "after", "fallback")


def read_policy(path):
    with open(path, "rb") as file:
        policy = tomllib.load(file)
    unknown = set(policy) - set(SECTIONS)
    if unknown:
        raise shim.PlanError(f"{path}: unknown section {sorted(unknown)[0]}")
    return {section: policy.get(section, {}) for section in SECTIONS}


def render(template, plan):
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True)
    return environment.get_template(template + ".j2").render(plan=plan)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xml", required=True)
    parser.add_argument("--policy", default=pathlib.Path(__file__).parent / "policy.toml")
    parser.add_argument("--template", required=True)
    parser.add_argument("output")
    arguments = parser.parse_args()
    try:
        plan = shim.Planner(model.load(arguments.xml), read_policy(arguments.policy)).plan()
        text = render(arguments.template, plan)
    except (model.ModelError, shim.PlanError, OSError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"generate.py: {error}")
    pathlib.Path(arguments.output).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
