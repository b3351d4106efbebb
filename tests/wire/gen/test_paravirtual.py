# SPDX-License-Identifier: MIT
"""Tests of the paravirtual driver's generator. With --update the golden files, and the page of
refused extensions, are written anew."""

import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
GENERATOR = ROOT / "wire" / "gen" / "generate_paravirtual.py"
PAGE = ROOT / "docs" / "extensions.md"
OUTPUTS = ("vkwire.h", "vkwire_structs.h", "vkwire_structs.c", "vkwire_outputs.c", "vkwire_encode.c",
           "umd_calls.c", "umd_commands.c", "umd_command_table.c", "vkwire_extensions.c",
           "vkwire_enums.h", "vkwire_enums.c", "vkwire_decode.c", "vkwire_exec.h", "vkwire_exec.c", "vkwire_dispatch.c")
POLICY = (HERE / "small.toml").read_text(encoding="utf-8")
XML = (HERE / "small.xml").read_text(encoding="utf-8")


def generate(outputs, xml=XML, policy=POLICY, real=None):
    """(error text, {output: text}); `real`: a vk.xml, with the policy of the project."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        command = [sys.executable, "-B", GENERATOR, "--folder", folder]
        if real:
            command += ["--xml", real]
        else:
            (folder / "vk.xml").write_text(xml, encoding="utf-8")
            (folder / "policy.toml").write_text(policy, encoding="utf-8")
            command += ["--xml", folder / "vk.xml", "--policy", folder / "policy.toml"]
        run = subprocess.run(command + list(outputs), capture_output=True, text=True, check=False)
        texts = {o: (folder / o).read_text(encoding="utf-8") for o in outputs
                 if (folder / o).exists()}
        assert (run.returncode == 0) == (not run.stderr), run.stderr
        return run.stderr, texts


def without_digest(text):
    return re.sub(r'(#define STREAM_BUILD )"[0-9a-f]{31}"', r'\1"…"', text)


def changed(**changes):
    """small.xml with text put in front of its comments: types=…, commands=…"""
    xml = XML
    for place, text in changes.items():
        mark = f"<!-- {place} -->"
        assert mark in xml
        xml = xml.replace(mark, text + mark)
    return xml


def member(struct, text):
    return f'<type category="struct" name="{struct}">{text}</type>'


def command(name, parameters, returns="void"):
    return (f"<command><proto><type>{returns}</type> <name>{name}</name></proto>"
            f"<param><type>VkDevice</type> <name>device</name></param>{parameters}</command>")


def with_command(name, parameters, returns="void", types=""):
    return changed(types=types, commands=command(name, parameters, returns),
                   required=f'<command name="{name}"/>')


def with_input(text):
    """A command that takes a structure with this member."""
    return with_command(
        "vkUse", "<param>const <type>VkUsed</type>* <name>pUsed</name></param>",
        types=member("VkUsed", text))


class Golden(unittest.TestCase):
    maxDiff = None

    def test_small(self):
        errors, texts = generate(OUTPUTS)
        self.assertEqual(errors, "")
        for name in OUTPUTS:
            golden = (HERE / (name + ".golden")).read_text(encoding="utf-8")
            self.assertMultiLineEqual(golden, without_digest(texts[name]))

    def test_the_build_changes_with_the_format(self):
        _, one = generate(["vkwire.h"])
        _, same = generate(["vkwire.h"])
        _, other = generate(["vkwire.h"], policy=POLICY + "\n# a comment\n")
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)


class Stops(unittest.TestCase):
    """What no rule covers stops the generator with its name."""

    def check(self, xml, *words, policy=POLICY):
        errors, texts = generate(["vkwire.h"], xml=xml, policy=policy)
        self.assertEqual(texts, {})
        for word in words:
            self.assertIn(word, errors)
        self.assertNotIn("Traceback", errors)

    def test_pointer_without_a_length(self):
        self.check(with_input("<member>const <type>void</type>* <name>pBlob</name></member>"),
                   "vkUse", "VkUsed.pBlob")

    def test_pointer_that_the_driver_writes(self):
        self.check(with_input("<member><type>uint32_t</type>* <name>pWritten</name></member>"),
                   "vkUse", "VkUsed.pWritten")

    def test_length_in_an_unknown_place(self):
        self.check(with_input('<member len="far">const <type>uint32_t</type>* <name>pFar</name>'
                              "</member>"), "VkUsed.pFar", "far")

    def test_handle_hidden_in_an_integer(self):
        self.check(with_command("vkName", "<param>const <type>VkObjectName</type>* "
                                "<name>pName</name></param>"), "vkName", "VkObjectName.object")

    def test_union_without_a_selector(self):
        self.check(with_input("<member><type>VkShapeData</type> <name>shape</name></member>"),
                   "VkUsed.shape", "VkShapeData")

    def test_function_pointer(self):
        xml = with_input("<member><type>PFN_vkCall</type> <name>pfnCall</name></member>")
        self.check(xml.replace("<types>", "<types><type category=\"funcpointer\">typedef void (* "
                               "<name>PFN_vkCall</name>)(void);</type>"), "VkUsed.pfnCall")

    def test_object_that_the_guest_resolves(self):
        policy = POLICY.replace("newer = []", 'newer = []\nresolved_objects = ["VkDevice"]')
        self.assertEqual(generate(["vkwire.h"], policy=policy)[0], "")
        policy = POLICY.replace("newer = []", 'newer = []\nresolved_objects = ["VkThing"]')
        self.check(XML, "vkCreateThing.pCreateInfo.pThings", "VkThing", "by hand", policy=policy)

    def test_enumeration_without_values(self):
        self.check(with_input("<member><type>VkResult</type> <name>last</name></member>"),
                   "VkUsed.last", "VkResult")

    def test_enumeration_of_64_bits(self):
        xml = with_input("<member><type>VkSideFlagBits</type> <name>side</name></member>")
        self.check(xml.replace('name="VkSideFlagBits" type="bitmask"',
                               'name="VkSideFlagBits" type="bitmask" bitwidth="64"'),
                   "VkSideFlagBits")

    def test_enumeration_in_a_union(self):
        for union in ("<member><type>VkColour</type> <name>colour</name></member>",
                      "<member><type>VkCircle</type> <name>circle</name></member>"):
            for pointer in ("<type>VkEither</type>", "const <type>VkEither</type>*"):
                xml = with_input(f"<member>{pointer} <name>either</name></member>")
                self.check(xml.replace("<types>", '<types><type category="union" name="VkEither">'
                                       f"{union}</type>"), "VkUsed.either")

    def test_unknown_type(self):
        self.check(with_input("<member><type>HANDLE</type> <name>handle</name></member>"),
                   "VkUsed", "HANDLE")

    def test_device_in_a_structure(self):
        self.check(with_input("<member><type>VkDevice</type> <name>device</name></member>"),
                   "VkUsed.device")

    def test_pointer_given_out(self):
        self.check(with_command("vkMap", "<param><type>void</type>** <name>ppData</name></param>"),
                   "vkMap", "ppData")

    def test_output_without_a_length(self):
        self.check(with_command("vkRead", "<param><type>void</type>* <name>pData</name></param>"),
                   "vkRead", "pData")

    def test_handle_in_an_output(self):
        self.check(with_command(
            "vkAsk", "<param><type>VkAnswer</type>* <name>pAnswer</name></param>",
            types=member("VkAnswer", "<member><type>VkThing</type> <name>thing</name></member>")),
            "vkAsk", "VkAnswer.thing")

    def test_several_objects_at_once(self):
        self.check(with_command(
            "vkCreateThings", '<param><type>uint32_t</type> <name>count</name></param>'
            '<param len="count"><type>VkThing</type>* <name>pThings</name></param>', "VkResult"),
            "vkCreateThings")

    def test_structure_in_a_chain(self):
        self.check(changed(
            types='<type category="struct" name="VkMoreInfo" structextends="VkThingCreateInfo">'
                  '<member values="VK_STRUCTURE_TYPE_MORE"><type>VkStructureType</type> '
                  '<name>sType</name></member><member>const <type>void</type>* <name>pNext</name>'
                  "</member><member>const <type>void</type>* <name>pMore</name></member></type>",
            required='<type name="VkMoreInfo"/>'), "VkMoreInfo.pMore")

    def test_policy_that_names_nothing(self):
        for text, name in (('guest = ["CreateInstance", "CreateNothing"]', "CreateNothing"),
                           ('sanitized = ["VkNothing"]', "VkNothing")):
            section = text.split(" ")[0]
            policy = re.sub(rf"(?m)^{section} = .*$", text, POLICY)
            self.check(XML, section, name, policy=policy)
        self.check(XML, "never_replaced", "VkThingCreateInfo.behind", policy=POLICY.replace(
            "VkThingCreateInfo.front", "VkThingCreateInfo.behind"))
        self.check(XML, "VK_EXT_nothing",
                   policy=POLICY.replace("VK_EXT_refused", "VK_EXT_nothing"))
        self.check(XML, "surprise", policy="surprise = []\n" + POLICY)

    def test_result_of_an_asynchronous_command(self):
        self.check(XML, "GetThings", policy=POLICY.replace(
            'asynchronous = ["QueueRun"]', 'asynchronous = ["QueueRun", "GetThings"]'))


class Enumerations(unittest.TestCase):
    """Which values are known."""

    def known(self, name, extensions="", extra=""):
        """The test of an enumeration: of its first range, and of the others."""
        xml = changed(extensions=extensions).replace("<extensions>", extra + "<extensions>")
        errors, texts = generate(["vkwire_enums.h", "vkwire_enums.c"], xml=xml)
        self.assertEqual(errors, "")
        bodies = dict(re.findall(r"bool (\w+)\(int32_t value\)\n{\n    return (.*?);\n",
                                 "".join(texts.values()), re.S))
        body = bodies[f"vkwire_known_{name}"].replace(
            f"vkwire_extended_{name}(value)", bodies.get(f"vkwire_extended_{name}", "?"))
        return " ".join(body.split())

    @staticmethod
    def extension(enums, supported="vulkan", number=9):
        return (f'<extension name="VK_EXT_{number}" number="{number}" type="device" '
                f'supported="{supported}"><require>{enums}</require></extension>')

    USUAL = "(value >= 0 && value <= 2) || value == 1000000000"

    def test_of_the_core_and_of_extensions(self):
        self.assertEqual(self.known("VkColour"), self.USUAL)
        self.assertEqual(
            self.known("VkColour", self.extension(
                '<enum extends="VkColour" offset="0" name="A"/>'
                '<enum extends="VkColour" offset="1" name="B"/>'
                '<enum extends="VkColour" value="3" name="C"/>'
                '<enum extends="VkColour" offset="5" extnumber="1" name="D"/>')),
            "(value >= 0 && value <= 3) || value == 1000000000 || value == 1000000005 || "
            "(value >= 1000008000 && value <= 1000008001)")

    def test_negative_ones(self):
        self.assertEqual(self.known("VkColour", self.extension(
            '<enum extends="VkColour" offset="0" dir="-" name="A"/>')),
            "(value >= 0 && value <= 2) || value == -1000008000 || value == 1000000000")

    def test_other_names_and_other_apis_bring_nothing(self):
        self.assertEqual(self.known("VkColour", self.extension(
            '<enum extends="VkColour" alias="VK_COLOUR_RED" name="A"/>'
            '<enum extends="VkColour" offset="3" api="vulkansc" name="B"/>')), self.USUAL)
        for supported in ("disabled", "vulkansc"):
            self.assertEqual(self.known("VkColour", self.extension(
                '<enum extends="VkColour" offset="0" name="A"/>', supported)), self.USUAL)
        self.assertEqual(self.known("VkColour", extra=(
            '<feature api="vulkansc" name="VKSC_VERSION_1_0" number="1.0"><require>'
            '<enum extends="VkColour" extnumber="9" offset="0" name="A"/></require></feature>')),
            self.USUAL)

    def test_parts_of_a_version(self):
        self.assertEqual(self.known("VkColour", extra=(
            '<feature api="vulkan,vulkanbase" name="VK_BASE_VERSION_1_2" number="1.2"><require>'
            '<enum extends="VkColour" extnumber="9" offset="0" name="A"/></require></feature>')),
            self.USUAL + " || value == 1000008000")

    def test_of_bits_only_single_ones(self):
        self.assertEqual(self.known("VkSideFlagBits"),
                         "(value > 0 && (value & (value - 1)) == 0 && (value & 0x13))")
        self.assertEqual(self.known("VkSideFlagBits", self.extension(
            '<enum extends="VkSideFlagBits" value="0" name="VK_SIDE_NONE"/>')),
            "value == 0 || (value > 0 && (value & (value - 1)) == 0 && (value & 0x13))")

    def test_the_guest_does_not_care(self):
        """What is written into a stream does not depend on them."""
        names = ("vkwire_structs.h", "vkwire_structs.c", "vkwire_encode.c", "umd_commands.c")
        _, one = generate(names)
        _, other = generate(names, xml=re.sub(r"<type>Vk(Colour|SideFlagBits)</type>",
                                              "<type>uint32_t</type>", XML))
        for name in names:
            self.assertEqual(re.sub(r"\bVk(Colour|SideFlagBits)\b", "uint32_t", one[name]),
                             other[name])


class Refusals(unittest.TestCase):
    def test_what_needs_a_refused_extension_is_refused(self):
        _, texts = generate(["vkwire_extensions.c"])
        text = texts["vkwire_extensions.c"]
        self.assertIn('"VK_EXT_more_things", 1, true, false,\n      "needs VK_EXT_refused"', text)
        self.assertIn('"VK_EXT_things", 3, true, false,\n      NULL, VK_API_VERSION_1_1', text)

    def test_a_refused_command_ends_the_version(self):
        _, texts = generate(["vkwire.h"], policy=POLICY +
                            '\n[refused_commands]\nGetThings = "for the test"\n')
        self.assertIn("VKWIRE_API_VERSION VK_MAKE_API_VERSION(0, 1, 0, 7)", texts["vkwire.h"])
        self.assertNotIn("GetThings", texts["vkwire.h"])


class Windows(unittest.TestCase):
    """Extensions of the guest's window system."""

    XML = changed(
        types=member("VkWindowInfo", "<member><type>uint32_t</type> <name>id</name></member>") +
        '<type requires="screen.h" name="Screen"/>',
        commands=command("vkShowThing", "<param><type>VkThing</type> <name>thing</name></param>") +
        command("vkOpenWindow", "<param>const <type>VkWindowInfo</type>* <name>pInfo</name></param>"
                "<param><type>Screen</type>* <name>screen</name></param>", "VkResult"),
        required='<type name="VkThingCreateInfo"/>',
        extensions='<extension name="VK_EXT_show" number="4" type="device" supported="vulkan">'
        '<require><enum value="2" name="VK_EXT_SHOW_SPEC_VERSION"/><command name="vkShowThing"/>'
        '</require></extension>'
        '<extension name="VK_EXT_window" number="5" type="instance" platform="screen" '
        'supported="vulkan"><require><enum value="1" name="VK_EXT_WINDOW_SPEC_VERSION"/>'
        '<type name="VkWindowInfo"/><command name="vkOpenWindow"/></require></extension>')
    OUTPUTS = ("vkwire.h", "umd_commands.h", "umd_commands.c", "vkwire_extensions.c")
    PLATFORMS = '\n[platforms]\nscreen = ["typedef struct Screen Screen;"]\n'

    def generate(self, lists="", platforms=""):
        errors, texts = generate(self.OUTPUTS, xml=self.XML, policy=lists + POLICY + platforms)
        self.assertEqual(errors, "")
        return texts

    def test_without_a_rule_they_are_like_others(self):
        texts = self.generate()
        self.assertIn("VKWIRE_ShowThing", texts["vkwire.h"])
        self.assertIn('"VK_EXT_show", 2, true, false,\n      NULL', texts["vkwire_extensions.c"])
        self.assertIn('"VK_EXT_window", 1, false, false,\n      "of the platform screen"',
                      texts["vkwire_extensions.c"])
        self.assertNotIn("OpenWindow", texts["umd_commands.h"])

    def test_their_commands_stay_in_the_guest(self):
        texts = self.generate('window_extensions = ["VK_EXT_show", "VK_EXT_window"]\n',
                              self.PLATFORMS)
        for name in ("ShowThing", "OpenWindow"):
            self.assertNotIn(name, texts["vkwire.h"])
            self.assertNotIn(name, texts["umd_commands.c"])  # written by hand
            self.assertIn("umd_" + name + "(", texts["umd_commands.h"])
        self.assertIn('"VK_EXT_show", 2, true, true,\n      NULL', texts["vkwire_extensions.c"])
        self.assertIn('"VK_EXT_window", 1, false, true,\n      NULL', texts["vkwire_extensions.c"])

    def test_types_of_platforms_are_declared(self):
        text = self.generate('window_extensions = ["VK_EXT_window"]\n',
                             self.PLATFORMS)["umd_commands.h"]
        self.assertIn("typedef struct Screen Screen;", text)
        self.assertIn("typedef struct VkWindowInfo VkWindowInfo;", text)
        self.assertNotIn("typedef struct VkThingCreateInfo", text)

    def test_the_host_may_get_one_too(self):
        texts = self.generate('window_host_extensions = ["VK_EXT_show"]\n')
        self.assertNotIn("ShowThing", texts["vkwire.h"])
        self.assertIn("umd_ShowThing(", texts["umd_commands.h"])
        self.assertIn('"VK_EXT_show", 2, true, false,\n      NULL', texts["vkwire_extensions.c"])

    def test_an_unknown_one_stops_the_generator(self):
        for section in ("window_extensions", "window_host_extensions"):
            errors, texts = generate(["vkwire.h"], policy=f'{section} = ["VK_EXT_nobody"]\n' + POLICY)
            self.assertEqual(texts, {})
            self.assertIn("VK_EXT_nobody", errors)


class Page(unittest.TestCase):
    maxDiff = None

    def test_the_page_tells_what_the_policy_says(self):
        if not REAL:
            self.skipTest("no vk.xml")
        errors, texts = generate(["extensions.md"], real=REAL)
        self.assertEqual(errors, "")
        page, text = PAGE.read_text(encoding="utf-8"), texts["extensions.md"]
        version = re.compile(r"\(vk\.xml (\d+)\)")
        if version.search(page).group(1) != version.search(text).group(1):
            self.skipTest("the page is made from another vk.xml")
        self.assertMultiLineEqual(page, text)

    def test_every_refusal_has_a_reason(self):
        with open(ROOT / "wire" / "gen" / "paravirtual.toml", "rb") as file:
            policy = tomllib.load(file)
        for section, entries in policy.items():
            if isinstance(entries, dict) and section not in ("want_ids", "inner_lengths", "platforms"):
                for name, reason in entries.items():
                    self.assertGreater(len(reason), 4, f"{section}: {name}")


def update():
    _, texts = generate(OUTPUTS)
    for name, text in texts.items():
        (HERE / (name + ".golden")).write_text(without_digest(text), encoding="utf-8")
    if REAL:
        _, texts = generate(["extensions.md"], real=REAL)
        PAGE.write_text(texts["extensions.md"], encoding="utf-8")


if __name__ == "__main__":
    paths = [a for a in sys.argv[1:] if a.endswith(".xml")]
    REAL = paths[0] if paths else None
    if "--update" in sys.argv:
        update()
    else:
        unittest.main(argv=sys.argv[:1])
