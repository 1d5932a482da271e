// A word step by step, entirely in the browser: the drawing, the word, the tokens and the matrix C show the same step.
// Position t means: t letters have been read. What is marked is the step that led there, from position t - 1.

const PACE = 900; // milliseconds a step at normal speed
const SPEEDS = [0.5, 1, 2, 4];
const MATRIX = 250; // pixels
const RUN_ICONS = {
  first: "M14 5l-5 5 5 5M6.5 5v10",
  back: "M12 5l-5 5 5 5",
  play: "M7 4.5l8.5 5.5L7 15.5z",
  pause: "M7 5v10M13 5v10",
  next: "M8 5l5 5-5 5",
  last: "M6 5l5 5-5 5M13.5 5v10",
};

class Runner {
  constructor(parent) {
    this.at = 0;
    this.speed = 1;
    this.scene = new Scene("", false);
    this.scene.svg.setAttribute("role", "img");
    this.root = make("div", { class: "runner" });
    this.build();
    parent.append(this.root);
    this.sizes = new ResizeObserver(() => this.data && this.scene.fit(1.2, 18));
    this.sizes.observe(this.scene.svg);
    for (const kind of ["keydown", "keypress", "keyup"]) {
      this.root.addEventListener(kind, (event) => event.stopPropagation()); // the page has shortcuts of its own
    }
    this.root.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way || event.target === this.slider || event.target === this.pace) return;
      event.preventDefault();
      this.stop();
      this.go(this.at + way);
    });
  }

  build() {
    this.word = make("div", { class: "word", role: "group", "aria-label": "Word" });
    this.strip = make("div", { class: "strip" });
    this.stripTitle = make("div", { class: "title" });
    this.matrixTitle = make("div", { class: "title" });
    this.matrix = make("svg:svg", { class: "matrix", role: "img" });
    this.matrixPart = make("div", { class: "matrix-part" }, this.matrixTitle, this.matrix);
    this.said = make("div", { class: "says", role: "status", "aria-live": "polite" });
    const tokens = make("div", { class: "tokens" }, this.stripTitle, this.strip);
    const inside = make("div", { class: "inside" }, tokens, this.matrixPart);
    this.root.append(this.word, this.controls(), this.said, make("div", { class: "panes" }, this.scene.svg, inside));
  }

  controls() {
    const act = (name, label, does) => {
      const icon = make("svg:svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" });
      icon.append(make("svg:path", { d: RUN_ICONS[name] }));
      const element = make("button", { type: "button", title: label, "aria-label": label }, icon);
      element.onclick = does;
      return element;
    };
    const jump = (to) => () => {
      this.stop();
      this.go(to());
    };
    this.playing = act("play", "Play", () => (this.timer ? this.stop() : this.play()));
    this.slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
    this.slider.oninput = jump(() => Number(this.slider.value));
    this.pace = make("select", { "aria-label": "Speed" });
    for (const speed of SPEEDS) this.pace.append(make("option", { value: speed }, `${speed}\u00d7`));
    this.pace.value = "1";
    this.pace.onchange = () => {
      this.speed = Number(this.pace.value);
      if (this.timer) this.play();
    };
    return make(
      "div",
      { class: "controls", role: "group", "aria-label": "Run" },
      act("first", "To the beginning", jump(() => 0)),
      act("back", "One step back", jump(() => this.at - 1)),
      this.playing,
      act("next", "One step forward", jump(() => this.at + 1)),
      act("last", "To the end", jump(() => this.data.word.length)),
      this.pace,
      this.slider,
    );
  }

  /** Take Python's data. Another word or machine begins at the start; the same one stays where it is. */
  receive(data) {
    const text = JSON.stringify(data);
    this.scene.useFont();
    if (text !== this.text) {
      const first = this.text === undefined;
      this.text = text;
      this.data = data;
      this.stop();
      this.model = fromWire(data.sketch, this.model, 1.3);
      this.byNumber = this.model.states.map((state) => state.id);
      this.root.style.setProperty("--height", `${data.height}px`);
      this.lay();
      this.at = first ? Math.min(data.position, data.word.length) : 0;
    }
    this.go(this.at);
    this.scene.fit(1.2, 18);
  }

  /** Put the word, the tokens and the frame of the matrix in place. */
  lay() {
    const { data } = this;
    this.slider.max = data.word.length;
    this.word.replaceChildren(...data.word.map((letter, step) => this.letter(letter, step)));
    if (!data.word.length) this.word.append(make("span", { class: "nothing" }, "the empty word"));
    this.strip.replaceChildren(...data.tokens.map((text) => make("span", { class: "token" }, text)));
    setText(this.stripTitle, data.stripTitle);
    this.strip.parentElement.hidden = !data.tokens.length;
    this.matrixPart.hidden = !data.axes.length || !data.word.length;
    this.shape = `C = Z Z\u1d40 (${data.axes.length} \u00d7 ${data.axes.length})`;
    this.layMatrix();
  }

  letter(letter, step) {
    const element = make("button", { type: "button", class: "letter" }, shortened(letter, 14));
    element.title = letter;
    element.setAttribute("aria-label", `letter ${step + 1}, ${letter}`);
    element.onclick = () => {
      this.stop();
      this.go(step + 1);
    };
    return element;
  }

  layMatrix() {
    const { axes } = this.data;
    const named = axes.length <= 28;
    const longest = named ? Math.max(...axes.map((name) => textWidth(shortened(name, 12), "11px sans-serif")), 8) + 10 : 6;
    const size = MATRIX / Math.max(axes.length, 6);
    const side = size * axes.length;
    this.grid = { size, offset: longest };
    setAll(this.matrix, {
      viewBox: `0 0 ${fixed(longest + side + 2)} ${fixed(longest + side + 2)}`,
      style: `max-width: ${fixed((longest + side + 2) * 1.15)}px`,
    });
    const frame = make("svg:rect", { class: "frame", x: longest, y: longest, width: side, height: side });
    this.cells = make("svg:g");
    this.matrix.replaceChildren(frame, this.cells);
    if (!named) return;
    axes.forEach((name, number) => {
      const middle = fixed(longest + (number + 0.5) * size);
      const row = make("svg:text", { x: longest - 5, y: middle, dy: "0.35em", "text-anchor": "end" });
      const column = make("svg:text", { transform: `translate(${middle} ${longest - 5}) rotate(-90)`, dy: "0.35em" });
      for (const text of [row, column]) {
        text.textContent = shortened(name, 12);
        this.matrix.append(text);
      }
    });
  }

  // --- moving --------------------------------------------------------------------------------------------------------------

  play() {
    this.stop();
    if (this.at >= this.data.word.length) this.go(0);
    this.timer = setInterval(() => {
      this.go(this.at + 1);
      if (this.at >= this.data.word.length) this.stop();
    }, PACE / this.speed);
    this.showPlaying();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.showPlaying();
  }

  showPlaying() {
    const name = this.timer ? "pause" : "play";
    setAll(this.playing, { "aria-label": this.timer ? "Pause" : "Play", title: this.timer ? "Pause" : "Play" });
    setAll(this.playing.querySelector("path"), { d: RUN_ICONS[name] });
  }

  go(to) {
    const { data } = this;
    this.at = Math.max(0, Math.min(data.word.length, to));
    this.slider.value = this.at;
    const step = this.at - 1;
    const here = data.learned[this.at];
    const before = step >= 0 ? data.learned[step] : null;
    const key = (number) => `s${this.byNumber[number]}`;
    const taken = before === null ? undefined : edgeOf(this.model, this.byNumber[before], this.byNumber[here]);
    const known = taken && taken.letters.includes(data.word[step]);
    const edge = known ? `e${edgeKey(taken)}` : null;
    const apart = data.true[this.at] !== here;
    this.scene.show(this.model, { active: key(here), ghost: apart ? key(data.true[this.at]) : null });
    for (const name of ["root", "tag"]) {
      for (const [shape, parts] of this.scene.shapes) {
        if (shape[0] === "e" && parts[name]) parts[name].classList.toggle("active", shape === edge);
      }
    }
    this.astray(step >= 0 && !known ? [this.byNumber[before], this.byNumber[here], data.word[step]] : null);
    this.markAll(step);
    const says = data.says[this.at];
    setText(this.said, says);
    setAll(this.scene.svg, { "aria-label": `Drawing of the automaton. ${says}` });
    setAll(this.slider, { "aria-valuetext": says });
  }

  /** A step of the learned machine that the drawn one does not have: a dashed arrow with its letter. */
  astray(step) {
    this.scene.overlay.replaceChildren();
    if (!step) return;
    const [p, q] = [stateOf(this.model, step[0]), stateOf(this.model, step[1])];
    const half = (state) => this.scene.paths.half.get(state.id);
    const path = p === q ? loop(p, half(p), Math.PI / 4) : arcBetween(p, q, half(p), half(q), -38);
    const label = make("svg:text", { class: "astray", x: path.label.x, y: path.label.y, dy: "0.34em" });
    label.textContent = shortened(step[2], 28);
    this.scene.overlay.append(
      make("svg:path", { class: "astray line", d: path.line }),
      make("svg:path", { class: "astray head", d: path.head }),
      label,
    );
  }

  markAll(step) {
    const { data } = this;
    [...this.word.querySelectorAll(".letter")].forEach((element, number) => {
      element.classList.toggle("read", number < step);
      element.classList.toggle("now", number === step);
      setAll(element, { "aria-current": number === step ? "step" : null });
    });
    [...this.strip.children].forEach((element, number) => {
      const now = step >= 0 && data.token[step] === number;
      element.classList.toggle("now", now);
      if (now) this.bringIntoSight(element);
    });
    this.showMatrix(step);
  }

  /** Scroll inside the strip only; the page itself must not move. */
  bringIntoSight(element) {
    const { strip } = this;
    const top = element.offsetTop - strip.offsetTop;
    if (top < strip.scrollTop || top + element.offsetHeight > strip.scrollTop + strip.clientHeight) {
      strip.scrollTop = top - strip.clientHeight / 2;
    }
  }

  showMatrix(step) {
    const { data, grid } = this;
    const cells = step >= 0 && data.axes.length ? data.matrices[data.matrix[step]] : [];
    const most = Math.max(1e-9, ...cells.map((cell) => Math.abs(cell[2])));
    const square = (row, column, more) =>
      make("svg:rect", {
        x: fixed(grid.offset + column * grid.size),
        y: fixed(grid.offset + row * grid.size),
        width: fixed(grid.size),
        height: fixed(grid.size),
        ...more,
      });
    this.cells.replaceChildren(
      ...cells.map(([row, column, value]) =>
        square(row, column, { class: value < 0 ? "negative" : "positive", opacity: 0.25 + 0.6 * (Math.abs(value) / most) }),
      ),
    );
    if (step < 0 || !data.axes.length) {
      setText(this.matrixTitle, this.shape);
      setAll(this.matrix, { "aria-label": "Matrix C; nothing has been read yet" });
      return;
    }
    const [row, column] = data.cell[step];
    this.cells.append(square(row, column, { class: "deciding" }));
    const name = `row ${data.axes[row]}, column ${data.axes[column]}`;
    setText(this.matrixTitle, `${this.shape}; framed: ${name}`);
    setAll(this.matrix, { "aria-label": `Matrix C of step ${step + 1}: ${cells.length} cells are not zero; ${name} decides` });
  }

  leave() {
    this.stop();
    this.sizes.disconnect();
    this.root.remove();
  }
}

const runners = new WeakMap();

export default function wordRunner({ data, parentElement }) {
  let runner = runners.get(parentElement);
  if (!runner) {
    runner = new Runner(parentElement);
    runners.set(parentElement, runner);
  }
  collect(data.from, (letter) => runner.receive(letter), parentElement);
  return onceGone(parentElement, () => {
    if (!runners.delete(parentElement)) return;
    stopCollecting(data.from, parentElement);
    runner.leave();
  });
}
