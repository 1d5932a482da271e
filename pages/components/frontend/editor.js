// The editor: one object an instance. Python holds the truth; here is what the user sees meanwhile.
//
// Every call brings Python's drawing with a revision. A finished gesture is shown at once, put on the undo list and sent with
// the revision it builds on. Until Python has answered for it, older answers are dropped; a change that came from elsewhere
// (a preset, the table, undo on the page) always wins, because Python drops what was built on the drawing before it.

const HISTORY = 200;
const kept = new Map(); // per editor of the page: view and undo list, for when the user comes back to the page

class Editor {
  constructor(parent) {
    this.instance = Math.random().toString(36).slice(2);
    this.serial = 0;
    this.answered = 0;
    this.base = 0;
    this.model = emptyModel();
    this.past = [];
    this.future = [];
    this.selected = null;
    this.gesture = null; // what the pointer is doing
    this.connecting = null; // { from, target }: choosing where an edge goes
    this.typing = null; // the open text field
    this.draft = null; // an edge that has no letters yet
    this.limits = { states: 64, letters: 32, label: 40 };
    this.scene = new Scene("Drawing of the automaton");
    this.root = make("div", { class: "editor", "data-sent": 0, "data-answered": 0 });
    buildParts(this);
    parent.append(this.root);
    installGestures(this);
    installKeys(this);
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.scene.svg);
  }

  // --- Python's side -------------------------------------------------------------------------------------------------

  /** Take Python's data; called on every run of the page whose data changed, and when the theme does. */
  receive(data, send) {
    this.send = send;
    const first = this.data === undefined;
    this.data = data;
    this.limits = data.limits;
    this.root.style.setProperty("--height", `${data.height}px`);
    this.scene.useFont();
    if (first) this.arrive(data);
    if (this.gesture || this.typing || this.nudged || this.connecting) {
      this.waiting = data; // a gesture is never disturbed; see settle
      return;
    }
    this.reconcile(data, first);
  }

  reconcile(data, first = false) {
    const foreign = data.external > this.base;
    if (data.echo && data.echo[0] === this.instance) this.answered = Math.max(this.answered, data.echo[1]);
    this.root.dataset.answered = this.answered;
    if (!first && !foreign && this.serial > this.answered) {
      this.render(); // my later gestures are still on their way: this answer is old
      return;
    }
    this.base = data.revision;
    const before = this.model;
    const model = fromWire(data.sketch, before, this.aspect());
    if (!first && signature(model) !== signature(before)) {
      this.remember(before, signature(model));
      this.say("");
    }
    this.model = model;
    if (!this.shape(this.selected)) this.selected = null;
    this.render();
    if (first ? !kept.get(data.key) : foreign && !this.scene.inSight()) this.scene.fit();
    this.keepDraft(first);
  }

  /** A drawing from elsewhere joins the undo list; where it is the last or next entry, it was an undo or redo there. */
  remember(before, now) {
    if (this.past.length && signature(this.past.at(-1)) === now) {
      this.past.pop();
      this.future.push(before);
    } else if (this.future.length && signature(this.future.at(-1)) === now) {
      this.future.pop();
      this.past.push(before);
    } else {
      this.past = [...this.past, before].slice(-HISTORY);
      this.future = [];
    }
  }

  /** First sight on this page: take up view and undo list from before the user went to another page. */
  arrive(data) {
    const before = kept.get(data.key);
    if (before) {
      [this.past, this.future, this.model] = [before.past, before.future, before.model];
      this.scene.view = before.view;
      this.scene.look();
    }
  }

  leave() {
    const { past, future, model } = this;
    if (this.data) kept.set(this.data.key, { past, future, model, view: this.scene.view });
    this.sizes.disconnect();
    this.root.remove();
  }

  emit(action) {
    this.serial += 1;
    this.root.dataset.sent = this.serial;
    const { instance, serial, base } = this;
    this.send({ instance, serial, base, action, sketch: toWire(this.model) });
  }

  /** After a gesture: look at what Python said meanwhile. */
  settle() {
    const data = this.waiting;
    this.waiting = null;
    if (data) this.reconcile(data);
    else this.render();
  }

  // --- an unfinished drawing outlives a reload of the page -------------------------------------------------------------

  keepDraft(first) {
    const name = `linattn-drawing-${this.data.key}`;
    const stored = sessionStorage.getItem(name);
    const now = JSON.stringify(this.data.sketch);
    if (first && stored && stored !== now && !kept.has(this.data.key)) {
      this.offer = stored;
    } else if (this.data.unfinished) {
      sessionStorage.setItem(name, now);
    } else if (!this.offer) {
      sessionStorage.removeItem(name);
    }
    this.parts.restore.hidden = !this.offer;
  }

  restore(wanted) {
    const stored = this.offer;
    this.offer = null;
    this.parts.restore.hidden = true;
    sessionStorage.removeItem(`linattn-drawing-${this.data.key}`);
    if (!wanted) return;
    this.change(fromWire(JSON.parse(stored), this.model, this.aspect()), "The drawing is back.");
    this.scene.fit();
  }

  // --- changes -----------------------------------------------------------------------------------------------------------

  /** The end of a gesture: show it, remember it, send it. */
  change(model, say = "", action = "edit") {
    if (action === "edit") {
      this.past = [...this.past, this.model].slice(-HISTORY);
      this.future = [];
    }
    this.model = model;
    if (!this.shape(this.selected)) this.selected = null;
    this.render();
    if (say) this.say(say);
    this.emit(action);
  }

  undo() {
    this.step(this.past, this.future, "undo", "Undone.", "There is nothing to undo.");
  }

  redo() {
    this.step(this.future, this.past, "redo", "Done again.", "There is nothing to redo.");
  }

  step(from, to, action, said, nothing) {
    if (!from.length) {
      this.say(nothing);
      return;
    }
    to.push(this.model);
    this.change(from.pop(), said, action);
    if (!this.scene.inSight()) this.scene.fit();
  }

  addState(x, y) {
    if (this.model.states.length >= this.limits.states) {
      this.say(`A drawing holds ${this.limits.states} states at most.`);
      return null;
    }
    const [model, id] = addState(this.model, x, y);
    this.change(model, `State ${model.states.at(-1).name} added.`);
    this.select(`s${id}`);
    return id;
  }

  /** Where a new state goes without a pointer: right of the chosen one, or in the middle of the window; always free. */
  freePlace() {
    const chosen = this.state(this.selected);
    const { clientWidth, clientHeight } = this.scene.svg;
    const { x, y, scale } = this.scene.view;
    const place = chosen
      ? { x: chosen.x + 130, y: chosen.y }
      : { x: (clientWidth / 2 - x) / scale, y: (clientHeight / 2 - y) / scale };
    const crowded = () => this.model.states.some((state) => Math.hypot(state.x - place.x, state.y - place.y) < 90);
    for (let turns = 0; turns < 80 && crowded(); turns += 1) {
      const angle = turns * 0.9;
      place.x += (28 + 3 * turns) * Math.cos(angle);
      place.y += (28 + 3 * turns) * Math.sin(angle);
    }
    return place;
  }

  addByCommand() {
    const place = this.freePlace();
    const id = this.addState(place.x, place.y);
    if (id === null) return;
    if (!this.scene.inSight()) this.scene.fit();
    this.type(`s${id}`);
  }

  removeSelected() {
    const state = this.state(this.selected);
    const edge = this.edge(this.selected);
    if (state) {
      const near = this.model.states.find((other) => other !== state);
      this.change(removeState(this.model, state.id), `State ${state.name} deleted.`);
      this.select(near ? `s${near.id}` : null, true);
    } else if (edge) {
      this.change(setLetters(this.model, edge.from, edge.to, []), "Edge deleted.");
      this.select(`s${edge.from}`, true);
    }
  }

  toggleAccepting() {
    const state = this.state(this.selected);
    if (!state) return;
    const say = `State ${state.name} is ${state.accepting ? "not accepting any more" : "accepting"}.`;
    this.change(changeState(this.model, state.id, { accepting: !state.accepting }), say);
  }

  toggleStart() {
    const state = this.state(this.selected);
    if (!state) return;
    const off = this.model.start === state.id;
    const model = { ...this.model, start: off ? null : state.id, placed: true };
    this.change(model, off ? "There is no start state now." : `State ${state.name} is the start state.`);
  }

  tidy() {
    if (this.model.states.length < 2) return;
    this.change(tidied(this.model, this.aspect()), "Tidied up.");
    this.scene.fit();
  }

  // --- connecting ----------------------------------------------------------------------------------------------------------

  startConnecting() {
    const state = this.state(this.selected);
    if (!state) {
      this.say("Choose the state where the edge begins, then press Connect.");
      return;
    }
    this.connecting = { from: state.id, target: null };
    this.render();
    this.say(`Connecting ${state.name}: choose the state where the edge ends, ${state.name} itself for a loop.`);
  }

  stopConnecting() {
    if (!this.connecting) return;
    this.connecting = null;
    this.settle();
    this.say("No edge was made.");
  }

  /** Make an edge, or open the one that is there, and ask for its letters. */
  connect(from, to) {
    this.connecting = null;
    if (!edgeOf(this.model, from, to)) this.draft = { from, to, letters: [] };
    this.render();
    this.select(`e${from}>${to}`);
    this.type(`e${from}>${to}`);
  }

  // --- typing ----------------------------------------------------------------------------------------------------------------

  type(key) {
    const state = this.state(key);
    const edge = this.edge(key);
    if (!state && !edge) return;
    const wanted = edge && this.draft ? wantedLetter(this.model, edge.from) : undefined;
    const text = state ? state.name : edge.letters.length ? writeLetters(edge.letters) : wanted ? writeLetters([wanted]) : "";
    openField(this, key, text);
  }

  /** Take what was typed; returns the problem, or "" when all is well. */
  accept(key, text) {
    const state = this.state(key);
    if (state) {
      const [name, problem] = readName(text, this.model, state.id, this.limits);
      if (problem) return problem;
      this.typing = null;
      if (name !== state.name) this.change(changeState(this.model, state.id, { name }), `Renamed to ${name}.`);
      return "";
    }
    const edge = this.edge(key);
    const [letters, problem] = readLetters(text, this.limits);
    if (problem) return problem;
    const others = this.model.edges.filter((other) => edgeKey(other) !== edgeKey(edge));
    if (alphabetOf([], [...others, { letters }]).length > this.limits.letters) {
      return `An automaton has ${this.limits.letters} letters at most.`;
    }
    const same = edge.letters.length === letters.length && edge.letters.every((letter) => letters.includes(letter));
    this.typing = null;
    this.draft = null;
    if (!same) this.change(setLetters(this.model, edge.from, edge.to, letters), `Edge on ${showLetters(letters)}.`);
    return "";
  }

  /** Close the field without taking anything; an edge without letters goes away. */
  dismiss() {
    this.typing = null;
    if (this.draft) {
      this.selected = `s${this.draft.from}`;
      this.draft = null;
      this.say("No edge was made.");
    }
  }

  // --- looking ---------------------------------------------------------------------------------------------------------------

  shown() {
    return this.draft ? { ...this.model, edges: [...this.model.edges, this.draft] } : this.model;
  }

  state(key) {
    return key && key[0] === "s" ? stateOf(this.model, Number(key.slice(1))) : undefined;
  }

  edge(key) {
    return key && key[0] === "e" ? this.shown().edges.find((edge) => `e${edgeKey(edge)}` === key) : undefined;
  }

  shape(key) {
    return this.state(key) || this.edge(key);
  }

  select(key, focus = true) {
    this.selected = key;
    this.render();
    const shape = key && this.scene.shapes.get(key);
    if (focus) (shape ? shape.root : this.scene.svg).focus({ preventScroll: true });
  }

  /** How wide a tidy drawing may be in this window. */
  aspect() {
    const { clientWidth: width, clientHeight: height } = this.scene.svg;
    return height ? Math.max(0.75, Math.min(1.7, (0.75 * width) / height)) : 1.3;
  }

  resized() {
    const before = this.size;
    const { clientWidth: width, clientHeight: height } = this.scene.svg;
    this.scene.below = width < 520 ? 44 : 0; // the zoom buttons
    this.size = [width, height];
    if (!before || !before[0] || (Math.abs(before[0] - width) > 40 && !this.scene.inSight())) this.scene.fit();
  }

  render(model = this.shown()) {
    const notes = this.connecting ? new Map() : lint(model);
    const target = this.connecting ? this.connecting.target : null;
    this.scene.show(model, { selected: this.selected, notes, target });
    showOverlay(this);
    showParts(this);
  }

  say(text) {
    this.parts.said.textContent = text;
  }
}
