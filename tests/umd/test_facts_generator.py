# SPDX-License-Identifier: MIT
"""Tests of wire/gen/facts.py: what a structure comes down to, and what stops the generator."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

GENERATOR = pathlib.Path(__file__).resolve().parents[2] / "wire" / "gen" / "facts.py"

XML = """<registry>
<types>
<type category="define">#define <name>VK_HEADER_VERSION</name> 1</type>
<type category="basetype"><type>uint32_t</type> <name>VkBool32</name></type>
<type category="handle"><type>VK_DEFINE_HANDLE</type>(<name>VkInstance</name>)</type>
<type category="enum" name="VkStructureType"/>
<type name="uint32_t" requires="vk_platform"/><type name="size_t" requires="vk_platform"/>
<type name="void" requires="vk_platform"/>
<type category="struct" name="VkInner"><member><type>uint32_t</type> <name>a</name></member>
<member><type>size_t</type> <name>b</name></member></type>
<type category="struct" name="VkPhysicalDeviceProperties2">
<member values="VK_P2"><type>VkStructureType</type> <name>sType</name></member>
<member><type>void</type>* <name>pNext</name></member>
<member><type>VkInner</type> <name>inner</name>[<enum>VK_TWO</enum>]</member></type>
<type category="struct" name="VkFeats" structextends="VkPhysicalDeviceFeatures2">
<member values="VK_F"><type>VkStructureType</type> <name>sType</name></member>
<member><type>void</type>* <name>pNext</name></member>
<member><type>VkBool32</type> <name>on</name></member></type>
<type category="struct" name="VkMore" structextends="VkPhysicalDeviceProperties2">
<member values="VK_M"><type>VkStructureType</type> <name>sType</name></member>
<member><type>void</type>* <name>pNext</name></member>
%s</type>
</types>
<enums name="API Constants"><enum name="VK_TWO" value="2"/></enums>
<enums name="VkFormat"><enum name="VK_FORMAT_B" value="7"/><enum name="VK_FORMAT_A" value="3"/>
</enums>
<feature api="vulkan" number="1.0"><require><type name="VkPhysicalDeviceProperties2"/></require>
</feature>
<feature api="vulkan" number="1.1"><require><type name="VkMore"/><type name="VkFeats"/></require>
</feature>
<extensions/>
</registry>"""
NUMBER = "<member><type>uint32_t</type> <name>n</name></member>"
POINTER = "<member><type>uint32_t</type>* <name>pList</name></member>"


def generate(members=NUMBER, policy=""):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "vk.xml").write_text(XML % members, encoding="utf-8")
        (folder / "facts.toml").write_text(policy, encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-B", GENERATOR, "--xml", folder / "vk.xml",
             "--policy", folder / "facts.toml", folder / "out.c"],
            capture_output=True, text=True, check=False)
        output = folder / "out.c"
        return run.stderr, output.read_text(encoding="utf-8") if output.exists() else None


class Plans(unittest.TestCase):
    def test_nested_arrays(self):
        errors, text = generate()
        self.assertEqual(errors, "")
        for i in range(2):
            self.assertIn(f"    FIELD(VkPhysicalDeviceProperties2, inner[{i}].a),", text)
            self.assertIn(f"    SIZE_FIELD(VkPhysicalDeviceProperties2, inner[{i}].b),", text)
        self.assertIn("VK_M, FACTS_PROPERTIES, false", text)
        self.assertIn("VK_P2, FACTS_PROPERTIES, true", text)
        self.assertLess(text.index("{VK_FORMAT_A"), text.index("{VK_FORMAT_B"))

    def test_withheld(self):
        errors, text = generate(policy='[withheld_features]\n"VkFeats.on" = "a reason"\n')
        self.assertEqual(errors, "")
        self.assertIn('"VkFeats.on",\n     "a reason"', text)

    def test_refused(self):
        errors, text = generate(POINTER, '[refused_structures]\nVkMore = "a reason"\n')
        self.assertEqual(errors, "")
        self.assertNotIn("VkMore", text)

    def test_left_out(self):
        errors, text = generate(NUMBER + POINTER, '[left_out_members]\n"VkMore.pList" = "why"\n')
        self.assertEqual(errors, "")
        self.assertNotIn("pList", text)
        self.assertIn("FIELD(VkMore, n)", text)


class Stops(unittest.TestCase):
    def check(self, *words, **changes):
        errors, text = generate(**changes)
        self.assertIsNone(text)
        for word in words:
            self.assertIn(word, errors)
        self.assertNotIn("Traceback", errors)

    def test_pointer(self):
        self.check("VkMore.pList", members=POINTER)

    def test_handle(self):
        self.check("VkMore.object", members="<member><type>VkInstance</type> <name>object</name>"
                                            "</member>")

    def test_unknown_type(self):
        self.check("VkWhat", members="<member><type>VkWhat</type> <name>x</name></member>")

    def test_policy_that_names_nothing(self):
        self.check("VkMore", policy='[withheld_features]\n"VkMore.on" = "no feature"\n')
        self.check("nonsense", policy="[nonsense]\n")


if __name__ == "__main__":
    unittest.main()
