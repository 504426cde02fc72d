// Needs: transformer.
// BERT in the page: what stands around an encoder that is alone, and the head that names hidden
// tokens. The stack, its layers and its positions are those of the page's Transformer.
//
//   const model = tx.maskedLM(config, weights);   // the weights of a BERTForMaskedLM
//   const { logits, self } = model(tokens);       // a row of scores for each token, and the maps
//
// config: as of tx.transformer. All tokens are of the first segment.
tx.maskedLM = (config, weights) => {
  const [body, head] = [tx.part(weights, "bert."), tx.part(weights, "head.")];
  const places = tx.nn.positions(tx.part(body, "positions."), config, true);
  // Positions that are added stand before the norm of the embeddings, others in the layers.
  const positions = places.added ? "none" : config.positions;
  const own = tx.part(body, "encoder.");
  for (const [key, tensor] of Object.entries(tx.part(body, "positions.")))
    own[`positions.${key}`] = tensor;
  const stack = tx.nn.stack(own, { ...config, positions }, { bidirectional: true });
  const norm = (from, name, x) =>
    tx.nn.norm(x, from[`${name}.weight`], from[`${name}.bias`], config);
  const act = tx.nn.activations[config.activation];
  if (!act) throw new Error(`the page does not know the activation ${config.activation}`);

  return (tokens) => {
    const table = body["embedding.weight"];
    const rows = tx.nn.embed(table, tokens);
    const segment = tx.nn.embed(body["segments.weight"], Array(tokens.length).fill(0));
    const told = tx.nn.add(rows, segment);
    const embedded = norm(body, "embedding_norm", places.added?.(told, 0, table.shape[1]) ?? told);
    const narrow = "projection.weight" in body; // ALBERT's embeddings
    const { states, self } = stack.run(
      narrow ? tx.nn.project(body, "projection", embedded) : embedded,
    );
    const hidden = norm(head, "norm", tx.nn.project(head, "dense", states).map(act));
    return { logits: tx.nn.linear(hidden, table, head.bias), self };
  };
};
