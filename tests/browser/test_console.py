"""The console as a person uses it: orders are watched, followed, broken and repaired by clicks."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from eda_sandbox.console import Console, recording
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack
from eda_sandbox.pytest_plugin import EdaSandbox

from pipeline.demo.back_half import BackHalf
from pipeline.demo.client import Ledger, OrdersClient
from pipeline.demo.watched import SENDER
from tests.browser.conftest import SECONDS, Opened
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=SECONDS * 1000)
HOSTILE = "<img/src=x/onerror=window.hacked=1></script><script>window.hacked=1</script>"


def machine_of(stack: Stack) -> str:
    """The workflow's place on the graph."""
    return f"machine:{stack.outputs['workflow_arn'].rpartition(':')[2]}"


def count_of(page: Page, name: str) -> int:
    """A number of the accounting."""
    return int(page.locator(f"[data-count='{name}'] dd").inner_text())


def written(page: Page, ledger: Ledger, eda: EdaSandbox) -> None:
    """Wait until the orders that got their details are written; what hinders them is said."""

    def stands() -> str:
        said = page.locator("#accounting").inner_text()
        return "\n".join(["the orders to be written", said, *ledger.unexpected, *eda.symptoms()])

    def sent() -> bool:
        return not any(thread.name == SENDER for thread in threading.enumerate())

    wait_until(sent, "all that a button sends is sent")
    wait_until(lambda: count_of(page, "written") == len(ledger.details) > 0, stands)


def send_orders(page: Page) -> None:
    """Send ten orders by the button, and wait until they are accepted."""
    page.goto(page.url.partition("#")[0] + "#")
    before = count_of(page, "accepted")
    page.click("[data-press=send-orders]")
    expect(page.locator("[data-count='accepted'] dd")).to_have_text(str(before + 10))


def load(page: Page, stack: Stack) -> None:
    """Move the time on to the daily load by the button."""
    page.goto(page.url.partition("#")[0] + "#")
    # What it is called there depends on what else there is.
    option = page.locator(f"#schedule option[value*='{stack.outputs['schedule_name']}']")
    page.select_option("#schedule", option.get_attribute("value"))
    page.click("text=Move on")


def bring_to_the_dashboard(page: Page, aws: Sandbox, stack: Stack) -> None:
    """Let all that is written be loaded."""
    behind = BackHalf(aws.client, stack.outputs, aws.cloud.account)

    def arrived() -> bool:
        hops = behind.hops()
        if not hops.objects or hops.queries["STARTED"] or hops.queries.total() < hops.objects:
            return False
        return len({row.order_id for row in behind.current()}) >= count_of(page, "written")

    wait_until(arrived, "all orders are in the curated data")
    load(page, stack)
    wait_until(lambda: count_of(page, "on the dashboard") == count_of(page, "written"), "all are on the dashboard")


@pytest.fixture(scope="module")
def settled(shown: Console) -> Iterator[None]:
    """Somebody watches all the time, so that each page finds the accounting."""
    with shown.watching.told(lambda *_: None):
        yield


def test_orders_are_watched_followed_broken_and_repaired(
    opened: Opened,
    aws: Sandbox,
    stack: Stack,
    picture: Callable[[str], None],
    settled: None,
    ledger: Ledger,
) -> None:
    page, eda = opened.page, EdaSandbox(aws, stack)
    expect(page.locator("#accounting")).to_be_visible()
    send_orders(page)
    send_orders(page)
    expect(page.locator(".line.active").first).to_be_visible()
    expect(page.locator(".resource[data-id='table:" + stack.outputs["orders_table_name"] + "']")).to_have_attribute(
        "aria-label", re.compile("20 rows")
    )
    picture("console")
    written(page, ledger, eda)
    bring_to_the_dashboard(page, aws, stack)
    expect(page.locator("#chart canvas")).to_be_visible()

    page.click(f".resource[data-id='{machine_of(stack)}']")
    page.locator("#items tr", has_text="succeeded").first.locator("a").click()
    expect(page.locator(".states .state.done").first).to_be_visible()
    page.click("text=Follow this order")
    expect(page.locator("#way-end")).to_contain_text("delivered")
    picture("order")

    page.click("text=Overview")
    function = stack.outputs["query_function_name"]
    page.select_option("#fault-where", f"function:{function}")
    page.select_option("#fault-kind", "kill")
    page.fill("#fault-times", "50")
    page.click("text=Inject")
    expect(page.locator("#toast")).to_contain_text("kill")
    send_orders(page)
    queue = stack.outputs["query_dlq_url"].rpartition("/")[2]
    chip = page.locator(f".chip[data-id='queue:{queue}']")
    expect(chip).to_have_class(re.compile("counted"))
    expect(page.locator(".balance")).to_have_attribute("data-balanced", "true")
    picture("fault")
    page.click("text=Stop all")
    chip.click()
    page.click("[data-act=redrive]")
    expect(page.locator("#items h3")).to_have_text("0 messages")
    written(page, ledger, eda)
    bring_to_the_dashboard(page, aws, stack)
    expect(page.locator(".balance")).to_have_attribute("data-balanced", "true")
    assert (count_of(page, "lost"), count_of(page, "doubled")) == (0, 0)
    assert not opened.wrong


def test_what_data_holds_is_shown_as_text(
    opened: Opened, chromium: Browser, orders: OrdersClient, stack: Stack, shown: Console, settled: None, ledger: Ledger
) -> None:
    headers = {"X-Correlation-Id": HOSTILE}
    body = '{"customer": "<b>c</b>", "sku": "SKU-0001", "quantity": 1}'
    with recording(shown) as recorded:
        order_id = str(orders.post("hostile-order-0123456789", body, headers).body["order_id"])
        page, table = opened.page, f"table:{stack.outputs['orders_table_name']}"
        root = page.url.partition("#")[0]
        for place in (f"#item={table}|{order_id}", f"#node={table}", f"#way={order_id}"):
            page.goto(root + place)
            expect(page.locator("#panel")).to_contain_text(order_id[:12])
        page.goto(f"{root}#item={table}|{order_id}")
        expect(page.locator("#panel")).to_contain_text(HOSTILE)
        html = recorded.html([order_id])
    assert page.evaluate("window.hacked") is None
    assert not opened.wrong
    with chromium.new_context() as context:
        alone = Opened(context.new_page(), "about:blank")
        alone.watch()
        alone.page.route("http://recording.test/", lambda route: route.fulfill(body=html, content_type="text/html"))
        alone.page.goto(f"http://recording.test/#item={table}|{order_id}")
        expect(alone.page.locator("#panel")).to_contain_text(HOSTILE)
        assert alone.page.evaluate("window.hacked") is None
        assert alone.wrong == ["a request to http://recording.test/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_it(
    chromium: Browser, shown: Console, stack: Stack, settled: None, scheme: str, width: int
) -> None:
    with chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        page.goto(shown.url)
        page.wait_for_selector("body[data-ready]")
        found = {}
        table = f"table:{stack.outputs['orders_table_name']}"
        for place in ("#", f"#node={table}", f"#node={machine_of(stack)}", "#way=none-of-this-name"):
            page.goto(page.url.partition("#")[0] + place)
            expect(page.locator("#panel")).not_to_contain_text("Reading…")
            for violation in Axe().run(page).response["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    found[violation["id"]] = [node["html"][:200] for node in violation["nodes"]]
        assert not found
        # Nothing makes the page itself wider than it is.
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_opens_what_a_click_opens(opened: Opened, stack: Stack, settled: None) -> None:
    page = opened.page
    page.locator(f".resource[data-id='{machine_of(stack)}']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2", has_text="workflow")).to_be_visible()
    page.go_back()
    expect(page.locator("#panel")).to_contain_text("Try it")


def height_of_focus(page: Page) -> float:
    """How far down in the drawing the box lies that has the focus, however the page is scrolled."""
    top = "getBoundingClientRect().top"
    return float(page.evaluate(f"document.activeElement.{top} - document.querySelector('.drawing').{top}"))


def test_arrow_keys_lead_from_box_to_box_and_a_new_drawing_keeps_the_place(
    opened: Opened, aws: Sandbox, stack: Stack, settled: None
) -> None:
    page = opened.page
    first = page.locator(f".resource[data-id='{machine_of(stack)}']")
    first.focus()
    height = height_of_focus(page)
    page.keyboard.press("ArrowDown")
    below = height_of_focus(page)
    assert below > height
    place = page.evaluate("document.activeElement.dataset.id")
    page.keyboard.press("ArrowUp")
    assert height_of_focus(page) < below
    page.locator(f"[data-id='{place}']").focus()
    page.evaluate("document.querySelector('.drawing').id = 'before'")
    aws.client("sqs").create_queue(QueueName="queue-of-a-new-drawing")
    expect(page.locator("#before")).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.id") == place
    aws.client("sqs").delete_queue(QueueUrl=aws.cloud.queue_url(aws.cloud.arn("sqs", "queue-of-a-new-drawing")))
