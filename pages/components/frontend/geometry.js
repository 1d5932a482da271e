// Where edges run: states are circles, or stadiums where the name is long; edges are curves between their outlines with
// the letters on the line; loops and the start arrow take the freest direction.

const RADIUS = 26;
const HEAD = 9;
const SHOWN = 18; // characters of a name that are drawn; the whole name is in the tooltip

const shortened = (text, most = SHOWN) => {
  const signs = [...text];
  return signs.length > most ? `${signs.slice(0, most - 1).join("")}\u2026` : text;
};

const widths = new Map();
let pen = null;

/** Width of a text in pixels as the drawing writes it. */
function textWidth(text, font) {
  const key = `${font}|${text}`;
  if (!widths.has(key)) {
    pen = pen || document.createElement("canvas").getContext("2d");
    pen.font = font;
    if (widths.size > 5000) widths.clear();
    widths.set(key, pen.measureText(text).width);
  }
  return widths.get(key);
}

const halfWidth = (name, font) => Math.max(RADIUS, textWidth(shortened(name), font) / 2 + 13);

/** The point where the ray from a state's centre in direction `angle` leaves its outline, `gap` further out. */
function outline(state, half, angle, gap = 0) {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const radius = RADIUS + gap;
  const a = half - RADIUS;
  let t = Math.abs(dy) > 1e-9 ? radius / Math.abs(dy) : Infinity;
  if (Math.abs(t * dx) > a) {
    const along = Math.abs(dx) * a;
    t = along + Math.sqrt(Math.max(0, along * along - a * a + radius * radius));
  }
  return { x: state.x + t * dx, y: state.y + t * dy };
}

const angleTo = (p, q) => Math.atan2(q.y - p.y, q.x - p.x);
const fixed = (value) => value.toFixed(1);

/** All paths of a model: edges by key {line, head, label, at}, and the start arrow {line, head} or null. */
function routes(model, font) {
  const half = new Map(model.states.map((state) => [state.id, halfWidth(state.name, font)]));
  const at = new Map(model.states.map((state) => [state.id, state]));
  const busy = new Map(model.states.map((state) => [state.id, []]));
  const pairs = new Set(model.edges.map(edgeKey));
  const edges = new Map();
  for (const edge of model.edges) {
    if (edge.from === edge.to) continue;
    const [p, q] = [at.get(edge.from), at.get(edge.to)];
    const twin = pairs.has(`${edge.to}>${edge.from}`);
    const bend = twin ? 20 : blocked(model, p, q) ? 0.2 * Math.hypot(q.x - p.x, q.y - p.y) + 18 : 0;
    const arc = arcBetween(p, q, half.get(p.id), half.get(q.id), bend);
    stepAside(arc, textWidth(shortened(showLetters(edge.letters), 28), font) + 12);
    edges.set(edgeKey(edge), arc);
    busy.get(p.id).push(arc.leaves);
    busy.get(q.id).push(arc.arrives);
  }
  let entry = null;
  if (model.start !== null && at.has(model.start)) {
    const state = at.get(model.start);
    const angle = freest(busy.get(state.id), [Math.PI, -2.4, 2.4, -Math.PI / 2, Math.PI / 2, 0]);
    busy.get(state.id).push(angle);
    const far = outline(state, half.get(state.id), angle, 38);
    entry = arrow(far, outline(state, half.get(state.id), angle, 2), angle + Math.PI);
  }
  for (const edge of model.edges) {
    if (edge.from !== edge.to) continue;
    const state = at.get(edge.from);
    const angle = freest(busy.get(state.id), [-Math.PI / 2, Math.PI / 2, -0.9, -2.2, 0.9, 2.2, 0, Math.PI]);
    busy.get(state.id).push(angle - 0.35, angle + 0.35);
    edges.set(edgeKey(edge), loop(state, half.get(state.id), angle));
  }
  return { edges, entry, half };
}

/** The direction of `wishes` farthest from all of `taken`; an earlier wish wins a near tie. */
function freest(taken, wishes) {
  const room = (angle) => Math.min(1.2, ...taken.map((other) => Math.abs(turn(angle - other))));
  let best = wishes[0];
  let most = -Infinity;
  wishes.forEach((angle, rank) => {
    const score = room(angle) - 0.05 * rank;
    if (score > most) [best, most] = [angle, score];
  });
  return best;
}

const turn = (angle) => Math.atan2(Math.sin(angle), Math.cos(angle));

/** Whether the straight line from p to q runs into another state. */
function blocked(model, p, q) {
  const length = Math.hypot(q.x - p.x, q.y - p.y);
  if (length < 1) return false;
  const [ux, uy] = [(q.x - p.x) / length, (q.y - p.y) / length];
  return model.states.some((other) => {
    if (other === p || other === q) return false;
    const along = (other.x - p.x) * ux + (other.y - p.y) * uy;
    const across = Math.abs((other.y - p.y) * ux - (other.x - p.x) * uy);
    return along > 0 && along < length && across < RADIUS + 8;
  });
}

/** A quadratic curve from p to q that bulges `bend` to the left of its direction. */
function arcBetween(p, q, halfP, halfQ, bend) {
  const length = Math.hypot(q.x - p.x, q.y - p.y) || 1;
  const [nx, ny] = [(q.y - p.y) / length, -(q.x - p.x) / length];
  const control = { x: (p.x + q.x) / 2 + 2 * bend * nx, y: (p.y + q.y) / 2 + 2 * bend * ny };
  const leaves = angleTo(p, control);
  const arrives = angleTo(q, control);
  const begin = outline(p, halfP, leaves);
  const tip = outline(q, halfQ, arrives, 1.5);
  const end = { x: tip.x + (HEAD - 1) * Math.cos(arrives), y: tip.y + (HEAD - 1) * Math.sin(arrives) };
  const label = {
    x: 0.25 * begin.x + 0.5 * control.x + 0.25 * end.x,
    y: 0.25 * begin.y + 0.5 * control.y + 0.25 * end.y,
  };
  const line = `M${fixed(begin.x)} ${fixed(begin.y)}Q${fixed(control.x)} ${fixed(control.y)} ${fixed(end.x)} ${fixed(end.y)}`;
  const reach = Math.hypot(end.x - begin.x, end.y - begin.y);
  return { line, head: headAt(tip, arrives + Math.PI), label, leaves, arrives, normal: [nx, ny], length: reach };
}

/** Move a label off its line, to the outer side, where it would cover most of it. */
function stepAside(arc, width) {
  const [nx, ny] = arc.normal;
  const covered = Math.min(width / Math.max(Math.abs(ny), 0.05), 22 / Math.max(Math.abs(nx), 0.05));
  if (covered < 0.62 * arc.length) return;
  const out = Math.abs(nx) * (width / 2) + Math.abs(ny) * 11 + 3;
  arc.label = { x: arc.label.x + nx * out, y: arc.label.y + ny * out };
}

/** A loop that leaves a state in direction `angle` and comes back. */
function loop(state, half, angle) {
  const spread = 0.42;
  const begin = outline(state, half, angle - spread);
  const tip = outline(state, half, angle + spread, 1.5);
  const base = outline(state, half, angle);
  const out = (t, distance) => ({ x: base.x + distance * Math.cos(t), y: base.y + distance * Math.sin(t) });
  const one = out(angle - 0.62, 62);
  const two = out(angle + 0.62, 62);
  const arrives = angleTo(two, tip);
  const end = { x: tip.x - (HEAD - 1) * Math.cos(arrives), y: tip.y - (HEAD - 1) * Math.sin(arrives) };
  const line =
    `M${fixed(begin.x)} ${fixed(begin.y)}C${fixed(one.x)} ${fixed(one.y)} ` +
    `${fixed(two.x)} ${fixed(two.y)} ${fixed(end.x)} ${fixed(end.y)}`;
  return { line, head: headAt(tip, arrives), label: out(angle, 52 + 6 * Math.abs(Math.cos(angle))), leaves: angle, arrives: angle };
}

function arrow(from, tip, angle) {
  const end = { x: tip.x - (HEAD - 1) * Math.cos(angle), y: tip.y - (HEAD - 1) * Math.sin(angle) };
  return { line: `M${fixed(from.x)} ${fixed(from.y)}L${fixed(end.x)} ${fixed(end.y)}`, head: headAt(tip, angle), from };
}

/** An arrow head that points to `tip` along `angle`. */
function headAt(tip, angle) {
  const wing = (t) => `${fixed(tip.x - HEAD * Math.cos(angle + t))} ${fixed(tip.y - HEAD * Math.sin(angle + t))}`;
  return `M${fixed(tip.x)} ${fixed(tip.y)}L${wing(0.42)}L${wing(-0.42)}Z`;
}

/** The box around everything that is drawn. */
function extent(model, paths, font) {
  const xs = [];
  const ys = [];
  for (const state of model.states) {
    xs.push(state.x - paths.half.get(state.id), state.x + paths.half.get(state.id));
    ys.push(state.y - RADIUS, state.y + RADIUS);
  }
  for (const edge of model.edges) {
    const { label } = paths.edges.get(edgeKey(edge));
    const half = textWidth(shortened(showLetters(edge.letters), 28), font) / 2 + 8;
    xs.push(label.x - half, label.x + half);
    ys.push(label.y - 12, label.y + 12);
  }
  if (paths.entry) {
    xs.push(paths.entry.from.x);
    ys.push(paths.entry.from.y);
  }
  if (!xs.length) return { x: 0, y: 0, width: 400, height: 240 };
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}
