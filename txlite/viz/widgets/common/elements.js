// Needs: nothing.
// Shared by every live figure: `tx` holds the helpers, the figure's own module follows below them.
// Elements: how nodes are made, how a figure is framed, how it listens to its model.
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

tx.id = (() => {
  let count = 0;
  return (stem) => `tx-${stem}-${(count += 1)}`;
})();

// The common frame: a title, a sentence of help, controls, the stage, a line that is read aloud.
tx.frame = (el, model, { help = "" } = {}) => {
  const title = tx.html("p", { class: "tx-title", id: tx.id("title") }, model.get("title"));
  const controls = tx.html("div", { class: "tx-controls" });
  const stage = tx.html("div", { class: "tx-stage" });
  const line = tx.html("p", { class: "tx-status", role: "status" });
  const foot = tx.html("div", { class: "tx-foot" });
  const note = help ? tx.html("p", { class: "tx-help" }, help) : null;
  const root = tx.html(
    "div", { class: "tx-widget", role: "group", "aria-labelledby": title.id },
    title, note, controls, stage, line, foot,
  );
  el.replaceChildren(root);
  let waiting = 0;
  const status = (text) => { // seen at once, spoken when the hand rests
    line.setAttribute("aria-busy", "true");
    line.textContent = text;
    clearTimeout(waiting);
    waiting = setTimeout(() => line.removeAttribute("aria-busy"), 400);
  };
  return { root, controls, stage, foot, status };
};

// Redraw now, and whenever one of these traits changes; returns what ends it.
tx.watch = (model, names, draw) => {
  const redraw = () => {
    const waiting = tx.waiting.get(model);
    if (waiting) waiting.add(draw);
    else draw();
  };
  for (const name of names) model.on(`change:${name}`, redraw);
  draw();
  return () => names.forEach((name) => model.off(`change:${name}`, redraw));
};

// Tell the model, and Python behind it where there is a kernel. Nothing is drawn before the last of
// the traits is set: until then some of them are new and others old.
tx.waiting = new Map(); // a model in between, and what wants to be drawn then
tx.push = (model, values) => {
  const waiting = new Set();
  tx.waiting.set(model, waiting);
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  tx.waiting.delete(model);
  for (const draw of waiting) draw();
  model.save_changes();
};

tx.calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
