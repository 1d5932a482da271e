// Elements of the page. Text from outside goes in through textContent only.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; children may be nodes or texts. */
function make(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) {
      element.removeAttribute(name);
    } else if (element.getAttribute(name) !== String(value)) {
      element.setAttribute(name, value);
    }
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
