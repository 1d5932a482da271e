// The context as a picture: one column a token, one row a coordinate, and above each token what it adds to the answer.

const STRIP_BARS = 34; // pixels for the bars
const STRIP_LABELS = 58; // pixels for the names of the attributes

class TapeStrip {
  constructor() {
    this.canvas = tapeMake("canvas", { class: "tp-canvas", role: "img" });
    this.canvas.onclick = (event) => this.pick && this.pick(this.placeAt(event));
  }

  receive(run) {
    this.run = run;
    this.dim = run.data.attributes.reduce((sum, [, , labels]) => sum + labels.length, 0);
  }

  placeAt(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left - STRIP_LABELS;
    return this.from + Math.floor(x / this.column);
  }

  /** Draw the tokens up to `place`; the one at `place` asks. */
  draw(place) {
    const { run, canvas } = this;
    const width = canvas.clientWidth;
    if (!width || !run) return;
    const row = Math.max(3, Math.min(9, Math.floor(300 / this.dim)));
    const height = STRIP_BARS + row * this.dim + 4 + 3 * run.data.attributes.length;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const room = width - STRIP_LABELS;
    this.column = Math.max(5, Math.min(24, room / run.count));
    this.shown = Math.min(run.count, Math.floor(room / this.column));
    this.from = Math.max(0, Math.min(place - Math.floor(0.8 * this.shown), run.count - this.shown));
    this.paint(pen, place, row, this.colours());
    const name = `Context of ${place + 1} tokens, ${this.dim} numbers each`;
    canvas.setAttribute("aria-label", name);
  }

  colours() {
    const style = getComputedStyle(this.canvas);
    const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    return {
      ink: read("--st-text-color", "#1f2933"),
      plus: read("--st-blue-color", "#0072b2"),
      minus: read("--st-red-color", "#d55e00"),
      soft: read("--st-border-color", "#d9dee3"),
      font: read("--st-font", "sans-serif"),
    };
  }

  paint(pen, place, row, colours) {
    const { run, column, from } = this;
    const { data } = run;
    const pulls = data.pull[data.token[place]] || [];
    const most = Math.max(1e-9, ...data.token.slice(0, place + 1).map((id) => pulls[id] || 0));
    const end = Math.min(from + this.shown, run.count);
    const tops = this.rows(pen, row, colours);
    for (let at = from; at < end; at += 1) {
      const x = STRIP_LABELS + (at - from) * column;
      if (at > place) {
        pen.globalAlpha = 0.45;
        pen.fillStyle = colours.soft;
        pen.fillRect(x, tops.bottom, column - 1, 2);
        pen.globalAlpha = 1;
        continue;
      }
      const pull = (pulls[data.token[at]] || 0) / most;
      pen.fillStyle = colours.plus;
      pen.fillRect(x, STRIP_BARS - 4 - 26 * pull, column - 1, 26 * pull);
      for (const [axis, value] of data.vectors[data.token[at]]) {
        pen.globalAlpha = Math.min(1, 0.25 + 0.75 * Math.abs(value));
        pen.fillStyle = value > 0 ? colours.plus : colours.minus;
        pen.fillRect(x, tops.of[axis], column - 1, row - 1);
        // A minus is a notch as well as a colour.
        if (value < 0 && row > 4) pen.clearRect(x + (column - 1) / 3, tops.of[axis] + row / 3, (column - 1) / 3, row / 3);
      }
      pen.globalAlpha = 1;
    }
    const x = STRIP_LABELS + (place - from) * column;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(x - 1, STRIP_BARS - 2, column + 1, tops.bottom - STRIP_BARS + 4);
  }

  /** The names of the attributes at the left, with a little air between them; where each coordinate's row begins. */
  rows(pen, row, colours) {
    const of = [];
    let y = STRIP_BARS;
    pen.font = `11px ${colours.font}`;
    pen.textBaseline = "middle";
    for (const [name, , labels] of this.run.data.attributes) {
      pen.fillStyle = colours.ink;
      pen.globalAlpha = 0.8;
      pen.fillText(`${name} ${TAPE_MEANING[name] || ""}`, 0, y + (row * labels.length) / 2, STRIP_LABELS - 6);
      pen.globalAlpha = 0.5;
      pen.fillStyle = colours.soft;
      pen.fillRect(STRIP_LABELS, y - 2, this.canvas.clientWidth - STRIP_LABELS, 1);
      pen.globalAlpha = 1;
      for (let k = 0; k < labels.length; k += 1) of.push(y + k * row);
      y += row * labels.length + 3;
    }
    return { of, bottom: y - 3 };
  }
}

const TAPE_MEANING = {
  P: "cell",
  Y: "read at",
  A: "letter",
  R: "just read",
  J: "pair",
  S: "state",
  M: "move",
  K: "state·cell",
  G: "go",
  L: "all three",
};
