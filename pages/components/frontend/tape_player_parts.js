// Small tools of the tape player. Text from outside only ever becomes textContent.

const TAPE_ICONS = {
  first: "M14 5l-5 5 5 5M6.5 5v10",
  back: "M12 5l-5 5 5 5",
  play: "M7 4.5l8.5 5.5L7 15.5z",
  pause: "M7 5v10M13 5v10",
  next: "M8 5l5 5-5 5",
  last: "M6 5l5 5-5 5M13.5 5v10",
  full: "M4 8V4h4M16 8V4h-4M4 12v4h4M16 12v4h-4",
};

/** An element with attributes and children; text children stay text. */
function tapeMake(name, attributes = {}, ...children) {
  const svg = name.startsWith("svg:");
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function tapeButton(icon, label, does) {
  const picture = tapeMake("svg:svg", { viewBox: "0 0 20 20", class: "tp-icon", "aria-hidden": "true" });
  picture.append(tapeMake("svg:path", { d: TAPE_ICONS[icon] }));
  const button = tapeMake("button", { type: "button", title: label, "aria-label": label }, picture);
  button.onclick = does;
  return button;
}

function tapeIcon(button, icon, label) {
  button.querySelector("path").setAttribute("d", TAPE_ICONS[icon]);
  button.title = label;
  button.setAttribute("aria-label", label);
}

/** A run as the player needs it: what stands where after every token, by nothing but sums over tokens. */
class TapeRun {
  constructor(data) {
    this.data = data;
    this.count = data.token.length;
    this.first = data.prompt - 1; // the first token that asks
    this.last = this.count - 1;
    this.perStep = data.stages.length;
    this.block = Object.fromEntries(data.attributes.map(([name, start, labels]) => [name, [start, labels.length]]));
    const { P, Y, A, S } = this.block;
    const sumOf = (vector, block) => vector.reduce((sum, [at, value]) => sum + (inside(at, block) ? value : 0), 0);
    const keyed = (cell) => (vector) => vector.find(([at]) => at === P[0] + cell)?.[1] || 0;
    this.cells = Array.from({ length: data.cells }, (_, cell) => this.terms(keyed(cell), A));
    // State and position are such sums too where a design keeps them so; elsewhere the asking token carries them.
    this.state = S ? this.terms((vector) => sumOf(vector, P), S) : null;
    this.position = S && Y ? this.terms((vector) => sumOf(vector, Y), P) : null;
  }

  /** Whether `data` tell of the same prompt: machine, word and design, whatever weights then ran it. */
  beginsLike(data) {
    const prompt = (of) =>
      JSON.stringify([of.machine, of.states, of.symbols, of.stages, of.token.slice(0, of.prompt).map((id) => of.vectors[id])]);
    return prompt(this.data) === prompt(data);
  }

  /** What every token adds to a sum: [token, its non-zero changes], where `weight` says how much a token counts. */
  terms(weight, block) {
    const found = [];
    this.data.token.forEach((id, place) => {
      const vector = this.data.vectors[id];
      const counts = weight(vector);
      const change = vector.filter(([at]) => inside(at, block)).map(([at, value]) => [at - block[0], value * counts]);
      if (counts && change.length) found.push([place, change]);
    });
    return found;
  }

  /** How many machine steps are complete when the token at `place` asks. */
  steps(place) {
    return Math.min(Math.floor((place - this.first) / this.perStep), this.data.configurations.length - 1);
  }

  stage(place) {
    return (place - this.first) % this.perStep;
  }

  /** The place at which step `step` begins; past the end, the last token. */
  place(step) {
    return Math.max(this.first, Math.min(this.first + step * this.perStep, this.last));
  }

  /** The letter of a cell: the largest sum over the tokens with its key. */
  letter(cell, place) {
    return largest(this.cells[cell], place, this.data.symbols.length);
  }

  /** State, head and whether it halted, as far as the tokens up to `place` tell. */
  now(place) {
    const { configurations } = this.data;
    const halted = configurations.at(-1)[2] && place >= this.last;
    return halted ? configurations.at(-1) : configurations[this.steps(place)];
  }
}

/** Which entry the terms up to `place` add up to. */
function largest(terms, place, size) {
  const total = new Array(size).fill(0);
  for (const [at, change] of terms) {
    if (at > place) break;
    for (const [entry, value] of change) total[entry] += value;
  }
  return total.indexOf(Math.max(...total));
}

function inside(at, [start, size]) {
  return at >= start && at < start + size;
}
