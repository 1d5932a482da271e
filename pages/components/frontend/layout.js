// A tidy layout, on request only: small drawings on a circle in breadth-first order, larger ones by stress majorisation
// (Gansner, Koren, North 2004): distances on the page close to distances in the graph.

const SPACING = 150; // of neighbours
const CLOSEST = 145; // of any two states

/** The model with new places; nothing else changes. aspect: how many times wider than high the drawing may be. */
function tidied(model, aspect = 1.3) {
  const count = model.states.length;
  if (count === 0) return model;
  const order = breadthFirst(model);
  const radius = count === 1 ? 0 : 150 / (2 * Math.sin(Math.PI / Math.max(count, 3)));
  let places = new Map(
    order.map((id, rank) => {
      const angle = Math.PI + (2 * Math.PI * rank) / count; // the start state on the left, then clockwise
      return [id, { x: radius * Math.cos(angle), y: radius * Math.sin(angle) }];
    }),
  );
  if (count > 8) places = relaxed(model, places);
  for (const place of places.values()) place.x *= aspect;
  apart([...places.values()]);
  const left = Math.min(...[...places.values()].map((place) => place.x)) - 60;
  const top = Math.min(...[...places.values()].map((place) => place.y)) - 60;
  const states = model.states.map((state) => {
    const place = places.get(state.id);
    return { ...state, x: onGrid(Math.round(place.x - left)), y: onGrid(Math.round(place.y - top)) };
  });
  return { ...model, states, placed: true };
}

function breadthFirst(model) {
  const next = new Map(model.states.map((state) => [state.id, []]));
  for (const edge of model.edges) next.get(edge.from).push(edge.to);
  const order = [];
  const seen = new Set();
  for (const root of [model.start, ...model.states.map((state) => state.id)]) {
    if (root === null || seen.has(root)) continue;
    const queue = [root];
    seen.add(root);
    while (queue.length) {
      const id = queue.shift();
      order.push(id);
      for (const target of next.get(id)) {
        if (!seen.has(target)) {
          seen.add(target);
          queue.push(target);
        }
      }
    }
  }
  return order;
}

function relaxed(model, places) {
  const ids = [...places.keys()];
  const steps = hops(model, ids);
  const at = ids.map((id) => places.get(id));
  for (let round = 0; round < 120; round += 1) {
    for (let i = 0; i < ids.length; i += 1) {
      let weight = 0;
      let x = 0;
      let y = 0;
      for (let j = 0; j < ids.length; j += 1) {
        if (i === j) continue;
        const wished = SPACING * steps[i][j];
        const w = 1 / (steps[i][j] * steps[i][j]);
        const dx = at[i].x - at[j].x;
        const dy = at[i].y - at[j].y;
        const length = Math.hypot(dx, dy) || 1e-6;
        weight += w;
        x += w * (at[j].x + (wished * dx) / length);
        y += w * (at[j].y + (wished * dy) / length);
      }
      at[i] = { x: x / weight, y: y / weight };
    }
  }
  return new Map(ids.map((id, i) => [id, { x: at[i].x, y: at[i].y }]));
}

/** Push places that lie too close to each other apart, and nothing else. */
function apart(places) {
  for (let round = 0, moved = true; moved && round < 200; round += 1) {
    moved = false;
    for (let i = 0; i < places.length; i += 1) {
      for (let j = 0; j < i; j += 1) {
        const [p, q] = [places[i], places[j]];
        const length = Math.hypot(p.x - q.x, p.y - q.y) || 1e-6;
        const lack = (CLOSEST - length) / 2;
        if (lack < 0.01) continue;
        const [dx, dy] = length > 1e-3 ? [(p.x - q.x) / length, (p.y - q.y) / length] : [Math.cos(i), Math.sin(i)];
        [p.x, p.y, q.x, q.y] = [p.x + lack * dx, p.y + lack * dy, q.x - lack * dx, q.y - lack * dy];
        moved = true;
      }
    }
  }
}

/** Lengths of shortest paths, directions ignored; states that are not connected count as three steps apart. */
function hops(model, ids) {
  const number = new Map(ids.map((id, i) => [id, i]));
  const steps = ids.map((_, i) => ids.map((_, j) => (i === j ? 0 : 3)));
  const near = ids.map(() => []);
  for (const edge of model.edges) {
    const [p, q] = [number.get(edge.from), number.get(edge.to)];
    if (p !== q) {
      near[p].push(q);
      near[q].push(p);
    }
  }
  ids.forEach((_, root) => {
    const distance = new Map([[root, 0]]);
    const queue = [root];
    while (queue.length) {
      const i = queue.shift();
      steps[root][i] = distance.get(i);
      for (const j of near[i]) {
        if (!distance.has(j)) {
          distance.set(j, distance.get(i) + 1);
          queue.push(j);
        }
      }
    }
  });
  return steps;
}
