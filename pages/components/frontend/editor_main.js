// Streamlit calls this once an instance appears and again whenever its data or the theme changes.

const editors = new WeakMap();

export default function automatonEditor({ data, parentElement, setTriggerValue }) {
  let editor = editors.get(parentElement);
  if (!editor) {
    editor = new Editor(parentElement);
    editors.set(parentElement, editor);
  }
  editor.receive(data, (edit) => setTriggerValue("edit", edit));
  return onceGone(parentElement, () => {
    if (editors.delete(parentElement)) editor.leave();
  });
}
