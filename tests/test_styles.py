"""Contracts of several styles of APIs: usual mistakes of servers are caught, and other habits are not violations.

Each server is the mock with a changed contract.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from mockserver import running

HERE = Path(openapi.__file__).parent

SENT = "          then: [{insert: messages, row: {id: msgid, app: token.app, touser: touser, at: now}}]\n"

WRONG = {
    "errcode-platform": {
        "a limit that is off by one": ([("size(sentInADay) >= app.quota", "size(sentInADay) > app.quota")], "/45009"),
        "a limit that counts the messages of other users too": (
            [
                (
                    "where: {app: token.app, touser: touser}, if: row.at > now - 60000",
                    "where: {app: token.app}, if: row.at > now - 60000",
                )
            ],
            "sendMessage/0",
        ),
        "older messages count": ([("if: row.at > now - 86400000", "if: row.at > now - 864000000")], "/0 - always"),
        "a sent template does not count": (
            [
                (
                    f"- mayReceive\n        - code: 0\n          mint: {{msgid: uuid()}}\n{SENT}",
                    "- mayReceive\n        - code: 0\n          mint: {msgid: uuid()}\n",
                )
            ],
            "sendMessage/450",
        ),
        "an old token stays good": ([("when: token.expiresAt <= now", "when: token.expiresAt < 0")], "/42001"),
        "the templates of all apps": (
            [("own: {all: templates, where: {app: token.app}}", "own: {all: templates}")],
            "Templates/",
        ),
        "refused words are not looked for": ([("when: risky", "when: text.content == ''")], "sendMessage/87014"),
        "a message that is one too long": ([("maxLength: 600", "maxLength: 601")], "sendMessage/45002"),
        "another app's follower": (
            [("find: followers, where: {app: token.app, openid: touser}", "last: followers, where: {openid: touser}")],
            "/40003",
        ),
        "the life of a token in ms": ([("expires_in: 7200", "expires_in: 7200000")], "expires_in"),
    },
    "login": {
        "an account that is locked too late": (
            [("size(recent) >= 5", "size(recent) > 5"), ("size(recent) < 5", "size(recent) <= 5")],
            "login/423",
        ),
        "wrong passwords that are not counted": (
            [("          then: [{insert: attempts, row: {id: attempt, user: name, at: now}}]\n", "")],
            "login/",
        ),
        "old wrong passwords lock": ([("row.at > now - 900000", "row.at > now - 9000000")], "login/"),
        "the password is not looked at": (
            [("account.password != password", "account.password == ''")],
            "login/401:wrong_credentials",
        ),
        "a refresh token that is good again": ([("set: {used: true}", "set: {used: false}")], "refresh/401:used_refresh_token"),
        "an access token that stays good after a refresh": (
            [
                (
                    "{update: sessions, where: {id: known.session}, set: {access: access, expiresAt: now + 3600000}}",
                    "{insert: sessions, row: {id: access, user: older.user, access: access, expiresAt: now + 3600000}}",
                ),
                (
                    "known: {find: refreshTokens, where: {token: refreshToken}}",
                    "known: {find: refreshTokens, where: {token: refreshToken}}\n"
                    "        older: {find: sessions, where: {id: known.session}}",
                ),
            ],
            "401:invalid_token",
        ),
        "a refresh token that outlives the session": (
            [("            - {delete: refreshTokens, where: {session: session.id}}\n", "")],
            "refresh/401:invalid_refresh_token",
        ),
        "an expired token is good": ([("when: session.expiresAt <= now", "when: session.expiresAt < 0")], "401:expired_token"),
        "an e-mail address that two have": (
            [("when: holder.name != session.user", "when: holder.name == ''")],
            "changeProfile/409:email_taken",
        ),
        "nobody may send the own e-mail address again": (
            [("when: holder.name != session.user", "when: holder.name != ''")],
            "changeProfile/200",
        ),
        "what the body does not name is lost": (
            [("newPhone: {first: [user.contact.phone, me.phone]}", "newPhone: {first: [user.contact.phone]}")],
            "changeProfile/200",
        ),
        "a change that is not kept": ([(", email: newEmail, phone: newPhone}}]", "}}]")], "profile/200"),
    },
}
"""By contract and mistake: what is changed in the text of the contract, and the rule or outcome that a violation has to name."""

RIGHT = {
    "errcode-platform": {
        "ids that are numbers as texts": [("mint: {msgid: uuid()}", "mint: {msgid: string(now) + uuid()}")],
        "errcode in every reply": [
            ("        - status: 200\n          mint: {created", "        - code: 0\n          mint: {created")
        ],
        "more keys in a reply": [("body: {msgid: msgid}", "body: {msgid: msgid, queue: 3}")],
        "limits before the receiver": [
            ("    - {code: 45009, when: size(sentInADay) >= app.quota}\n", ""),
            ("  mayReceive:\n", "  mayReceive:\n    - {code: 45009, when: size(sentInADay) >= app.quota}\n"),
        ],
    },
    "login": {
        "more keys in a reply": [("expiresIn: 3600}", "expiresIn: 3600, tokenType: \"'Bearer'\"}")],
        "tokens of another form": [("access: uuid(), refresh: uuid()", "access: upper(uuid()), refresh: \"'r-' + uuid()\"")],
        "the e-mail address before the name": [
            ("        - {status: 422, code: invalid_name, malformed: user.name}\n", ""),
            (
                "malformed: user.contact.phone}\n",
                "malformed: user.contact.phone}\n        - {status: 422, code: invalid_name, malformed: user.name}\n",
            ),
        ],
    },
}
"""By contract and habit: what is changed in the text of the contract. The documents leave it open."""


def verified(name, changes, folder):
    """The exit code and the output of a test run with the contract of a server that has the changed one."""
    true = HERE / f"{name}.yaml"
    text = true.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "changed.yaml").write_text(text)
    world = HERE / "worlds" / f"{name}.yaml"
    with running(contract=folder / "changed.yaml", world=world) as mock:
        target = ["--target", mock.url, "--contract", str(true), "--world", str(world)]
        options = ["--max-requests", "800", "--no-races", "--no-breadth", "--quiet"]
        result = CliRunner().invoke(main, ["verify", *target, *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def cases(table):
    return [pytest.param(name, what, id=f"{name}: {what}") for name, entries in table.items() for what in entries]


@pytest.mark.parametrize(("name", "what"), cases(WRONG))
def test_a_usual_mistake_is_caught(name, what, tmp_path):
    changes, rule = WRONG[name][what]
    code, output = verified(name, changes, tmp_path)
    assert code == 1, output
    violations = [line for line in output.splitlines() if line.startswith(("Violation: ", "  also "))]
    assert any(rule in line for line in violations), output


@pytest.mark.parametrize(("name", "what"), cases(RIGHT))
def test_another_habit_is_not_accused(name, what, tmp_path):
    code, output = verified(name, RIGHT[name][what], tmp_path)
    assert (code, "0 violations" in output) == (0, True), output
