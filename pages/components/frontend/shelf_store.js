// What the shelf keeps in the browser's own storage: { format, version, machines: [{ name, kind, saved, code }] }, the
// same as in its file. Every change reads afresh, since other tabs write too, and leaves what it does not understand as it is.

const SHELF_KEY = "linattn-shelf";
const SHELF_FORMAT = "linattn shelf";
const SHELF_VERSION = 1;
const LONGEST_NAME = 80;
const LARGEST_FILE = 4 * 1024 * 1024;

const tidyName = (text) => text.normalize("NFC").replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
const textOf = (value, otherwise) => (typeof value === "string" && value.trim() ? value : otherwise);
const nameOf = (entry) => textOf(entry && entry.name, "(no name)");
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** Newest first; what bears no time comes last. */
function byTime(one, other) {
  const [a, b] = [one, other].map((entry) => Date.parse(entry && entry.saved) || 0);
  return b - a;
}

/** Read the text of a shelf: { machines, fault }. fault: "broken", "foreign", "future" or "". */
function parseShelf(text) {
  if (text === null) return { machines: [], fault: "" };
  let found;
  try {
    found = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { machines: [], fault: "broken" };
  }
  if (!found || found.format !== SHELF_FORMAT || !Array.isArray(found.machines)) return { machines: [], fault: "foreign" };
  const fault = found.version === SHELF_VERSION ? "" : "future";
  return { machines: [...found.machines].sort(byTime), fault };
}

function shelfText(machines) {
  return `${JSON.stringify({ format: SHELF_FORMAT, version: SHELF_VERSION, machines }, null, 1)}\n`;
}

/** The wished name, or with a number where it is taken. */
function freeShelfName(wished, machines) {
  const taken = new Set(machines.map(nameOf));
  let name = wished;
  for (let number = 2; taken.has(name); number += 1) name = `${wished.slice(0, LONGEST_NAME - 5)} ${number}`;
  return name;
}

class ShelfStore {
  constructor() {
    this.memory = null; // stands in where the browser keeps nothing
    try {
      this.storage = window.localStorage;
      this.storage.getItem(SHELF_KEY);
    } catch (error) {
      if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
      this.storage = null; // switched off
    }
  }

  get text() {
    return this.storage ? this.storage.getItem(SHELF_KEY) : this.memory;
  }

  read() {
    return parseShelf(this.text);
  }

  /** Keep `text` under a key; false where the storage is full. What was there before then stays. */
  keep(text, key = SHELF_KEY) {
    if (!this.storage) {
      this.memory = text;
      return true;
    }
    try {
      this.storage.setItem(key, text);
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return false;
    }
  }

  /**
   * Take `removed` off the shelf and put `added` onto it. Returns { fault } or { undo }, the change that takes it back.
   * fault: "future", "gone" (another tab was faster) or "full"; then nothing has changed.
   */
  change({ removed, added }) {
    const { machines, fault } = this.read();
    if (fault === "future") return { fault };
    const kept = [...machines];
    for (const entry of removed) {
      const at = kept.findIndex((other) => same(other, entry));
      if (at < 0) return { fault: "gone" };
      kept.splice(at, 1);
    }
    const put = [];
    for (const entry of added) {
      put.push(kept.some((other) => nameOf(other) === nameOf(entry)) ? { ...entry, name: freeShelfName(nameOf(entry), kept) } : entry);
      kept.push(put.at(-1));
    }
    if (fault && !this.keep(this.text, `${SHELF_KEY}-unreadable-${Date.now()}`)) return { fault: "full" };
    if (!this.keep(shelfText(kept.sort(byTime)))) return { fault: "full" };
    return { undo: { removed: put, added: removed } };
  }
}
