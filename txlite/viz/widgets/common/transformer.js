// Needs: layers, positions, tensors.
// The Transformer of the page: txlite's layers in stacks, driven by a config and named weights.
// What there is follows from the weights: an encoder, a decoder, or both; a cross-attention or none;
// positions for each stack or for the only one; an output of its own or the embedding's. So a GPT or a
// Llama is a decoder without a memory; bert.js has what an encoder alone has around it.
//
//   const model = tx.transformer(config, weights);
//   const memory = model.encode(tokens);              // states, one row for each token
//   const cache = model.begin();                      // what a decoder remembers
//   const { logits, self, cross } = model.decode(tokens, { memory, cache });
//   model.crop(cache, 3);                             // goes back to the first three
//
// config: num_heads, norm_first, activation, and where they differ from txlite's defaults norm,
// norm_eps, positions, rotary_base, max_distance, scale_embedding.

// One stack: run(states, { memory, cache, causal, allowed, stand, memoryStand, capacity }) is { states,
// self, cross, routed }, with the maps of each layer's attentions as [layer][head][query][key]. With a
// cache the states are those of the newest positions only. In every layer `stand` is added to what
// queries and keys are made of, and `memoryStand` to what those of the memory are: DETR's positions. A
// layer with experts (experts.js) tells in routed[layer] where its tokens went; each expert takes
// `capacity` of them.
tx.nn.stack = (weights, config, { bidirectional }) => {
  const depth = new Set(
    Object.keys(weights)
      .map((name) => name.match(/^layers\.(\d+)\./)?.[1])
      .filter(Boolean),
  ).size;
  const layers = tx.range(depth).map((n) => {
    const whole = tx.part(weights, `layers.${n}.`);
    return {
      whole,
      ...Object.fromEntries(
        ["attention", "cross_attention", "feed_forward"].map((name) => [
          name,
          tx.part(whole, `${name}.`),
        ]),
      ),
    };
  });
  const places = tx.nn.positions(tx.part(weights, "positions."), config, bidirectional);
  const norm = (own, name, x) =>
    `${name}.variance` in own
      ? tx.nn.batchNorm(x, tx.part(own, `${name}.`), config)
      : tx.nn.norm(x, own[`${name}.weight`], own[`${name}.bias`], config);
  const crossed = layers.some(({ whole }) => "cross_attention.query_proj.weight" in whole);

  // A sublayer in its residual branch, the norm before it or after the sum.
  const branch = (own, name, x, sublayer) =>
    config.norm_first
      ? tx.nn.add(x, sublayer(norm(own, `${name}_norm`, x)))
      : norm(own, `${name}_norm`, tx.nn.add(x, sublayer(x)));

  const begin = () => ({
    length: 0,
    layers: layers.map(() => ({ own: {}, their: { fixed: true } })),
  });

  const run = (
    states,
    {
      memory = null,
      cache = null,
      causal = false,
      allowed = null,
      stand = null,
      memoryStand = null,
      capacity = Infinity,
    } = {},
  ) => {
    const first = cache?.length ?? 0;
    const D = layers[0].whole["attention_norm.weight"].shape[0];
    const may = (t, s) => (!causal || s <= first + t) && (allowed?.(first + t, s) ?? true);
    const own = {
      turn: places.turn?.(first) ?? null,
      bias: places.bias && ((h, t, s) => places.bias(h, first + t, s)),
      allowed: causal || allowed ? may : null,
      ask: stand,
      stand,
    };
    const theirs = { memory, ask: stand, stand: memoryStand };
    let x = places.added?.(states, first, D) ?? states;
    const [self, cross, routed] = [[], [], {}];
    layers.forEach(({ whole, attention, cross_attention: lookUp, feed_forward: think }, n) => {
      const held = cache?.layers[n];
      const listen = (maps, weights, options) => (y) => {
        const { out, maps: found } = tx.nn.attention(weights, y, config, options);
        maps.push(found);
        return out;
      };
      x = branch(whole, "attention", x, listen(self, attention, { ...own, held: held?.own }));
      if (crossed)
        x = branch(
          whole,
          "cross_attention",
          x,
          listen(cross, lookUp, { ...theirs, held: held?.their }),
        );
      x = branch(whole, "feed_forward", x, (y) => {
        if (!("router.gate.weight" in think)) return tx.nn.feedForward(think, y, config);
        const { out, routing } = tx.nn.mixture(think, y, config, capacity);
        routed[n] = routing;
        return out;
      });
    });
    if (cache) cache.length += states.length / D;
    return { states: "norm.weight" in weights ? norm(weights, "norm", x) : x, self, cross, routed };
  };
  // Forget all but the first positions.
  const crop = (cache, length) => {
    for (const { own } of cache.layers)
      for (const name of ["keys", "values"])
        if (own[name]) own[name] = own[name].slice(0, (own[name].length / cache.length) * length);
    cache.length = length;
  };
  return { begin, run, crop };
};

// A row of the table for each token, times `scale`.
tx.nn.embed = ({ shape: [, D], data }, tokens, scale = 1) =>
  Float64Array.from(
    { length: tokens.length * D },
    (_, i) => data[tokens[Math.floor(i / D)] * D + (i % D)] * scale,
  );

tx.transformer = (config, weights) => {
  const stack = (name) => {
    const own = { ...tx.part(weights, `${name}.`) };
    if (Object.keys(own).length === 0) return null;
    for (const prefix of ["positions.", `${name}_positions.`])
      for (const [key, tensor] of Object.entries(tx.part(weights, prefix)))
        own[`positions.${key}`] = tensor;
    return tx.nn.stack(own, config, { bidirectional: name === "encoder" });
  };
  const [encoder, decoder] = [stack("encoder"), stack("decoder")];

  const embed = (tokens, name = "embedding") => {
    const table = weights[`${name}.weight`];
    return tx.nn.embed(table, tokens, config.scale_embedding ? Math.sqrt(table.shape[1]) : 1);
  };
  const score = (states) =>
    tx.nn.linear(
      states,
      weights["output.weight"] ?? weights["embedding.weight"],
      weights["output.bias"],
    );
  const source = "source_embedding.weight" in weights ? "source_embedding" : "embedding";

  return {
    encoder,
    decoder,
    embed,
    score,
    encode: (tokens) => encoder.run(embed(tokens, source)).states,
    begin: () => decoder.begin(),
    crop: (cache, length) => decoder.crop(cache, length),
    decode: (tokens, options) => {
      const { states, ...maps } = decoder.run(embed(tokens), { causal: true, ...options });
      return { logits: score(states), ...maps };
    },
  };
};

// Greedy decoding: [{ token, probability, self, cross }], the maps being those of the token that was
// read last, [layer][head][key]. The last token is `eos`, if any.
tx.greedy = (model, { memory = null, prompt, eos, longest }) => {
  const cache = model.begin();
  const told = [];
  for (
    let tokens = prompt;
    told.length < longest && told.at(-1)?.token !== eos;
    tokens = [told.at(-1).token]
  ) {
    const { logits, self, cross } = model.decode(tokens, { memory, cache });
    const row = Array.from(logits.slice(logits.length - logits.length / tokens.length));
    const token = row.indexOf(Math.max(...row));
    const [mine, theirs] = [self, cross].map((maps) =>
      maps.map((heads) => heads.map((map) => map.at(-1))),
    );
    told.push({ token, probability: tx.softmax(row)[token], self: mine, cross: theirs });
  }
  return told;
};
