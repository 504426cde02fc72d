// A trained Transformer inside the page: the forward pass of txlite.models.Transformer, token by
// token with a cache, on plain typed arrays. Weights are float16 as shipped, arithmetic is float64.
const transformer = {};

// Every float16 there is, as a number: 65 536 of them, looked up instead of computed.
transformer.halves = (() => {
  let table = null;
  return () => {
    if (table) return table;
    table = new Float32Array(1 << 16);
    for (let bits = 0; bits < table.length; bits += 1) {
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
      const size = exponent === 31 ? (fraction ? NaN : Infinity)
        : exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024);
      table[bits] = bits >> 15 ? -size : size;
    }
    return table;
  };
})();

// Bytes -> { name: { data, shape } }, in the order in which Python packed them.
transformer.unpack = (view, manifest) => {
  const table = transformer.halves();
  let at = 0;
  return Object.fromEntries(manifest.map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i += 1, at += 2) data[i] = table[view.getUint16(at, true)];
    return [name, { data, shape }];
  }));
};

// x Wᵀ + b, for rows of x.
transformer.linear = (x, rows, weight, bias) => {
  const [height, width] = weight.shape;
  const out = new Float64Array(rows * height);
  for (let r = 0; r < rows; r += 1) {
    for (let h = 0; h < height; h += 1) {
      let total = bias ? bias.data[h] : 0;
      for (let w = 0, a = r * width, b = h * width; w < width; w += 1) total += x[a + w] * weight.data[b + w];
      out[r * height + h] = total;
    }
  }
  return out;
};

// 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms are all positive: exact to rounding.
transformer.erf = (x) => {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  let [term, total] = [size, size];
  for (let n = 1; term > total * 1e-17; n += 1) total += term *= (2 * size * size) / (2 * n + 1);
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size) * total;
};
transformer.activations = {
  relu: (x) => Math.max(0, x),
  gelu: (x) => 0.5 * x * (1 + transformer.erf(x * Math.SQRT1_2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
};
transformer.gates = { reglu: "relu", geglu: "gelu", geglu_tanh: "gelu_tanh", swiglu: "silu" };

// The model: weights by their names in Python, and what its config says.
transformer.load = (view, manifest, config) => {
  const weights = transformer.unpack(view, manifest);
  const { d_model: D, num_heads: H } = config;
  const E = D / H;
  const linear = (x, path) =>
    transformer.linear(x, x.length / weights[`${path}.weight`].shape[1], weights[`${path}.weight`], weights[`${path}.bias`]);
  const add = (x, y) => x.map((value, i) => value + y[i]);

  const norm = (x, path) => {
    const [scale, shift] = [weights[`${path}.weight`], weights[`${path}.bias`]];
    if (!scale) return x;
    const [centred, eps] = config.norm === "rms" ? [false, 1e-6] : [true, 1e-5];
    const out = new Float64Array(x.length);
    for (let r = 0; r < x.length; r += D) {
      let [mean, square] = [0, 0];
      if (centred) for (let d = 0; d < D; d += 1) mean += x[r + d] / D;
      for (let d = 0; d < D; d += 1) square += (x[r + d] - mean) ** 2 / D;
      const root = Math.sqrt(square + eps);
      for (let d = 0; d < D; d += 1) out[r + d] = ((x[r + d] - mean) / root) * scale.data[d] + (shift ? shift.data[d] : 0);
    }
    return out;
  };

  const branch = (x, sublayer, path) =>
    (config.norm_first ? add(x, sublayer(norm(x, path))) : norm(add(x, sublayer(x)), path));

  // Sinusoidal positions are added to scaled embeddings, rotary ones turn queries and keys below.
  const embed = (tokens, first, name) => {
    const table = weights[`${name}.weight`].data;
    const scale = config.scale_embedding ? Math.sqrt(D) : 1;
    const x = new Float64Array(tokens.length * D);
    tokens.forEach((token, t) => {
      for (let d = 0; d < D; d += 1) {
        x[t * D + d] = table[token * D + d] * scale;
        if (config.positions !== "sinusoidal") continue;
        const angle = (first + t) / 10000 ** ((d - (d % 2)) / D);
        x[t * D + d] += d % 2 ? Math.cos(angle) : Math.sin(angle);
      }
    });
    return x;
  };

  // Pairs of neighbours in each head, turned by their position's angle.
  const turn = (x, first) => {
    if (config.positions !== "rotary") return x;
    const out = new Float64Array(x.length);
    for (let i = 0; i < x.length; i += 2) {
      const angle = (first + Math.floor(i / D)) / 10000 ** ((i % E) / E);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      out[i] = x[i] * cos - x[i + 1] * sin;
      out[i + 1] = x[i] * sin + x[i + 1] * cos;
    }
    return out;
  };

  // Queries against all keys, head by head: decoding goes token by token, so no key lies ahead.
  // The map is the average over the heads.
  const attend = (q, k, v) => {
    const [T, S] = [q.length / D, k.length / D];
    const out = new Float64Array(q.length);
    const map = tx.range(T).map(() => new Array(S).fill(0));
    for (let t = 0; t < T; t += 1) {
      for (let h = 0; h < H; h += 1) {
        const scores = [];
        for (let s = 0; s < S; s += 1) {
          let dot = 0;
          for (let e = h * E; e < (h + 1) * E; e += 1) dot += q[t * D + e] * k[s * D + e];
          scores.push(dot / Math.sqrt(E));
        }
        tx.softmax(scores).forEach((weight, s) => {
          map[t][s] += weight / H;
          for (let e = h * E; e < (h + 1) * E; e += 1) out[t * D + e] += weight * v[s * D + e];
        });
      }
    }
    return { out, map };
  };

  const feedForward = (x, path) => {
    const gate = transformer.gates[config.activation];
    const act = transformer.activations[gate ?? config.activation];
    let hidden = linear(x, `${path}.up_proj`);
    if (gate) {
      const open = linear(x, `${path}.gate_proj`);
      hidden = hidden.map((value, i) => value * act(open[i]));
    } else hidden = hidden.map(act);
    return linear(hidden, `${path}.down_proj`);
  };

  const join = (past, next) => {
    const all = new Float64Array(past.length + next.length);
    all.set(past);
    all.set(next, past.length);
    return all;
  };

  const encode = (tokens) => {
    let x = embed(tokens, 0, weights["source_embedding.weight"] ? "source_embedding" : "embedding");
    for (let n = 0; n < config.num_layers; n += 1) {
      const at = `encoder.layers.${n}`;
      x = branch(x, (y) => {
        const [q, k, v] = ["query", "key", "value"].map((name) => linear(y, `${at}.attention.${name}_proj`));
        return linear(attend(turn(q, 0), turn(k, 0), v).out, `${at}.attention.output_proj`);
      }, `${at}.attention_norm`);
      x = branch(x, (y) => feedForward(y, `${at}.feed_forward`), `${at}.feed_forward_norm`);
    }
    return norm(x, "encoder.norm");
  };

  const layers = config.num_decoder_layers ?? config.num_layers;
  // What decoding remembers: keys and values of the source, once, and of the target, growing.
  const begin = (memory) => ({
    length: 0,
    layers: tx.range(layers).map((n) => {
      const at = `decoder.layers.${n}.cross_attention`;
      return { keys: new Float64Array(0), values: new Float64Array(0), theirs: ["key", "value"].map((name) => linear(memory, `${at}.${name}_proj`)) };
    }),
  });

  // One target token in, the scores of the next one out, and where each layer looked in the source.
  const step = (token, cache) => {
    let x = embed([token], cache.length, "embedding");
    const maps = cache.layers.map((held, n) => {
      const at = `decoder.layers.${n}`;
      let map = null;
      x = branch(x, (y) => {
        const [q, k, v] = ["query", "key", "value"].map((name) => linear(y, `${at}.attention.${name}_proj`));
        [held.keys, held.values] = [join(held.keys, turn(k, cache.length)), join(held.values, v)];
        return linear(attend(turn(q, cache.length), held.keys, held.values).out, `${at}.attention.output_proj`);
      }, `${at}.attention_norm`);
      x = branch(x, (y) => {
        const looked = attend(linear(y, `${at}.cross_attention.query_proj`), ...held.theirs);
        [map] = looked.map;
        return linear(looked.out, `${at}.cross_attention.output_proj`);
      }, `${at}.cross_attention_norm`);
      x = branch(x, (y) => feedForward(y, `${at}.feed_forward`), `${at}.feed_forward_norm`);
      return map;
    });
    cache.length += 1;
    x = norm(x, "decoder.norm");
    const output = weights["output.weight"] ?? weights["embedding.weight"];
    return { logits: Array.from(transformer.linear(x, 1, output, null)), maps };
  };

  return { encode, begin, step };
};

// Greedy decoding: [{ token, probability, maps }], the last one is the end of the sentence, if any.
transformer.translate = (model, source, { bos, eos, longest }) => {
  const cache = model.begin(model.encode(source));
  const told = [];
  for (let token = bos; told.length < longest && token !== eos;) {
    const { logits, maps } = model.step(token, cache);
    token = logits.indexOf(Math.max(...logits));
    told.push({ token, probability: tx.softmax(logits)[token], maps });
  }
  return told;
};
