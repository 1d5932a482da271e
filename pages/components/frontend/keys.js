// The keyboard does everything the pointer does. No key is heard outside: the page has shortcuts of its own.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function installKeys(editor) {
  const { svg } = editor.scene;
  for (const kind of ["keydown", "keypress", "keyup"]) {
    editor.root.addEventListener(kind, (event) => event.stopPropagation());
  }
  svg.addEventListener("focusin", (event) => {
    const key = event.target.getAttribute("data-key");
    if (key && !editor.gesture && !editor.connecting && key !== editor.selected) {
      editor.selected = key;
      editor.render();
    }
  });
  svg.addEventListener("keydown", (event) => {
    if (editor.gesture) return;
    editor.root.classList.remove("by-pointer");
    if (shortcut(editor, event) || plainKey(editor, event)) event.preventDefault();
  });
  svg.addEventListener("keyup", (event) => ARROWS[event.key] && endNudge(editor));
  svg.addEventListener("focusout", () => endNudge(editor));
  editor.parts.buttons.add.parentElement.parentElement.addEventListener("keydown", (event) => {
    if (shortcut(editor, event)) event.preventDefault();
    else if (event.key === "Escape" && editor.connecting) editor.stopConnecting();
  });
}

/** Ctrl or Command with Z or Y. */
function shortcut(editor, event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) editor.undo();
  else if ((key === "z" && event.shiftKey) || key === "y") editor.redo();
  else return false;
  return true;
}

/** Everything else; says whether the key meant something. */
function plainKey(editor, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "Tab") return walk(editor, event.shiftKey ? -1 : 1);
  if (editor.connecting) return connectingKey(editor, event.key);
  if (ARROWS[event.key]) return nudge(editor, ARROWS[event.key], event.shiftKey ? 1 : 10);
  const commands = {
    n: () => editor.addByCommand(),
    c: () => editor.startConnecting(),
    a: () => editor.toggleAccepting(),
    s: () => editor.toggleStart(),
    f: () => editor.scene.fit(),
    t: () => editor.tidy(),
    enter: () => editor.type(editor.selected),
    f2: () => editor.type(editor.selected),
    delete: () => editor.removeSelected(),
    backspace: () => editor.removeSelected(),
    "+": () => zoomMiddle(editor, 1.25),
    "=": () => zoomMiddle(editor, 1.25),
    "-": () => zoomMiddle(editor, 1 / 1.25),
    "?": () => toggleHelp(editor),
    escape: () => (editor.parts.help.hidden ? editor.select(null) : toggleHelp(editor)),
  };
  const command = commands[event.key.toLowerCase()];
  if (command) command();
  return Boolean(command);
}

function connectingKey(editor, key) {
  if (key === "Escape") {
    const { from } = editor.connecting;
    editor.stopConnecting();
    editor.select(`s${from}`);
    return true;
  }
  if (key !== "Enter" && key !== " ") return false;
  const { from, target } = editor.connecting;
  editor.connect(from, target === null ? from : target);
  return true;
}

/** Tab: the next thing to stand on; past the last one the focus leaves the drawing as usual. */
function walk(editor, way) {
  const { svg, shapes } = editor.scene;
  const here = svg.getRootNode().activeElement;
  if (editor.connecting) {
    const { states } = editor.model;
    const { from, target } = editor.connecting;
    const at = states.findIndex((state) => state.id === (target === null ? from : target));
    const next = states[(at + way + states.length) % states.length];
    editor.connecting = { ...editor.connecting, target: next.id };
    editor.render();
    editor.say(next.id === from ? `Loop at ${next.name}. Enter connects.` : `To ${next.name}. Enter connects.`);
    return true;
  }
  const stops = [svg];
  for (const state of editor.model.states) {
    stops.push(shapes.get(`s${state.id}`).root);
    for (const edge of editor.model.edges) {
      if (edge.from === state.id) stops.push(shapes.get(`e${edgeKey(edge)}`).root);
    }
  }
  const next = stops[stops.indexOf(here) + way];
  if (!next) return false;
  if (next === svg) editor.select(null);
  else editor.select(next.getAttribute("data-key"));
  reveal(editor);
  return true;
}

/** Move the view so that the chosen state can be seen. */
function reveal(editor) {
  const { scene } = editor;
  const edge = editor.edge(editor.selected);
  const place = editor.state(editor.selected) || (edge && scene.paths.edges.get(edgeKey(edge)).label);
  if (!place) return;
  const { svg, view } = scene;
  const pull = (at, size) => (at < 40 ? 40 - at : at > size - 40 ? size - 40 - at : 0);
  view.x += pull(view.x + view.scale * place.x, svg.clientWidth);
  view.y += pull(view.y + view.scale * place.y, svg.clientHeight);
  scene.look();
}

/** An arrow key moves the chosen state, or the view where none is chosen; releasing the key ends the gesture. */
function nudge(editor, [dx, dy], step) {
  const state = editor.state(editor.selected);
  if (!state) {
    editor.scene.view.x -= dx * 40;
    editor.scene.view.y -= dy * 40;
    editor.scene.look();
    return true;
  }
  const model = editor.nudged || editor.model;
  const before = stateOf(model, state.id);
  editor.nudged = moveState(model, state.id, before.x + dx * step, before.y + dy * step);
  editor.render(editor.nudged);
  return true;
}

function endNudge(editor) {
  if (!editor.nudged) return;
  const model = editor.nudged;
  editor.nudged = null;
  editor.change(model, "Moved.");
  editor.settle();
}
