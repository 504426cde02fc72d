// Needs: elements.
// The model of a figure: how it is told, and how the figure follows it.

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
  try {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
  } finally {
    tx.waiting.delete(model);
  }
  for (const draw of waiting) draw();
  model.save_changes();
};
