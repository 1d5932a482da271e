// My machines: saved in this browser under names, opened again, renamed, deleted, taken along as a file.
// What is saved and what is opened goes through Python, which alone knows what is on the page and checks every code.

const SHELF_FAULTS = {
  broken: "What this browser keeps as your machines is no longer readable; saving anew puts it aside unchanged.",
  foreign: "What this browser keeps as your machines was not written by this page; saving anew puts it aside unchanged.",
  future: "Your machines were written by a later version of this program, which this one will not change; update it.",
};
const NO_STORAGE = "This browser keeps nothing for this page, so the shelf lasts until you leave it; take it along as a file.";
const shelfRefusals = (name) => ({
  future: SHELF_FAULTS.future,
  gone: `“${name}” was changed in another tab just now, so nothing was done; look again.`,
  full: `The browser's storage is full, so “${name}” was not changed; delete something, or take the shelf along as a file.`,
});

class Shelf {
  constructor(parent) {
    this.instance = Math.random().toString(36).slice(2);
    this.serial = 0;
    this.store = new ShelfStore();
    this.wish = null; // what Python was asked for
    this.typed = false;
    this.undoable = null;
    this.root = make("div", { class: "shelf", role: "region", "aria-label": "My machines" });
    buildShelf(this);
    parent.append(this.root);
    this.root.onkeydown = (event) => event.stopPropagation(); // the page has shortcuts of its own
    this.hear = (event) => (event.key === SHELF_KEY || event.key === null) && this.render();
    window.addEventListener("storage", this.hear);
    if (!this.store.storage) this.complain(NO_STORAGE);
    this.render();
  }

  leave() {
    window.removeEventListener("storage", this.hear);
    this.root.remove();
  }

  // --- Python's side -------------------------------------------------------------------------------------------------

  receive(data, send) {
    this.send = send;
    if (!this.typed) this.parts.name.value = data.name;
    this.suggestion = data.name;
    const { answer } = data;
    if (!answer || !this.wish || answer.instance !== this.instance || answer.serial !== this.wish.serial) return;
    const wish = this.wish;
    this.wish = null;
    this.root.removeAttribute("aria-busy");
    wish.then(answer);
  }

  /** Ask Python; `then` gets its answer. One question at a time: a second would overtake the first. */
  ask(action, code, then) {
    if (this.wish) return;
    this.serial += 1;
    this.wish = { serial: this.serial, then };
    this.root.setAttribute("aria-busy", "true");
    this.send({ instance: this.instance, serial: this.serial, action, code });
  }

  // --- what can be done ------------------------------------------------------------------------------------------------

  /** Save what is on the page; where the name is taken, ask first. */
  save() {
    const name = this.checked(this.parts.name.value);
    if (name === null) return;
    const taken = this.store.read().machines.filter((entry) => nameOf(entry) === name);
    if (!taken.length) {
      this.saveAs(name, []);
      return;
    }
    const choose = () => {
      this.parts.name.focus();
      this.parts.name.select();
    };
    this.question(`“${name}” is on the shelf already.`, [
      ["Replace it", () => this.saveAs(name, taken)],
      ["Choose another name", choose],
    ], choose);
  }

  saveAs(name, removed) {
    this.ask("save", "", ({ code, kind, remark }) => {
      const entry = { name, kind, saved: new Date().toISOString(), code };
      if (!this.change({ removed, added: [entry] }, name, `Saved “${name}”. ${remark}`)) return;
      this.typed = false;
      this.parts.name.value = this.suggestion;
    });
  }

  open(entry) {
    const name = nameOf(entry);
    this.ask("open", textOf(entry && entry.code, ""), ({ problem }) => {
      if (problem) this.complain(`“${name}” ${problem}`);
      else this.say(`Opened “${name}”. Undo beside YOUR LAB brings back what was there.`);
    });
  }

  rename(entry, text) {
    const name = this.checked(text);
    if (name === null) return false;
    if (name === nameOf(entry)) return true;
    if (this.store.read().machines.some((other) => nameOf(other) === name)) {
      this.complain(`“${name}” is on the shelf already; choose another name.`);
      return false;
    }
    const named = { ...(entry && typeof entry === "object" && !Array.isArray(entry) ? entry : { lost: entry }), name };
    return this.change({ removed: [entry], added: [named] }, nameOf(entry), `Renamed to “${name}”.`);
  }

  remove(entry) {
    this.change({ removed: [entry], added: [] }, nameOf(entry), `Deleted “${nameOf(entry)}”.`);
    this.parts.undo.focus();
  }

  undo() {
    const { change, name } = this.undoable;
    if (this.change(change, name, `Taken back: “${name}”.`)) this.parts.undo.focus();
  }

  change(change, name, said) {
    const { fault, undo } = this.store.change(change);
    if (fault) this.complain(shelfRefusals(name)[fault]);
    else this.say(said);
    this.undoable = undo ? { change: undo, name } : null;
    this.render();
    return !fault;
  }

  /** The name as it is kept, or null where it is none; then it is said why. */
  checked(text) {
    const name = tidyName(text);
    if (name && name.length <= LONGEST_NAME) return name;
    this.complain(
      name ? `The name has ${name.length} characters; use at most ${LONGEST_NAME}.` : "Give it a name, so that you find it again.",
    );
    return null;
  }

  // --- the shelf as a file -----------------------------------------------------------------------------------------------

  /** The whole shelf as a file; one that cannot be read goes out as it is. */
  takeAlong() {
    const { machines, fault } = this.store.read();
    const text = fault ? this.store.text : shelfText(machines);
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href: url, download: "my-machines.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  /** Put what a file holds onto the shelf; equal entries once, and equal names not without asking. */
  async bring(file) {
    if (file.size > LARGEST_FILE) {
      this.complain(`“${file.name}” has ${file.size.toLocaleString()} bytes, more than a shelf may have.`);
      return;
    }
    const { machines: found, fault } = parseShelf(await file.text());
    if (fault) {
      const what = fault === "future" ? "was written by a later version of this program; update it" : "is no file of this shelf";
      this.complain(`“${file.name}” ${what}.`);
      return;
    }
    const mine = this.store.read().machines;
    const fresh = found.filter((entry) => !mine.some((other) => same(other, entry)));
    const clash = mine.filter((entry) => fresh.some((other) => nameOf(other) === nameOf(entry)));
    const take = (removed, added) =>
      this.change({ removed, added }, file.name, `${added.length} of ${found.length} machines came from “${file.name}”.`);
    if (!clash.length) {
      take([], fresh);
      return;
    }
    const others = fresh.filter((entry) => !clash.some((other) => nameOf(other) === nameOf(entry)));
    this.question(`On the shelf already, and different: ${clash.map((entry) => `“${shortName(entry)}”`).join(", ")}.`, [
      ["Keep both", () => take([], fresh)],
      ["Replace mine", () => take(clash, fresh)],
      ["Leave those out", () => take([], others)],
    ]);
  }

  // --- what is said --------------------------------------------------------------------------------------------------------

  say(text) {
    setText(this.parts.said, text);
    setText(this.parts.problem, "");
  }

  complain(text) {
    setText(this.parts.said, "");
    setText(this.parts.problem, text);
  }

  question(text, answers, otherwise = () => this.parts.name.focus()) {
    askShelf(this, text, answers, otherwise);
  }

  render() {
    showShelf(this, this.store.read());
  }
}

const shelves = new WeakMap();

export default function machineShelf({ data, parentElement, setTriggerValue }) {
  let shelf = shelves.get(parentElement);
  if (!shelf) {
    shelf = new Shelf(parentElement);
    shelves.set(parentElement, shelf);
  }
  collect(data.from, (letter) => shelf.receive(letter, (wish) => setTriggerValue("wish", wish)), parentElement);
  return onceGone(parentElement, () => {
    if (!shelves.delete(parentElement)) return;
    stopCollecting(data.from, parentElement);
    shelf.leave();
  });
}
