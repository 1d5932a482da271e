// What stands around the drawing: buttons, the text field, the line below, the list of keys.

const ICONS = {
  add: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM10 7.2v5.6M7.2 10h5.6",
  connect: "M5 12.2a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8zM6.6 12.4C8 7.6 11 5.6 15.6 6M12.8 3.4l3.2 2.7-3 2.9",
  start: "M1.5 10h6M5 7.2L7.8 10 5 12.8M13.5 5.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z",
  accept: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6z",
  rename: "M4 16l.7-3.3 8.6-8.6 2.6 2.6-8.6 8.6zM11.6 5.8l2.6 2.6",
  remove: "M4 6h12M8 6V4h4v2M5.8 6l.7 10.5h7L14.2 6M8.6 9v4.6M11.4 9v4.6",
  undo: "M7.5 4.5L4 8l3.5 3.5M4.5 8H12a4 4 0 0 1 0 8H8",
  redo: "M12.5 4.5L16 8l-3.5 3.5M15.5 8H8a4 4 0 0 0 0 8h4",
  tidy: "M10 3.2a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM4.6 12.8a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM15.4 12.8a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM9 7l-3.4 6M11 7l3.4 6M6.8 14.8h6.4",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  closer: "M10 5v10M5 10h10",
  further: "M5 10h10",
  save: "M10 3.5v9M6.5 9.2L10 12.7l3.5-3.5M4 16.5h12",
  help: "M7.4 7.6a2.6 2.6 0 1 1 3.9 2.3c-.8.5-1.3 1-1.3 2M10 14.8v.2",
};

const KEYS = [
  ["Double-click, double-tap", "a new state"],
  ["Drag a state", "moves it; it snaps to the lines of the others, not with Alt"],
  ["Drag from the rim or the handle", "an edge, also back to the same state, or to a new one"],
  ["Double-click a state or an edge", "its name, its letters: a, b or \u03b5 for none"],
  ["Tab, Shift Tab", "to the next or last state or edge"],
  ["N", "new state"],
  ["C, then Tab and Enter", "connect"],
  ["Enter or F2", "name, letters"],
  ["A", "accepting or not"],
  ["S", "start state"],
  ["Delete", "delete"],
  ["Arrow keys", "move the state, with Shift in small steps"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["F, T, + and \u2212", "fit to the window, tidy up, zoom (also Ctrl wheel)"],
  ["Escape", "stop what was begun"],
];

function button(name, label, title, act, quiet = false) {
  const icon = make("svg:svg", { viewBox: "0 0 20 20", "aria-hidden": "true", class: "icon" });
  icon.append(make("svg:path", { d: ICONS[name] }));
  const element = make("button", { type: "button", title, "data-name": name }, icon);
  if (quiet) element.setAttribute("aria-label", label);
  else element.append(make("span", {}, label));
  element.onclick = act;
  return element;
}

const group = (label, ...buttons) => make("div", { class: "group", role: "group", "aria-label": label }, ...buttons);

function makeButtons(editor) {
  const buttons = {
    add: button("add", "State", "New state (N)", () => editor.addByCommand()),
    connect: button("connect", "Connect", "Connect the chosen state (C)", () => {
      if (editor.connecting) editor.stopConnecting();
      else editor.startConnecting();
    }),
    start: button("start", "Start", "Start state or not (S)", () => editor.toggleStart()),
    accept: button("accept", "Accepting", "Accepting or not (A)", () => editor.toggleAccepting()),
    rename: button("rename", "Rename", "Name or letters (Enter)", () => editor.type(editor.selected)),
    remove: button("remove", "Delete", "Delete (Delete)", () => editor.removeSelected()),
    undo: button("undo", "Undo", "Undo (Ctrl Z)", () => editor.undo(), true),
    redo: button("redo", "Redo", "Redo (Ctrl Shift Z)", () => editor.redo(), true),
    tidy: button("tidy", "Tidy up", "Tidy up (T)", () => editor.tidy(), true),
    help: button("help", "Keys and gestures", "Keys and gestures (?)", () => toggleHelp(editor), true),
    further: button("further", "Zoom out", "Zoom out (\u2212)", () => zoomMiddle(editor, 1 / 1.25), true),
    fit: button("fit", "Fit to the window", "Fit to the window (F)", () => editor.scene.fit(), true),
    closer: button("closer", "Zoom in", "Zoom in (+)", () => zoomMiddle(editor, 1.25), true),
    svg: button("save", "SVG", "Save the picture as SVG", () => savePicture(editor, "svg")),
    png: button("save", "PNG", "Save the picture as PNG", () => savePicture(editor, "png")),
  };
  buttons.help.setAttribute("aria-expanded", "false");
  return buttons;
}

function makeBar(buttons) {
  return make(
    "div",
    { class: "bar", role: "toolbar", "aria-label": "Drawing tools" },
    group("Make", buttons.add, buttons.connect),
    group("Chosen state or edge", buttons.start, buttons.accept, buttons.rename, buttons.remove),
    group("History", buttons.undo, buttons.redo),
    group("More", buttons.tidy, buttons.svg, buttons.png, buttons.help),
  );
}

/** The offer to take up an unfinished drawing from before a reload. */
function makeRestore(editor) {
  const restore = make("div", { class: "restore", role: "region", "aria-label": "Unfinished drawing", hidden: "" });
  const [yes, no] = ["Restore it", "Discard it"].map((text) => make("button", { type: "button" }, text));
  yes.onclick = () => editor.restore(true);
  no.onclick = () => editor.restore(false);
  restore.append(make("span", {}, "An unfinished drawing is kept from before the reload."), yes, no);
  return restore;
}

function buildParts(editor) {
  const buttons = makeButtons(editor);
  const bar = makeBar(buttons);
  const restore = makeRestore(editor);
  const said = make("span", { class: "said", role: "status", "aria-live": "polite" });
  const facts = make("span", { class: "facts" });
  const hint = make("div", { class: "hint", "aria-hidden": "true" });
  hint.append(make("b", {}, "Double-click to add the first state"), make("span", {}, "or press State"));
  const help = make("div", { class: "help", role: "region", "aria-label": "Keys and gestures", hidden: "" });
  help.append(make("dl", {}, ...KEYS.flatMap(([keys, what]) => [make("dt", {}, keys), make("dd", {}, what)])));
  const zoom = make("div", { class: "zoom", role: "group", "aria-label": "View" }, buttons.further, buttons.fit, buttons.closer);
  const stage = make("div", { class: "stage" }, editor.scene.svg, hint, zoom, help);
  const foot = make("div", { class: "foot" }, facts, said);
  const about = make("p", { class: "unseen", id: "about-drawing" });
  about.textContent =
    "Press N for a new state, Tab to walk over states and edges, C to connect, Enter to name, A for accepting, " +
    "S for start, arrow keys to move, Delete to delete, question mark for all keys.";
  setAll(editor.scene.svg, { role: "application", tabindex: 0, "aria-describedby": "about-drawing" });
  editor.root.append(about, bar, restore, stage, foot);
  editor.parts = { buttons, said, facts, hint, help, stage, restore };
}

/** Bring buttons and texts in line with the state of the editor. */
function showParts(editor) {
  const { buttons, facts, hint } = editor.parts;
  const state = editor.state(editor.selected);
  const edge = editor.edge(editor.selected);
  for (const name of ["connect", "start", "accept"]) buttons[name].disabled = !state;
  for (const name of ["rename", "remove"]) buttons[name].disabled = !state && !edge;
  buttons.undo.disabled = !editor.past.length;
  buttons.redo.disabled = !editor.future.length;
  for (const name of ["tidy", "fit", "svg", "png"]) buttons[name].disabled = !editor.model.states.length;
  setAll(buttons.start, { "aria-pressed": Boolean(state) && editor.model.start === state.id ? "true" : "false" });
  setAll(buttons.accept, { "aria-pressed": state && state.accepting ? "true" : "false" });
  setAll(buttons.connect, { "aria-pressed": editor.connecting ? "true" : "false" });
  setText(buttons.rename.lastChild, edge ? "Letters" : "Rename");
  hint.hidden = editor.model.states.length > 0;
  editor.root.classList.toggle("connecting", Boolean(editor.connecting));
  const many = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  setText(facts, `${many(editor.model.states.length, "state")}, ${many(editor.model.alphabet.length, "letter")}`);
}

/** The line that follows the pointer while connecting, the handle of the chosen state, the lines states snap to. */
function showOverlay(editor) {
  const { overlay, paths } = editor.scene;
  overlay.replaceChildren();
  const gesture = editor.gesture;
  const { connecting } = editor;
  const from = connecting && stateOf(editor.model, connecting.from);
  const to = connecting && connecting.target !== null ? stateOf(editor.model, connecting.target) : connecting && connecting.at;
  if (from && to) {
    const half = paths.half.get(from.id);
    const isState = connecting.target !== null;
    const path =
      isState && to.id === from.id
        ? loop(from, half, -Math.PI / 2)
        : isState
          ? arcBetween(from, to, half, paths.half.get(to.id), 0)
          : arrow(outline(from, half, angleTo(from, to)), to, angleTo(from, to));
    overlay.append(make("svg:path", { class: "preview line", d: path.line }));
    overlay.append(make("svg:path", { class: "preview head", d: path.head }));
  }
  for (const guide of (gesture && gesture.guides) || []) overlay.append(make("svg:line", { class: "guide", ...guide }));
  const chosen = editor.state(editor.selected);
  if (chosen && !gesture && !connecting && !editor.typing) {
    const x = chosen.x + paths.half.get(chosen.id) + 15;
    const handle = make("svg:g", { class: "handle", "data-key": editor.selected, transform: `translate(${fixed(x)} ${fixed(chosen.y)})` });
    handle.append(make("svg:circle", { class: "reach", r: 18 }), make("svg:circle", { r: 8 }));
    handle.append(make("svg:path", { d: "M-3 0H2.4M0 -2.6L2.8 0L0 2.6" }));
    overlay.append(handle);
  }
}

function zoomMiddle(editor, factor) {
  const { svg } = editor.scene;
  editor.scene.zoom(factor, { x: svg.clientWidth / 2, y: svg.clientHeight / 2 });
}

function toggleHelp(editor) {
  const { help, buttons } = editor.parts;
  help.hidden = !help.hidden;
  buttons.help.setAttribute("aria-expanded", String(!help.hidden));
}

/** Open a text field over a state or an edge. Enter or leaving takes the text, Escape does not. */
function openField(editor, key, text) {
  if (editor.typing) closeField(editor, true);
  const state = editor.state(key);
  const edge = editor.edge(key);
  const place = state || editor.scene.paths.edges.get(edgeKey(edge)).label;
  const { x, y, scale } = editor.scene.view;
  const label = state ? `Name of state ${state.name}` : "Letters of the edge, with commas between";
  const field = make("input", { type: "text", "aria-label": label, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  field.placeholder = state ? "name" : "a, b or \u03b5";
  field.value = text;
  const problem = make("div", { class: "problem", role: "alert", hidden: "" });
  const box = make("div", { class: "typing" }, field, problem);
  const { clientWidth, clientHeight } = editor.scene.svg;
  box.style.left = `${Math.max(80, Math.min(clientWidth - 80, x + scale * place.x))}px`;
  box.style.top = `${Math.max(22, Math.min(clientHeight - 30, y + scale * place.y))}px`;
  editor.typing = { key, field, problem, box };
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      closeField(editor, true);
    } else if (event.key === "Escape") {
      event.preventDefault();
      closeField(editor, false);
    }
  };
  field.onblur = () => editor.typing && editor.typing.field === field && closeField(editor, true, false);
  editor.parts.stage.append(box);
  editor.render();
  field.focus({ preventScroll: true });
  field.select();
}

/** Close the field: take its text or drop it. A text with a problem keeps it open, unless the user has left it. */
function closeField(editor, take, stay = true) {
  const open = editor.typing;
  if (!open) return;
  const problem = take ? editor.accept(open.key, open.field.value) : "";
  if (problem && stay) {
    open.problem.textContent = problem;
    open.problem.hidden = false;
    open.field.setAttribute("aria-invalid", "true");
    return;
  }
  if (problem) editor.say(problem);
  if (problem || !take) editor.dismiss();
  open.field.onblur = null;
  open.box.remove();
  editor.settle();
  if (stay) editor.select(editor.shape(open.key) ? open.key : editor.selected);
}
