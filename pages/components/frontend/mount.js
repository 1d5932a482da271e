// What every component needs of its place on the page.

/**
 * What Streamlit may call to clean up: `leave`, but only once the component is really gone.
 *
 * When data arrive faster than the module is imported, Streamlit runs the overtaken call's clean-up although the component
 * stays on the page; tearing down then would lose focus, undo list and whatever was just drawn.
 */
function onceGone(parent, leave) {
  return () =>
    setTimeout(() => {
      if (!(parent.host || parent).isConnected) leave();
    });
}
