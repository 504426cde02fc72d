// Needs: layers, tensors.
// Experts: a mixture of feed-forward layers and the router before it, as txlite.nn has them, for one
// text and one expert for each token.

// How many tokens of `length` each expert takes. The factor is counted in millionths, in whole
// numbers, as 1.1 is meant as 11/10.
tx.nn.capacity = (length, experts, factor) => {
  const [above, below] = [length * Math.round(factor * 1e6), experts * 1e6];
  return Math.floor((above + below - 1) / below);
};

// { out, routing }: routing.probabilities[t][i], and for each token its expert and whether it has a
// place there. A token without one comes out as zeros.
tx.nn.mixture = (own, x, config, capacity = Infinity) => {
  const gate = own["router.gate.weight"];
  const [count, D] = gate.shape;
  const scores = tx.nn.project(tx.part(own, "router."), "gate", x);
  const probabilities = tx
    .range(x.length / D)
    .map((t) => tx.softmax(Array.from(scores.slice(t * count, (t + 1) * count))));
  const experts = probabilities.map((row) => row.indexOf(Math.max(...row)));
  const taken = tx.range(count).map(() => []); // which tokens each expert computes
  const placed = experts.map((i, t) => taken[i].length < capacity && taken[i].push(t) > 0);
  const out = new Float64Array(x.length);
  taken.forEach((tokens, i) => {
    if (tokens.length === 0) return;
    const rows = new Float64Array(tokens.length * D);
    tokens.forEach((t, n) => {
      rows.set(x.subarray(t * D, (t + 1) * D), n * D);
    });
    const answers = tx.nn.feedForward(tx.part(own, `experts.${i}.`), rows, config);
    tokens.forEach((t, n) => {
      for (let d = 0; d < D; d += 1) out[t * D + d] = answers[n * D + d] * probabilities[t][i];
    });
  });
  return { out, routing: { probabilities, experts, placed } };
};
