// Mouse, pen and touch through pointer events. Python hears of a gesture only when it ends.

const SNAP = 6;

function installGestures(editor) {
  const { svg } = editor.scene;
  const pointers = new Map(); // all pointers on the drawing, for two-finger zoom
  let tap = null; // the last press without a move, for double-clicks

  svg.onpointerdown = (event) => {
    if (event.button !== 0) return;
    editor.root.classList.add("by-pointer"); // focus rings are for the keyboard
    if (editor.typing) closeField(editor, true, false);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size === 2) {
      cancel();
      editor.gesture = { kind: "pinch", ...pinchOf(pointers) };
      return;
    }
    if (pointers.size > 2) return;
    event.preventDefault(); // no text selection; focus is set below
    const thing = thingAt(event);
    const world = editor.scene.toWorld(event.clientX, event.clientY);
    const start = { x: event.clientX, y: event.clientY, touch: event.pointerType === "touch" };
    editor.gesture = { kind: "press", thing, start, world, pointer: event.pointerId };
    if (thing.kind === "state" && !editor.connecting) {
      const state = editor.state(thing.key);
      editor.gesture.grip = { x: world.x - state.x, y: world.y - state.y };
    }
    if (!editor.connecting && thing.kind !== "canvas") editor.select(thing.key);
    if (thing.kind === "canvas") svg.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
  };

  svg.onpointermove = (event) => {
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const gesture = editor.gesture;
    if (gesture && gesture.kind === "pinch") {
      pinch(editor, pinchOf(pointers));
      return;
    }
    if (!gesture) {
      if (editor.connecting && event.pointerType === "mouse") aim(editor, event);
      return;
    }
    if (gesture.pointer !== event.pointerId) return;
    if (gesture.kind === "press" && !begin(editor, gesture, event)) return;
    if (gesture.kind === "move") move(editor, gesture, event);
    else if (gesture.kind === "connect") aim(editor, event);
    else if (gesture.kind === "pan") pan(editor, gesture, event);
  };

  svg.onpointerup = (event) => {
    pointers.delete(event.pointerId);
    const gesture = editor.gesture;
    if (!gesture) return;
    if (gesture.kind === "pinch") {
      if (!pointers.size) finish();
      return;
    }
    if (gesture.pointer !== event.pointerId) return;
    editor.gesture = null;
    if (gesture.kind === "press") press(gesture, event);
    else if (gesture.kind === "move") drop(editor, gesture);
    else if (gesture.kind === "connect") land(editor, event);
    if (!editor.typing) editor.settle();
  };

  const cancel = () => {
    editor.gesture = null;
    if (editor.connecting && editor.connecting.dragged) editor.connecting = null;
  };
  const finish = () => {
    cancel();
    editor.settle();
  };
  svg.onpointercancel = (event) => {
    pointers.delete(event.pointerId);
    finish();
  };

  /** A press that did not move: choose, finish a connection, or, the second time, name or add. */
  function press(gesture, event) {
    const { thing } = gesture;
    if (editor.connecting) {
      const hit = editor.state(thing.key);
      if (hit) editor.connect(editor.connecting.from, hit.id);
      else editor.stopConnecting();
      tap = null;
      return;
    }
    const now = event.timeStamp;
    const reach = gesture.start.touch ? 26 : 8;
    const again =
      tap && now - tap.at < 420 && tap.key === thing.key && Math.hypot(event.clientX - tap.x, event.clientY - tap.y) < reach;
    tap = again ? null : { at: now, key: thing.key, x: event.clientX, y: event.clientY };
    if (!again) {
      if (thing.kind === "canvas") editor.select(null);
    } else if (thing.kind === "canvas") {
      const id = editor.addState(gesture.world.x, gesture.world.y);
      if (id !== null) editor.type(`s${id}`);
    } else {
      editor.type(thing.key);
    }
  }

  svg.onwheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    editor.scene.zoom(Math.exp(-event.deltaY * 0.0022), { x: event.clientX - box.left, y: event.clientY - box.top });
  };
  svg.ondblclick = (event) => event.preventDefault();
  // A finger on a state moves the state, one on empty paper scrolls the page; `touch-action` does not reach inside an SVG.
  const hold = (event) => {
    if (event.touches.length > 1 || editor.connecting || event.target.closest("[data-key]")) event.preventDefault();
  };
  svg.addEventListener("touchstart", hold, { passive: false });
}

/** What lies under the pointer: {kind: "handle" | "rim" | "state" | "edge" | "canvas", key}. */
function thingAt(event) {
  const holder = event.target.closest("[data-key]");
  if (!holder) return { kind: "canvas", key: null };
  const key = holder.getAttribute("data-key");
  if (holder.classList.contains("handle")) return { kind: "handle", key };
  if (key[0] === "e") return { kind: "edge", key };
  return { kind: event.target.classList.contains("rim") && event.pointerType !== "touch" ? "rim" : "state", key };
}

/** Turn a press into a gesture once the pointer has moved far enough; says whether it did. */
function begin(editor, gesture, event) {
  const { start, thing } = gesture;
  if (Math.hypot(event.clientX - start.x, event.clientY - start.y) < (start.touch ? 9 : 4)) return false;
  if (thing.kind === "handle" || thing.kind === "rim") {
    editor.connecting = { from: editor.state(thing.key).id, target: null, dragged: true };
    gesture.kind = "connect";
  } else if (thing.kind === "state" && !editor.connecting) {
    gesture.kind = "move";
  } else {
    gesture.kind = "pan";
    gesture.view = { ...editor.scene.view };
  }
  return true;
}

function move(editor, gesture, event) {
  const state = editor.state(gesture.thing.key);
  const world = editor.scene.toWorld(event.clientX, event.clientY);
  const place = { x: world.x - gesture.grip.x, y: world.y - gesture.grip.y };
  gesture.guides = event.altKey ? [] : snap(editor, state, place);
  gesture.model = moveState(editor.model, state.id, place.x, place.y);
  editor.render(gesture.model);
}

/** Pull a place onto the vertical and horizontal lines through other states; returns the lines it lies on. */
function snap(editor, state, place) {
  const reach = SNAP / editor.scene.view.scale;
  const guides = [];
  for (const [axis, cross] of [["x", "y"], ["y", "x"]]) {
    let nearest = null;
    for (const other of editor.model.states) {
      if (other.id === state.id) continue;
      const gap = Math.abs(other[axis] - place[axis]);
      if (gap < reach && (!nearest || gap < Math.abs(nearest[axis] - place[axis]))) nearest = other;
    }
    if (!nearest) continue;
    place[axis] = nearest[axis];
    const line = { [`${axis}1`]: nearest[axis], [`${axis}2`]: nearest[axis] };
    guides.push({ ...line, [`${cross}1`]: nearest[cross], [`${cross}2`]: place[cross] });
  }
  return guides;
}

function drop(editor, gesture) {
  if (!gesture.model) return;
  const state = stateOf(gesture.model, editor.state(gesture.thing.key).id);
  editor.change(gesture.model, `State ${state.name} moved.`);
}

/** While connecting: the state under the pointer, or the pointer itself, is where the line goes. */
function aim(editor, event) {
  const at = editor.scene.toWorld(event.clientX, event.clientY);
  const hit = editor.model.states.find((state) => {
    const half = editor.scene.paths.half.get(state.id) + 6;
    return Math.abs(at.x - state.x) < half && Math.abs(at.y - state.y) < RADIUS + 6;
  });
  const left = editor.connecting.left || !hit || hit.id !== editor.connecting.from;
  const target = hit && (left || !editor.connecting.dragged) ? hit.id : null;
  editor.connecting = { ...editor.connecting, at, target, left };
  editor.render();
}

/** The end of a dragged connection: on a state, or on empty paper, where a new state appears. */
function land(editor, event) {
  const { from, target, left } = editor.connecting;
  editor.connecting = null;
  if (target !== null) {
    editor.connect(from, target);
  } else if (left) {
    const at = editor.scene.toWorld(event.clientX, event.clientY);
    const id = editor.addState(at.x, at.y);
    if (id !== null) editor.connect(from, id);
  } else {
    editor.render();
  }
}

function pan(editor, gesture, event) {
  const { view, start } = gesture;
  editor.scene.view = { ...view, x: view.x + event.clientX - start.x, y: view.y + event.clientY - start.y };
  editor.scene.look();
}

function pinchOf(pointers) {
  const [a, b] = [...pointers.values()];
  return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, apart: Math.hypot(a.x - b.x, a.y - b.y) };
}

function pinch(editor, now) {
  const { gesture, scene } = editor;
  const box = scene.svg.getBoundingClientRect();
  scene.view.x += now.middle.x - gesture.middle.x;
  scene.view.y += now.middle.y - gesture.middle.y;
  const centre = { x: now.middle.x - box.left, y: now.middle.y - box.top };
  scene.zoom(now.apart / Math.max(gesture.apart, 1), centre);
  editor.gesture = { kind: "pinch", ...now };
}
