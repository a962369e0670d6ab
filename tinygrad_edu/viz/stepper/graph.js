/* The graph as the page thinks of it: the data as it was written, and what can be told from it. */

class Graph {
  /** @param {object} data what `as_json` wrote, read */
  constructor(data) {
    this.title = data.title;
    this.items = data.items.map(whole);
    this.boxes = data.boxes.map((box) => ({ path: "", kind: "", name: "", ...box }));
    this.steps = data.steps;
    this.output = data.output;
    this.depth = data.depth;
    this.kept = data.kept;
    this.users = this.items.map(() => []);
    this.items.forEach((item, i) => {
      item.sources.forEach((source) => {
        if (isThere(source.item)) this.users[source.item].push(i);
      });
    });
    this.scale = new LogScale(data.items.filter((item) => !isNumber(item)).map((item) => normOf(item.grad) ?? 0));
    this.freed = data.items.some((item) => item.freed);
  }

  /** Return what an item is called where there is room for one word: its name, else its operation. */
  called(i) {
    const item = this.items[i];
    if (item.name || item.kind !== "operation") return item.name || item.kind;
    return item.op || item.title;
  }

  /** Return the dotted path of the module call around an item, "" outside of all. */
  path(i) {
    const box = this.items[i].box;
    return isThere(box) ? this.boxes[box].path : "";
  }

  /** Return the call of a module around an item, such as "cell (call 2)"; "" outside of all. */
  call(i) {
    const { path, kind, call } = this.boxes[this.items[i].box] ?? { path: "", kind: "", call: 1 };
    return call > 1 ? `${path || kind} (call ${call})` : path;
  }

  /** Tell whether a gradient goes back to an input of an operation. */
  isDifferentiated(i, position) {
    const { item } = this.items[i].sources[position];
    return isThere(item) && !["input", "frozen"].includes(this.items[item].kind);
  }

  /** Write what stands at an input of an operation that is not an item: the number, where it is known. */
  constant(i, position) {
    const item = this.items[i];
    return item.arguments[item.sources[position].name] ?? null;
  }
}

function isThere(value) {
  return value !== null && value !== undefined;
}

/** Put back what the data leaves out because it is empty. */
function whole(item) {
  const sources = (item.sources ?? []).map((source) => ({ name: "", derivative: "", ...source }));
  return { name: "", op: "", title: "", what: "", cut: "", arguments: {}, kept: [], ...item, sources };
}

/** Tell whether an item is a single number, which then stands on its node. */
function isNumber(item) {
  return Array.isArray(item.shape) && sizeOf(item.shape) === 1;
}
