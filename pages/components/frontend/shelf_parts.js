// What the shelf looks like: a form to save, a line that says what happened, the list, and the way into a file and back.

const shortName = (entry) => (nameOf(entry).length > LONGEST_NAME ? `${nameOf(entry).slice(0, LONGEST_NAME)}…` : nameOf(entry));

function shelfButton(text, does, attributes = {}) {
  const button = make("button", { type: "button", ...attributes }, text);
  button.onclick = does;
  return button;
}

function buildShelf(shelf) {
  const name = make("input", { type: "text", id: "shelf-name", autocomplete: "off", spellcheck: "false" });
  name.oninput = () => (shelf.typed = true);
  const form = make(
    "form",
    { class: "shelf-save" },
    make("label", { for: "shelf-name" }, "Name"),
    name,
    make("button", { type: "submit", class: "shelf-main" }, "Save what is on the page"),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    shelf.save();
  };
  const asked = make("div", { class: "shelf-ask", role: "alertdialog", "aria-label": "A question about names", hidden: "" });
  const said = make("span", { role: "status" });
  const problem = make("p", { class: "shelf-problem", role: "alert" });
  const undo = shelfButton("Undo", () => shelf.undo(), { "aria-label": "Undo the last change of the shelf" });
  const list = make("ul", { "aria-label": "Saved machines" });
  const empty = make("p", { class: "shelf-empty" }, "Nothing is saved yet. What you save stays in this browser, also after a refresh.");
  const file = make("input", { type: "file", accept: ".json,application/json" });
  file.onchange = async () => {
    if (file.files.length) await shelf.bring(file.files[0]);
    file.value = "";
  };
  const take = shelfButton("Take along as a file", () => shelf.takeAlong());
  const foot = make("div", { class: "shelf-foot" }, take, make("label", { class: "shelf-file" }, "Open a shelf file", file));
  const trouble = make("p", { class: "shelf-problem shelf-trouble" });
  shelf.root.append(form, asked, make("div", { class: "shelf-said" }, said, undo), problem, trouble, list, empty, foot);
  shelf.parts = { name, asked, said, problem, trouble, undo, list, empty, take };
}

/** Bring the list in line with what is kept. */
function showShelf(shelf, { machines, fault }) {
  const { list, empty, undo, take, trouble } = shelf.parts;
  list.replaceChildren(...machines.map((entry) => shelfRow(shelf, entry)));
  empty.hidden = machines.length > 0 || Boolean(fault);
  undo.hidden = !shelf.undoable;
  take.disabled = !machines.length && !fault;
  setText(trouble, SHELF_FAULTS[fault] || "");
}

function shelfRow(shelf, entry) {
  const name = nameOf(entry);
  const moment = new Date(Date.parse(entry && entry.saved));
  const known = !Number.isNaN(moment.getTime());
  const when = known ? moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "at an unknown time";
  const title = make("span", { class: "shelf-name", title: name.slice(0, 500) }, shortName(entry));
  const about = make(
    "span",
    { class: "shelf-about" },
    `${textOf(entry && entry.kind, "of an unknown kind").slice(0, LONGEST_NAME)} · `,
    make("time", known ? { datetime: moment.toISOString() } : {}, when),
  );
  const row = make("li", {}, make("div", { class: "shelf-what" }, title, about));
  const open = shelfButton("Open", () => shelf.open(entry), { "aria-label": `Open ${shortName(entry)}` });
  const rename = shelfButton("Rename", () => openRename(shelf, entry, row), { "aria-label": `Rename ${shortName(entry)}` });
  const remove = shelfButton("Delete", () => shelf.remove(entry), { "aria-label": `Delete ${shortName(entry)}` });
  row.append(make("div", { class: "shelf-tools" }, open, rename, remove));
  return row;
}

/** A field in place of the row: Enter takes the new name, Escape or leaving keeps the old one. */
function openRename(shelf, entry, row) {
  const field = make("input", { type: "text", "aria-label": `New name for ${shortName(entry)}`, autocomplete: "off", spellcheck: "false" });
  field.value = shortName(entry);
  const back = (name) => {
    shelf.render();
    const again = [...shelf.parts.list.querySelectorAll(".shelf-tools button")];
    const found = again.find((button) => button.getAttribute("aria-label") === `Rename ${name}`);
    if (found) found.focus();
  };
  const form = make("form", { class: "shelf-rename" }, field, make("button", { type: "submit" }, "Keep"));
  form.onsubmit = (event) => {
    event.preventDefault();
    if (shelf.rename(entry, field.value)) back(tidyName(field.value));
    else field.focus();
  };
  field.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    back(shortName(entry));
  };
  form.onfocusout = (event) => {
    if (form.isConnected && !form.contains(event.relatedTarget)) shelf.render();
  };
  row.replaceChildren(form);
  field.focus();
  field.select();
}

/** Ask with buttons; Escape does nothing but go on. */
function askShelf(shelf, text, answers, otherwise) {
  const { asked } = shelf.parts;
  const close = (does) => () => {
    asked.hidden = true;
    asked.replaceChildren();
    shelf.render();
    does();
  };
  const buttons = answers.map(([label, does]) => shelfButton(label, close(does)));
  asked.replaceChildren(make("span", {}, text), ...buttons);
  asked.hidden = false;
  shelf.parts.undo.hidden = true; // until the question is answered
  shelf.say("");
  asked.onkeydown = (event) => event.key === "Escape" && close(otherwise)();
  buttons[0].focus();
}
