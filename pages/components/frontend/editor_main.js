// Streamlit calls this once an instance appears and again when the theme changes; data come by post.

const editors = new WeakMap();

export default function automatonEditor({ data, parentElement, setTriggerValue }) {
  let editor = editors.get(parentElement);
  if (!editor) {
    editor = new Editor(parentElement);
    editors.set(parentElement, editor);
  }
  const take = (letter) => editor.receive(letter, (edit) => setTriggerValue("edit", edit));
  collect(data.from, take, parentElement);
  return onceGone(parentElement, () => {
    if (!editors.delete(parentElement)) return;
    stopCollecting(data.from, parentElement);
    editor.leave();
  });
}
