// Needs: elements.
// Numbers: the arithmetic of attention on plain arrays, and how numbers are written.
// A matrix is an array of rows. Everything is float64, as in Python's reference.

tx.range = (n) => Array.from({ length: n }, (_, i) => i);
tx.sum = (xs) => xs.reduce((total, x) => total + x, 0);
tx.dot = (a, b) => tx.sum(a.map((x, i) => x * b[i]));
tx.transpose = (m) => (m.length ? m[0].map((_, j) => m.map((row) => row[j])) : []);
tx.matmul = (a, b) => {
  const columns = tx.transpose(b);
  return a.map((row) => columns.map((column) => tx.dot(row, column)));
};

// Softmax over the entries that are allowed; nothing allowed gives zeros, as in txlite.nn.
tx.softmax = (scores, allowed = null) => {
  const open = (i) => (allowed == null || allowed[i]) && scores[i] !== -Infinity;
  const seen = scores.filter((_, i) => open(i));
  if (seen.length === 0) return scores.map(() => 0);
  const top = Math.max(...seen);
  const powers = scores.map((s, i) => (open(i) ? Math.exp(s - top) : 0));
  const total = tx.sum(powers);
  return powers.map((p) => p / total);
};

// { scores, weights, output } of one head; scale defaults to 1/√E, mask[i][j] true = may attend.
tx.attention = (query, key, value, { scale = null, mask = null } = {}) => {
  const factor = scale ?? 1 / Math.sqrt(query[0].length);
  const scores = tx.matmul(query, tx.transpose(key)).map((row) => row.map((s) => s * factor));
  const weights = scores.map((row, i) => tx.softmax(row, mask?.[i] ?? null));
  return { scores, weights, output: tx.matmul(weights, value) };
};

// 0.5 -> "0.50", -2 -> "−2.00", with a true minus and never "−0.00".
tx.number = (x, digits = 2) => {
  if (!Number.isFinite(x)) return x === Infinity ? "∞" : x === -Infinity ? "−∞" : "–";
  const text = x.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
};

// No line ends between a number and its sign.
tx.percent = (x, digits = 0) => `${tx.number(100 * x, digits)}\u00a0%`;
// A probability that may be tiny, and is not nothing.
tx.share = (p) => (p > 0 && p < 0.0005 ? "<\u00a00.1\u00a0%" : tx.percent(p, 1));
tx.clamp = (x, low, high) => Math.min(high, Math.max(low, x));
