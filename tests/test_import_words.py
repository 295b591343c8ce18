"""What `contracts import` understands of descriptions, tables and messages, in Chinese and in English."""

from __future__ import annotations

import pytest

from contracts.draft.blocks import Table, blocks
from contracts.draft.match import ALIKE, likeness
from contracts.draft.record import Code, Field, Operation, Place
from contracts.draft.rows import Guesser, fallback_code
from contracts.draft.table import codes, columns_of, fields
from contracts.draft.text import by_language
from contracts.draft.types import enrich, schema_of

AT = Place("page.md", 1)


def described(kind, text):
    field = Field("x", AT, "query", schema={"type": kind}, description=text)
    enrich(field)
    return field.schema.get("enum"), field.schema.get("default")


@pytest.mark.parametrize(
    ("kind", "text", "values", "default"),
    [
        ("integer", "覆盖标志\n1 覆盖之前的（默认）\n2 新增\n3 延长才覆盖", [1, 2, 3], 1),
        ("integer", "覆盖标志 1 覆盖 2 新增（默认） 3 延长才覆盖", [1, 2, 3], 2),
        ("integer", "状态：0-禁用，1-启用", [0, 1], None),
        ("integer", "类型 0=文字，1=图片", [0, 1], None),
        ("integer", "支付方式：1：微信，2：支付宝（默认）", [1, 2], 2),
        ("integer", "性别(0男 1女)", [0, 1], None),
        ("integer", "1、自有 2、共享", [1, 2], None),
        ("integer", "Mode, 1: on, 2: off (default)", [1, 2], 2),
        ("string", "渠道,可用值:APP,WEB", ["APP", "WEB"], None),
        ("string", "Size. One of: S, M, L", ["S", "M", "L"], None),
        ("string", "Available values : a, b. Default value : b", ["a", "b"], "b"),
        ("integer", "当前页，默认为第 1 页", None, 1),
        ("integer", "页大小，默认为 10 条", None, 10),
        ("integer", "Size of a page, default: 20", None, 20),
        ("boolean", "是否公开，默认 false", None, False),
        ("integer", "每页 1 到 2 条", None, None),
        ("integer", "取值范围 0-100", None, None),
        ("integer", "最多 3 个，至少 1 个", None, None),
        ("integer", "adds 1 or 2 items", None, None),
        ("string", "默认为空", None, None),
        ("string", "日期 2020-01-01", None, None),
    ],
)
def test_values_and_defaults_are_read_from_descriptions(kind, text, values, default):
    assert described(kind, text) == (values, default)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("integer(int64)", {"type": "integer", "format": "int64"}),
        ("Long", {"type": "integer", "format": "int64"}),
        ("string(date-time)", {"type": "string", "format": "date-time"}),
        ("List«string»", {"type": "array", "items": {"type": "string"}}),
        ("integer[]", {"type": "array", "items": {"type": "integer"}}),
        ("[string]", {"type": "array", "items": {"type": "string"}}),
        ("string¦null", {"type": "string"}),
        ("BigDecimal", {"type": "number"}),
        ("file", {"type": "string", "format": "binary"}),
        ("OrderDTO", {}),
    ],
)
def test_types_are_read_from_their_names(name, schema):
    assert schema_of(name) == schema


@pytest.mark.parametrize(
    ("cell", "messages"),
    [
        ("成功/Success", {"zh": "成功", "en": "Success"}),
        ("请输入token / Please enter token", {"zh": "请输入token", "en": "Please enter token"}),
        ("请输入token\nPlease enter token", {"zh": "请输入token", "en": "Please enter token"}),
        ("没有权限（No permission）", {"zh": "没有权限", "en": "No permission"}),
        ("请输入pk/dk", {"zh": "请输入pk/dk"}),
        ("and/or", {"en": "and/or"}),
        ("", {}),
    ],
)
def test_a_cell_has_one_language_or_two(cell, messages):
    assert by_language(cell) == messages


FIELDS = [
    Field("phone", AT, "body", True, schema={"type": "string"}, description="手机号/Phone number"),
    Field("kind", AT, "query", True, schema={"type": "string", "enum": ["a", "b"]}, description="类型"),
    Field("startTime", AT, "query", True, schema={"type": "integer"}, description="开始时间，毫秒时间戳/Start time, a timestamp"),
    Field("endTime", AT, "query", False, schema={"type": "integer"}, description="结束时间，毫秒时间戳/End time, a timestamp"),
    Field("page", AT, "query", False, schema={"type": "integer", "default": 1}, description="页码"),
    Field("shareCode", AT, "query", False, schema={"type": "string"}, description="分享码"),
]


def guessed(message):
    operation = Operation("post", "/a", AT, fields=[*FIELDS])
    code = Code(7, by_language(message), AT)
    table = Guesser(operation, "token", "caller", fallback_code(None, AT)).guess([code])
    own = [(row.condition, row.kind) for row in table.rows if row.code is code]
    return own, table


MISSING = [
    *("请输入手机号", "请填写手机号", "手机号不能为空", "手机号必填", "缺少参数phone", "Please enter phone number"),
    *("phone is required", "Phone number can not be empty", "Missing required parameter: phone", "phone must not be blank"),
]


@pytest.mark.parametrize("message", MISSING)
def test_a_message_says_what_is_missing(message):
    assert guessed(message)[0] == [({"missing": "phone"}, "assumed")]


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("类型不正确", "kind"),
        ("类型参数值超出范围", "kind"),
        ("不支持的类型", None),
        ("kind is invalid", "kind"),
        ("Invalid kind", "kind"),
        ("时间戳格式不正确", ["startTime", "endTime"]),
        ("Timestamp format incorrect", ["startTime", "endTime"]),
        ("startTime out of range", "startTime"),
        ("结束时间格式错误", "endTime"),
        ("手机号格式不正确", None),
        ("无效的分享码", None),
        ("请输入正确的类型", "kind"),
    ],
)
def test_a_message_says_what_is_malformed(message, names):
    wanted = [({"malformed": names}, "assumed")] if names else [({}, "permitted")]
    assert guessed(message)[0] == wanted


@pytest.mark.parametrize(
    ("message", "condition"),
    [
        ("结束时间必须大于开始时间", "endTime <= startTime"),
        ("结束时间必须大于等于开始时间", "endTime < startTime"),
        ("结束时间不能小于开始时间", "endTime < startTime"),
        ("结束时间不能早于开始时间", "endTime < startTime"),
        ("开始时间不能大于结束时间", "startTime > endTime"),
        ("开始时间应小于结束时间", "startTime >= endTime"),
        ("开始时间不得晚于或等于结束时间", "startTime >= endTime"),
        ("End time must be greater than start time", "endTime <= startTime"),
        ("endTime must be after startTime", "endTime <= startTime"),
        ("start time must not be later than end time", "startTime > endTime"),
        ("结束时间必须大于当前时间", "endTime <= now"),
        ("页码必须大于0", "page <= 0"),
        ("页码不能超过100", "page > 100"),
    ],
)
def test_a_message_compares_two_values(message, condition):
    assert guessed(message)[0] == [({"when": condition}, "assumed")]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("请输入token", "token"),
        ("token不能为空", "token"),
        ("未登录", "token"),
        ("请先登录", "token"),
        ("Not logged in", "token"),
        ("Token is required", "token"),
        ("token 验证失败", "caller"),
        ("登录令牌已过期", "caller"),
        ("Token verification failed", "caller"),
        ("invalid access key", "caller"),
    ],
)
def test_a_message_asks_for_the_token_or_refuses_it(message, name):
    _, table = guessed(message)
    assert [row.condition for row in table.rows if "the message" in row.why and row.code.value == 7] == [{"missing": name}]


@pytest.mark.parametrize(
    "message", ["没有权限", "无权操作", "No permission to do this", "库存不足", "登录失败", "系统繁忙", "Too many"]
)
def test_what_needs_state_is_permitted(message):
    assert guessed(message)[0] == [({}, "permitted")]


def test_alternatives_are_a_let():
    rows, table = guessed("请输入手机号或者分享码")
    assert (rows, table.lets) == ([({"missing": "given"}, "assumed")], {"given": {"first": ["phone", "shareCode"]}})
    assert guessed("手机号和分享码不能为空")[0] == [({"missing": ["phone", "shareCode"]}, "assumed")]


def test_each_alternative_has_a_let_of_its_own():
    codes = [Code(7, {"zh": "请输入手机号或者分享码"}, AT), Code(8, {"zh": "请输入类型或者分享码"}, AT)]
    table = Guesser(Operation("post", "/a", AT, fields=[*FIELDS]), "", "", fallback_code(None, AT)).guess(codes)
    assert table.lets == {"given": {"first": ["phone", "shareCode"]}, "given2": {"first": ["kind", "shareCode"]}}
    assert [row.condition for row in table.rows if row.code in codes] == [{"missing": "given"}, {"missing": "given2"}]


def test_what_cannot_be_missing_is_left_to_a_person():
    rows, table = guessed("页码不能为空")
    assert rows == [({}, "permitted")] and any("can never be missing" in each for each in table.todos)


def test_a_row_for_what_is_optional_is_asked_about():
    rows, table = guessed("请输入分享码")
    assert rows == [({"missing": "shareCode"}, "assumed")] and any("is it required?" in each for each in table.todos)


def test_a_general_message_covers_the_rest():
    rows, _ = guessed("参数错误")
    assert rows == [({"missing": ["phone", "kind", "startTime"]}, "assumed"), ({"malformed": [*LOOSE]}, "assumed")]


LOOSE = ("phone", "kind", "startTime", "endTime", "page")


def test_unlike_names_do_not_match():
    assert likeness("Device Key", Field("pk", AT, description="Product Key")) < ALIKE
    assert likeness("Device Key", Field("dk", AT, description="Device Key")) == 1


def tables(text):
    return [each for each in blocks(text) if isinstance(each, Table)]


def test_children_are_found_by_their_indent():
    space = "&emsp;&emsp;"
    children = f"|{space}b|array|true|\n|{space}{space}c|int|false|\n"
    text = f"|参数名称|数据类型|是否必须|\n|-|-|-|\n|a|object|true|\n{children}|d|string|否|\n"
    [table] = tables(text)
    first, last = fields(table, "a.md")
    assert (first.name, first.children[0].name, first.children[0].children[0].name, last.name) == ("a", "b", "c", "d")
    assert (first.required, first.children[0].children[0].required, last.required) == (True, False, False)
    assert first.children[0].children[0].place.line == 5


@pytest.mark.parametrize(
    "text",
    [
        "|错误码|中文|英文|\n|-|-|-|\n|7|没有|Nothing|\n",
        "|错误码/Error code|说明/Description|\n|-|-|\n|7|没有/Nothing at all|\n",
        "<table><tr><th>code</th><th>说明(中文)</th><th>en</th></tr><tr><td>7</td><td>没有</td><td>Nothing</td></tr></table>\n",
    ],
)
def test_codes_have_messages_in_two_columns_or_in_one(text):
    [table] = tables(text)
    [code] = codes(table, "a.md")
    assert (code.value, code.messages["zh"], code.messages["en"][:7]) == (7, "没有", "Nothing")


def test_columns_have_many_names():
    assert columns_of(["Parameter name", "Parameter description", "Required", "Request type", "Data type", "schema"]) == {
        "name": 0,
        "description": 1,
        "required": 2,
        "in": 3,
        "type": 4,
        "schema": 5,
    }
    assert columns_of(["名称", "位置", "类型", "必选", "说明"]) == {
        "name": 0,
        "in": 1,
        "type": 2,
        "required": 3,
        "description": 4,
    }
