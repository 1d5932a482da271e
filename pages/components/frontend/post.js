// How a component whose program is sent once gets its data.
//
// The server repeats a message that has not changed by its number alone, and a component's program travels with its data. So
// the program has a place on the page with data that never change; what does change comes through a second place, a letter
// of a few lines. Each is a module of its own: they meet here, whichever comes first.

const boxes = (globalThis.linattnBoxes = globalThis.linattnBoxes || new Map());

function boxOf(name) {
  if (!boxes.has(name)) boxes.set(name, {});
  return boxes.get(name);
}

/** Put a letter into a box and tell the reader, if there is one. */
function post(name, letter, sender) {
  const box = boxOf(name);
  Object.assign(box, { letter, sender });
  if (box.read) box.read(letter);
}

/** The sender is gone: what it said must not greet a reader who comes later. */
function takeBack(name, sender) {
  const box = boxOf(name);
  if (box.sender === sender) Object.assign(box, { letter: undefined, sender: undefined });
}

/** Read the letter that lies there, and every later one. */
function collect(name, read, reader) {
  const box = boxOf(name);
  Object.assign(box, { read, reader });
  if (box.letter !== undefined) read(box.letter);
}

function stopCollecting(name, reader) {
  const box = boxOf(name);
  if (box.reader === reader) Object.assign(box, { read: undefined, reader: undefined });
}
