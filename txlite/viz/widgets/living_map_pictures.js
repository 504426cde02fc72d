// The pictures of a step: matrices as strips of colour, attention as a map, tokens as bars.

// One matrix: a row for each token. `own` marks the columns of the head that is looked at.
const strip = ({ title, rows, values, own = null, indent = 0, onpoint }) => {
  const columns = values[0].length;
  const [cell, side] = [18, Math.max(1.9, Math.min(13, 330 / columns))];
  const left = Math.max(indent, 8 + 13 * Math.max(...rows.map(tx.breadth)));
  const limit = Math.max(1e-9, ...values.flat().map(Math.abs));
  const [width, height] = [left + columns * side + 2, rows.length * cell + 2];
  const root = tx.svg("svg", {
    class: "tx-strip",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "aria-label": `${title}: ${rows.length} rows of ${columns} numbers, the largest ${tx.number(limit)}`,
  });
  values.forEach((line, i) => {
    root.append(
      tx.svg(
        "text",
        { x: left - 6, y: (i + 0.5) * cell, "text-anchor": "end", "dominant-baseline": "central" },
        rows[i],
      ),
    );
    line.forEach((value, j) => {
      const box = tx.svg("rect", {
        x: left + j * side,
        y: i * cell + 1,
        width: side + 0.2,
        height: cell - 2,
        "data-value": value,
      });
      tx.shade(box, value, limit);
      root.append(box);
    });
    root.append(
      tx.svg("rect", {
        class: "tx-frame",
        x: left,
        y: i * cell + 1,
        width: columns * side,
        height: cell - 2,
      }),
    );
  });
  if (own) {
    root.append(
      tx.svg("rect", {
        class: "tx-own",
        x: left + own[0] * side,
        y: 0.5,
        width: (own[1] - own[0]) * side,
        height: height - 1,
        rx: 3,
      }),
    );
  }
  root.addEventListener("pointermove", (event) => {
    const frame = root.getBoundingClientRect();
    const zoom = width / frame.width;
    const i = Math.floor(((event.clientY - frame.top) * zoom) / cell);
    const j = Math.floor(((event.clientX - frame.left) * zoom - left) / side);
    if (values[i]?.[j] !== undefined)
      onpoint(`${title}, ${rows[i]}, number ${j} of ${columns}: ${tx.number(values[i][j], 3)}`);
  });
  return tx.html(
    "figure",
    { class: "tx-matrix", "data-title": title },
    tx.html("figcaption", {}, tx.html("b", {}, title), ` (${rows.length} × ${columns})`),
    root,
  );
};

// Weights as a map with numbers; columns beyond ten tokens would not fit a page.
const map = (rows, columns, weights, label, onpick) => {
  const side = Math.max(26, Math.min(46, 380 / columns.length));
  const { root, cells } = tx.heatmap({
    rows,
    columns: columns.map(() => ""),
    values: weights,
    label,
    digits: side < 34 ? 1 : 2,
    side,
    onpick,
  });
  const left = Number(cells[0][0].box.getAttribute("x")) - 1.5;
  const deep = 12 + 11 * Math.max(...columns.map(tx.breadth)) * 0.8;
  const [, , width, height] = root.getAttribute("viewBox").split(" ").map(Number);
  columns.forEach((word, j) =>
    root.append(
      tx.svg("text", { transform: `translate(${left + (j + 0.62) * side} 24) rotate(-38)` }, word),
    ),
  );
  root.setAttribute("viewBox", `0 ${24 - deep} ${width + 24} ${height - 24 + deep}`);
  root.setAttribute("width", width + 24);
  root.setAttribute("height", height - 24 + deep);
  cells.forEach((line, i) =>
    line.forEach(({ box }, j) => {
      box.dataset.weight = weights[i][j];
    }),
  );
  return tx.html("figure", { class: "tx-matrix" }, root);
};

// The likeliest tokens as bars.
const bars = (words, probabilities, count = 8) => {
  const order = tx
    .range(words.length)
    .sort((a, b) => probabilities[b] - probabilities[a])
    .slice(0, count);
  return tx.html(
    "div",
    { class: "tx-bars", role: "list" },
    order.map((n) =>
      tx.html(
        "div",
        {
          class: "tx-bar",
          role: "listitem",
          "data-word": words[n],
          "data-value": probabilities[n],
        },
        tx.html("span", { class: "tx-word" }, words[n] || "␣"),
        tx.html(
          "span",
          { class: "tx-track" },
          tx.html("span", { class: "tx-fill", style: `width: ${100 * probabilities[n]}%` }),
        ),
        tx.html("span", {}, tx.percent(probabilities[n], 1)),
      ),
    ),
  );
};

const sign = (text) => tx.html("span", { class: "tx-sign", "aria-hidden": "true" }, text);

// What each kind of step does, in a formula and a sentence or two.
const KIND = {
  embed: [
    "look up",
    "x = √D · E[token]",
    "Each token picks a row of the embedding matrix, times √D. The same token always gives the same row, at every position.",
  ],
  position: [
    "add the position",
    "x ← x + p",
    "A vector that depends on the position only is added. From here on the model can tell the order of the tokens.",
  ],
  norm: [
    "normalise",
    "y = γ · (x − mean) / spread + β",
    "Row by row the mean is taken off, and the spread becomes one. Then each column has a learned scale and shift.",
  ],
  project: [
    "queries, keys, values",
    "Q = xW_Q + b, K = mW_K + b, V = mW_V + b",
    "Three linear maps give a query, a key and a value for each token. The frame shows the columns of the chosen head.",
  ],
  weights: [
    "attention weights",
    "A = softmax(QKᵀ/√E)",
    "Each query is compared with each key. A row shares one out among the tokens. Click a cell to open its product.",
  ],
  gather: [
    "gather the values",
    "Z = AV",
    "Each token takes the values in these proportions. The results of all heads lie side by side; the frame is the chosen head's.",
  ],
  mix: [
    "mix the heads",
    "branch = ZW_O + b",
    "One linear map reads what all heads have gathered, and gives one vector of the model's width.",
  ],
  add: [
    "add to the residual path",
    "x ← x + branch",
    "Nothing is overwritten: each block adds to what was there.",
  ],
  hidden: [
    "the wide hidden layer",
    "h = max(0, xW₁ + b₁)",
    "Each token on its own: a wider hidden layer, in which negative numbers become zero.",
  ],
  down: ["and back", "branch = hW₂ + b₂", "From the hidden width back to the model's."],
  logits: [
    "score every token",
    "logits = x Eᵀ",
    "The dot product with every row of the embedding matrix, the same as at the entrance: one score for each token of the vocabulary.",
  ],
  softmax: [
    "the next token",
    "p = softmax(logits)",
    "Scores become probabilities. Choose a position to see what the model expects after it.",
  ],
};
