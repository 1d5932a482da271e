// A Turing machine's run, entirely in the browser: tape, one cell's sum, the stage and the context show the same moment.
// Place t means: token t asks, and the tokens up to t are its context. Scrubbing needs no server.

const TAPE_PACE = 900; // milliseconds a token at normal speed
const TAPE_REST = 3; // tokens' time at the end before a repeated run begins again

class TapePlayer {
  constructor(parent) {
    this.at = 0;
    this.speed = 1;
    this.cell = null; // the cell whose sum is shown; null follows the head
    this.root = tapeMake("div", { class: "tp", tabindex: "0", role: "group", "aria-label": "Run of the Turing machine" });
    this.strip = new TapeStrip();
    this.strip.pick = (place) => this.jump(place);
    this.build();
    parent.append(this.root);
    this.sizes = new ResizeObserver(() => this.run && this.strip.draw(this.at));
    this.sizes.observe(this.strip.canvas);
    for (const kind of ["keydown", "keypress", "keyup"]) {
      this.root.addEventListener(kind, (event) => event.stopPropagation()); // the page has shortcuts of its own
    }
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  build() {
    const part = (name, attributes = {}) => {
      this[name] = tapeMake("div", { class: `tp-${name}`, ...attributes });
      return this[name];
    };
    this.title = tapeMake("span", { class: "tp-title" });
    this.badge = tapeMake("span", { class: "tp-badge" });
    const head = tapeMake("div", { class: "tp-top" }, this.title, this.badge);
    part("tape", { role: "list", "aria-label": "Tape" });
    part("sum");
    part("stages", { role: "list", "aria-label": "Stages of a step" });
    part("says", { role: "status", "aria-live": "polite" });
    part("caption");
    this.root.append(head, this.tape, this.sum, this.stages, this.says, this.controls(), this.strip.canvas, this.caption);
  }

  controls() {
    this.playing = tapeButton("play", "Play", () => (this.timer ? this.stop() : this.play()));
    this.slider = tapeMake("input", { type: "range", step: 1, "aria-label": "Moment of the run" });
    this.slider.oninput = () => this.jump(Number(this.slider.value));
    this.pace = tapeMake("select", { "aria-label": "Speed" });
    for (const speed of [0.5, 1, 2, 4, 8]) this.pace.append(tapeMake("option", { value: speed }, `${speed}\u00d7`));
    this.pace.value = "1";
    this.pace.onchange = () => {
      this.speed = Number(this.pace.value);
      if (this.timer) this.play();
    };
    this.again = tapeMake("input", { type: "checkbox" });
    const repeat = tapeMake("label", { class: "tp-again" }, this.again, "repeat");
    const full = tapeButton("full", "Fill the screen", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.root.requestFullscreen();
    });
    const row = tapeMake("div", { class: "tp-controls", role: "group", "aria-label": "Controls" });
    row.append(
      tapeButton("first", "To the beginning", () => this.jump(this.run.first)),
      tapeButton("back", "One step back", () => this.jump(this.stepBack())),
      this.playing,
      tapeButton("next", "One step forward", () => this.jump(this.run.place(this.run.steps(this.at) + 1))),
      tapeButton("last", "To the end", () => this.jump(this.run.last)),
      this.pace,
      this.slider,
      repeat,
      full,
    );
    return row;
  }

  stepBack() {
    const step = this.run.steps(this.at);
    return this.run.place(this.at > this.run.place(step) ? step : step - 1);
  }

  key(event) {
    if (event.target === this.slider || event.target === this.pace || event.target === this.again) return;
    const step = this.run.steps(this.at);
    const goes = {
      ArrowLeft: () => this.jump(event.shiftKey ? this.stepBack() : this.at - 1),
      ArrowRight: () => this.jump(event.shiftKey ? this.run.place(step + 1) : this.at + 1),
      Home: () => this.jump(this.run.first),
      End: () => this.jump(this.run.last),
      " ": () => event.target === this.root && (this.timer ? this.stop() : this.play()),
    }[event.key];
    if (!goes || (event.key === " " && event.target !== this.root)) return;
    event.preventDefault();
    goes();
  }

  /** Take Python's data. Another run begins at its start; the same machine and word under other weights stay where they are. */
  receive(data) {
    const text = JSON.stringify(data);
    if (text !== this.text) {
      this.text = text;
      const stays = this.run && this.run.beginsLike(data);
      this.run = new TapeRun(data);
      this.stop();
      this.strip.receive(this.run);
      this.slider.min = this.run.first;
      this.slider.max = this.run.last;
      this.lay();
      if (!stays) {
        this.cell = null;
        this.at = this.run.first;
      }
    }
    this.show(this.at);
  }

  lay() {
    const { data } = this.run;
    const cell = (number) => {
      const letter = tapeMake("span", { class: "tp-letter" });
      const button = tapeMake("button", { type: "button", class: "tp-cell" }, tapeMake("small", {}, number), letter);
      button.onclick = () => {
        this.cell = this.cell === number ? null : number;
        this.show(this.at);
      };
      return tapeMake("div", { class: "tp-place", role: "listitem" }, button, tapeMake("span", { class: "tp-state" }));
    };
    this.tape.replaceChildren(...Array.from({ length: data.cells }, (_, number) => cell(number)));
    this.tape.style.setProperty("--cells", data.cells);
    this.stages.replaceChildren(
      ...data.stages.map((name) => tapeMake("span", { class: "tp-stage", role: "listitem" }, name)),
    );
  }

  jump(place) {
    this.stop();
    this.show(place);
  }

  show(place) {
    this.at = Math.max(this.run.first, Math.min(place, this.run.last));
    this.slider.value = this.at;
    this.showTape();
    this.showSum();
    this.showWords();
    this.strip.draw(this.at);
  }

  showTape() {
    const [state, head, halted] = this.run.now(this.at);
    const followed = this.cell ?? head;
    [...this.tape.children].forEach((place, number) => {
      const letter = this.run.data.symbols[this.run.letter(number, this.at)];
      const here = number === head;
      place.classList.toggle("tp-here", here);
      const [button, mark] = place.children;
      button.classList.toggle("tp-followed", number === followed);
      button.lastChild.textContent = letter;
      button.setAttribute("aria-label", `cell ${number}: ${letter}${here ? ", the head is here" : ""}`);
      button.setAttribute("aria-pressed", String(number === this.cell));
      mark.textContent = here ? (halted ? `${state} halted`.trim() : state) : "";
    });
    if (this.tape.scrollWidth > this.tape.clientWidth) {
      const here = this.tape.children[head];
      this.tape.scrollLeft = here.offsetLeft - this.tape.offsetLeft - this.tape.clientWidth / 2;
    }
  }

  /** The sums, token by token: what was there, what each token added, what it comes to. */
  showSum() {
    const { run } = this;
    const { symbols, states, cells } = run.data;
    const cell = this.cell ?? run.now(this.at)[1];
    const rows = [this.sumRow(`Cell ${cell}${this.cell === null ? " (head)" : ""}`, run.cells[cell], symbols)];
    if (run.state) rows.push(this.sumRow("State", run.state, states));
    const places = Array.from({ length: cells }, (_, number) => String(number));
    if (run.position) rows.push(this.sumRow("Head at cell", run.position, places));
    this.sum.replaceChildren(...rows);
  }

  sumRow(what, all, names) {
    const terms = all.filter(([at]) => at <= this.at);
    const chip = ([at, change]) => {
      const signed = change.filter(([, value]) => value).sort((a, b) => a[1] - b[1]);
      const text = signed.map(([entry, value]) => `${value < 0 ? "\u2212" : "+"}${names[entry]}`).join(" ");
      const kind = at < this.run.first ? "tp-chip tp-given" : at === this.at ? "tp-chip tp-fresh" : "tp-chip";
      return tapeMake("span", { class: kind }, text, tapeMake("small", {}, `token ${at + 1}`));
    };
    const most = Math.max(2, Math.floor((this.root.clientWidth - 250) / 84));
    const rest = terms.length > most ? [tapeMake("span", { class: "tp-more" }, `${terms.length - most} earlier`)] : [];
    const total = names[largest(all, this.at, names.length)];
    return tapeMake(
      "div",
      { class: "tp-row" },
      tapeMake("span", { class: "tp-what" }, what),
      ...rest,
      ...terms.slice(-most).map(chip),
      tapeMake("span", { class: "tp-equals" }, "="),
      tapeMake("strong", {}, total),
    );
  }

  showWords() {
    const { run } = this;
    const { data } = run;
    const steps = data.configurations.length - 1;
    const over = this.at === run.last;
    const right = data.right[over ? data.right.length - 1 : run.steps(this.at)];
    this.title.textContent = `${data.machine} \u00b7 step ${Math.min(run.steps(this.at) + 1, Math.max(steps, 1))} of ${steps}`;
    this.badge.textContent = right ? "\u2713 as the plain simulator" : "\u2260 not as the plain simulator";
    this.badge.classList.toggle("tp-wrong", !right);
    const stage = run.stage(this.at);
    [...this.stages.children].forEach((pill, number) => {
      pill.classList.toggle("tp-now", number === stage);
      if (number === stage) pill.setAttribute("aria-current", "step");
      else pill.removeAttribute("aria-current");
    });
    const words = data.says[this.at];
    this.says.textContent = over && !words.includes(data.ending) ? `${words} ${data.ending}` : words;
    this.caption.textContent =
      `Context: ${this.at + 1} tokens of ${this.strip.dim} numbers, blue plus, orange minus. The framed token asks; ` +
      "the bars above say how much each token adds to the answer.";
  }

  play() {
    this.stop();
    if (this.at >= this.run.last) this.show(this.run.first);
    let rest = 0;
    this.timer = setInterval(() => {
      if (this.at < this.run.last) {
        this.show(this.at + 1);
      } else if (!this.again.checked) {
        this.stop();
      } else if ((rest += 1) > TAPE_REST) {
        rest = 0;
        this.show(this.run.first);
      }
    }, TAPE_PACE / this.speed);
    tapeIcon(this.playing, "pause", "Pause");
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    tapeIcon(this.playing, "play", "Play");
  }

  leave() {
    this.stop();
    this.sizes.disconnect();
    this.root.remove();
  }
}

const tapePlayers = new WeakMap();

export default function tapePlayer({ data, parentElement }) {
  let player = tapePlayers.get(parentElement);
  if (!player) {
    player = new TapePlayer(parentElement);
    tapePlayers.set(parentElement, player);
  }
  player.receive(data);
  return onceGone(parentElement, () => {
    tapePlayers.delete(parentElement);
    player.leave();
  });
}
