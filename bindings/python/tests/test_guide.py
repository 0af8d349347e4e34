"""The guide's code is the tests' code: every block names a region of a tested file and equals it."""

import pathlib
import re
import textwrap

import pytest

BINDINGS = pathlib.Path(__file__).resolve().parents[2]
GUIDE = (BINDINGS / "README.md").read_text(encoding="utf-8")
# <!-- path: region -->, then a block of code.
BLOCKS = re.findall(r"(?:<!-- (\S+): (\S+) -->\n)?^```(kotlin|python)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def region(path: str, name: str) -> str:
    text = (BINDINGS / path).read_text(encoding="utf-8")
    mark = r"^ *(?:#|//) guide: "
    found = re.findall(rf"{mark}{name}\n(.*?){mark}end$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{path} has {len(found)} regions {name}"
    return textwrap.dedent(found[0])


def test_the_guide_has_code_in_both_languages():
    assert {language for _, _, language, _ in BLOCKS} == {"kotlin", "python"}


@pytest.mark.parametrize("path, name, language, code", BLOCKS)
def test_a_block_is_tested_code(path, name, language, code):
    assert path, f"a block names no region: {code.splitlines()[0]}"
    assert code == region(path, name)
