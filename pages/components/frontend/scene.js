// The drawing in SVG, shared by the editor and the word runner. Elements are kept and changed, never rebuilt, so that
// focus, transitions and screen readers follow a state when it moves.

class Scene {
  /** interactive: whether states and edges can be chosen; otherwise the drawing is one picture. */
  constructor(label, interactive = true) {
    this.role = interactive ? { role: "button", tabindex: -1 } : {};
    this.model = emptyModel();
    this.view = { x: 0, y: 0, scale: 1 };
    this.shapes = new Map();
    this.edgeLayer = make("svg:g", { class: "edges" });
    this.stateLayer = make("svg:g", { class: "states" });
    this.tagLayer = make("svg:g", { class: "tags" });
    this.overlay = make("svg:g", { class: "overlay", "aria-hidden": "true" });
    this.entry = make("svg:g", { class: "entry", "aria-hidden": "true" });
    this.entry.append(make("svg:path", { class: "line" }), make("svg:path", { class: "head" }));
    this.edgeLayer.append(this.entry);
    this.world = make("svg:g", { class: "world" });
    this.world.append(this.edgeLayer, this.stateLayer, this.tagLayer, this.overlay);
    this.svg = make("svg:svg", { class: "canvas", "aria-label": label });
    this.svg.append(this.world);
    this.font = "15px sans-serif";
    this.below = 0; // pixels at the lower end that something covers
  }

  /** Measure texts the way the page will draw them; needed once the drawing is on the page. */
  useFont() {
    const style = getComputedStyle(this.svg);
    this.font = `${style.fontSize} ${style.fontFamily}`;
  }

  /** Bring the elements in line with the model; `marks` = { selected, target, notes: Map id -> text, active, ghost }. */
  show(model, marks = {}) {
    this.model = model;
    this.paths = routes(model, this.font);
    const keep = new Set();
    for (const edge of model.edges) {
      const key = `e${edgeKey(edge)}`;
      keep.add(key);
      this.showEdge(key, edge, marks);
    }
    for (const state of model.states) {
      const key = `s${state.id}`;
      keep.add(key);
      this.showState(key, state, marks);
    }
    for (const [key, shape] of this.shapes) {
      if (!keep.has(key)) {
        shape.root.remove();
        if (shape.tag) shape.tag.remove();
        this.shapes.delete(key);
      }
    }
    this.entry.style.display = this.paths.entry ? "" : "none";
    if (this.paths.entry) {
      setAll(this.entry.children[0], { d: this.paths.entry.line });
      setAll(this.entry.children[1], { d: this.paths.entry.head });
    }
    this.inOrder(model);
  }

  /** Screen readers meet states and edges in the order of the model. */
  inOrder(model) {
    const focused = this.svg.getRootNode().activeElement;
    model.states.forEach((state, at) => {
      const { root } = this.shapes.get(`s${state.id}`);
      if (this.stateLayer.children[at] !== root) this.stateLayer.insertBefore(root, this.stateLayer.children[at] || null);
    });
    if (focused && this.svg.contains(focused)) focused.focus({ preventScroll: true }); // a moved element loses its focus
  }

  showEdge(key, edge, marks) {
    let shape = this.shapes.get(key);
    if (!shape) {
      shape = { root: make("svg:g", { class: "edge", "data-key": key, ...this.role }) };
      for (const name of ["hit", "line", "head"]) {
        shape[name] = make("svg:path", { class: name });
        shape.root.append(shape[name]);
      }
      shape.tag = make("svg:g", { class: "tag", "data-key": key, "aria-hidden": "true" });
      shape.box = make("svg:rect", { rx: 9, height: 22, y: -11 });
      shape.text = make("svg:text", { dy: "0.34em" });
      shape.title = make("svg:title");
      shape.tag.append(shape.title, shape.box, shape.text);
      this.edgeLayer.append(shape.root);
      this.tagLayer.append(shape.tag);
      this.shapes.set(key, shape);
    }
    const path = this.paths.edges.get(edgeKey(edge));
    const letters = showLetters(edge.letters);
    const short = shortened(letters, 28);
    const half = textWidth(short, this.font) / 2 + 6;
    const [from, to] = [stateOf(this.model, edge.from), stateOf(this.model, edge.to)];
    setAll(shape.hit, { d: path.line });
    setAll(shape.line, { d: path.line });
    setAll(shape.head, { d: path.head });
    setAll(shape.tag, { transform: `translate(${fixed(path.label.x)} ${fixed(path.label.y)})` });
    setAll(shape.box, { x: fixed(-half), width: fixed(2 * half) });
    setText(shape.text, short);
    setText(shape.title, short === letters ? "" : letters);
    const spoken = `edge from ${from.name} to ${edge.from === edge.to ? "itself" : to.name} on ${letters || "nothing yet"}`;
    setAll(shape.root, { "aria-label": spoken });
    const chosen = marks.selected === key;
    for (const part of [shape.root, shape.tag]) {
      part.classList.toggle("selected", chosen);
      part.classList.toggle("active", marks.active === key);
      part.classList.toggle("draft", edge.letters.length === 0);
    }
  }

  showState(key, state, marks) {
    let shape = this.shapes.get(key);
    if (!shape) {
      shape = { root: make("svg:g", { class: "state", "data-key": key, ...this.role }) };
      for (const name of ["body", "ring", "rim"]) {
        shape[name] = make("svg:rect", { class: name });
        shape.root.append(shape[name]);
      }
      shape.title = make("svg:title");
      shape.text = make("svg:text", { dy: "0.34em" });
      shape.note = make("svg:g", { class: "note" });
      shape.note.append(make("svg:circle", { r: 7 }), make("svg:text", { dy: "0.35em" }, "!"));
      shape.root.prepend(shape.title);
      shape.root.append(shape.text, shape.note);
      this.stateLayer.append(shape.root);
      this.shapes.set(key, shape);
    }
    const half = this.paths.half.get(state.id);
    const size = (inset) => ({
      x: fixed(inset - half),
      y: inset - RADIUS,
      width: fixed(2 * (half - inset)),
      height: 2 * (RADIUS - inset),
      rx: RADIUS - inset,
    });
    const short = shortened(state.name);
    const note = marks.notes && marks.notes.get(state.id);
    const roles = [state.id === this.model.start ? ", start" : "", state.accepting ? ", accepting" : ""].join("");
    setAll(shape.root, {
      transform: `translate(${fixed(state.x)} ${fixed(state.y)})`,
      "aria-label": `state ${state.name}${roles}`,
      "aria-description": note || null,
    });
    setAll(shape.body, size(0));
    setAll(shape.ring, { ...size(4.5), visibility: state.accepting ? "visible" : "hidden" });
    setAll(shape.rim, size(-1));
    setAll(shape.note, { transform: `translate(${fixed(half * 0.78)} ${-RADIUS * 0.78})` });
    shape.note.style.display = note ? "" : "none";
    setText(shape.text, short);
    setText(shape.title, [short === state.name ? "" : state.name, note || ""].filter(Boolean).join(": "));
    shape.root.classList.toggle("selected", marks.selected === key);
    shape.root.classList.toggle("target", marks.target === state.id);
    shape.root.classList.toggle("active", marks.active === key);
    shape.root.classList.toggle("ghost", marks.ghost === key);
  }

  look() {
    const { x, y, scale } = this.view;
    setAll(this.world, { transform: `translate(${fixed(x)} ${fixed(y)}) scale(${scale.toFixed(4)})` });
    const step = 24 * scale * 2 ** Math.max(0, Math.ceil(Math.log2(0.75 / scale))); // dots never crowd
    this.svg.style.backgroundSize = `${step}px ${step}px`;
    this.svg.style.backgroundPosition = `${x}px ${y}px`;
  }

  /** Choose the view so that the whole drawing is seen, not enlarged beyond `most`. */
  fit(most = 1.25, margin = 28) {
    const { clientWidth: width, clientHeight } = this.svg;
    if (!width || !clientHeight) return;
    const height = clientHeight - this.below;
    const box = extent(this.model, this.paths, this.font);
    const room = [(width - 2 * margin) / Math.max(box.width, 1), (height - 2 * margin) / Math.max(box.height, 1)];
    const scale = Math.max(0.15, Math.min(most, ...room));
    this.view = {
      scale,
      x: width / 2 - scale * (box.x + box.width / 2),
      y: height / 2 - scale * (box.y + box.height / 2),
    };
    this.look();
  }

  /** Whether all of the drawing lies inside the window. */
  inSight() {
    const box = extent(this.model, this.paths, this.font);
    const { x, y, scale } = this.view;
    const [left, top] = [x + scale * box.x, y + scale * box.y];
    const { clientWidth: width, clientHeight: height } = this.svg;
    return left >= 0 && top >= 0 && left + scale * box.width <= width && top + scale * box.height <= height;
  }

  /** A point of the page in the coordinates of the drawing. */
  toWorld(clientX, clientY) {
    const box = this.svg.getBoundingClientRect();
    const { x, y, scale } = this.view;
    return { x: (clientX - box.left - x) / scale, y: (clientY - box.top - y) / scale };
  }

  zoom(factor, centre) {
    const before = this.view;
    const scale = Math.max(0.15, Math.min(3, before.scale * factor));
    const ratio = scale / before.scale;
    this.view = { scale, x: centre.x - ratio * (centre.x - before.x), y: centre.y - ratio * (centre.y - before.y) };
    this.look();
  }
}
