// The drawing as a picture file, made in the browser: plain SVG with its colours written out, or PNG at double size.

const PAINT = ["fill", "stroke", "stroke-width", "stroke-linejoin", "stroke-dasharray", "font-size", "font-family", "text-anchor"];

function savePicture(editor, kind) {
  const { text, width, height } = plainPicture(editor);
  const file = `${editor.model.name.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "automaton"}.${kind}`;
  const picture = new Blob([text], { type: "image/svg+xml" });
  if (kind === "svg") {
    download(picture, file);
    return;
  }
  const image = new Image();
  const url = URL.createObjectURL(picture);
  image.onload = () => {
    const canvas = make("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
    canvas.toBlob((blob) => download(blob, file), "image/png");
    URL.revokeObjectURL(url);
  };
  image.src = url;
}

/** A copy of the drawing without marks, handles and tooltips, every colour written into it. */
function plainPicture(editor) {
  const scene = editor.scene;
  const selected = editor.selected;
  editor.selected = null;
  scene.show(editor.model);
  const copy = make("svg:svg", { xmlns: SVG });
  for (const layer of [scene.edgeLayer, scene.stateLayer, scene.tagLayer]) {
    const twin = layer.cloneNode(true);
    writePaint(layer, twin);
    copy.append(twin);
  }
  for (const part of copy.querySelectorAll(".hit, .rim, .note, [visibility=hidden]")) part.remove();
  for (const part of copy.querySelectorAll("*")) {
    for (const name of ["class", "data-key", "role", "tabindex", "aria-label", "aria-description"]) part.removeAttribute(name);
  }
  const box = extent(editor.model, scene.paths, scene.font);
  const [width, height] = [Math.ceil(box.width + 48), Math.ceil(box.height + 96)];
  setAll(copy, { viewBox: `${box.x - 24} ${box.y - 48} ${width} ${height}`, width, height });
  editor.select(selected, false);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

function writePaint(source, twin) {
  const style = getComputedStyle(source);
  for (const name of PAINT) {
    const value = style.getPropertyValue(name);
    if (value) twin.setAttribute(name, value);
  }
  for (let at = 0; at < source.children.length; at += 1) writePaint(source.children[at], twin.children[at]);
}

function download(blob, file) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
