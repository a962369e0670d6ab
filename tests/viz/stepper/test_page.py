"""The file itself: one file, nothing fetched, nothing run but its own script, whatever the names in the graph are."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import tinygrad_edu as tg
from support.stepper import Page, small_net
from tinygrad_edu import viz
from tinygrad_edu.viz import stepper
from tinygrad_edu.viz.stepper import page

SOURCES = sorted(path for path in Path(stepper.__file__).parent.iterdir() if path.suffix in (".js", ".css", ".html"))
NASTY = [
    "</script><script>document.title='caught'</script>",
    "<!-- <script>",
    "]]>",
    "<b>bold</b> &amp; \"double\" 'single' \\ {{data}} {{script}}",
    "line\u2028paragraph\u2029",
    "日本語 😀 ‮right to left",
    "${1 + 1} `tick`",
]


class Elements(HTMLParser):
    """All elements of a page with their attributes and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("", {}, []))  # what follows belongs to no element that is looked at

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(texts)) for name, attributes, texts in self.found if name == tag]


@pytest.mark.parametrize("name", NASTY)
def test_data_is_read_back_as_it_was(name: str) -> None:
    text = json.dumps({"title": name, "π": name}, ensure_ascii=False)
    elements = Elements(page(text, name))
    (attributes, inside), (module, script) = elements.of("script")
    assert attributes == {"type": "application/json", "id": "data"}
    assert json.loads(inside) == {"title": name, "π": name}
    assert module == {"type": "module"}
    assert script.rstrip().endswith(".start();")
    assert elements.of("title")[0][1] == name


def test_policy_allows_the_own_script_and_style_and_nothing_else() -> None:
    elements = Elements(page("{}", "t"))
    (policy,) = [a["content"] or "" for a, _ in elements.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = {
        tag: base64.b64encode(hashlib.sha256(elements.of(tag)[-1][1].encode()).digest()).decode()
        for tag in ("script", "style")
    }
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'sha256-{hashes['script']}'",
        "style-src": f"'sha256-{hashes['style']}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_every_source_is_in_the_page_once() -> None:
    text = page("{}", "t")
    for path in SOURCES:
        if path.suffix != ".html":
            assert text.count(path.read_text(encoding="utf-8")) == 1, path.name


def test_page_reaches_for_nothing() -> None:
    text = page("{}", "t")
    assert set(re.findall(r"https?://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import)\s*\(|@import|url\((?!#)", text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_sources_stay_small_and_put_no_markup_together(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    assert max(map(len, lines)) <= 120 or path.suffix == ".html"
    text = "\n".join(lines)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|localStorage", text)
    assert path.suffix == ".html" or "</script" not in text.lower()
    assert "\n</style" not in text or path.suffix == ".html"


@pytest.mark.parametrize("name", NASTY)
def test_names_are_shown_as_text(name: str, open_page: Callable[..., Page]) -> None:
    w = tg.ones(2, requires_grad=True)
    opened = open_page(viz.graph((w * 2.0).sum(), params={name: w}))
    assert opened.driver.title != "caught"
    opened.go(opened.last)
    assert opened.text("#panel-body h2") == name
    assert next(iter(opened.nodes().values()))["label"].startswith(f"{name}, parameter")
    assert opened.run("return document.querySelectorAll('#panel-body b, main script').length") == 0


def test_page_leaves_no_global_names(open_page: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "empty.html").write_text("<!doctype html><title>empty</title><link rel=icon href=data:,>")
    opened = open_page(small_net())
    mine = set(opened.run("return Object.getOwnPropertyNames(window)"))
    opened.driver.get((tmp_path / "empty.html").as_uri())
    assert not mine - set(opened.run("return Object.getOwnPropertyNames(window)"))


def test_page_fetches_nothing(open_page: Callable[..., Page]) -> None:
    opened = open_page(small_net())
    opened.go(3)
    assert opened.run("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []


def test_large_tensors_stay_out_of_the_file(tmp_path: Path) -> None:
    w = tg.ones(1000, 1000, requires_grad=True)
    assert viz.graph((w * 2.0).sum()).save(tmp_path / "w.html").stat().st_size < 200_000
