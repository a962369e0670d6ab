"""Readers with a keyboard, a phone, a screen reader, at night, or who want little motion."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tinygrad_edu as tg
from support.browser import PHONE, look, wider_than_the_page
from support.stepper import Page, small_net
from tinygrad_edu import viz

LEFT, RIGHT, HOME, END, ENTER, ESCAPE, TAB = "\ue012", "\ue014", "\ue011", "\ue010", "\ue007", "\ue00c", "\ue004"


def expression() -> viz.GraphView:
    a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(-3.0, requires_grad=True)
    with viz.trace():
        c = a * b
        d = c + a
    return viz.graph(d)


def step(page: Page) -> int:
    return int(page.run("return Number(document.getElementById('slider').value)"))


def test_arrows_home_and_end_step(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    seen = [step(page)]
    for key in (HOME, RIGHT, RIGHT, LEFT, END, RIGHT, LEFT):
        page.press(key)
        seen.append(step(page))
    assert seen == [6, 0, 1, 2, 1, 6, 6, 5]


@pytest.mark.parametrize("hand", ["key", "button"])
def test_the_first_step_forward_leads_to_the_beginning(open_page: Callable[..., Page], hand: str) -> None:
    page = open_page(expression())
    seen = []
    for _ in range(2):  # at first all is shown, as after the last step
        page.press(RIGHT) if hand == "key" else page.click("#forward")
        seen.append(page.text("#caption"))
    assert seen == ["step 0 of 6: ready", "step 1 of 6: forward: mul → c"]


WIDE = {
    "8 columns": (8, [0.25, -0.347, 0.004, 0.0, 0.1, -0.2, 0.3, 1.0], ["0.25", "−0.35", "~0", "0", "0.10"], ""),
    "10 columns": (10, [0.25, -0.23, 0.004, 0.0, 0.02], ["2.5", "−2.3", "~0", "0", "0.2"], "each × 10−1"),
    "whole numbers": (8, [3.0, -2.0, 0.0], ["3", "−2", "0"], ""),
    "large numbers": (8, [31234.0, -250.0], ["3.12", "−0.03"], "each × 104"),
    "infinity": (8, [0.5, float("inf"), float("nan")], ["0.50", "∞", "NaN"], ""),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_wide_table_of_numbers_fits_the_panel(open_page: Callable[..., Page], name: str) -> None:
    columns, values, shown, shared = WIDE[name]
    row = (values * columns)[:columns]
    w = tg.tensor([row] * 4, requires_grad=True)
    with viz.trace():
        loss = w.sum()
    page = open_page(viz.graph(loss))
    page.click(".node.leaf")
    table = "const view = document.querySelector('[data-role=value]'); const scroll = view.querySelector('.scroll');"
    assert page.run(f"{table} return scroll.scrollWidth <= scroll.clientWidth")
    cells = page.run(f"{table} return Array.from(view.querySelectorAll('td'), (cell) => cell.textContent)")
    assert cells[: len(shown)] == shown
    assert page.run(f"{table} return view.querySelector('.shared')?.textContent ?? ''") == shared


def test_buttons_step(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    assert page.text("#caption") == "all 6 steps shown"
    seen = []
    for button in ("first", "forward", "forward", "back", "last", "back"):
        page.click(f"#{button}")
        seen.append(page.text("#caption"))
    assert seen == [
        "step 0 of 6: ready",
        "step 1 of 6: forward: mul → c",
        "step 2 of 6: forward: add → d",
        "step 1 of 6: forward: mul → c",
        "step 6 of 6: backward: a.grad",
        "step 5 of 6: backward: b.grad",
    ]
    assert page.text("#live") == seen[-1]


def test_space_plays_to_the_end_and_pauses(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    page.run("document.getElementById('speed').value = '20'")
    page.press(" ")
    assert page.run("return document.getElementById('play').getAttribute('aria-label')") == "Pause"
    wait = """
    const play = document.getElementById("play");
    const look = (done) => play.classList.contains("playing") ? setTimeout(() => look(done), 20) : done(slider.value);
    look(arguments[0]);
    """
    assert page.driver.execute_async_script(wait) == "6"
    page.run("document.getElementById('speed').value = '0.5'")
    page.press(" ")
    page.press(" ")
    assert step(page) == 0
    assert page.run("return document.getElementById('play').getAttribute('aria-label')") == "Play"


def test_keys_zoom_fold_search_and_clear(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    scale = "return Number(document.getElementById('canvas').getAttribute('transform').match(/scale\\((.*)\\)/)[1])"
    before = page.run(scale)
    page.press("-")
    settled = "const done = arguments[0]; setTimeout(() => done(true), 400);"
    page.driver.execute_async_script(settled)
    assert page.run(scale) < before
    page.press("a")
    assert page.boxes() == []
    page.press("u")
    assert page.boxes() == ["SmallNet"]
    page.press("/")
    page.press("conv.weight", ENTER)
    assert "conv · Conv2d" in page.boxes()
    page.press(ESCAPE)
    page.press("f")
    assert page.boxes() == ["SmallNet"]
    page.press(ESCAPE)
    assert not any("selected" in node["classes"] for node in page.nodes().values())
    page.press("?")
    assert page.run("return document.getElementById('help').open")
    page.press(ESCAPE)
    assert not page.run("return document.getElementById('help').open")


def test_wheel_zooms_where_the_pointer_is_and_drag_moves(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    script = """
    const svg = document.getElementById("drawing");
    const {left, top} = svg.getBoundingClientRect();
    const at = () => document.querySelector(".node .face").getBoundingClientRect();
    const before = at();
    const fire = (kind, name, x, y, more) => svg.dispatchEvent(new kind(name, {clientX: x, clientY: y, bubbles: true,
      cancelable: true, pointerId: 1, ...more}));
    fire(WheelEvent, "wheel", before.left, before.top, {deltaY: -120});
    const zoomed = at();
    svg.setPointerCapture = () => {};
    fire(PointerEvent, "pointerdown", left + 50, top + 50, {button: 0});
    fire(PointerEvent, "pointermove", left + 90, top + 80, {});
    fire(PointerEvent, "pointerup", left + 90, top + 80, {});
    const moved = at();
    return [zoomed.width / before.width, zoomed.left - before.left, moved.left - zoomed.left, moved.top - zoomed.top];
    """
    grown, slipped, right, down = page.run(script)
    assert grown > 1.1
    assert abs(slipped) < 1.5
    assert (right, down) == pytest.approx((40, 30), abs=0.5)


def test_pinch_zooms(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    script = """
    const svg = document.getElementById("drawing");
    svg.setPointerCapture = () => {};
    const width = () => document.querySelector(".node .face").getBoundingClientRect().width;
    const before = width();
    const fire = (name, id, x) => svg.dispatchEvent(new PointerEvent(name, {pointerId: id, clientX: x, clientY: 300,
      bubbles: true, button: 0}));
    fire("pointerdown", 1, 300);
    fire("pointerdown", 2, 400);
    fire("pointermove", 2, 500);
    fire("pointerup", 1, 300);
    fire("pointerup", 2, 500);
    return width() / before;
    """
    assert page.run(script) == pytest.approx(2.0, rel=0.02)


def test_tab_reaches_the_nodes_in_forward_order(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    focused = []
    for _ in range(25):
        page.press(TAB)
        focused.append(page.run("const a = document.activeElement; return a.dataset.key ?? a.id"))
    nodes = [f for f in focused if f.isdigit()]
    assert nodes == sorted(nodes, key=int)
    assert nodes == ["0", "1", "2", "3"]
    assert focused.index("search") < focused.index("0") < focused.index("tab-step") < focused.index("play")


def test_enter_on_a_node_explains_it(open_page: Callable[..., Page]) -> None:
    page = open_page(expression())
    page.run("document.querySelector('.node[data-key=\"2\"]').focus()")
    page.press(ENTER)
    assert page.text("#panel-body h2") == "mul → c"
    page.press(RIGHT)  # steps still go on
    assert step(page) == 0


def test_everything_that_can_be_pressed_has_a_name(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1))
    page.go(3)
    nameless = page.run(
        """
        return Array.from(document.querySelectorAll("button, input, select, [role=button], [role=img], [role=tab]"))
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
            .map((e) => e.outerHTML.slice(0, 100));
        """
    )
    assert nameless == []
    assert page.run("return document.documentElement.lang") == "en"
    assert page.run("return document.querySelector('[role=status]').getAttribute('aria-live')") == "polite"


def test_phone_needs_no_scrolling_sideways(open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(depth=1), width=PHONE[0], height=PHONE[1], phone=True)
    for k in range(page.last + 1):
        page.go(k)
        assert wider_than_the_page(page.driver) == []
    small = page.run(
        """
        return Array.from(document.querySelectorAll("header button, footer button, .zoom button"))
            .filter((b) => b.getBoundingClientRect().height < 38).map((b) => b.id);
        """
    )
    assert small == []
    parts = page.run(
        "return ['main', '#panel', 'footer'].map((s) => document.querySelector(s).getBoundingClientRect().toJSON())"
    )
    assert parts[0]["bottom"] <= parts[1]["top"] + 1
    assert parts[1]["bottom"] <= parts[2]["top"] + 1
    assert parts[2]["bottom"] <= PHONE[1]
    assert parts[0]["height"] > 200
    page.click("#panel-size")
    assert page.run("return document.getElementById('panel').getBoundingClientRect().height") > parts[1]["height"] + 100


def test_light_and_dark(open_page: Callable[..., Page]) -> None:
    background = "return getComputedStyle(document.body).backgroundColor"
    page = open_page(expression(), dark=False)
    light = page.run(background)
    page.press("t")
    dark = page.run(background)
    assert light == "rgb(255, 255, 255)" != dark
    page.click("#theme")
    assert page.run(background) == light
    page = open_page(expression(), dark=True)
    assert page.run(background) == dark
    page.click("#theme")
    assert page.run(background) == light
    look(page.driver)


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(dark: bool, open_page: Callable[..., Page]) -> None:
    page = open_page(small_net(), dark=dark)
    page.click("#unfold-all")
    contrast = page.run(
        """
        const light = (colour) => {
          const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map((c) => {
            const s = c / 255;
            return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
        const fill = (e) => getComputedStyle(e).fill;
        return Array.from(document.querySelectorAll(".node"), (g) => Array.from(g.querySelectorAll("text"), (t) => {
          const ground = t.classList.contains("grad") && g.querySelector(".colour") || g.querySelector(".face");
          return [ratio(fill(t), fill(ground)), t.textContent];
        })).flat().filter(([r, text]) => text && r < 4.4);
        """
    )
    assert contrast == []
