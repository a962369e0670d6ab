"""A Chromium for the tests of the stepper's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.browser import browser, console, look, open_file
from support.stepper import Page
from tinygrad_edu import viz


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    with browser() as driver:
        yield driver


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Save a view and open it from its file; at the end the console must be empty."""

    def open_view(view: viz.GraphView, **looks: Any) -> Page:
        look(chromium, **looks)
        open_file(chromium, view.save(tmp_path / "page.html"))
        return Page(chromium)

    yield open_view
    assert console(chromium) == []
