// Needs: nothing.
// Shared by every live figure: `tx` holds the helpers, the figure's own module follows below them.
// Elements: how nodes are made, and what they are called.
const tx = {};

tx.SVG = "http://www.w3.org/2000/svg";

tx.fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
};

// tx.html("p", { class: "note" }, "text", otherNode) and tx.svg("circle", { r: 3 })
tx.html = (tag, attributes, ...children) =>
  tx.fill(document.createElement(tag), attributes, children);
tx.svg = (tag, attributes, ...children) =>
  tx.fill(document.createElementNS(tx.SVG, tag), attributes, children);

// Ids are counted for the whole page: figures with scripts of their own stand beside each other.
tx.id = (stem) => {
  const key = Symbol.for("txlite.ids");
  globalThis[key] = (globalThis[key] ?? 0) + 1;
  return `tx-${stem}-${globalThis[key]}`;
};

tx.calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
