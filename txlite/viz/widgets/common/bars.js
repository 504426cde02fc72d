// Needs: elements, numbers.
// Bars: what a model expects, token by token, and what is left of it to draw from.

// A thin line is the model's probability `before`, if it is another one than the bar's, which is what
// is left of it, `after`; both are drawn as shares of `widest`, and cut off where they are longer. A
// token that was taken is marked; `data` is what the row says of itself.
tx.bar = ({ name, before = null, after, widest = 1, taken = false, data = {} }) => {
  const width = (share) => `width: ${Math.min(100, (100 * share) / widest)}%`;
  const beyond = Math.max(before ?? 0, after) > widest;
  const kinds = [
    after > 0 ? "tx-stays" : "tx-gone",
    beyond ? "tx-beyond" : "",
    taken ? "tx-taken" : "",
  ];
  const row = tx.html(
    "li",
    { class: kinds.filter(Boolean).join(" "), "data-before": before, "data-after": after },
    tx.html("span", { class: "tx-name" }, name),
    tx.html(
      "span",
      { class: "tx-bars", "aria-hidden": "true" },
      tx.html("span", { class: "tx-after", style: width(after) }),
      before === null ? null : tx.html("span", { class: "tx-before", style: width(before) }),
    ),
    tx.html("span", { class: "tx-share" }, after > 0 ? tx.share(after) : "–"),
  );
  Object.assign(row.dataset, data);
  return row;
};
