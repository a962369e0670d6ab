"""A page of the stepper as a test looks at it: what stands on it as plain data, and a reader's hands."""

from __future__ import annotations

from typing import Any

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

# What stands on the card of a step, and on the nodes, as plain data.
READ = """
const text = (root, selector) => root.querySelector(selector)?.textContent ?? null;
const numbers = (root, role) => {
  const view = root?.querySelector(`[data-role=${role}]`);
  return view ? Array.from(view.querySelectorAll("[data-value]"), (cell) => cell.dataset.value) : null;
};
function readCard() {
  const card = document.querySelector("#panel-body section");
  const sent = Array.from(card.querySelectorAll(".sent"), (each) => ({
    to: Number(each.dataset.to), formula: text(each, ".formula"), local: numbers(each, "local"),
    product: numbers(each, "product"), line: text(each, ".quantity [data-role=product]"),
    sum: text(each, ".sum .numbers-line"),
  }));
  return {
    phase: card.dataset.phase, item: Number(card.dataset.item), title: text(card, "h2"), sent,
    incoming: numbers(card, "incoming"), shown: text(card, "[data-role=incoming] strong"),
    equation: text(card, "[data-role=equation]"), sum: text(card, ":scope > .sum .numbers-line"),
    caption: document.getElementById("caption").textContent,
  };
}
function goTo(k) {
  const slider = document.getElementById("slider");
  slider.value = k;
  slider.dispatchEvent(new Event("input"));
}
function readNodes() {
  return Array.from(document.querySelectorAll(".node"), (node) => ({
    key: Number(node.dataset.key), title: text(node, ".title"), data: text(node, ".data"), grad: text(node, ".grad"),
    classes: node.getAttribute("class").split(" "), label: node.getAttribute("aria-label"),
  }));
}
"""


class Page:
    """A page that is open, read and driven as a reader would."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in which the functions of ``READ`` are known."""
        return self.driver.execute_script(READ + script, *arguments)

    @property
    def last(self) -> int:
        return int(self.run("return Number(document.getElementById('slider').max)"))

    def go(self, k: int) -> dict[str, Any]:
        """Go to a step, and read its card."""
        card: dict[str, Any] = self.run("goTo(arguments[0]); return readCard();", k)
        return card

    def cards(self) -> list[dict[str, Any]]:
        """Go through all steps, and read the card of each."""
        script = (
            "const all = []; for (let k = 0; k <= arguments[0]; k++) { goTo(k); all.push(readCard()); } return all;"
        )
        return list(self.run(script, self.last))

    def nodes(self) -> dict[int, dict[str, Any]]:
        """Read all nodes, by key."""
        return {node["key"]: node for node in self.run("return readNodes();")}

    def titles(self) -> list[str]:
        return [node["title"] for node in self.nodes().values()]

    def boxes(self) -> list[str]:
        """Read the titles of the boxes that are unfolded."""
        return list(self.run("return Array.from(document.querySelectorAll('.box-title text'), (t) => t.textContent)"))

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def press(self, *keys: str) -> None:
        """Press keys as on a keyboard, wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def text(self, selector: str) -> str:
        return str(self.run("return text(document, arguments[0])", selector))

    def search(self, words: str) -> None:
        field = self.driver.find_element("css selector", "#search")
        field.clear()
        field.send_keys(words)


def number(text: str) -> float:
    """Read a number as it is shown."""
    plain = text.replace("−", "-").replace("∞", "inf").strip("()")
    return float(plain)


class SmallNet(nn.Module):
    """A convolution and three equal blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.blocks = nn.Sequential(*[nn.Sequential(nn.Linear(32, 32), nn.ReLU()) for _ in range(3)])
        self.out = nn.Linear(32, 3)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.out(self.blocks(nn.functional.relu(self.conv(x)).flatten(1)))


def small_net(depth: int | None = None) -> viz.GraphView:
    """Draw the loss of a small network, recorded under a trace."""
    tg.manual_seed(0)
    model = SmallNet()
    with viz.trace(model):
        loss = nn.functional.cross_entropy(model(tg.randn(2, 1, 4, 4)), tg.tensor([0, 2]))
    return viz.graph(loss, params=model, depth=depth)
