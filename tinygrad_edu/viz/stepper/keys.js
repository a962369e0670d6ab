/* The keyboard. */

const KEYS = [
  ["→ ←", "one step forward, back"],
  ["Space", "play, pause"],
  ["Home End", "first, last step"],
  ["+ −  0", "zoom in, out; show all"],
  ["Shift + arrows", "move the drawing"],
  ["/", "search; Enter goes to the next hit"],
  ["f", "fold or unfold the selected node or box"],
  ["u  Shift + u", "unfold one level, fold one level"],
  ["a", "fold all"],
  ["Enter", "select the focused node; fold or unfold a box"],
  ["t", "light or dark"],
  ["Esc", "close, clear, select nothing"],
];

/** Call the action that belongs to a key, unless a field or a button needs the key itself. */
function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const { target } = event;
    if (target.matches("input[type=search], select")) return;
    if (target.matches("input[type=range]") && ["Home", "End", "ArrowLeft", "ArrowRight"].includes(event.key)) return;
    if (event.key === " " && target.matches("button, summary, input, .box-title")) return;
    const action = actions[(event.shiftKey && event.key.startsWith("Arrow") ? "Shift" : "") + event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

/** Write the list of keys into the help. */
function writeHelp() {
  byId("keys").replaceChildren(
    ...KEYS.flatMap(([keys, what]) => [element("dt", { text: keys }), element("dd", { text: what })]),
  );
}
