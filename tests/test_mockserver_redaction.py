"""Secrets are redacted wherever they stand, however many there are."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest

import openapi
from bench._cost import instructions
from mockserver import Mock, Origin, create_app
from mockserver.worlds.redaction import Redaction

CONTRACT = openapi.load()
URL = CONTRACT.operations["shareInfo"].path
JOURNAL = "/_mock/worlds/default/journal?limit=1"
BASE64 = "YWxpY2U/c2VjcmV0+dG9rZW4=="
SECRETS = (BASE64, "demo-token-alice", "demo-token-alice-2", "alice-2-and-more", "t1", "a+b", "100%41bcd", "密码密码密码")


def _redaction(secrets=SECRETS):
    rows = [{"token": each, "uid": f"C{number}"} for number, each in enumerate(secrets)]
    redaction = Redaction(CONTRACT)
    redaction.learn(openapi.read_world(openapi.Document("w", {"sessions": rows}, {}), CONTRACT, 0).state)
    return redaction


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (BASE64, "[redacted]"),
        (f"see {BASE64} here", "see [redacted] here"),
        (f"/files/{BASE64}?a={BASE64}", "/files/[redacted]?a=[redacted]"),
        (quote(f"see {BASE64} here"), "see%20[redacted]%20here"),
        (quote(f"a/{BASE64}/b", safe=""), "a%2F[redacted]%2Fb"),
        (quote_plus(f"see {BASE64} here").lower().replace(quote_plus(BASE64).lower(), quote_plus(BASE64)), "see+[redacted]+here"),
        (quote(BASE64, safe="").replace("%2F", "%2f").replace("%3D", "%3d"), "[redacted]"),
        (f"note={BASE64}".replace("+", " "), "note=[redacted]"),
        ("My token is demo-token-alice.", "My token is [redacted]."),
        ("demo-token-alice@host", "[redacted]@host"),
        ("xdemo-token-alice", "x[redacted]"),
        ("*demo-token-alice*", "*[redacted]*"),
        ("demo-token-alice%00", "[redacted]%00"),
        ("%64emo%2Dtoken-alice!", "[redacted]!"),
        ("demo-token-alicedemo-token-alice", "[redacted][redacted]"),
        ("demo-token-alice-2", "[redacted]"),
        ("demo-token-alice-2-and-more.", "[redacted]."),
        ("100%41bcd", "[redacted]"),
        (f"密{quote('密码密码密码')}密码密码密码码", "密[redacted][redacted]码"),
        ("t1 xt1 t1x 't1'", "[redacted] xt1 t1x '[redacted]'"),
        ("a+b (a+b) xa+b", "[redacted] ([redacted]) xa+b"),
        ("demo-token-bob 100% of %zz %ED%A0%80 %", "demo-token-bob 100% of %zz %ED%A0%80 %"),
        ("", ""),
    ],
)
def test_a_secret_is_found_inside_a_text(text, shown):
    assert _redaction()(text) == shown


def test_journal_and_log_show_no_part_of_a_secret():
    lines = []
    world = {"sessions": [{"token": BASE64, "uid": "C1"}], "devices": [{"pk": "p", "dk": "d", "owner": "C1"}]}
    client = create_app(Mock(CONTRACT, Origin(openapi.Document("w", world, {}), {})), lines.append).test_client()
    for note in (f"see {BASE64} here", quote(BASE64, safe=""), f"{BASE64}."):
        query = {"pk": note, "dk": "d", "note": note}
        assert client.post(URL, query_string=query, headers={"Authorization": f"Bearer {BASE64}"}).json["code"] != 5032
        shown = client.get(JOURNAL).text
        assert ("redacted" in shown, "YWxpY2U" in shown, "dG9rZW4" in shown) == (True, False, False)
    client.get(f"/files/{BASE64}")
    client.get(f"/files/{quote(BASE64, safe='')}")
    assert "YWxpY2U" not in str(lines)


def test_a_session_without_a_token_hides_no_word():
    state = openapi.State.empty(CONTRACT.tables.values())
    columns = CONTRACT.tables["sessions"]
    redaction = Redaction(CONTRACT)
    redaction.learn(state.insert("sessions", columns.row({"uid": "C1"})))
    assert redaction("None of it") == "None of it"


def test_a_text_costs_the_same_with_many_secrets_as_with_few():
    text = "see demo-token-7 and demo-token-8, which are no secrets of this world. " * 20

    def cost(number):
        redaction = _redaction([f"secret-number-{each:06d}" for each in range(number)])
        redaction("another text")
        return instructions(lambda: redaction(text))

    assert cost(10_000) <= cost(10) * 1.01
