// Needs: elements, numbers.
// Pictures: a heat map, a plane with axes. All scale down with the page; texts stay legible.

tx.canvas = (width, height, label) =>
  tx.svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: label ? "img" : null,
    "aria-label": label,
  });

// Rows are queries, columns are keys. Returns { root, update(values), cells }.
tx.heatmap = ({
  rows,
  columns,
  values,
  label,
  limit = 1,
  digits = 2,
  side = 52,
  onpick = null,
}) => {
  const left = 14 + Math.max(0, ...rows.map(tx.breadth)) * 14;
  const top = 30;
  const width = left + columns.length * side;
  const root = tx.canvas(width, top + rows.length * side, label);
  rows.forEach((word, i) =>
    root.append(
      tx.svg(
        "text",
        {
          x: left - 10,
          y: top + (i + 0.5) * side,
          "text-anchor": "end",
          "dominant-baseline": "central",
        },
        word,
      ),
    ),
  );
  columns.forEach((word, j) =>
    root.append(
      tx.svg(
        "text",
        {
          x: left + (j + 0.5) * side,
          y: top - 10,
          "text-anchor": "middle",
        },
        word,
      ),
    ),
  );
  const cells = rows.map((_, i) =>
    columns.map((__, j) => {
      const box = tx.svg("rect", {
        x: left + j * side + 1.5,
        y: top + i * side + 1.5,
        width: side - 3,
        height: side - 3,
        rx: 4,
        class: "tx-cell",
      });
      const text = tx.svg("text", {
        x: left + (j + 0.5) * side,
        y: top + (i + 0.5) * side,
        class: "tx-number",
      });
      if (onpick) box.addEventListener("pointerenter", () => onpick(i, j));
      root.append(box, text);
      return { box, text };
    }),
  );
  const update = (next) =>
    cells.forEach((line, i) =>
      line.forEach(({ box, text }, j) => {
        tx.shade(box, next[i][j], limit);
        text.textContent = digits == null ? "" : tx.number(next[i][j], digits);
      }),
    );
  update(values);
  return { root, cells, update };
};

// Blue above zero, orange below, the paper at zero; the size is the opacity.
tx.shade = (box, value, limit = 1) => {
  box.style.fill = value < 0 ? "var(--tx-opposite)" : "var(--tx-accent)";
  box.style.fillOpacity = Number.isFinite(value) ? tx.clamp(Math.abs(value) / limit, 0, 1) : 0;
};

// How many Latin letters wide a word is, roughly: a Chinese character takes two.
tx.breadth = (word) => tx.sum([...word].map((c) => (c.codePointAt(0) > 0x2e7f ? 1.1 : 0.62)));

// A plane with axes. Returns { root, x, y, line(points), inverse(px, py) }; x and y map to pixels.
tx.plane = ({
  width = 460,
  height = 300,
  xlim,
  ylim,
  xticks = [],
  yticks = [],
  xlabel = "",
  ylabel = "",
  logx = false,
  label = null,
}) => {
  const box = { left: 52, right: width - 16, top: 14, bottom: height - 42 };
  const u = logx ? Math.log : (v) => v;
  const across = (v) => (u(v) - u(xlim[0])) / (u(xlim[1]) - u(xlim[0]));
  const x = (v) => box.left + across(v) * (box.right - box.left);
  const y = (v) => box.bottom - ((v - ylim[0]) / (ylim[1] - ylim[0])) * (box.bottom - box.top);
  const root = tx.canvas(width, height, label);
  const text = (content, attributes) =>
    root.append(tx.svg("text", { class: "tx-axis", ...attributes }, content));
  for (const v of yticks) {
    root.append(
      tx.svg("line", { class: "tx-grid", x1: box.left, x2: box.right, y1: y(v), y2: y(v) }),
    );
    text(String(v).replace("-", "−"), {
      x: box.left - 8,
      y: y(v),
      "text-anchor": "end",
      "dominant-baseline": "central",
    });
  }
  for (const v of xticks) {
    root.append(
      tx.svg("line", { class: "tx-grid", x1: x(v), x2: x(v), y1: box.top, y2: box.bottom }),
    );
    text(String(v).replace("-", "−"), { x: x(v), y: box.bottom + 16, "text-anchor": "middle" });
  }
  text(xlabel, { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" });
  text(ylabel, {
    transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`,
    "text-anchor": "middle",
  });
  const line = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a)} ${y(b)}`).join("");
  const inverse = (px, py) => {
    const t = (px - box.left) / (box.right - box.left);
    const v = u(xlim[0]) + t * (u(xlim[1]) - u(xlim[0]));
    return [
      logx ? Math.exp(v) : v,
      ylim[0] + ((box.bottom - py) / (box.bottom - box.top)) * (ylim[1] - ylim[0]),
    ];
  };
  return { root, x, y, line, inverse, box, xlim, ylim };
};
