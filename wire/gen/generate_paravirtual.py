# SPDX-License-Identifier: MIT
"""Writes the code of the paravirtual driver's wire format, for both of its ends, into a folder."""

import argparse
import hashlib
import pathlib
import sys
import tomllib

import jinja2

import model
import paravirtual
from layout import LayoutError

HERE = pathlib.Path(__file__).resolve().parent


def digest(files):
    """Of everything that decides the format."""
    total = hashlib.sha256()
    for file in files:
        content = pathlib.Path(file).read_bytes()
        total.update(f"{pathlib.Path(file).name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()[:31]


def environment():
    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates" / "paravirtual"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xml", required=True)
    parser.add_argument("--policy", default=HERE / "paravirtual.toml")
    parser.add_argument("--format", action="append", default=[],
                        help="a file that decides the format too")
    parser.add_argument("--folder", default=".")
    parser.add_argument("outputs", nargs="+")
    arguments = parser.parse_args()
    templates = sorted((HERE / "templates" / "paravirtual").glob("*.j2"))
    sources = sorted(HERE.glob("*.py"))
    try:
        with open(arguments.policy, "rb") as file:
            policy = tomllib.load(file)
        deciders = [arguments.xml, arguments.policy, *arguments.format, *sources, *templates]
        plan = paravirtual.Planner(
            model.load(arguments.xml), policy, digest(deciders)).plan()
        environ = environment()
        for name in arguments.outputs:
            text = environ.get_template(pathlib.Path(name).name + ".j2").render(plan=plan)
            (pathlib.Path(arguments.folder) / pathlib.Path(name).name).write_text(
                text, encoding="utf-8")
    except (model.ModelError, paravirtual.PlanError, LayoutError, OSError,
            tomllib.TOMLDecodeError) as error:
        sys.exit(f"generate_paravirtual.py: {error}")


if __name__ == "__main__":
    main()
