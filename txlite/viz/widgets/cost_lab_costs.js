// The cost lab's arithmetic: what a GPT costs by its sizes, as in _training_costs.py.

const SIZES = [
  "d_model",
  "num_layers",
  "num_heads",
  "num_kv_heads",
  "d_ff",
  "experts",
  "vocab_size",
  "length",
  "batch_size",
  "tied",
];
const STATE = { weights: 6, gradients: 2, moments: 8 }; // bytes a parameter
const FIT = { A: 482.01, B: 2085.43, alpha: 0.3478, beta: 0.3658 }; // Besiroglu et al. (2024)

const total = (groups) => tx.sum(Object.values(groups));

// The sizes, with the columns of the queries and of the keys: whole heads.
const sizesOf = (get) => {
  const s = Object.fromEntries(SIZES.map((name) => [name, get(name)]));
  const heads = Math.min(s.num_heads, s.d_model);
  const head = Math.floor(s.d_model / heads);
  const keys = Math.min(s.num_kv_heads, heads);
  return { ...s, num_heads: heads, num_kv_heads: keys, queries: head * heads, keys: head * keys };
};

const parametersOf = (s) => {
  const { d_model: d, d_ff: f, num_layers: layers, queries, keys } = s;
  const attention = 2 * d * queries + queries + d + 2 * (d * keys + keys);
  const expert = 2 * d * f + f + d;
  return {
    embeddings: (s.vocab_size + s.length) * d,
    attention: layers * attention,
    "feed-forward": layers * s.experts * expert,
    routers: s.experts > 1 ? layers * d * s.experts : 0,
    norms: 2 * d * (2 * layers + 1),
    head: s.tied ? 0 : s.vocab_size * d,
  };
};

const activationsOf = (s, kept) => {
  const tokens = s.batch_size * s.length;
  const plain = tokens * (14 * s.d_model + 4 * s.keys + 4 * s.d_ff);
  const scores = tokens * 5 * s.num_heads * s.length;
  if (kept === "inputs") return s.num_layers * tokens * 2 * s.d_model + plain + scores;
  return s.num_layers * (plain + (kept === "everything" ? scores : 0));
};

const flopsOf = (s) => {
  const d = s.d_model;
  const router = s.experts > 1 ? d * s.experts : 0;
  const layer = 2 * d * (s.queries + s.keys) + 2 * s.length * s.queries + 2 * d * s.d_ff + router;
  return 6 * (s.num_layers * layer + s.vocab_size * d);
};

const optimalOf = (flops) => {
  const { A, B, alpha, beta } = FIT;
  const scale = ((alpha * A) / (beta * B)) ** (1 / (alpha + beta));
  const parameters = scale * (flops / 6) ** (beta / (alpha + beta));
  return [parameters, flops / 6 / parameters];
};

const costsOf = (get) => {
  const s = sizesOf(get);
  const machine = get("machines")[get("machine")];
  const parameters = parametersOf(s);
  const all = total(parameters);
  const active = all - (parameters["feed-forward"] / s.experts) * (s.experts - 1);
  const memory = Object.fromEntries(
    Object.entries(STATE).map(([name, size]) => [name, size * all]),
  );
  memory.activations = activationsOf(s, get("kept"));
  const used = { weights: 2 * all, cache: 4 * s.num_layers * s.batch_size * s.length * s.keys };
  const each = flopsOf(s);
  const flops = each * get("tokens");
  const rate = (machine.devices * machine.flops * get("utilisation")) / 100;
  const days = flops / rate / 86400;
  return {
    sizes: s,
    machine,
    parameters,
    total: all,
    active,
    memory,
    held: total(memory),
    room: machine.memory * machine.devices,
    used,
    each,
    flops,
    sixNd: 6 * active * get("tokens"),
    days,
    money: days * 24 * machine.devices * get("price"),
    fits: total(memory) <= machine.memory * machine.devices,
    optimal: optimalOf(flops),
  };
};
