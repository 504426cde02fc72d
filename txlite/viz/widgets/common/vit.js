// Needs: transformer.
// ViT in the page: a picture becomes patches, and an encoder's states; what scores its labels.
//
//   const model = tx.vit(config, weights);            // the weights of a ViTForImageClassification
//   const { logits, self } = model(picture, 8);       // the numbers, channel by channel, row by row
//
// config: as of tx.transformer, with `pooling`. The page has learned positions where the model has; it
// stretches none. Maps are [layer][head][query][key], tokens before patches.

// A vector for each patch, row by row; `own` are the weights of a PatchEmbedding.
tx.nn.patches = (own, picture, width) => {
  const { shape, data } = own["proj.weight"];
  const [D, channels, side] = shape;
  const height = picture.length / channels / width;
  const [down, across] = [height / side, width / side];
  const size = channels * side * side;
  const rows = Float64Array.from({ length: down * across * size }, (_, at) => {
    const [p, i] = [Math.floor(at / size), at % size];
    const [c, y, x] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
    const [row, column] = [Math.floor(p / across) * side + y, (p % across) * side + x];
    return picture[(c * height + row) * width + column];
  });
  return tx.nn.linear(rows, { shape: [D, size], data }, own["proj.bias"]);
};

// The body: (picture, width) => { states, self, before }, `before` states standing before the patches'.
tx.nn.vit = (own, config) => {
  const stack = tx.nn.stack(
    tx.part(own, "encoder."),
    { ...config, positions: "none" },
    { bidirectional: true },
  );
  const [D] = own["patches.proj.weight"].shape;
  const rows = (names) => names.map((name) => own[name]?.data ?? []).reduce(tx.nn.join, []);
  const tokens = rows(["class_token", "distillation_token"]);
  const registers = rows(["registers"]);
  return (picture, width) => {
    let x = tx.nn.join(tokens, tx.nn.patches(tx.part(own, "patches."), picture, width));
    const table = own["positions.table"];
    if (table && table.data.length !== x.length)
      throw new Error(`the page's positions are ${table.shape[0]}, the picture's ${x.length / D}`);
    if (table) x = tx.nn.add(x, table.data);
    x = tx.nn.join(x.slice(0, tokens.length), tx.nn.join(registers, x.slice(tokens.length)));
    if ("embedding_norm.weight" in own)
      x = tx.nn.norm(x, own["embedding_norm.weight"], own["embedding_norm.bias"], config);
    return { ...stack.run(x), before: (tokens.length + registers.length) / D };
  };
};

tx.vit = (config, weights) => {
  const body = tx.nn.vit(tx.part(weights, "vit."), config);
  return (picture, width) => {
    const { states, self, before } = body(picture, width);
    const D = weights["vit.patches.proj.weight"].shape[0];
    const count = states.length / D - before;
    const mean = new Float64Array(D);
    for (let i = before * D; i < states.length; i += 1) mean[i % D] += states[i] / count;
    const { pooling } = config;
    const first = pooling === "mean" ? [] : states.slice(0, D);
    const gathered = tx.nn.join(first, pooling === "class" ? [] : mean);
    return { logits: tx.nn.project(weights, "classifier", gathered), self, before };
  };
};
