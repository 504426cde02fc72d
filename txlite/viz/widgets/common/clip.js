// Needs: conv, transformer.
// CLIP in the page: two towers, each from what it is given to a direction, a vector of length one.
//
//   const text = tx.textTower(config, weights, "end");  // or "mean": what of the states is taken
//   const vision = tx.imageTower(layers, weights);      // layers: see conv.js
//   const cosine = tx.dot(text(tokens), vision({ shape: [3, 32, 32], data: numbers }));
//
// config: as of tx.transformer. The text's weights are those of an `embedding`, `positions`, an
// `encoder` or a causal `decoder`, and a `projection`.

tx.unit = (vector) => {
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
};

tx.textTower = (config, weights, pooling) => {
  const machine = tx.transformer(config, weights);
  const causal = machine.encoder === null;
  const stack = causal ? machine.decoder : machine.encoder;
  return (tokens) => {
    const { states } = stack.run(machine.embed(tokens), { causal });
    const width = states.length / tokens.length;
    const pooled = states.slice(-width); // the token that ends the text
    if (pooling === "mean")
      for (let d = 0; d < width; d += 1)
        pooled[d] =
          tx.sum(tx.range(tokens.length).map((t) => states[t * width + d])) / tokens.length;
    return tx.unit(tx.nn.project(weights, "projection", pooled));
  };
};

tx.imageTower = (layers, weights) => {
  const run = tx.nn.convolutional(layers, weights);
  return (picture) => tx.unit(run(picture).data);
};
