"""The page of the reference in a real browser: what it shows, whom it asks, and that no text of a document is executed."""

from __future__ import annotations

import shutil

import pytest

from mockserver import running

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
ATTACK = "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>[a](javascript:alert(4)) | `{{7*7}}`"
HOSTILE = f"""
openapi: 3.1.0
info: {{title: '{ATTACK}', version: '1', description: '{ATTACK} <style>body {{display: none}}</style>'}}
paths:
  /things/{{id}}:
    get:
      operationId: read
      summary: '{ATTACK}'
      description: '{ATTACK} <iframe src="javascript:alert(5)"></iframe>'
      parameters:
        - {{name: id, in: path, required: true, description: '{ATTACK}', schema: {{type: string, example: '{ATTACK}'}}}}
      responses: {{'200': {{description: '{ATTACK}'}}}}
      x-outcomes:
        - {{status: 404, code: '{ATTACK}', when: "id == '<script>alert(6)</script>'", msg: {{en: '{ATTACK}'}}}}
        - {{status: 403, assumed: '{ATTACK}', when: "id == 'b'", code: b, msg: {{en: b}}}}
        - {{status: 200}}
  /far:
    get:
      operationId: far
      responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{$ref: 'http://127.0.0.1:9/a.yaml'}}}}}}}}}}
    put:
      operationId: farther
      parameters: [{{$ref: 'http://127.0.0.1:9/parameters.yaml#/more'}}]
      responses: {{'200': {{$ref: 'http://127.0.0.1:9/a.yaml'}}}}
x-envelope: {{code: /code, message: /msg}}
x-messages: {{'{ATTACK}': {{en: a}}, b: {{en: b}}}}
x-state: {{}}
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Opens the page of a mock. What the page does meanwhile must be clean: no message, no dialog, no other origin.

    Messages of the console that a test expects begin with a text in `opened.expected`.
    """
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss()))
    context.on("request", lambda request: asked.append(request.url))
    bases = []

    def opened(mock):
        bases.append(f"{mock.url}/")
        page.goto(f"{mock.url}/_mock/docs")
        page.wait_for_selector(".opblock")
        return page

    opened.expected = ()
    yield opened
    context.close()
    assert [each for each in said if not each.startswith(opened.expected)] == []
    assert asked and [url for url in asked if not url.startswith((*bases, "data:"))] == []


@pytest.fixture(scope="module")
def mock():
    with running() as mock:
        yield mock


def _operation(page, name):
    block = page.locator(f"#operations-default-{name}")
    block.locator(".opblock-summary-control").click()
    block.locator(".opblock-description table").wait_for()
    return block


def _filled(block, name, value):
    block.locator(f"tr[data-param-name='{name}'] input").fill(value)


def _executed(block):
    """The body of the reply to a request that is tried out."""
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response .microlight, .live-responses-table .response .highlight-code").first


def test_it_shows_operations_and_outcomes(opened, mock):
    page = opened(mock)
    assert page.title() == "Device sharing: API reference"
    assert page.locator(".opblock").count() == 10
    block = _operation(page, "shareInfo")
    row = block.locator(".opblock-description tr", has_text="Please enter Product Key")
    assert row.locator("td").all_inner_texts()[:4] == ["5066", "200", "pk is missing", "documented"]
    assert "sharingExpireAt != 0 && sharingExpireAt <= acceptingExpireAt" in block.inner_text()
    examples = block.locator(".examples-select option").all_inner_texts()
    assert "5135: 没有权限分享此设备" in examples
    asked = block.locator("tr[data-param-name='Prefer'] option").all_inner_texts()
    assert "code=5360" in asked


def test_try_it_out_gets_the_replies_of_the_mock(opened, mock):
    world = mock.create("tried")
    page = opened(mock)
    block = _operation(page, "shareInfo")
    block.locator("tr[data-param-name='Prefer'] select").select_option("code=5360")
    assert '"code": 5360' in _executed(block).inner_text()
    page.locator(".servers select").select_option("/worlds/{world}")
    page.locator(".servers input").fill("tried")
    block.locator("tr[data-param-name='Prefer'] select").select_option("")
    block.locator(".live-responses-table .response", has_text="5360").wait_for()
    block.get_by_role("button", name="Clear").click()
    assert '"code": 5106' in _executed(block).inner_text()
    assert [entry["outcome"] for entry in world.journal.entries()] == ["shareInfo/5106"]


def test_no_text_of_a_document_is_executed(opened, tmp_path):
    # the image is not there, and the policy of the page refuses the styles
    opened.expected = ("Failed to load resource", "Applying inline style violates")
    file = tmp_path / "hostile.yaml"
    file.write_text(HOSTILE)
    with running(file) as mock:
        page = opened(mock)
        block = _operation(page, "read")
        assert "<script>alert(6)</script>" in block.locator(".opblock-description").inner_text()
        assert page.locator("script").count() == 2  # Swagger UI, and the one that starts it
        assert page.locator("#reference iframe, #reference [onerror], #reference [onload], #reference style").count() == 0
        assert page.locator("#reference a[href^='javascript']").count() == 0
        _operation(page, "far")
        page.wait_for_timeout(300)  # for what an image or a frame would do
