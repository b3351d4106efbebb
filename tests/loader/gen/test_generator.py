# SPDX-License-Identifier: MIT
"""Tests of wire/gen. With --update the golden files are written anew."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
GENERATOR = HERE.parents[2] / "wire" / "gen" / "generate.py"
TEMPLATES = ("icd_commands.h", "icd_commands.c")


def generate(xml, policy, template):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / template
        run = subprocess.run(
            [sys.executable, "-B", GENERATOR, "--xml", xml, "--policy", policy,
             "--template", template, output], capture_output=True, text=True, check=False)
        text = output.read_text(encoding="utf-8") if output.exists() else None
        return run.returncode, run.stderr, text


def generate_changed(template="icd_commands.c", policy_text=None, **changes):
    """Generates from small.xml with text put in front of its comments: types=…, commands=…"""
    xml = (HERE / "small.xml").read_text(encoding="utf-8")
    for place, text in changes.items():
        mark = f"<!-- {place} -->"
        assert mark in xml
        xml = xml.replace(mark, text + mark)
    policy = policy_text or (HERE / "small.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("vk.xml", xml), ("policy.toml", policy)):
            (pathlib.Path(folder) / name).write_text(text, encoding="utf-8")
        return generate(pathlib.Path(folder) / "vk.xml", pathlib.Path(folder) / "policy.toml",
                        template)


def command(name, parameters, returns="void"):
    return (f"<command><proto><type>{returns}</type> <name>{name}</name></proto>"
            f"{parameters}</command>")


INSTANCE = "<param><type>VkInstance</type> <name>instance</name></param>"
PHYSICAL_DEVICE = "<param><type>VkPhysicalDevice</type> <name>physicalDevice</name></param>"
DEVICE = "<param><type>VkDevice</type> <name>device</name></param>"


def required(name):
    return f'<command name="{name}"/>'


class Golden(unittest.TestCase):
    maxDiff = None

    def test_small(self):
        for template in TEMPLATES:
            code, errors, text = generate(HERE / "small.xml", HERE / "small.toml", template)
            self.assertEqual((code, errors), (0, ""))
            golden = (HERE / (template + ".golden")).read_text(encoding="utf-8")
            self.assertMultiLineEqual(golden, text)


class Stops(unittest.TestCase):
    """What no rule covers stops the generator with its name."""

    def check(self, *words, **changes):
        code, errors, text = generate_changed(**changes)
        self.assertNotEqual(code, 0)
        self.assertIsNone(text)
        for word in words:
            self.assertIn(word, errors)
        self.assertNotIn("Traceback", errors)

    def test_array_of_wrapped_handles_in_a_structure(self):
        self.check(
            "vkGetPhysicalDeviceMany", "VkManySurfaces.pSurfaces",
            types='<type category="struct" name="VkManySurfaces"><member><type>uint32_t</type> '
                  '<name>count</name></member><member len="count">const <type>VkSurfaceKHR</type>* '
                  '<name>pSurfaces</name></member></type>',
            commands=command("vkGetPhysicalDeviceMany", PHYSICAL_DEVICE +
                             "<param>const <type>VkManySurfaces</type>* <name>pInfo</name>"
                             "</param>"),
            required=required("vkGetPhysicalDeviceMany"))

    def test_wrapped_handle_inside_another_structure(self):
        self.check(
            "vkGetPhysicalDeviceDeep", "VkSurfaceInfo2.surface",
            types='<type category="struct" name="VkOuter"><member><type>VkSurfaceInfo2</type> '
                  '<name>inner</name></member></type>',
            commands=command("vkGetPhysicalDeviceDeep", PHYSICAL_DEVICE +
                             "<param>const <type>VkOuter</type>* <name>pInfo</name></param>"),
            required=required("vkGetPhysicalDeviceDeep"))

    def test_wrapped_handle_in_a_chain(self):
        self.check(
            "VkChained.surface", "VkDeviceCreateInfo",
            types='<type category="struct" name="VkChained" structextends="VkDeviceCreateInfo">'
                  '<member><type>VkSurfaceKHR</type> <name>surface</name></member></type>')

    def test_array_parameter(self):
        self.check(
            "vkUseSurfaces", "pSurfaces",
            commands=command("vkUseSurfaces", DEVICE + "<param><type>uint32_t</type> "
                             "<name>count</name></param><param len=\"count\">const "
                             "<type>VkSurfaceKHR</type>* <name>pSurfaces</name></param>"),
            required=required("vkUseSurfaces"))

    def test_object_number_parameter(self):
        self.check(
            "vkTag", "object",
            commands=command("vkTag", DEVICE + "<param><type>VkObjectType</type> <name>type</name>"
                             "</param><param objecttype=\"type\"><type>uint64_t</type> "
                             "<name>object</name></param>"),
            required=required("vkTag"))

    def test_instance_command_with_a_result(self):
        self.check(
            "vkAskInstance", "VkResult",
            commands=command("vkAskInstance", INSTANCE, "VkResult"),
            required=required("vkAskInstance"))

    def test_instance_command_with_a_surface(self):
        self.check(
            "vkPokeSurface", "VkSurfaceKHR",
            commands=command("vkPokeSurface", INSTANCE + "<param><type>VkSurfaceKHR</type> "
                             "<name>surface</name></param>"),
            required=required("vkPokeSurface"))

    def test_global_command(self):
        self.check(
            "vkAskNobody", "by hand",
            commands=command("vkAskNobody", "<param><type>uint32_t</type>* <name>pCount</name>"
                             "</param>", "VkResult"),
            required=required("vkAskNobody"))

    def test_type_of_an_unknown_platform(self):
        self.check(
            "vkGetPhysicalDeviceRock", "rock_t",
            types='<type requires="rock.h" name="rock_t"/>',
            commands=command("vkGetPhysicalDeviceRock", PHYSICAL_DEVICE +
                             "<param><type>rock_t</type>* <name>rock</name></param>"),
            required=required("vkGetPhysicalDeviceRock"))

    def test_policy_that_names_nothing(self):
        policy = (HERE / "small.toml").read_text(encoding="utf-8")
        policy += '[fallback]\nvkNoSuchCommand = { function = "f", reason = "test" }\n'
        self.check("vkNoSuchCommand", policy_text=policy)

    def test_unknown_policy_section(self):
        policy = (HERE / "small.toml").read_text(encoding="utf-8") + "[misspelt]\n"
        self.check("misspelt", policy_text=policy)

    def test_xml_with_errors(self):
        self.check("vk.xml", types="<type>")


class Accepts(unittest.TestCase):
    def test_policy_covers_a_chained_structure(self):
        policy = (HERE / "small.toml").read_text(encoding="utf-8")
        policy += '[hand_written_structures]\n"VkChained.surface" = "test"\n'
        code, errors, _ = generate_changed(
            policy_text=policy,
            types='<type category="struct" name="VkChained" structextends="VkDeviceCreateInfo">'
                  '<member><type>VkSurfaceKHR</type> <name>surface</name></member></type>')
        self.assertEqual((code, errors), (0, ""))

    def test_unsupported_extensions_may_hold_anything(self):
        code, errors, text = generate_changed(
            commands=command("vkPokeSurface", INSTANCE + "<param><type>VkSurfaceKHR</type> "
                             "<name>surface</name></param>"),
            extensions='<extension name="VK_X_poke" number="11" type="instance" platform="stone" '
                       'supported="vulkan"><require><command name="vkPokeSurface"/></require>'
                       '</extension>')
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(text, r'"vkPokeSurface", ICD_LEVEL_INSTANCE, false, false,\s*NULL')


if __name__ == "__main__":
    if "--update" in sys.argv:
        for name in TEMPLATES:
            (HERE / (name + ".golden")).write_text(
                generate(HERE / "small.xml", HERE / "small.toml", name)[2], encoding="utf-8")
    else:
        unittest.main()
