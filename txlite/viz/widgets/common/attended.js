// Needs: controls.
// Attended: which attention of a model is shown, and what a position attends to in it.

// The attention of a position whose maps are [layer][head][key]: of one layer and head, or averaged
// over all of them (−1).
tx.attended = (maps, layer, head) => {
  const layers = layer < 0 ? maps : [maps[Math.min(layer, maps.length - 1)]];
  const rows = layers.flatMap((heads) =>
    head < 0 ? heads : [heads[Math.min(head, heads.length - 1)]],
  );
  return rows[0].map((_, s) => tx.sum(rows.map((row) => row[s])) / rows.length);
};

// The positions that have the most of it, the first ones first.
tx.mostAttended = (weights, count = 2) =>
  weights
    .map((_, s) => s)
    .sort((a, b) => weights[b] - weights[a] || a - b)
    .slice(0, count);

// In Python: the same average of `attention` (layers, heads, queries, keys).
tx.attendedCode = ({ num_layers: layers, num_heads: heads }, layer, head) => {
  const some = (n, count) =>
    n < 0 ? ":" : `${Math.min(n, count - 1)}:${Math.min(n, count - 1) + 1}`;
  return `attention[${some(layer, layers)}, ${some(head, heads)}].mean((0, 1))`;
};

// Two choices, of the model's traits `layer` and `head`, in one tab stop: { root, update }. `named` are
// the layers' names, where they are not just counted.
tx.whoseAttention = (model, { num_layers: layers, num_heads: heads }, named = null) => {
  const choice = (label, name, count, names = null) =>
    tx.select({
      label,
      value: model.get(name),
      options: [
        { value: -1, label: `all ${name}s, averaged` },
        ...tx.range(count).map((n) => ({ value: n, label: names?.[n] ?? `${name} ${n + 1}` })),
      ],
      oninput: (v) => tx.push(model, { [name]: Number(v) }),
    });
  const choices = {
    layer: choice("Attention of", "layer", layers, named),
    head: choice("and", "head", heads),
  };
  const root = tx.html(
    "div",
    { class: "tx-row", role: "group", "aria-label": "Whose attention is shown" },
    choices.layer.root,
    choices.head.root,
  );
  tx.rove(root);
  const update = () => {
    for (const [name, control] of Object.entries(choices)) control.value = model.get(name);
  };
  return { root, update };
};
