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
    const block = Object.fromEntries(data.attributes.map(([name, start, labels]) => [name, [start, labels.length]]));
    this.changes = Array.from({ length: data.cells }, () => []); // per cell: [token, change of each letter]
    data.token.forEach((id, place) => {
      const vector = data.vectors[id];
      const keys = vector.filter(([at]) => inside(at, block.P));
      const values = vector.filter(([at]) => inside(at, block.A));
      for (const [key, weight] of values.length ? keys : []) {
        const change = values.map(([at, value]) => [at - block.A[0], value * weight]);
        this.changes[key - block.P[0]].push([place, change]);
      }
    });
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

  /** Sums over the tokens with the key of a cell, one number a letter. */
  sums(cell, place) {
    const total = new Array(this.data.symbols.length).fill(0);
    for (const [at, change] of this.changes[cell]) {
      if (at > place) break;
      for (const [letter, value] of change) total[letter] += value;
    }
    return total;
  }

  letter(cell, place) {
    const total = this.sums(cell, place);
    return total.indexOf(Math.max(...total));
  }

  /** State, head and whether it halted, as far as the tokens up to `place` tell. */
  now(place) {
    const { configurations } = this.data;
    const halted = configurations.at(-1)[2] && place >= this.last;
    return halted ? configurations.at(-1) : configurations[this.steps(place)];
  }
}

function inside(at, [start, size]) {
  return at >= start && at < start + size;
}
