// Needs: transformer.
// A Decision Transformer in the page: the last steps of an episode become three tokens each, and a
// causal stack says at the newest state what to do.
//
//   const model = tx.decisions(config, weights);      // the weights of a DecisionTransformer
//   const { logits, maps } = model({ returns, states, actions, timesteps });
//
// returns, states and timesteps are of T steps, the newest one last, and actions of those before it:
// the newest one is still to be chosen. Actions are counted. maps are those of the newest state's
// token, [layer][head][key], the keys being return, state, action, return, …, state.

tx.decisions = (config, weights) => {
  const stack = tx.nn.stack(
    tx.part(weights, "decoder."),
    { ...config, positions: "none" },
    { bidirectional: false },
  );
  const table = (name) => (row) => {
    const { shape, data } = weights[name];
    return Float64Array.from(data.slice(row * shape[1], (row + 1) * shape[1]));
  };
  const [acted, stood] = [table("action_embedding.weight"), table("time_embedding.weight")];
  const same = "positions.table" in weights ? table("positions.table")(0) : null;
  const [, D] = weights["time_embedding.weight"].shape;

  return ({ returns, states, actions, timesteps }) => {
    const tokens = [];
    returns.forEach((left, t) => {
      const kinds = [
        tx.nn.project(weights, "return_embedding", Float64Array.of(left)),
        tx.nn.project(weights, "state_embedding", Float64Array.from(states[t])),
      ];
      if (t < actions.length) kinds.push(acted(actions[t]));
      tokens.push(...kinds.map((kind) => tx.nn.add(kind, stood(timesteps[t]))));
    });
    let x = new Float64Array(tokens.length * D);
    tokens.forEach((token, n) => x.set(token, n * D));
    const norm = ["weight", "bias"].map((name) => weights[`embedding_norm.${name}`]);
    x = tx.nn.norm(x, ...norm, { norm: config.norm }); // with its own eps
    if (same) x = x.map((value, i) => value + same[i % D]);
    const { states: hidden, self } = stack.run(x, { causal: true });
    const logits = tx.nn.project(weights, "action_head", hidden.slice(hidden.length - D));
    return { logits: Array.from(logits), maps: self.map((heads) => heads.map((m) => m.at(-1))) };
  };
};
