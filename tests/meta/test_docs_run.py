"""Every Python block of the README and the docs runs, and prints what the block after it says.

The blocks of one file run in order in one namespace. A block of ``text`` or ``output`` that
follows with nothing but blank lines between is what the Python block prints, to the letter. Code
that is not meant to run is in a block of another kind (``py``).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.repository import ROOT, files

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```[ ]*$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A Python block: its code, the line it starts at, and what it must print (None: anything)."""

    code: str
    line: int
    output: str | None


def python_blocks(text: str) -> list[Block]:
    """Read the Python blocks of a Markdown text."""
    fences = [*FENCE.finditer(text), None]
    blocks = []
    for fence, following in itertools.pairwise(fences):
        if fence["kind"] != "python":
            continue
        output = None
        if following and following["kind"] in ("text", "output"):
            between = text[fence.end() : following.start()]
            output = None if between.strip() else body(following)
        blocks.append(Block(body(fence), text.count("\n", 0, fence.start("body")), output))
    return blocks


def body(fence: re.Match[str]) -> str:
    """Return what stands inside a fence, without the indent that a list gives it."""
    return re.sub(rf"^{fence['indent']}", "", fence["body"], flags=re.M)


def run_blocks(blocks: list[Block], source: str) -> None:
    """Run blocks in one namespace; a failure is shown at its own line of ``source``."""
    namespace = {"__name__": "__main__"}
    for block in blocks:
        printed = io.StringIO()
        code = compile("\n" * block.line + block.code, source, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if block.output is not None:
            assert printed.getvalue().rstrip() == block.output.rstrip(), f"{source}:{block.line}"


DOCUMENTS = [
    path for path in files() if path.suffix == ".md" and (path.parent == ROOT or path.is_relative_to(ROOT / "docs"))
]


# Pages whose code needs what only an extra installs.
NEEDS = {"plots.md": "matplotlib", "recording-training.md": "matplotlib"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_python_blocks_run_and_print_what_they_say(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.name in NEEDS:
        pytest.importorskip(NEEDS[path.name], exc_type=ModuleNotFoundError)
    monkeypatch.chdir(tmp_path)
    run_blocks(python_blocks(path.read_text(encoding="utf-8")), str(path))


def test_the_readme_has_code_with_its_output() -> None:
    blocks = python_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [block for block in blocks if block.output is not None]


def test_the_readme_has_the_two_commands_that_ci_runs() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    train, test = (line for line in lines if line.startswith("python3.11 -m venv "))
    assert train.endswith(".venv/bin/tinygrad-edu train")
    assert test.endswith(".venv/bin/pytest")


EXAMPLE = """
```python
x = 2
print(x)
```

```text
2
```

```python
print(x + 1)
```
A sentence between.
```text
not an output
```

- in a list
  ```python
  if x:
      y = 1
  ```

```bash
exit 1
```
"""


def test_blocks_are_read_with_their_lines_and_outputs() -> None:
    assert python_blocks(EXAMPLE) == [
        Block("x = 2\nprint(x)\n", 2, "2\n"),
        Block("print(x + 1)\n", 11, None),
        Block("if x:\n    y = 1\n", 20, None),
    ]


def test_blocks_share_a_namespace() -> None:
    run_blocks(python_blocks(EXAMPLE), "example.md")


def test_other_output_than_the_document_says_is_found() -> None:
    wrong = python_blocks(EXAMPLE.replace("text\n2\n", "text\n3\n"))
    with pytest.raises(AssertionError, match=r"example\.md:2"):
        run_blocks(wrong, "example.md")


def test_a_failing_block_is_shown_at_its_line() -> None:
    blocks = python_blocks("intro\n\n```python\nok = 1\nok / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run_blocks(blocks, "example.md")
    frame = caught.traceback[-1]
    assert (str(frame.path).endswith("example.md"), frame.lineno + 1) == (True, 5)
