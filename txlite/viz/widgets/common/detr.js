// Needs: conv, transformer.
// DETR in the page: a backbone of convolutions, an encoder over its points, a decoder of queries, and
// what each of these says: a class or that there is no object, and a box.
//
//   const model = tx.detr(config, layers, weights);   // layers: of the backbone, see conv.js
//   const { found, cross, grid } = model(picture);    // { shape: [channels, height, width], data }
//   found[q];                                         // { probabilities, box: [x, y, width, height] }
//
// config: as of tx.transformer. `cross` are maps [layer][head][query][point], and the points lie on a
// grid, [rows, columns]. A box is its middle and its sides, as shares of the picture.

// Sines and cosines of a point's row, then of its column, each counted as a share of a whole turn.
tx.nn.gridPositions = ([rows, columns], D, base = 10000) => {
  const quarter = D / 4;
  const out = new Float64Array(rows * columns * D);
  const angle = (at, count, hand) => {
    const turn = (2 * Math.PI * (at + 1)) / (count + 1e-6);
    return turn * base ** ((-4 * hand) / D);
  };
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < columns; j += 1)
      for (let h = 0; h < quarter; h += 1) {
        const at = (i * columns + j) * D + 2 * h;
        const [down, across] = [angle(i, rows, h), angle(j, columns, h)];
        [out[at], out[at + 1]] = [Math.sin(down), Math.cos(down)];
        [out[at + D / 2], out[at + D / 2 + 1]] = [Math.sin(across), Math.cos(across)];
      }
  return out;
};

tx.detr = (config, layers, weights) => {
  const backbone = tx.nn.convolutional(layers, tx.part(weights, "backbone."));
  const [encoder, decoder] = ["encoder", "decoder"].map((name) =>
    tx.nn.stack(tx.part(weights, `${name}.`), config, { bidirectional: true }),
  );
  const queries = weights["queries.weight"];
  const [count, D] = queries.shape;
  const ask = Float64Array.from(queries.data);
  const { relu } = tx.nn.activations;
  const row = (x, q, width) => Array.from(x.subarray(q * width, (q + 1) * width));

  return (picture) => {
    const seen = tx.nn.conv2d(
      backbone(picture),
      weights["projection.weight"],
      weights["projection.bias"],
    );
    const grid = seen.shape.slice(1);
    const points = grid[0] * grid[1];
    const x = new Float64Array(points * D); // a row for each point
    for (let d = 0; d < D; d += 1)
      for (let p = 0; p < points; p += 1) x[p * D + d] = seen.data[d * points + p];
    const stand = tx.nn.gridPositions(grid, D);
    const memory = encoder.run(x, { stand }).states;
    const asked = { memory, stand: ask, memoryStand: stand };
    const { states, self, cross } = decoder.run(new Float64Array(count * D), asked);
    const logits = tx.nn.project(weights, "classifier", states);
    const hidden = [0, 1].reduce(
      (y, n) => tx.nn.project(weights, `box_head.${n}`, y).map(relu),
      states,
    );
    const boxes = tx.nn
      .project(weights, "box_head.2", hidden)
      .map((value) => 1 / (1 + Math.exp(-value)));
    const found = tx.range(count).map((q) => ({
      probabilities: tx.softmax(row(logits, q, logits.length / count)),
      box: row(boxes, q, 4),
    }));
    return { found, self, cross, grid };
  };
};
