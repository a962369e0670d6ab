"""The page of a recording in a real browser: opened as a file, read, stepped, searched, on a screen and on a phone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import tinygrad_edu as tg
from support.browser import PHONE, browser, console, look, open_file, wider_than_the_page
from tinygrad_edu import nn
from tinygrad_edu.viz.recording import Recording, record

KINDS = ["weights", "gradients", "updates", "activations", "activation_gradients"]
SHARES = {"zeros", "nan", "inf", "dead", "saturated"}

# The numbers of all cards, in order: name, then column -> text.
NUMBERS = """
    return Array.from(document.querySelectorAll(".card"), (card) => [
        card.querySelector("h3").textContent,
        Object.fromEntries(Array.from(card.querySelectorAll("dd"), (dd) => [dd.dataset.column, dd.textContent]))]);
"""
VISIBLE = "return Array.from(document.querySelectorAll('.card:not([hidden]) h3'), (name) => name.textContent)"
SLIDE = """
    const slider = document.getElementById("step");
    slider.value = arguments[0];
    slider.dispatchEvent(new Event("input"));
"""
CHOOSE = """
    const select = document.getElementById(arguments[0]);
    select.value = arguments[1];
    select.dispatchEvent(new Event("change"));
"""
# The heights of the bars in a card's histogram that are not empty.
BARS = """
    const path = arguments[0].querySelector("path.bars").getAttribute("d");
    return Array.from(path.matchAll(/v-([0-9.]+)h/g), (found) => Number(found[1]));
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as driver:
        yield driver


@pytest.fixture(scope="module")
def recording() -> Recording:
    tg.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh())
    model.add_module("<img src=x onerror=alert(1)></script><!--", nn.Linear(8, 2).requires_grad_(False))
    optimizer = tg.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    with record(model, every=10) as recording:
        for i in range(41):
            optimizer.zero_grad()
            scale = math.nan if i == 20 else 1.0
            loss = (model(tg.randn(6, 4)) ** 2).mean() * scale
            loss.backward()
            if i != 20:
                optimizer.step()
    return recording


@pytest.fixture
def page(chromium: Any, recording: Recording, tmp_path: Path) -> Iterator[Any]:
    """Open the page, and look into the console at the end of the test."""
    look(chromium)
    open_file(chromium, recording.save(tmp_path / "recording.html"))
    yield chromium
    assert console(chromium) == []


def number(text: str) -> float:
    """Read a number as the page writes it."""
    words = {"–": math.nan, "∞": math.inf, "−∞": -math.inf}
    return words[text] if text in words else float(text.removesuffix(" %")) / (100 if text.endswith("%") else 1)


def check_numbers(driver: Any, recording: Recording, what: str, step: int) -> None:
    """Compare every number that the page shows with what was recorded."""
    shown = dict(driver.execute_script(NUMBERS))
    assert list(shown) == recording.names(what)
    place = recording.steps.index(step)
    for name, columns in shown.items():
        assert {"mean", "std", "min", "max", "norm", "zeros"} <= set(columns)
        for column, text in columns.items():
            expected = recording.values(what, name, column)[place]
            assert text.endswith("%") == (column in SHARES and not math.isnan(expected))
            assert number(text) == pytest.approx(expected, rel=6e-3 if column in SHARES else 6e-4, nan_ok=True)


def drawn_card(driver: Any, name: str, part: str) -> Any:
    """Scroll to a card and wait until that part of it is drawn: what is out of sight is not."""
    card = driver.find_element("css selector", f'.card[aria-label="{name}"]')
    driver.execute_script("arguments[0].scrollIntoView()", card)
    wait = import_module("selenium.webdriver.support.wait").WebDriverWait
    wait(driver, 20).until(lambda _: card.find_elements("css selector", part))
    return card


def test_page_opens_from_a_file_and_shows_the_first_step(page: Any, recording: Recording) -> None:
    assert page.current_url.startswith("file://")
    assert page.title == "Recording of Sequential"
    assert page.find_element("id", "now").text == "step 0 (1 of 5)"
    check_numbers(page, recording, "weights", 0)


def test_slider_changes_the_numbers_to_those_recorded(page: Any, recording: Recording) -> None:
    for what in KINDS:
        page.execute_script(CHOOSE, "kind", what)
        for place, step in enumerate(recording.steps):
            page.execute_script(SLIDE, place)
            assert page.find_element("id", "now").text == f"step {step} ({place + 1} of 5)"
            check_numbers(page, recording, what, step)


def test_bars_are_the_counts(page: Any, recording: Recording) -> None:
    name = "0.weight"
    for place, step in enumerate(recording.steps):
        page.execute_script(SLIDE, place)
        if not page.find_element("id", "fit").is_selected():
            page.find_element("id", "fit").click()
        card = drawn_card(page, name, "path.bars")
        heights = page.execute_script(BARS, card)
        row = next(row for row in recording.rows("weights", name) if row["step"] == step)
        counts = [count for count in row["counts"] if count]
        assert heights == pytest.approx([99 * count / max(counts) for count in counts], abs=0.02)
    page.find_element("id", "root").click()
    heights = page.execute_script(BARS, card)
    assert heights == pytest.approx([99 * math.sqrt(count / max(counts)) for count in counts], abs=0.02)


def test_bars_on_the_common_axis_hold_every_value(page: Any, recording: Recording) -> None:
    """On the axis of all steps bins are joined: the bars then are sums of whole counts."""
    page.execute_script(SLIDE, 3)
    heights = page.execute_script(BARS, drawn_card(page, "2.weight", "path.bars"))
    total = sum(recording.rows("weights", "2.weight")[3]["counts"])
    unit = total / sum(heights)
    counts = [height * unit for height in heights]
    assert counts == pytest.approx([round(count) for count in counts], abs=0.02)


def test_search_leaves_the_names_that_fit(page: Any, recording: Recording) -> None:
    search = page.find_element("id", "search")
    search.send_keys("2.W")
    assert page.execute_script(VISIBLE) == ["2.weight"]
    assert len(page.find_elements("css selector", ".curve")) == 1
    search.send_keys("x")
    assert page.execute_script(VISIBLE) == []
    assert page.find_element("id", "nothing").text == "No name contains “2.Wx”."
    search.clear()
    search.send_keys(" ")
    assert page.execute_script(VISIBLE) == recording.names("weights")


def test_arrows_home_end_and_space(page: Any) -> None:
    keys = import_module("selenium.webdriver").Keys
    body, now = page.find_element("css selector", "body"), page.find_element("id", "now")
    for key, step in [
        (keys.ARROW_RIGHT, 10),
        (keys.ARROW_RIGHT, 20),
        (keys.ARROW_LEFT, 10),
        (keys.END, 40),
        (keys.ARROW_RIGHT, 40),
        (keys.HOME, 0),
        (keys.ARROW_LEFT, 0),
    ]:
        body.send_keys(key)
        assert now.text.startswith(f"step {step} ")
    page.find_element("id", "step").send_keys(keys.ARROW_RIGHT)
    assert now.text.startswith("step 10 ")  # once, though the slider knows the key and the page too
    page.find_element("id", "search").send_keys(keys.ARROW_RIGHT)
    assert now.text.startswith("step 10 ")
    page.execute_script("document.activeElement.blur()")
    body.send_keys("/")
    assert page.execute_script("return document.activeElement.id") == "search"
    page.execute_script("document.activeElement.blur()")
    body.send_keys(" ")
    assert page.find_element("id", "play").get_attribute("aria-label") == "Pause"
    body.send_keys(" ")
    assert page.find_element("id", "play").get_attribute("aria-label") == "Play"


def test_playing_ends_at_the_last_step(page: Any) -> None:
    wait = import_module("selenium.webdriver.support.wait").WebDriverWait
    play, now = page.find_element("id", "play"), page.find_element("id", "now")
    play.click()
    wait(page, 20).until(lambda _: now.text == "step 40 (5 of 5)")
    wait(page, 20).until(lambda _: play.get_attribute("aria-label") == "Play")
    page.find_element("id", "back").click()
    assert now.text == "step 30 (4 of 5)"
    page.find_element("id", "forth").click()
    assert now.text == "step 40 (5 of 5)"


def test_click_on_the_curves_goes_to_a_step_and_pointing_reads_it(page: Any, recording: Recording) -> None:
    actions = import_module("selenium.webdriver").ActionChains
    box = page.find_element("id", "curves")
    actions(page).move_to_element(box).click().perform()
    assert page.find_element("id", "now").text == "step 20 (3 of 5)"
    end = page.execute_script(
        """
        const path = document.querySelector('.curve[data-name="2.weight"]');
        const [x, y] = path.getAttribute("d").split("L")[2].split(" ").map(Number);
        const box = document.getElementById("curves");
        return [x - box.clientWidth / 2, y - box.clientHeight / 2];
        """
    )
    actions(page).move_to_element_with_offset(box, *map(int, end)).perform()
    value = recording.values("weights", "2.weight", "norm")[2]
    name, text = page.find_element("id", "reading").text.split(": norm ")
    assert (name, float(text)) == ("2.weight", pytest.approx(value, rel=6e-4))


def test_curves_have_gaps_where_there_is_no_number(page: Any) -> None:
    page.execute_script(CHOOSE, "kind", "gradients")
    page.execute_script(CHOOSE, "column", "mean")
    path = page.find_element("css selector", '.curve[data-name="2.weight"]').get_attribute("d")
    assert path.count("M") == 2
    page.execute_script(SLIDE, 2)
    assert dict(page.execute_script(NUMBERS))["2.weight"]["nan"] == "100 %"
    assert "nothing to draw at this step" in drawn_card(page, "2.weight", ".pictures p").text


def test_names_are_text_and_never_markup(page: Any, recording: Recording) -> None:
    name = "<img src=x onerror=alert(1)></script><!--.weight"
    assert name in page.execute_script(VISIBLE)
    assert page.find_elements("css selector", "img") == []
    assert "frozen" in page.execute_script("return document.querySelector('.card:last-child').textContent")


def test_everything_has_an_accessible_name(page: Any) -> None:
    nameless = page.execute_script(
        """
        return Array.from(document.querySelectorAll("input, select, button, canvas, svg, article"))
            .filter((e) => !(e.getAttribute("aria-label") || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML.slice(0, 80));
        """
    )
    assert nameless == []
    page.execute_script(SLIDE, 3)
    assert page.find_element("id", "step").get_attribute("aria-valuetext") == "step 30"


@pytest.mark.parametrize("dark", [False, True])
def test_phone_needs_no_scrolling_sideways(page: Any, dark: bool) -> None:
    look(page, *PHONE, phone=True, dark=dark)
    page.refresh()
    for what in KINDS:
        page.execute_script(CHOOSE, "kind", what)
        assert wider_than_the_page(page) == []
    assert page.execute_script("return innerWidth") == PHONE[0]


def test_dark_surrounding_makes_a_dark_page(page: Any) -> None:
    colors = "return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    light = page.execute_script(colors)
    look(page, dark=True)
    assert page.execute_script(colors) != light
    assert brightness(light[0]) > 200 > 60 > brightness(light[1])
    paper, ink = page.execute_script(colors)
    assert brightness(paper) < 60 < 200 < brightness(ink)


def brightness(color: str) -> float:
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    return (red + green + blue) / 3


def test_page_of_an_empty_recording_says_so(chromium: Any, tmp_path: Path) -> None:
    recording = record(nn.Linear(1, 1))
    recording.close()
    open_file(chromium, recording.save(tmp_path / "empty.html"))
    assert "Nothing was recorded" in chromium.find_element("id", "about").text
    assert console(chromium) == []


def test_values_at_the_ends_of_the_floats_can_be_shown(chromium: Any, tmp_path: Path) -> None:
    model = nn.Identity()
    with record(model, every=1) as recording:
        for scale in (1.7e308, 5e-324, 0.0):
            model(tg.tensor([[scale, -scale, scale]], dtype=tg.float64))
    look(chromium)
    open_file(chromium, recording.save(tmp_path / "ends.html"))
    for place in range(3):
        chromium.execute_script(SLIDE, place)
        chromium.execute_script("document.getElementById('fit').click()")
        check_numbers(chromium, recording, "activations", place)
    assert console(chromium) == []


def test_page_of_one_step_can_be_shown(chromium: Any, tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    with record(model, every=10) as recording:
        model(tg.ones(1, 2)).sum().backward()
    look(chromium)
    open_file(chromium, recording.save(tmp_path / "one.html"))
    check_numbers(chromium, recording, "weights", 0)
    assert console(chromium) == []
