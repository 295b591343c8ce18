"""The words by which pages are understood: labels, columns and messages, in Chinese and in English."""

from __future__ import annotations

import re

LABELS = {
    "address": (
        "接口地址 请求地址 接口 请求路径 请求url 接口url 地址 路径 url path uri endpoint 'request url' 'api url' "
        "'interface address' 'api address' 'request path' 'request address' address"
    ),
    "method": "请求方式 请求方法 请求类型 方法 调用方式 method methods 'request method' 'http method' 请求的类型",
    "media": "请求数据类型 consumes content-type 'request data type' 'content type' 请求格式",
    "description": "接口描述 接口说明 描述 简要描述 功能 功能描述 'interface description' 'api description' description",
    "request": (
        "请求参数 请求参数说明 参数 入参 输入参数 参数说明 请求参数列表 'request parameters' 'request parameter' "
        "parameters params 'request params' 'request fields' 请求字段"
    ),
    "request-query": "query 'query parameters' 'query params' 查询参数 'query string'",
    "request-path": "路径参数 'path parameters' 'path params' 'path variables'",
    "request-header": "headers header 请求头 请求头参数 'request headers'",
    "request-body": "body 请求体 'request body' 'body params' 'body parameters' 'body 请求参数' 消息体",
    "request-form": "formdata form-data form 表单参数 'form parameters'",
    "request-example": "请求示例 请求样例 请求参数示例 'request example' 'sample request' 'request demo' "
    "'body parameter' 'example request'",
    "codes": (
        "响应状态 响应状态码 响应状态码说明 状态码 状态码说明 返回码 错误码 返回状态码 返回结果 响应码 错误代码 "
        "业务码 错误码说明 返回码说明 'response status' 'status codes' 'status code' 'error codes' "
        "'response codes' 'return codes' responses errors codes"
    ),
    "common-codes": (
        "通用状态码 全局状态码 公共状态码 通用错误码 全局错误码 公共错误码 通用返回码 'common error codes' "
        "'global error codes' 'common codes' 'common errors'"
    ),
    "reply": (
        "响应参数 响应参数说明 返回参数 返回参数说明 响应字段 返回字段 返回数据结构 出参 返回数据说明 "
        "'response parameters' 'response parameter' 'response fields' 'response schema' 'response params'"
    ),
    "reply-example": (
        "响应示例 响应数据 返回示例 返回样例 返回数据 返回值 返回结果示例 响应样例 'response example' "
        "'sample response' 'example response' 'response demo' response"
    ),
    "schemas": "schema属性说明 'schema attributes' 'schema properties'",
    "ignored": (
        "响应数据类型 produces 'response data type' 基本信息 'basic info' 'basic information' 响应头 作者 备注 "
        "注意 'response data types' host version 联系人 简介 接口路径"
    ),
}
"""The labels of a page, by what they begin. Texts of several words are in quotes."""

COLUMNS = {
    "name": (
        "参数名称 参数名 名称 字段 字段名 字段名称 参数 属性 属性名 变量名 键 name parameter 'parameter name' "
        "'param name' param field 'field name' key property"
    ),
    "description": (
        "参数说明 说明 描述 备注 含义 注释 字段说明 参数描述 description 'parameter description' desc discription "
        "remark remarks note notes details"
    ),
    "title": "中文名 标题 title",
    "in": ("请求类型 in 位置 参数位置 传参方式 'request type' 'located in' location 'parameter location' 'in/location'"),
    "required": ("是否必须 是否必填 必填 必选 必须 是否必选 是否必需 必需 必传 是否必传 required must mandatory 'is required'"),
    "type": "数据类型 类型 参数类型 字段类型 type 'data type' datatype 'param type' 类型及范围",
    "schema": "schema 数据模型 'data model' model",
    "default": "默认值 默认 default 'default value'",
    "example": "示例 示例值 参数值 例子 example 'sample value' value",
    "more": "其他信息 约束 取值范围 restrictions constraints 'other information'",
    "code": ("状态码 错误码 返回码 响应码 错误代码 业务码 code 'status code' 'error code' 'return code' status 'http status'"),
    "zh": "中文 中文说明 中文信息 中文描述 中文消息 'message (zh)' zh chinese 说明(中文) '描述(中文)'",
    "en": "英文 英文说明 英文信息 英文描述 英文消息 'message (en)' en english 说明(英文) '描述(英文)'",
    "message": "消息 信息 提示 提示信息 错误信息 错误描述 错误说明 message 'error message' msg",
    "meaning": "状态码含义 meaning 'status meaning'",
}
"""The columns of tables, by what they hold."""

LOCATIONS = {
    "query": "query 查询 url 查询参数",
    "path": "path 路径 pathvariable",
    "header": "header headers 请求头 head",
    "cookie": "cookie",
    "body": "body 请求体 json requestbody",
    "form": "form formdata form-data 表单 formdata",
}

YES = frozenset(
    ["true", "yes", "y", "是", "必须", "必填", "必选", "必传", "√", "✓", "✔", "required", "1", "t", "是的", "mandatory"]
)
NOTHING = frozenset(["", "-", "--", "—", "/", "none", "null", "无", "暂无", "n/a"])

CODE_KEYS = ("code", "errno", "errcode", "err_code", "errorcode", "error_code", "retcode", "ret_code", "resultcode", "statuscode")
CODE_KEYS_TOO = ("status", "ret", "state")
"""Keys that hold the code where no better one is there."""
MESSAGE_KEYS = (
    "msg",
    "message",
    "errmsg",
    "err_msg",
    "errormsg",
    "errormessage",
    "error_msg",
    "retmsg",
    "info",
    "desc",
    "description",
)
DATA_KEYS = ("data", "result", "content", "payload", "body", "obj")

CREDENTIALS = frozenset(
    ["authorization", "token", "access_token", "accesstoken", "x-token", "x-access-token", "x-auth-token", "x-api-key", "apikey"]
)
"""Names of parameters that hold a credential, in lower case."""
SECRET = re.compile(r"token|passw|pwd|secret|sign|auth|key|cookie|session|code|phone|mail|card", re.IGNORECASE).search
"""Names whose values in recorded traffic are not copied."""

_WHAT = r"(?P<what>.+?)"
MISSING = [
    re.compile(pattern, re.IGNORECASE).fullmatch
    for pattern in (
        rf"请(?:先)?(?:输入|填写|选择|传入|提供|上传|指定|传)(?!正确|有效|合法)(?:必填|必要)?(?:的)?(?:参数)?[:：]?\s*{_WHAT}",
        rf"(?:缺少|缺失|未输入|未填写|未传入?|未提供|没有输入|没有填写)(?:必填|必要)?(?:的)?(?:参数)?[:：]?\s*{_WHAT}",
        rf"{_WHAT}(?:参数)?(?:不能|不可以?|不得|不允许)(?:为)?(?:空|缺失|null|缺少)",
        rf"{_WHAT}(?:参数)?(?:必填|必传|必须填写|缺失|为空|未填写|是必填项|是必须的)",
        rf"please (?:enter|input|provide|select|fill in|specify|choose|supply) (?!a valid|valid|a correct)"
        rf"(?:the |a |an |your )?{_WHAT}",
        rf"{_WHAT} (?:is |are )?(?:required|missing|empty|mandatory|not provided)",
        rf"{_WHAT} (?:can ?not|must not|can't|should not|may not) be (?:empty|blank|null|missing)",
        rf"missing (?:required )?(?:parameters?|fields?|arguments?)?:? ?{_WHAT}",
    )
]
_WRONG = r"(?:不正确|错误|有误|不合法|非法|不合规|不符合要求|不对|无效)"
MALFORMED = [
    re.compile(pattern, re.IGNORECASE).fullmatch
    for pattern in (
        rf"(?P<what>.+?)(?:的)?(?:参数)?(?:值)?(?:的)?(?:格式|类型|长度|取值|范围)?{_WRONG}",
        r"(?P<what>.+?)(?:的)?(?:参数)?(?:值)?(?:的)?(?:长度)?(?:超出|超过)(?:了)?(?:允许|长度|最大|取值)*(?:的)?(?:范围|限制|长度)?",
        r"(?P<what>.+?)(?:参数)?(?:值)?(?:过长|太长|过短|太短|过大|越界|不支持|不在范围内)",
        rf"(?:无效|非法|错误)的?(?:参数)?{_WHAT}",
        rf"请(?:输入|填写|选择|提供)(?:正确|有效|合法)的?{_WHAT}",
        rf"please (?:enter|input|provide) (?:a )?(?:valid|correct) {_WHAT}",
        r"(?P<what>.+?)(?: parameter)?(?: value)?(?: is| are)? ?out of range",
        r"(?P<what>.+?) ?format(?: is)? (?:incorrect|invalid|error|wrong|not correct)",
        r"(?:invalid|incorrect|wrong|bad) format (?:of|for) (?P<what>.+)",
        r"(?P<what>.+?)(?: parameter)?(?: value)?(?: is| are| has)?(?: an| a)? "
        r"(?:invalid|malformed|incorrect|illegal|not supported|unsupported|too long|too short|not valid|wrong)"
        r"(?: format| value| length)?",
        r"(?P<what>.+?)(?: length)? exceeds? (?:the )?(?:maximum |max )?(?:length|limit|range|size)(?: limit)?",
        r"(?:invalid|malformed|illegal|incorrect|unsupported) (?:parameter |value of )?(?P<what>.+)",
    )
]
_MORE, _LESS = "大于|晚于|多于|超过|高于|迟于", "小于|早于|少于|低于"
RELATIONS = [
    re.compile(pattern, re.IGNORECASE).fullmatch
    for pattern in (
        rf"(?P<a>.+?)(?:必须|应该|应当|应|需要|需|须|要|(?P<not>不能|不可以?|不得|不应|不允许))"
        rf"(?:(?P<more>{_MORE})|(?P<less>{_LESS}))(?P<equal>或?等于)?(?P<b>.+)",
        r"(?P<a>.+?) (?:must|should|has to|needs to|shall|(?P<not>must not|should not|can ?not|may not|can't))(?: be)? "
        r"(?:(?P<more>greater than|later than|larger than|more than|higher than|bigger than|after|exceed)"
        r"|(?P<less>less than|earlier than|smaller than|lower than|fewer than|before))"
        r"(?P<equal> or equal to)? (?:the )?(?P<b>.+)",
    )
]
NOW = re.compile(r"(当前|现在|系统|服务器)的?(时间|时刻|时间戳)?|now|(the )?current time(stamp)?", re.IGNORECASE).fullmatch

TOKEN = re.compile(r"token|令牌|凭证|会话|\bsession\b|credential|api ?key|access ?key|jwt", re.IGNORECASE).search
NOT_LOGGED_IN = re.compile(
    r"未登[录陆]|没有登[录陆]|请(先|重新)?登[录陆]|用户未认证|not logged ?in|log ?in (first|required)|please log ?in|"
    r"login required|unauthorized|unauthenticated|not authenticated",
    re.IGNORECASE,
).search
INVALID = re.compile(
    r"失败|无效|过期|失效|错误|不正确|不合法|有误|invalid|expired|fail|incorrect|wrong|verif|not valid", re.IGNORECASE
).search
NO_PERMISSION = re.compile(
    r"没有权限|无权|权限不足|没有.*的?权限|禁止访问|no permission|permission denied|not permitted|forbidden|not allowed|"
    r"access denied|no access|insufficient permission",
    re.IGNORECASE,
).search
PARAMETERS = re.compile(
    r"(请求)?参数(校验|验证|格式|值)?(错误|异常|不合法|失败|有误|不正确|非法|缺失|无效|不对)|bad request|"
    r"invalid (request )?param(eter)?s?|(request )?param(eter)?s? (error|invalid|is invalid|are invalid)|"
    r"validation (error|failed)|unprocessable \w+",
    re.IGNORECASE,
).fullmatch
FAILURE = re.compile(
    r"失败|系统(异常|错误|繁忙)|服务器?(异常|错误|内部错误|繁忙|不可用)|内部错误|未知错误|操作异常|网络异常|fail(ed|ure)?\b|internal|"
    r"(server|system|unknown) error|busy|unavailable|timed? ?out|频繁|too many",
    re.IGNORECASE,
).search
SUCCESS = re.compile(r"成功|请求正常|success(ful(ly)?)?|ok|created|accepted|no content", re.IGNORECASE).search

TRAILING = re.compile(r"[\s。.!！;；,，]+$")
ALTERNATIVES = re.compile(r"或者?|\bor\b", re.IGNORECASE)
SEVERAL = re.compile(r"[、,，/]|或者?|和|及|与|\bor\b|\band\b", re.IGNORECASE)


def _table(words: dict[str, str]) -> dict[str, str]:
    """From each spelling to its meaning."""
    found = {}
    for meaning, line in words.items():
        for quoted, plain in re.findall(r"'([^']+)'|(\S+)", line):
            found[(quoted or plain).lower()] = meaning
    return found


LABEL_OF, COLUMN_OF, LOCATION_OF = _table(LABELS), _table(COLUMNS), _table(LOCATIONS)
