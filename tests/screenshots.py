"""Writes the pictures of docs/console.md: `python tests/screenshots.py FOLDER`.

The clock of the mock stands still, so that a new picture differs only where the console does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from console_browser import chromium, opened
from playwright.sync_api import Page

import openapi
from mockserver import World, running

ALICE = {"Authorization": "Bearer demo-token-alice", "X-Q-Language": "en"}
BOB = {"Authorization": "Bearer demo-token-bob", "X-Q-Language": "en"}
API = "/v2/binding/enduserapi"
OFFERED = "share_dv_C10000001d5f3c1d2a4b64c7e8f90a1b2c3d4e5f6"
FOREVER = "4102444800000"
WIDE, NARROW = {"width": 1120, "height": 620}, {"width": 360, "height": 740}


def frozen_world(folder: Path) -> Path:
    """The demo world with a clock that stands still."""
    file = folder / "world.yaml"
    file.write_text(f"clock: {{now: 2030-01-31T12:00:00Z, frozen: true}}\n{openapi.demo_world().read_text()}")
    return file


def traffic(world: World) -> None:
    """Requests of every kind."""
    calls = [
        ("POST", "shareInfo", {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": FOREVER}, ALICE),
        ("POST", "shareInfo", {"pk": "p22qMA", "dk": "D005", "acceptingExpireAt": FOREVER}, ALICE),
        ("POST", "shareInfo", {"pk": "p11pLZ"}, ALICE),
        ("GET", "userDeviceList", {}, ALICE),
        ("GET", "deviceInfo", {"pk": "p11pLZ", "dk": "D001"}, ALICE),
        ("POST", "shareInfo", {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": FOREVER}, ALICE | {"Prefer": "code=5134"}),
        ("POST", "shareInfo", {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "-1"}, ALICE),
        ("POST", "shareDevice", {"shareCode": OFFERED}, BOB),
        ("POST", "shareDevice", {"shareCode": "no-such-code"}, BOB),
    ]
    for method, operation, query, headers in calls * 2:
        requests.request(method, f"{world.url}{API}/{operation}", params=query, headers=headers, timeout=30)


def show_request(page: Page) -> None:
    page.locator(".entries .row", has_text="shareDevice/200").click()


def show_rows(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("button", name="devices").click()


PICTURES = {
    "traffic": ("traffic", "light", WIDE, show_request),
    "dark": ("traffic", "dark", WIDE, show_request),
    "decision-table": ("decisions", "light", WIDE, None),
    "state": ("state", "light", WIDE, show_rows),
    "life-of-a-row": ("life", "light", WIDE, None),
    "narrow": ("traffic", "light", NARROW, None),
}
READY = {"traffic": ".entries .row", "decisions": ".rules", "state": ".data", "life": ".diagram"}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch, running(world=frozen_world(Path(scratch))) as mock, chromium() as browser:
        world = mock.world()
        traffic(world)
        for name, (tab, theme, viewport, act) in PICTURES.items():
            with opened(browser, f"{mock.url}/_mock/#default/{tab}", mock.url, viewport=viewport, color_scheme=theme) as page:
                page.locator(READY[tab]).first.wait_for()
                if act is not None:
                    act(page)
                page.wait_for_timeout(1500)  # readings that follow
                page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
