// What each step shows, computed from what has travelled; sentences.py computes the same.

const EPS = 1e-5; // of a layer norm

const added = (a, b) => a.map((row, i) => row.map((x, j) => x + b[i][j]));

const normed = (rows, weight, bias) =>
  rows.map((row) => {
    const mean = tx.sum(row) / row.length;
    const spread = Math.sqrt(tx.sum(row.map((x) => (x - mean) ** 2)) / row.length + EPS);
    return row.map((x, j) => ((x - mean) / spread) * weight[j] + bias[j]);
  });

// The numbers of a sentence by name; bytes become offset + scale · code.
const restored = (state) => {
  const scales = state.get("scales");
  return Object.fromEntries(
    Object.entries(tx.tensors(state.get("numbers"))).map(([name, tensor]) => {
      const [scale, offset] = scales[name] ?? [1, 0];
      const data = Array.from(tensor.data, (code) =>
        name in scales ? offset + scale * code : code,
      );
      return [name, tx.nested({ shape: tensor.shape, data })];
    }),
  );
};

const columnsOf = (rows, from, to) => rows.map((row) => row.slice(from, to));

// The weights of all heads, and what they gather.
const attendedBy = (own, heads, causal) => {
  const width = own.query[0].length / heads;
  const mask = causal ? own.query.map((_, i) => own.key.map((__, j) => j <= i)) : null;
  const found = tx.range(heads).map((h) => {
    const [q, k, v] = ["query", "key", "value"].map((name) =>
      columnsOf(own[name], h * width, (h + 1) * width),
    );
    return tx.attention(q, k, v, { mask });
  });
  const z = own.query.map((_, i) => found.flatMap(({ output }) => output[i]));
  return { scores: found.map((f) => f.scores), weights: found.map((f) => f.weights), z };
};

// One object for each step: matrices by name.
const follow = (stored, steps, heads, normFirst) => {
  let [x, y, z] = [null, null, null];
  const roles = {};
  for (const [name, rows] of Object.entries(stored)) {
    const at = name.lastIndexOf(".");
    (roles[name.slice(0, at)] ??= {})[name.slice(at + 1)] = rows;
  }
  const attended = {};
  const WAYS = {
    embed: (own) => {
      x = own.x;
      return { x };
    },
    position: (own) => {
      const shown = { x, position: own.position, sum: added(x, own.position) };
      x = shown.sum;
      return shown;
    },
    norm: (own) => {
      const shown = { x, y: normed(x, own.weight, own.bias) };
      y = shown.y;
      if (!normFirst) x = y;
      return shown;
    },
    project: ({ query, key, value }) => ({ query, key, value }),
    weights: (own, { block, causal }) => {
      attended[block] = attendedBy(own, heads, causal);
      const { scores, weights } = attended[block];
      return { query: own.query, key: own.key, scores, weights };
    },
    gather: (own, { block }) => {
      const { weights, z: gathered } = attended[block];
      z = gathered;
      return { query: own.query, key: own.key, weights, value: own.value, z };
    },
    mix: (own) => ({ z, branch: own.branch }),
    add: (own) => {
      const shown = { x, branch: own.branch, sum: added(x, own.branch) };
      x = shown.sum;
      return shown;
    },
    hidden: (own) => ({ x: normFirst ? y : x, hidden: own.hidden }),
    down: ({ hidden, branch }) => ({ hidden, branch }),
    logits: ({ logits }) => ({ logits }),
    softmax: ({ logits }) => ({
      logits,
      probabilities: logits.map((row) => tx.softmax(row)),
    }),
  };
  return steps.map((step) => WAYS[step.kind](roles[step.block], step));
};
