"""Two clients of the device platform, as their authors published them, from the login to a share against the mock."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote_plus

import landbook_api
import landbook_api.api
import pytest
import requests
import unofficial_pecron_api as pecron
import unofficial_pecron_api.const
from unofficial_pecron_api.auth import encrypt_password

import openapi
from mockserver import running

HERE = Path(openapi.__file__).parent
CONTRACT, WORLD = HERE / "device-account.yaml", HERE / "worlds" / "device-account.yaml"
PAGE = (Path(__file__).parent.parent / "docs" / "clients.md").read_text()
DOMAIN, SECRET = "T.DM.1.1", "demo-secret-one"
ALICE, BOB = ((f"{name}@example.com", f"demo-password-{name}") for name in ("alice", "bob"))
SHARING = "/v2/binding/enduserapi"
FOR_LIFE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": 4_102_444_800_000}


@pytest.fixture(scope="module")
def mock():
    with running(contract=CONTRACT, world=WORLD) as client:
        yield client


@pytest.fixture
def world(mock, monkeypatch):
    """A world of the mock, which is the region MOCK of both clients."""
    world = mock.create()
    at(world, monkeypatch)
    yield world
    world.delete()


def at(world, monkeypatch, domain=DOMAIN, secret=SECRET):
    """Adds the region to the tables of regions that the clients have."""
    monkeypatch.setitem(
        unofficial_pecron_api.const.REGIONS,
        "MOCK",
        {"base_url": world.url, "ws_v2": "", "user_domain": domain, "user_domain_secret": secret},
    )
    monkeypatch.setitem(
        landbook_api.REGIONS,
        "MOCK",
        {"label": "Mock", "api_base": world.url, "mqtt_host": "", "user_domain": domain, "app_domain_key": secret},
    )


def pecron_of(account):
    api = pecron.PecronAPI("MOCK")
    api.login(*account)
    return api


def device(api, key):
    return next(each for each in api.get_devices() if each.device_key == key)


def test_pecron_goes_from_login_to_a_share_that_another_account_accepts(world):
    with pecron_of(ALICE) as alice, pecron_of(BOB) as bob:
        lamp = device(alice, "D001")
        assert (lamp.device_name, lamp.product_name, lamp.online) == ("Lamp", "Lamp One", True)
        code = alice._request("POST", f"{SHARING}/shareInfo", form_data=FOR_LIFE)
        assert re.fullmatch(r"share_dv_C10000001[0-9a-f]{32}", code)
        assert "D001" not in [each.device_key for each in bob.get_devices()]
        bob._request("POST", f"{SHARING}/shareDevice", form_data={"shareCode": code, "deviceName": "Lamp of Alice"})
        assert device(bob, "D001").device_name == "Lamp of Alice"
        assert bob.get_device_info(device(bob, "D001"))["shareCode"] == code
        [used] = alice._request("GET", f"{SHARING}/deviceShareUserList", params={"pk": "p11pLZ", "dk": "D001"})
        assert (used["shareInfo"]["shareCode"], used["userInfo"]["email"]) == (code, "bob@example.com")


def test_pecron_reads_what_a_device_reports_and_what_it_can_do(world):
    with pecron_of(ALICE) as api:
        station = device(api, "D006")
        reported = api.get_device_properties(station)
        assert (reported.battery_percentage, reported.ac_switch) == (87, False)
        assert (station.firmware_version, station.mcu_version) == ("2.4.0", "1.7")
        model = {each.code: each for each in api.get_product_tsl(station)}
        assert {code for code, each in model.items() if each.writable} == {"ac_switch_hm", "ac_charging_power_ios"}
        assert model["battery_percentage"].int_spec.max == "100"
        assert model["ac_charging_power_ios"].enum_map == {"0": "Slow", "1": "Fast"}
        assert api.set_ac_output(station, True).success
        world.write(reports=[{"pk": "p22qMA", "dk": "D006", "code": "ac_switch_hm", "value": "true", "dataType": "BOOL"}])
        assert api.get_device_properties(station).ac_switch is True


def test_pecron_cannot_command_the_device_of_somebody_else(world):
    with pecron_of(ALICE) as alice, pecron_of(BOB) as bob, pytest.raises(pecron.CommandError, match="No permission") as refused:
        bob.set_ac_output(device(alice, "D006"), True)
    assert refused.value.code == 5041


def test_landbook_goes_from_login_to_a_share(world):
    token, uid, refresh = landbook_api.login(*ALICE, region="MOCK")
    assert uid == "C10000001" and token.startswith("Bearer ") and refresh.startswith("Bearer ")
    assert {"Lamp", "Heater"} <= {each["deviceName"] for each in landbook_api.get_device_list(token, "MOCK")}
    assert landbook_api.get_device_attributes(token, "p11pLZ", "D001", "MOCK")["customizeTslInfo"][0]["resourceValce"] == "true"
    assert [each["code"] for each in landbook_api.get_tsl(token, "p22qMA", "MOCK")] == ["ac_switch_hm", "ac_charging_power_ios"]
    # Its own method for any request reads; what it sends besides is what its method for a refresh sends.
    headers = {**landbook_api.api._default_headers(), "Authorization": token}
    code = requests.post(f"{world.url}{SHARING}/shareInfo", data=FOR_LIFE, headers=headers, timeout=10).json()["data"]
    with pecron_of(BOB) as bob:
        bob._request("POST", f"{SHARING}/shareDevice", form_data={"shareCode": code})
    lamp = {"pk": "p11pLZ", "dk": "D001"}
    [used] = landbook_api.api._api_get(token, world.url, f"{SHARING}/deviceShareUserList", lamp)
    assert (used["shareInfo"]["shareCode"], used["userInfo"]["email"]) == (code, "bob@example.com")


@pytest.mark.parametrize(("account", "code"), [((ALICE[0], "wrong-password"), 5586), (("nobody@example.com", "x"), 5031)])
def test_a_login_that_is_refused_is_the_error_of_each_client(world, account, code):
    with pytest.raises(pecron.AuthenticationError) as refused:
        pecron_of(account)
    assert refused.value.code == code
    with pytest.raises(landbook_api.LandbookAuthError, match="Login failed: 邮箱"):
        landbook_api.login(*account, region="MOCK")


def test_the_fifth_wrong_password_freezes_the_account_for_twenty_minutes(world):
    codes = []
    for password in [*["wrong-password"] * 5, ALICE[1]]:
        with pytest.raises(pecron.AuthenticationError) as refused:
            pecron_of((ALICE[0], password))
        codes.append(refused.value.code)
    assert codes == [5586, 5585, 5584, 5583, 5147, 5147]
    world.clock.advance("20m")
    pecron_of(ALICE).close()


@pytest.mark.parametrize(
    ("domain", "secret", "code"), [(DOMAIN, "other", 5420), ("T.DM.9.1", SECRET, 5015), ("T.DM.3.1", SECRET, 5104)]
)
def test_an_app_of_another_domain_is_refused(world, monkeypatch, domain, secret, code):
    at(world, monkeypatch, domain, secret)
    with pytest.raises(pecron.AuthenticationError) as refused:
        pecron_of(ALICE)
    assert refused.value.code == code


def test_pecron_fails_when_its_token_has_expired_until_it_logs_in_again(world):
    with pecron_of(ALICE) as api:
        world.clock.advance("2h")
        with pytest.raises(pecron.PecronAPIError, match="Token verification failed") as refused:
            api.get_devices()
        assert refused.value.code == 5032
        api.login(*ALICE)
        assert api.get_devices()


def test_landbook_refreshes_a_token_that_has_expired(world):
    token, _, refresh = landbook_api.login(*ALICE, region="MOCK")
    world.clock.advance("2h")
    with pytest.raises(landbook_api.LandbookAPIError, match="token 验证失败"):
        landbook_api.get_device_list(token, "MOCK")
    new_token, new_refresh = landbook_api.refresh_token(token, refresh, "MOCK")
    assert new_refresh != refresh and landbook_api.get_device_list(new_token, "MOCK")
    with pytest.raises(landbook_api.LandbookAuthError, match="Token refresh rejected"):
        landbook_api.refresh_token(new_token, refresh, "MOCK")
    world.clock.advance("30d")
    with pytest.raises(landbook_api.LandbookAuthError, match="Token refresh rejected"):
        landbook_api.refresh_token(new_token, new_refresh, "MOCK")


def test_pecron_knows_no_unknown_device_by_the_code_that_is_documented(world):
    unknown = pecron.Device("", "p11pLZ", "D999", "", False, "")
    with pecron_of(ALICE) as api:
        with pytest.raises(pecron.PecronAPIError) as refused:
            api.get_device_properties(unknown)
        assert (type(refused.value), refused.value.code) == (pecron.PecronAPIError, 5052)


def test_the_password_is_encrypted_as_the_documents_show():
    assert encrypt_password("china1234", "j1acpdj2bmtqZXVb") == "lkZMvj0KDSJXlp66jBieHA=="
    operation = openapi.load(CONTRACT).operations["emailPwdLogin"]
    account = {"email": "a@example.com", "userDomain": "d", "password": "china1234", "uid": "u"}
    document = openapi.parse_document(json.dumps({"accounts": [account]}), "world.json")
    state = openapi.read_world(document, openapi.load(CONTRACT), 0).state
    raw = {"email": "a@example.com", "random": "j1acpdj2bmtqZXVb", "pwd": openapi.COMPUTED}
    assert openapi.completed(operation, raw, state, 0)["pwd"] == "lkZMvj0KDSJXlp66jBieHA=="


def test_nothing_that_the_mock_shows_tells_a_password_or_a_token(world, monkeypatch):
    sent = []
    encrypted = landbook_api.api._encrypt_password
    monkeypatch.setattr(landbook_api.api, "_encrypt_password", lambda password: sent.append(encrypted(password)) or sent[-1])
    token, _, refresh = landbook_api.login(*ALICE, region="MOCK")
    landbook_api.get_device_list(token, "MOCK")
    new_token, _ = landbook_api.refresh_token(token, refresh, "MOCK")
    shown = json.dumps([world.journal.entries(), world.state()])
    assert len(world.journal.entries()) == 3 and "alice@example.com" in shown
    for secret in (token, refresh, new_token, ALICE[1], SECRET, sent[0][0], quote_plus(sent[0][0])):
        assert secret.removeprefix("Bearer ") not in shown


def test_the_examples_of_the_page_run_as_they_are_written(capsys):
    for number, example in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(example, f"docs/clients.md, example {number}", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"It prints `([^`]*)`", PAGE)
