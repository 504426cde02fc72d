// Needs: transformer.
// A forecaster in the page: a window of a series on its own scale, in patches, through an encoder, and
// the quantiles of what comes back in the series' units.
//
//   const model = tx.forecaster(config, weights);     // those of a Forecaster with quantiles
//   const { quantiles, self, starts } = model(past);  // context_length numbers, the newest last
//
// quantiles are [level][step], maps [layer][head][query][key]; a class token stands before the patches.
// starts says at which value of the window each patch begins: it may reach past the end, where the last
// value is repeated.

// Where a window lies: what is subtracted from it, and what it is divided by.
tx.nn.levelOf = (past, { scaling, scale_eps: eps }) => {
  const mean = (values) => tx.sum(Array.from(values)) / values.length;
  if (scaling === "none") return { loc: 0, scale: 1 };
  if (scaling === "last") return { loc: past.at(-1), scale: 1 };
  if (scaling === "mean") {
    const size = Math.max(mean(past.map(Math.abs)), eps);
    return { loc: 0, scale: size > 0 ? size : 1 };
  }
  const anchor = past.at(-1); // so that a constant window is met exactly
  const loc = anchor + mean(past.map((x) => x - anchor));
  const variance = mean(past.map((x) => (x - loc) ** 2)) + eps;
  return { loc, scale: variance > 0 ? Math.sqrt(variance) : 1 };
};

tx.forecaster = (config, weights) => {
  const { context_length: length, patch_length: size, stride, horizon, pooling, levels } = config;
  const stack = tx.nn.stack(
    tx.part(weights, "encoder."),
    { ...config, positions: "none" },
    { bidirectional: true },
  );
  const token = weights.class_token?.data ?? [];
  const places = weights["positions.added.table.weight"]?.data;
  const maps = levels.map((_, n) => tx.part(weights, `head.maps.${n}.`));
  const middle = levels.reduce(
    (best, level, n) => (Math.abs(level - 0.5) < Math.abs(levels[best] - 0.5) ? n : best),
    0,
  );
  const whole = length + (config.repeat_last ? stride : 0);
  const count = Math.floor((whole - size) / stride) + 1;
  const skipped = whole - ((count - 1) * stride + size); // at the old end
  const starts = tx.range(count).map((n) => skipped + n * stride);
  const softplus = (x) => (x > 20 ? x : Math.log1p(Math.exp(x)));

  const pooled = (states, D) => {
    if (pooling === "flatten") return states;
    if (pooling === "class") return states.slice(0, D);
    const columns = tx.range(D).map((d) => states.filter((_, i) => i % D === d));
    return Float64Array.from(columns, (xs) =>
      pooling === "max" ? Math.max(...xs) : tx.sum(Array.from(xs)) / xs.length,
    );
  };

  return (past) => {
    if (past.length !== length)
      throw new Error(
        `the page's forecaster reads ${length} values, the window has ${past.length}`,
      );
    const { loc, scale } = tx.nn.levelOf(past, config);
    const z = Float64Array.from(
      { length: whole },
      (_, i) => (past[Math.min(i, length - 1)] - loc) / scale,
    );
    const patches = tx.nn.join(
      [],
      starts.flatMap((at) => Array.from(z.subarray(at, at + size))),
    );
    const D = weights["patches.maps.0.weight"].shape[0];
    let x = tx.nn.join(token, tx.nn.project(weights, "patches.maps.0", patches));
    if (places) x = tx.nn.add(x, places);
    const { states, self } = stack.run(x);
    const features = pooled(states, D);
    const raw = maps.map((own) => Array.from(tx.nn.linear(features, own.weight, own.bias)));
    // From the middle outwards, so that none lies below the one before.
    for (let n = middle + 1; n < raw.length; n += 1)
      raw[n] = raw[n].map((value, h) => raw[n - 1][h] + softplus(value));
    for (let n = middle - 1; n >= 0; n -= 1)
      raw[n] = raw[n].map((value, h) => raw[n + 1][h] - softplus(value));
    const quantiles = raw.map((row) => row.slice(0, horizon).map((value) => value * scale + loc));
    return { quantiles, middle, self, starts };
  };
};
