// Needs: elements, numbers.
// Layers: the parts of a Transformer as txlite.nn has them, under the names of its weights. The
// states of T positions are one typed array, row after row; arithmetic is float64. A weight is
// { shape, data }, as tx.tensors gives it.
tx.nn = {};

// x Wᵀ + b, for rows of x.
tx.nn.linear = (x, { shape: [height, width], data: weight }, bias = null) => {
  const rows = x.length / width;
  const shift = bias?.data;
  const out = new Float64Array(rows * height);
  for (let r = 0; r < rows; r += 1) {
    for (let h = 0; h < height; h += 1) {
      let total = shift ? shift[h] : 0;
      for (let w = 0, a = r * width, b = h * width; w < width; w += 1)
        total += x[a + w] * weight[b + w];
      out[r * height + h] = total;
    }
  }
  return out;
};

tx.nn.add = (x, y) => x.map((value, i) => value + y[i]);

tx.nn.join = (past, next) => {
  const all = new Float64Array(past.length + next.length);
  all.set(past);
  all.set(next, past.length);
  return all;
};

// kind is "layer" or "rms"; eps defaults to that of txlite's module.
tx.nn.norm = (x, { data: scale }, bias, { norm: kind = "layer", norm_eps: eps = null } = {}) => {
  const D = scale.length;
  const centred = kind !== "rms";
  const small = eps ?? (centred ? 1e-5 : 1e-6);
  const out = new Float64Array(x.length);
  for (let r = 0; r < x.length; r += D) {
    let [mean, square] = [0, 0];
    if (centred) for (let d = 0; d < D; d += 1) mean += x[r + d] / D;
    for (let d = 0; d < D; d += 1) square += (x[r + d] - mean) ** 2 / D;
    const root = Math.sqrt(square + small);
    for (let d = 0; d < D; d += 1)
      out[r + d] = ((x[r + d] - mean) / root) * scale[d] + (bias ? bias.data[d] : 0);
  }
  return out;
};

// Batch normalisation after training: by the running mean and variance, which stand still.
tx.nn.batchNorm = (x, { weight, bias, mean, variance }, { norm_eps: eps = null } = {}) => {
  const D = weight.data.length;
  const root = Float64Array.from(variance.data, (v) => Math.sqrt(v + (eps ?? 1e-5)));
  return x.map(
    (value, i) =>
      ((value - mean.data[i % D]) / root[i % D]) * weight.data[i % D] + bias.data[i % D],
  );
};

// 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms are all positive: exact to rounding.
tx.nn.erf = (x) => {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  let [term, total] = [size, size];
  for (let n = 1; term > total * 1e-17; n += 1) total += term *= (2 * size * size) / (2 * n + 1);
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size) * total;
};
tx.nn.activations = {
  relu: (x) => Math.max(0, x),
  gelu: (x) => 0.5 * x * (1 + tx.nn.erf(x * Math.SQRT1_2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  silu: (x) => x / (1 + Math.exp(-x)),
};
tx.nn.gates = { reglu: "relu", geglu: "gelu", geglu_tanh: "gelu_tanh", swiglu: "silu" };

// The modules below take `own`: the weights of one module, by the names they have in it.
tx.nn.project = (own, name, x) => tx.nn.linear(x, own[`${name}.weight`], own[`${name}.bias`]);

tx.nn.feedForward = (own, x, { activation }) => {
  const gate = tx.nn.gates[activation];
  const act = tx.nn.activations[gate ?? activation];
  if (!act) throw new Error(`the page does not know the activation ${activation}`);
  let hidden = tx.nn.project(own, "up_proj", x);
  if (gate) {
    const open = tx.nn.project(own, "gate_proj", x);
    hidden = hidden.map((value, i) => value * act(open[i]));
  } else hidden = hidden.map(act);
  return tx.nn.project(own, "down_proj", hidden);
};

// Every head's queries against its keys; several query heads may share a key head. `allowed(t, s)`
// says whether a query may attend to a key, `bias(h, t, s)` is added to their score. Returns
// { out, maps }, with maps[h][t][s].
tx.nn.attend = (q, k, v, { heads, groups = 1, width, allowed = null, bias = null }) => {
  const [wide, narrow] = [heads * width, (heads / groups) * width];
  const [T, S] = [q.length / wide, k.length / narrow];
  const out = new Float64Array(q.length);
  const maps = tx.range(heads).map((h) =>
    tx.range(T).map((t) => {
      const [mine, theirs] = [t * wide + h * width, Math.floor(h / groups) * width];
      const open = allowed ? tx.range(S).map((s) => allowed(t, s)) : null;
      const weights = tx.softmax(
        tx.range(S).map((s) => {
          if (open && !open[s]) return 0;
          let dot = 0;
          for (let e = 0; e < width; e += 1) dot += q[mine + e] * k[s * narrow + theirs + e];
          return dot / Math.sqrt(width) + (bias ? bias(h, t, s) : 0);
        }),
        open,
      );
      weights.forEach((weight, s) => {
        for (let e = 0; e < width; e += 1) out[mine + e] += weight * v[s * narrow + theirs + e];
      });
      return weights;
    }),
  );
  return { out, maps };
};

// Attention from the states x to `memory`, or among themselves where there is none. `held` keeps
// { keys, values } between calls: those of a memory once, their own growing. `turn` rotates
// queries and keys, see positions.js; `ask` and `stand` are added to what queries and keys are made
// of, and not to the values.
tx.nn.attention = (
  own,
  x,
  { num_heads: heads },
  {
    memory = null,
    held = null,
    turn = null,
    allowed = null,
    bias = null,
    ask = null,
    stand = null,
  } = {},
) => {
  const width = own["query_proj.weight"].shape[0] / heads;
  const groups = (heads * width) / own["key_proj.weight"].shape[0];
  let q = tx.nn.project(own, "query_proj", ask ? tx.nn.add(x, ask) : x);
  if (turn) q = turn(q, heads, width);
  const fixed = held?.fixed && held.keys;
  const source = memory ?? x;
  let [keys, values] = fixed
    ? [held.keys, held.values]
    : [
        tx.nn.project(own, "key_proj", stand ? tx.nn.add(source, stand) : source),
        tx.nn.project(own, "value_proj", source),
      ];
  if (turn && !fixed) keys = turn(keys, heads / groups, width);
  if (held && !fixed) {
    if (held.keys) [keys, values] = [tx.nn.join(held.keys, keys), tx.nn.join(held.values, values)];
    Object.assign(held, { keys, values });
  }
  const { out, maps } = tx.nn.attend(q, keys, values, { heads, groups, width, allowed, bias });
  return { out: tx.nn.project(own, "output_proj", out), maps };
};
