"""Values as XML, by the `xml` keywords of their schema: names, attributes, and lists in an element of their own."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from openapi.schemas.convert import DEFINITION
from openapi.schemas.flat import Definitions, flat

ROOT = "root"


def is_xml(media_type: str) -> bool:
    """Whether a media type is XML."""
    name = media_type.partition(";")[0].strip().lower()
    return name.endswith(("/xml", "+xml"))


def as_xml(value: Any, schema: dict[str, Any]) -> str:
    """A document. A text is taken as one that is written already."""
    if isinstance(value, str):
        return value
    definitions = schema.get("$defs", {})
    name = str(schema.get("$ref", "")).removeprefix(DEFINITION) or ROOT
    holder = ElementTree.Element(ROOT)
    _add(holder, name, value, flat(schema, definitions), definitions)
    root = holder[0] if len(holder) == 1 else holder
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _add(parent: ElementTree.Element, name: str, value: Any, schema: dict[str, Any], definitions: Definitions) -> None:
    words = found if isinstance(found := schema.get("xml"), dict) else {}
    name = _name(str(words.get("name") or name))
    if isinstance(value, list):
        items = flat(schema.get("items", {}), definitions)
        holder = ElementTree.SubElement(parent, name) if words.get("wrapped") else parent
        for each in value:
            _add(holder, name, each, items, definitions)
    elif isinstance(value, dict):
        element = ElementTree.SubElement(parent, name)
        properties = schema.get("properties", {})
        for key, each in value.items():
            _add(element, key, each, flat(properties.get(key, {}), definitions), definitions)
    elif words.get("attribute"):
        parent.set(name, _text(value))
    else:
        ElementTree.SubElement(parent, name).text = _text(value)


def _name(text: str) -> str:
    """A text as the name of an element."""
    name = "".join(each if each.isalnum() or each in "_-.:" else "_" for each in text)
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return "".join(each for each in text if each >= " " or each in "\t\r\n")
