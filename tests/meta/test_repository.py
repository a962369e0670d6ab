"""The repository itself: small files, links that lead somewhere, no path of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.repository import ROOT, files

FILES = files()
MEGABYTE = 1_000_000
# The home, temporary and mounted folders of one machine; in pieces, so that this file names none.
ABSOLUTE = re.compile(r"(?<![\w.~/:-])/(?:" + r"home|root|tmp|work|mnt|opt|Users|private)/|\b[A-Z]:\\+(?:Users|Temp)\b")
MARKDOWN_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str | None:
    """Return the text of a file, None for a link and for one that is not text."""
    try:
        return None if path.is_symlink() else path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def absolute_paths(text: str) -> list[str]:
    """List the lines that name a folder of one machine."""
    return [line.strip() for line in text.splitlines() if ABSOLUTE.search(line)]


def broken_links(path: Path, text: str) -> list[str]:
    """List the relative links of a Markdown text that lead nowhere."""
    targets = [t for t in MARKDOWN_LINK.findall(text) if "://" not in t and ":" not in t]
    return [target for target in targets if not (path.parent / target).exists()]


def test_no_file_is_larger_than_a_megabyte() -> None:
    assert {name(p): p.stat().st_size for p in FILES if p.lstat().st_size > MEGABYTE} == {}


def test_no_file_names_a_path_of_one_machine() -> None:
    texts = {name(path): text_of(path) for path in FILES}
    assert {n: lines for n, t in texts.items() if t and (lines := absolute_paths(t))} == {}


@pytest.mark.parametrize("line", ["open('/" + "home/me')", "see /" + "tmp/x", "=/" + "work/a", "C:" + "\\Users\\me"])
def test_planted_absolute_path_is_found(line: str) -> None:
    assert absolute_paths(f"first\n{line}\n") == [line]


@pytest.mark.parametrize("line", ["#!/usr/bin/env bash", "../shared/data", "https://a.org/home/x", "a/tmp/b", "1/2"])
def test_relative_paths_and_addresses_are_allowed(line: str) -> None:
    assert absolute_paths(line) == []


def test_links_are_relative_and_lead_to_something_in_the_repository() -> None:
    links = [path for path in FILES if path.is_symlink()]
    assert ROOT / "tinygrad_edu" / "nn" in links
    for link in links:
        assert not link.readlink().is_absolute()
        assert link.resolve(strict=True).is_relative_to(ROOT)


def test_links_in_documents_lead_somewhere() -> None:
    texts = {path: text_of(path) or "" for path in FILES if path.suffix == ".md"}
    assert {name(p): found for p, t in texts.items() if (found := broken_links(p, t))} == {}


def test_planted_broken_link_is_found() -> None:
    text = "[a](setup.cfg) [b](no/such.md#part) [c](https://a.org) [d](#here) [e](setup.cfg#x)"
    assert broken_links(ROOT / "README.md", text) == ["no/such.md"]


def test_the_script_of_the_checks_can_be_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
