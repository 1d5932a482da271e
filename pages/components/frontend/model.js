// The drawing as a value: every operation returns a new model, so undo is a list of models.
//
// model = { name, start: id | null, states: [{ id, name, x, y, accepting }], edges: [{ from, to, letters }],
//           alphabet: [letter], placed: bool }       ids live in the browser only; Python knows states by number.

const EPSILON = "";
const EPSILON_SIGN = "\u03b5";

let lastId = 0;

function emptyModel() {
  return { name: "automaton", start: null, states: [], edges: [], alphabet: [], placed: true };
}

/** The model of Python's plain data. A state that keeps its name, or its number, keeps its id, so that focus survives. */
function fromWire(wire, before, aspect) {
  const known = new Map((before ? before.states : []).map((state) => [state.name, state.id]));
  const names = new Set(wire.states);
  const sameCount = before && before.states.length === wire.states.length;
  const ids = wire.states.map((name, index) => {
    if (known.has(name)) return known.get(name);
    if (sameCount && !names.has(before.states[index].name)) return before.states[index].id; // renamed
    return ++lastId;
  });
  const accepting = new Set(wire.accepting);
  const model = {
    name: wire.name,
    start: wire.start === undefined || wire.start === null ? null : ids[wire.start],
    states: wire.states.map((name, index) => ({
      id: ids[index],
      name,
      x: wire.positions ? wire.positions[index][0] : 0,
      y: wire.positions ? wire.positions[index][1] : 0,
      accepting: accepting.has(index),
    })),
    edges: wire.edges.map(([source, target, letters]) => ({ from: ids[source], to: ids[target], letters })),
    alphabet: wire.alphabet,
    placed: Boolean(wire.positions),
  };
  return model.placed ? model : { ...tidied(model, aspect), placed: false };
}

/** Python's plain data of a model. */
function toWire(model) {
  const index = new Map(model.states.map((state, number) => [state.id, number]));
  const wire = {
    name: model.name,
    states: model.states.map((state) => state.name),
    alphabet: model.alphabet,
    accepting: model.states.flatMap((state, number) => (state.accepting ? [number] : [])),
    edges: model.edges.map((edge) => [index.get(edge.from), index.get(edge.to), edge.letters]),
  };
  if (model.start !== null) wire.start = index.get(model.start);
  if (model.placed) wire.positions = model.states.map((state) => [state.x, state.y]);
  return wire;
}

/** One text a drawing, whatever the order in which its edges were made: equal drawings, equal texts. */
function signature(model) {
  const wire = toWire(model);
  const edges = wire.edges.map(([p, q, letters]) => [p, q, [...letters].sort()]);
  edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return JSON.stringify([wire.states, wire.alphabet, wire.accepting, wire.start, edges, wire.positions]);
}

const stateOf = (model, id) => model.states.find((state) => state.id === id);
const edgeOf = (model, from, to) => model.edges.find((edge) => edge.from === from && edge.to === to);
const edgeKey = (edge) => `${edge.from}>${edge.to}`;

function freeName(model) {
  const names = new Set(model.states.map((state) => state.name));
  let number = 0;
  while (names.has(`q${number}`)) number += 1;
  return `q${number}`;
}

function addState(model, x, y) {
  const state = { id: ++lastId, name: freeName(model), x: onGrid(x), y: onGrid(y), accepting: false };
  const start = model.states.length === 0 ? state.id : model.start;
  return [{ ...model, start, states: [...model.states, state], placed: true }, state.id];
}

function changeState(model, id, change) {
  const states = model.states.map((state) => (state.id === id ? { ...state, ...change } : state));
  return { ...model, states, placed: true };
}

const moveState = (model, id, x, y) => changeState(model, id, { x: onGrid(x), y: onGrid(y) });

/** Coordinates are kept to a tenth: short links, and no drawing needs more. */
const onGrid = (value) => Math.max(-9999, Math.min(9999, Math.round(value * 10) / 10));

function setLetters(model, from, to, letters) {
  const others = model.edges.filter((edge) => edge.from !== from || edge.to !== to);
  const edges = letters.length ? [...others, { from, to, letters }] : others;
  return { ...model, edges, alphabet: alphabetOf(model.alphabet, edges), placed: true };
}

/** Letters still in use in their old order, then new ones. */
function alphabetOf(before, edges) {
  const used = new Set(edges.flatMap((edge) => edge.letters).filter((letter) => letter !== EPSILON));
  return [...before.filter((letter) => used.has(letter)), ...[...used].filter((letter) => !before.includes(letter))];
}

function removeState(model, id) {
  const edges = model.edges.filter((edge) => edge.from !== id && edge.to !== id);
  return {
    ...model,
    start: model.start === id ? null : model.start,
    states: model.states.filter((state) => state.id !== id),
    edges,
    alphabet: alphabetOf(model.alphabet, edges),
    placed: true,
  };
}

/** The first letter of the alphabet that leaves a state nowhere yet: what a new edge most likely needs. */
function wantedLetter(model, id) {
  const used = new Set(model.edges.filter((edge) => edge.from === id).flatMap((edge) => edge.letters));
  return model.alphabet.find((letter) => !used.has(letter));
}

/** What is unfinished or ambiguous, a sentence a state; only states that have something to say. */
function lint(model) {
  const said = new Map();
  for (const state of model.states) {
    const letters = model.edges.filter((edge) => edge.from === state.id).flatMap((edge) => edge.letters);
    const missing = model.alphabet.filter((letter) => !letters.includes(letter));
    const twice = [...new Set(letters.filter((letter, at) => letter !== EPSILON && letters.indexOf(letter) !== at))];
    const parts = [];
    if (missing.length) parts.push(`no transition on ${showLetters(missing)}`);
    if (twice.length) parts.push(`several transitions on ${showLetters(twice)}`);
    if (letters.includes(EPSILON)) parts.push(`a transition on ${EPSILON_SIGN}`);
    if (parts.length) said.set(state.id, parts.join(", "));
  }
  return said;
}

const showLetters = (letters) => letters.map((letter) => (letter === EPSILON ? EPSILON_SIGN : letter)).join(", ");

/** The letters as one types them: commas between, quotes around a letter that holds a comma or would be misread. */
function writeLetters(letters) {
  const plain = (letter) => letter === letter.trim() && !/[,"]/.test(letter) && letter !== EPSILON_SIGN;
  return letters
    .map((letter) => (letter === EPSILON ? EPSILON_SIGN : plain(letter) ? letter : `"${letter.replaceAll('"', '""')}"`))
    .join(", ");
}

/** The inverse of writeLetters: [letters, problem]. */
function readLetters(text, limits) {
  const letters = [];
  const part = /\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(,|$)/y;
  while (part.lastIndex <= text.length) {
    const found = part.exec(text);
    if (!found) return [[], "A quote is not closed."];
    const quoted = found[1] !== undefined;
    const raw = quoted ? found[1].replaceAll('""', '"') : found[2].trim();
    const letter = !quoted && raw === EPSILON_SIGN ? EPSILON : raw;
    if (raw !== "" && !letters.includes(letter)) letters.push(letter);
    if (found[3] === "") break;
  }
  if (!letters.length) return [[], `Name at least one letter, such as a or a, b; ${EPSILON_SIGN} reads nothing.`];
  const long = letters.find((letter) => [...letter].length > limits.label);
  if (long) return [[], `A letter may have ${limits.label} characters at most.`];
  if (letters.some((letter) => letter !== EPSILON && letter.trim() === "")) return [[], "A letter cannot be blank."];
  return [letters, ""];
}

/** [name, problem] of a typed state name. */
function readName(text, model, id, limits) {
  const name = text.replace(/\p{Cc}/gu, "").trim();
  if (!name) return [name, "A state needs a name."];
  if ([...name].length > limits.label) return [name, `A name may have ${limits.label} characters at most.`];
  const other = model.states.find((state) => state.name === name && state.id !== id);
  return [name, other ? `There is already a state called ${name}.` : ""];
}
