"""The YAML documents of this repository say what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
FILES = sorted(file for pattern in ("openapi/**/*.yaml", "docs/*.yaml", ".ci/*.yaml") for file in ROOT.glob(pattern))


def slips(node):
    """The keys with a blank, and those whose value was not written: `{description: 1 own, 2 shared}` has both."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            empty = isinstance(value, yaml.ScalarNode) and value.value == "" and value.style is None
            if empty or any(each.isspace() for each in key.value):
                yield f"line {key.start_mark.line + 1}: {key.value}"
            yield from slips(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from slips(each)


def test_a_comma_in_a_flow_mapping_is_found():
    assert list(slips(yaml.compose("a: {b: 1 own, 2 shared}\nc: ''\nd: null"))) == ["line 1: 2 shared"]
    assert list(slips(yaml.compose("- {description: see, elsewhere}"))) == ["line 1: elsewhere"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_text_of_a_document_was_taken_for_a_key(file):
    assert list(slips(yaml.compose(file.read_text("utf-8")))) == []
