"""The phases of a share, from the view of its sharer and its recipients, to the millisecond."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from family_servers import FORGETFUL, mutated

import openapi
from contracts.cli.main import main

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
NOW = 1_800_000_000_000
HOUR = 3_600_000
ALICE, BOB, CAROL, EXPIRED = (f"demo-token-{name}" for name in ("alice", "bob", "carol", "expired"))
LAMP = {"pk": "p11pLZ", "dk": "D001"}


class Server:
    """A server that executes the contract, with a clock that the test sets."""

    def __init__(self):
        self.now, self.random = NOW, random.Random(1)
        self.state = openapi.load_world(WORLD, CONTRACT, NOW, {}).state

    def __call__(self, operation, token, **parameters):
        raw = {"token": token, **{name: str(value) for name, value in parameters.items()}}
        decision = openapi.decide(CONTRACT.operations[operation], raw, self.state, self.now, self.random)
        self.state, self.data = decision.state, decision.data
        return decision.rule.code

    def offer(self, **parameters):
        times = {"acceptingExpireAt": self.now + HOUR, "sharingExpireAt": self.now + 48 * HOUR}
        assert self("shareInfo", ALICE, **LAMP, **times | parameters) == 200
        return self.data

    def accepted(self, **parameters):
        code = self.offer(**parameters)
        assert self("shareDevice", BOB, shareCode=code) == 200
        return code

    def recipients(self):
        assert self("deviceShareUserList", ALICE, **LAMP) == 200
        return self.data

    def received(self, token=BOB):
        assert self("userDeviceList", token) == 200
        return [each["shareCode"] for each in self.data["list"] if each["deviceType"] == 2 and each["deviceKey"] == "D001"]


@pytest.fixture
def server():
    return Server()


def test_an_offer_is_accepted_once_by_one_recipient(server):
    code = server.offer()
    assert server.recipients() == []
    assert server("shareDevice", ALICE, shareCode=code) == 5049
    assert server("shareDevice", BOB, shareCode=code, deviceName="Alice's lamp") == 200
    assert server("shareDevice", BOB, shareCode=code) == 5049
    assert server("shareDevice", CAROL, shareCode=code) == 5137
    assert server.received() == [code]


def test_the_sharer_sees_the_recipient_and_times_of_day_in_utc_plus_8(server):
    code = server.offer(sharingExpireAt=1_800_003_600_001, acceptingExpireAt=1_800_003_600_000)
    server("shareDevice", BOB, shareCode=code, deviceName="Alice's lamp")
    [item] = server.recipients()
    shown = {name: item["shareInfo"][name] for name in ("shareCode", "shareUid", "deviceName", "sharingExpireAtTs")}
    assert shown == {
        "shareCode": code,
        "shareUid": "C10000002",
        "deviceName": "Alice's lamp",
        "sharingExpireAtTs": 1_800_003_600_001,
    }
    assert item["shareInfo"]["acceptingExpireAt"] == "2027-01-15 17:00:00"
    assert item["shareInfo"]["acceptTimeTs"] == NOW
    assert item["userInfo"]["nikeName"] == "Bob"


def test_a_share_for_life_shows_no_end(server):
    assert server("shareInfo", ALICE, **LAMP, acceptingExpireAt=NOW + HOUR) == 200
    assert server("shareDevice", BOB, shareCode=server.data) == 200
    [item] = server.recipients()
    assert (item["shareInfo"]["sharingExpireAt"], item["shareInfo"]["sharingExpireAtTs"]) == (None, None)


def test_the_recipient_renames_and_nobody_else(server):
    code = server.accepted()
    assert server("changeShareDeviceName", CAROL, shareCode=code, deviceName="Mine") == 5041
    assert server("changeShareDeviceName", ALICE, shareCode=code, deviceName="Mine") == 5041
    assert server("changeShareDeviceName", BOB, shareCode=code) == 5068
    assert server("changeShareDeviceName", BOB, shareCode=code, deviceName="x" * 65) == 5333
    assert server("changeShareDeviceName", BOB, shareCode=code, deviceName="Reading") == 200
    assert server.recipients()[0]["shareInfo"]["deviceName"] == "Reading"


def test_the_sharer_extends_and_nobody_else(server):
    code = server.accepted()
    assert server("setShareTime", BOB, shareCode=code, sharingExpireAt=NOW + 100 * HOUR) == 5041
    assert server("setShareTime", ALICE, shareCode=code, sharingExpireAt=NOW + 100 * HOUR) == 200
    server.now += 50 * HOUR
    assert server.received() == [code]


@pytest.mark.parametrize(
    ("operation", "who", "other"), [("ownerUserUnshareDevice", ALICE, BOB), ("shareUserUnshareDevice", BOB, ALICE)]
)
def test_either_side_cancels_and_not_the_other_one(server, operation, who, other):
    code = server.accepted()
    assert server(operation, other, shareCode=code) == 5041
    assert server(operation, CAROL, shareCode=code) == 5041
    assert server(operation, who, shareCode=code) == 200
    assert server(operation, who, shareCode=code) == 5142
    assert server.received() == server.recipients() == []
    assert server("shareDevice", CAROL, shareCode=code) == 5137


def test_cover_mark_1_replaces_the_share_and_its_code(server):
    first = server.accepted()
    second = server.offer(coverMark=1)
    assert server.received() == []
    assert server("ownerUserUnshareDevice", ALICE, shareCode=first) == 5142
    assert server("shareDevice", BOB, shareCode=second) == 200
    assert server.received() == [second]


def test_cover_mark_2_stands_beside(server):
    first = server.accepted()
    second = server.offer(coverMark=2)
    assert server("shareDevice", CAROL, shareCode=second) == 200
    assert server.received() == [first]
    assert server.received(CAROL) == [second]
    assert {each["shareInfo"]["shareCode"] for each in server.recipients()} == {first, second}


@pytest.mark.parametrize(("more", "code"), [(-1, 5151), (0, 200), (1, 200)])
def test_cover_mark_3_is_accepted_only_with_as_much_time_as_the_code_in_use(server, more, code):
    server.accepted(sharingExpireAt=NOW + 48 * HOUR)
    server.now += 2 * HOUR  # the first code can no longer be redeemed, so it does not prevent a new offer
    offer = server.offer(coverMark=3, sharingExpireAt=NOW + 48 * HOUR + more)
    assert server("shareDevice", BOB, shareCode=offer) == code


@pytest.mark.parametrize(("late", "code"), [(-1, 200), (0, 5137), (1, 5137)])
def test_an_offer_dies_at_accepting_expire_at(server, late, code):
    offer = server.offer()
    server.now += HOUR + late
    assert server("shareDevice", BOB, shareCode=offer) == code


@pytest.mark.parametrize(("late", "alive"), [(-1, True), (0, False), (1, False)])
def test_a_share_ends_at_sharing_expire_at(server, late, alive):
    code = server.accepted()
    server.now += 48 * HOUR + late
    assert server.received() == ([code] if alive else [])
    assert len(server.recipients()) == alive
    assert server("deviceInfo", BOB, shareCode=code) == (200 if alive else 5141)
    assert server("changeShareDeviceName", BOB, shareCode=code, deviceName="x") == (200 if alive else 5142)


@pytest.mark.parametrize("who", [{"shareUid": "C10000003"}, {"email": "carol@example.com"}])
def test_a_person_gets_a_share_at_once(server, who):
    assert server("shareByUid", ALICE, **LAMP, **who) == 200
    code = server.data
    assert server.received(CAROL) == [code]
    assert server("shareByUid", BOB, **LAMP, **who) == 5134
    assert server("shareByUid", ALICE, **LAMP) == 5891
    assert server("shareByUid", ALICE, **LAMP, shareUid="C99") == 5134


@pytest.mark.parametrize("name", FORGETFUL)
def test_a_forgetful_server_is_a_contract_of_its_own(name):
    assert mutated(FORGETFUL[name]).operations.keys() == CONTRACT.operations.keys()


def test_the_diagram_in_the_docs_is_the_one_of_the_contract():
    result = CliRunner().invoke(main, ["diagram", CONTRACT.file, "--world", str(WORLD)])
    page = (Path(__file__).parent.parent / "docs" / "life-of-a-share.md").read_text()
    assert result.output in page
    assert "offered --> used: shareDevice" in result.output
