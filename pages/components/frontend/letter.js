// The second place of a component whose program is sent once: it brings the data and shows nothing.

export default function letter({ data, parentElement }) {
  post(data.to, data.letter, parentElement);
  return onceGone(parentElement, () => takeBack(data.to, parentElement));
}
