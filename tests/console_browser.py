"""Chromium for the tests of pages: what a page must never do is a problem of its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000
"""Milliseconds until something must be there; much, because the machine may be busy."""
WATCH = "document.addEventListener('securitypolicyviolation', event => console.error('CSP', event.violatedDirective))"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium: `apt-get install chromium`")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, origin: str, **options: Any) -> Iterator[Page]:
    """A page of a mock. Fails at the end if it ran code of others, asked another server, or broke its own security policy."""
    context = browser.new_context(**options)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WATCH)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith((origin, "data:")) else problems.append(request.url))
    page.goto(url)
    yield page
    assert problems == []
    context.close()


def _is_problem(message: Any) -> bool:
    # Chromium itself says this of every reply with an error status; the page shows the reason.
    return message.type == "error" and not message.text.startswith("Failed to load resource")
