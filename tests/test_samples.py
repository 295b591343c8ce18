"""Values from schemas: they fit, they are always the same, and their cost is bounded."""

from __future__ import annotations

import tracemalloc

import pytest

import openapi
from openapi.schemas import sample as samples
from openapi.schemas.convert import READ_ONLY, WRITE_ONLY, Schemas
from openapi.schemas.flat import flat
from openapi.schemas.sample import sample
from openapi.schemas.validator import validator
from openapi.schemas.xml_text import as_xml

NODE = {"type": "object", "required": ["next"], "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}}
TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
}
EITHER = [{"properties": {"iban": {"type": "string"}}}, {"properties": {"card": {"type": "string"}}}]

FITTING = {
    "all of a text and an enumeration": ({"allOf": [{"type": "string"}, {"enum": ["open", "shut"]}]}, "open"),
    "beside anyOf": (
        {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "email": {"type": "string"}},
            "anyOf": [{"required": ["email"]}, {"required": ["phone"]}],
        },
        {"id": 0, "email": "text"},
    ),
    "all of objects with one property": (
        {
            "allOf": [
                {"properties": {"m": {"properties": {"a": {"const": 1}}}}},
                {"properties": {"m": {"properties": {"b": {"const": 2}}}}},
            ]
        },
        {"m": {"a": 1, "b": 2}},
    ),
    "one of two that both fit": ({"type": "object", "oneOf": EITHER}, None),
    "the second of two": ({"oneOf": [{"type": "integer", "minimum": 5, "maximum": 3}, {"type": "string"}]}, None),
    "a map": ({"type": "object", "additionalProperties": {"type": "integer"}}, {"key": 0}),
    "a map with listed names": (
        {"type": "object", "propertyNames": {"enum": ["x", "y"]}, "additionalProperties": True, "minProperties": 2},
        None,
    ),
    "a map with a pattern": ({"type": "object", "patternProperties": {"^k": {"type": "boolean"}}}, {"key": True}),
    "at least one property": ({"type": "object", "minProperties": 3}, None),
    "at most one property": ({"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}}}, None),
    "different items": (
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 3},
        ["a", "b", "c"],
    ),
    "different objects": (
        {
            "type": "array",
            "items": {"type": "object", "properties": {"id": {"format": "uuid"}}},
            "uniqueItems": True,
            "minItems": 3,
        },
        None,
    ),
    "different dates": (
        {"type": "array", "items": {"type": "string", "format": "date"}, "uniqueItems": True, "minItems": 3},
        None,
    ),
    "a tuple": ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False}, ["text", 0]),
    "no items": ({"type": "array", "maxItems": 0, "items": {"type": "string"}}, []),
    "an item that must be there": ({"type": "array", "contains": {"const": 5}, "items": {"type": "integer"}}, [5]),
    "exclusive bounds": ({"type": "number", "exclusiveMinimum": 0.1, "exclusiveMaximum": 0.2}, None),
    "a step": ({"type": "integer", "minimum": 1, "exclusiveMinimum": 1, "multipleOf": 7}, 7),
    "a step below": ({"type": "integer", "maximum": -5, "multipleOf": 3}, -6),
    "a pattern": ({"type": "string", "pattern": "^[0-9]{17,20}$"}, None),
    "a pattern with a length": ({"type": "string", "pattern": "^a+$", "minLength": 5, "maxLength": 7}, None),
    "a long text": ({"type": "string", "minLength": 12}, "textxxxxxxxx"),
    "a wrong example": (
        {"type": "object", "properties": {"d": {"type": "string", "format": "date-time", "example": "yesterday"}}},
        None,
    ),
    "a wrong example inside a right one": (
        {"type": "object", "properties": {"a": {"const": 1}}, "example": {"a": 2}},
        {"a": 1},
    ),
    "a condition": (
        {
            "type": "object",
            "properties": {"a": {"const": 1}, "b": {"const": 2}},
            "if": {"required": ["a"]},
            "then": {"required": ["b"]},
        },
        None,
    ),
    "nothing that is null": ({"not": {"type": "null"}}, None),
    "a value that ends itself": ({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, None),
    "a tree": ({"$ref": "#/$defs/Tree", "$defs": {"Tree": TREE}}, None),
    "either type": ({"type": ["string", "null"], "maxLength": 2}, "te"),
    "an example, a default": ({"type": "object", "properties": {"a": {"example": 7}, "b": {"default": "x"}}}, {"a": 7, "b": "x"}),
}


@pytest.mark.parametrize("name", FITTING)
def test_a_sample_fits_and_is_always_the_same(name):
    schema, expected = FITTING[name]
    value, problem = sample(schema)
    assert problem == ""
    assert validator(schema, formats=True).is_valid(value)
    assert sample(schema) == (value, "")
    assert expected is None or value == expected


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (
            {
                "$ref": "#/$defs/N",
                "$defs": {"N": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/N"}}}},
            },
            "without end",
        ),
        ({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["a"]}]}, "oneOf"),
    ],
)
def test_where_no_value_fits_it_says_why(schema, problem):
    assert problem in sample(schema)[1]


def test_an_invalid_schema_is_an_error():
    with pytest.raises(ValueError, match="nonsense"):
        sample({"type": "nonsense"})


def test_cost_is_bounded_by_a_count_of_values():
    three = {"type": "object", "required": ["a", "b", "c"], "properties": {name: {"$ref": "#/$defs/N"} for name in "abc"}}
    names = {f"S{n}": {"properties": {f"p{m}": {"$ref": f"#/$defs/S{(n + m) % 30}"} for m in range(30)}} for n in range(30)}
    tracemalloc.start()
    try:
        assert "without end" in sample({"$ref": "#/$defs/N", "$defs": {"N": three}})[1]
        value, problem = sample({"$ref": "#/$defs/S0", "$defs": names})
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert (problem, len(value)) == ("", 30)
    assert _count(value) <= samples.MOST_VALUES


def _count(value):
    return 1 + sum(map(_count, value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()))


def schemas(components, version="3.1.0", unsent=WRITE_ONLY):
    data = {"openapi": version, "components": {"schemas": components}}
    return Schemas(openapi.Document("a.yaml", data, {}), unsent)


def reference(name):
    return {"$ref": f"#/components/schemas/{name}"}


CAT = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, "name": {"type": "string"}}}


@pytest.mark.parametrize(("mapping", "kind"), [({"cat": "#/components/schemas/Cat", "dog": "Dog"}, "cat"), (None, "Cat")])
def test_a_discriminator_says_which_of_several_is_meant(mapping, kind):
    discriminator = {"propertyName": "kind", **({"mapping": mapping} if mapping else {})}
    pet = {"oneOf": [reference("Cat"), reference("Dog")], "discriminator": discriminator}
    schema = schemas({"Cat": CAT, "Dog": CAT}).standing_alone(pet)
    assert sample(schema) == ({"kind": kind, "name": "text"}, "")
    checker = validator(schema)
    assert not checker.is_valid({"kind": "bird", "name": "text"})


def test_a_discriminator_of_a_base_gives_each_heir_its_value():
    base = {**CAT, "discriminator": {"propertyName": "kind", "mapping": {"d": reference("Dog")["$ref"]}}}
    heirs = {name: {"allOf": [reference("Base"), {"properties": {name: {"const": 1}}}]} for name in ("Dog", "Cow")}
    known = schemas({"Base": base, **heirs})
    assert sample(known.standing_alone(reference("Dog")))[0] == {"kind": "d", "name": "text", "Dog": 1}
    assert sample(known.standing_alone(reference("Cow")))[0]["kind"] == "Cow"
    assert sample(known.standing_alone(reference("Base")))[0] == {"kind": "d", "name": "text", "Dog": 1}


def test_a_discriminator_that_an_enumeration_contradicts_is_no_condition():
    track = {**CAT, "properties": {"kind": {"enum": ["track"]}}}
    known = schemas({"Track": track})
    schema = known.standing_alone({"oneOf": [reference("Track")], "discriminator": {"propertyName": "kind"}})
    assert sample(schema) == ({"kind": "track"}, "")
    assert list(known.contradictions.values()) == ["the discriminator kind of Track would be Track, which its enum does not list"]


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"type": "string", "nullable": True}, ["a", None], [1]),
        ({"nullable": True, "allOf": [{"type": "string"}]}, ["a", None], [1]),
        ({"type": "string", "nullable": True, "enum": ["a"]}, ["a", None], ["b"]),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, [2], [1]),
        ({"type": "integer", "maximum": 1, "exclusiveMaximum": False}, [1], [2]),
        ({"$ref": "#/components/schemas/Cat", "required": ["unheard"]}, [{"kind": "x"}], [{}]),
    ],
)
def test_openapi_3_0_has_words_of_its_own(schema, valid, invalid):
    checker = validator(schemas({"Cat": CAT}, "3.0.3").standing_alone(schema))
    assert ([checker.is_valid(each) for each in valid], [checker.is_valid(each) for each in invalid]) == (
        [True] * len(valid),
        [False],
    )


def test_a_write_only_property_is_not_required_of_a_reply_nor_a_read_only_one_of_a_request():
    user = {
        "type": "object",
        "required": ["id", "password", "secret"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "password": {"writeOnly": True},
            "secret": reference("Secret"),
        },
    }
    parts = {"Secret": {"type": "string", "writeOnly": True}}
    reply, request = (schemas(parts, unsent=unsent).standing_alone(user) for unsent in (WRITE_ONLY, READ_ONLY))
    assert (sample(reply), request["required"]) == (({"id": 0}, ""), ["password", "secret"])


@pytest.mark.parametrize("name", ["a b", "List«Pet»", "a~b", "größe", "a%7Bb"])
def test_a_definition_may_have_any_name(name):
    pointer = name.replace("~", "~0").replace("%", "%25")
    schema = schemas({name: {"type": "integer"}}).standing_alone({"$ref": f"#/components/schemas/{pointer}"})
    assert sample(schema) == (0, "")


def test_a_pattern_of_another_dialect_is_left_out():
    assert schemas({}).standing_alone({"type": "string", "pattern": r"[\w-.]+\Z"}) == {"type": "string"}


def test_a_flat_schema_takes_the_stricter_of_two_words():
    parts = [
        {"type": ["integer", "null"], "minimum": 1, "maximum": 9, "required": ["a"], "enum": [1, 2]},
        {"type": "number", "minimum": 3, "maximum": 5, "required": ["b"], "enum": [2, 3]},
    ]
    assert flat({"allOf": parts}, {}) == {"type": "integer", "minimum": 3, "maximum": 5, "required": ["a", "b"], "enum": [2]}


def test_xml_has_the_names_attributes_and_lists_of_its_schema():
    schema = {
        "$ref": "#/$defs/Pet",
        "$defs": {
            "Pet": {
                "type": "object",
                "xml": {"name": "animal"},
                "properties": {
                    "id": {"type": "integer", "xml": {"attribute": True}},
                    "tags": {"type": "array", "xml": {"wrapped": True}, "items": {"type": "string", "xml": {"name": "tag"}}},
                    "seen": {"type": "array", "items": {"type": "integer"}},
                },
            }
        },
    }
    value = {"id": 1, "tags": ["a", "<b>"], "seen": [1, 2], "alive": True, "odd name": None}
    assert as_xml(value, schema).partition("\n")[2] == (
        '<animal id="1"><tags><tag>a</tag><tag>&lt;b&gt;</tag></tags><seen>1</seen><seen>2</seen>'
        "<alive>true</alive><odd_name /></animal>"
    )
