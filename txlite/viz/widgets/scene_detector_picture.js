// The scene: put together as txlite.data.scenes pastes it, and drawn with what is to be seen on it.

const SIDE = 480; // of the picture, in the units of what is drawn on it

// How much each of `count` pixels takes of each of `points`: its neighbours, linearly.
const hats = (count, points, start, side) =>
  tx.range(count).map((i) => {
    const at = (((i + 0.5) / count - start) / side) * points - 0.5;
    return tx.range(points).map((k) => Math.max(0, 1 - Math.abs(at - k)));
  });

// The picture that the model reads: things, [left, top, side] each, cover the background in white.
const composed = ({ background, ink }, squares) => {
  const [channels, height, width] = background.shape;
  const [, tall, wide] = ink.shape;
  const left = new Float64Array(height * width).fill(1);
  squares.forEach(([x, y, side], m) => {
    const [down, across] = [hats(height, tall, y, side), hats(width, wide, x, side)];
    const rows = tx
      .range(tall)
      .map((k) => tx.range(wide).map((l) => ink.data[(m * tall + k) * wide + l]));
    const columns = across.map((taps) => rows.map((row) => tx.dot(row, taps))); // [pixel][row of ink]
    for (let i = 0; i < height; i += 1) {
      if (!down[i].some((tap) => tap > 0)) continue;
      for (let j = 0; j < width; j += 1) left[i * width + j] *= 1 - tx.dot(down[i], columns[j]);
    }
  });
  const size = height * width;
  const data = Float64Array.from(
    { length: channels * size },
    (_, at) => background.data[at] * left[at % size] + (1 - left[at % size]),
  );
  return { shape: [channels, height, width], data };
};

// [left, top, right, bottom] of the ink of a thing, and of a box that is a middle and two sides.
const inkOf = ([x, y, side], edges) => edges.map((edge, i) => (i % 2 ? y : x) + edge * side);
const cornersOf = ([x, y, wide, high]) => [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2];
const overlap = (a, b) => {
  const sides = (c) => [c[2] - c[0], c[3] - c[1]].map((side) => Math.max(0, side));
  const area = (c) => sides(c)[0] * sides(c)[1];
  const both = [0, 1, 2, 3].map((i) => (i < 2 ? Math.max : Math.min)(a[i], b[i]));
  return area(both) / (area(a) + area(b) - area(both));
};

// The picture on the page: pixels, the attention of a query over them, boxes, and things to move.
// onmove(m, square) is called when a hand moves one, onchoose(m) when it takes one.
const sceneView = ({ onmove, onchoose }) => {
  const canvas = tx.html("canvas", { class: "sd-pixels", "aria-hidden": "true" });
  const lit = tx.svg("g", { class: "sd-lit" });
  const boxes = tx.svg("g", { class: "sd-boxes" });
  const labels = tx.html("div", { class: "sd-labels", "aria-hidden": "true" });
  const things = tx.svg("g", { "data-control": "" });
  tx.rove(things, { items: ".sd-thing", way: tx.ways.enter });
  const sheet = tx.svg("svg", { class: "sd-sheet", role: "group", "aria-label": "The scene" });
  sheet.append(lit, boxes, things);
  const root = tx.html("div", { class: "sd-scene", "data-effect": "" }, canvas, sheet, labels);
  let [high, squares, waiting] = [SIDE, [], null];

  const paint = ({ shape, data }) => {
    const [channels, height, width] = shape;
    Object.assign(canvas, { width, height });
    high = (SIDE * height) / width;
    sheet.setAttribute("viewBox", `0 0 ${SIDE} ${high}`);
    const image = new ImageData(width, height);
    for (let i = 0; i < height * width; i += 1) {
      for (let c = 0; c < 3; c += 1)
        image.data[4 * i + c] = Math.round(255 * data[(c % channels) * height * width + i]);
      image.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  };
  const light = (weights, [rows, columns]) => {
    const most = Math.max(...weights);
    lit.replaceChildren(
      ...weights.map((weight, p) => {
        const [i, j] = [Math.floor(p / columns), p % columns];
        const [wide, tall] = [SIDE / columns, high / rows];
        const cell = tx.svg("rect", { x: j * wide, y: i * tall, width: wide, height: tall });
        cell.style.setProperty("--share", weight / most);
        return cell;
      }),
    );
  };
  // found: [{ query, name, probability, box }]; the chosen query's is drawn above the others.
  const outline = (found, chosen) => {
    const drawn = [...found].sort((a, b) => (a.query === chosen) - (b.query === chosen));
    const kind = ({ query }) => (query === chosen ? "sd-chosen" : null);
    const corners = drawn.map(({ box }) => cornersOf(box));
    boxes.replaceChildren(
      ...drawn.map((one, n) => {
        const [x, y, right, bottom] = corners[n].map((v, i) => v * (i % 2 ? high : SIDE));
        const frame = { x, y, width: right - x, height: bottom - y };
        return tx.svg("rect", { class: kind(one), "data-query": one.query, ...frame });
      }),
    );
    labels.replaceChildren(
      ...drawn.map((one, n) => {
        const [x, y] = corners[n].map((v) => 100 * tx.clamp(v, 0, 0.92));
        const label = tx.html(
          "span",
          { class: kind(one), style: `left: ${Math.min(x, 80)}%; top: ${y}%` },
          `${one.name} ${tx.percent(one.probability)}`,
        );
        label.classList.toggle("sd-above", y > 8);
        return label;
      }),
    );
  };

  // The middle of a thing stays in the picture.
  const kept = ([x, y, side]) => [
    tx.clamp(x, -side / 2, 1 - side / 2),
    tx.clamp(y, -side / 2, 1 - side / 2),
    side,
  ];
  const move = (m, square, now = true) => {
    squares[m] = kept(square);
    cancelAnimationFrame(waiting);
    if (now) onmove(m, squares[m]);
    else waiting = requestAnimationFrame(() => onmove(m, squares[m]));
  };
  const handle = (name, m, step) => {
    const dot = (kind) => tx.svg("path", { class: kind, d: "M0 0h0.01" }); // as large as a finger
    const node = tx.svg("g", {
      class: "tx-handle sd-thing",
      tabindex: 0,
      role: "slider",
      "aria-roledescription": "thing to move",
      "aria-label": name,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "data-thing": m,
    });
    node.append(tx.svg("rect"), dot("tx-reach"), dot("tx-dot"));
    let from = null; // where the hand took it, and where it was then
    const at = ({ clientX, clientY }) => {
      const { left, top, width, height } = sheet.getBoundingClientRect();
      return [(clientX - left) / width, (clientY - top) / height];
    };
    node.addEventListener("focus", () => onchoose(m));
    node.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      event.preventDefault();
      node.setPointerCapture(event.pointerId);
      node.focus({ preventScroll: true });
      from = { hand: at(event), square: squares[m] };
    });
    node.addEventListener("pointermove", (event) => {
      if (!from || !node.hasPointerCapture(event.pointerId)) return;
      const [dx, dy] = at(event).map((v, axis) => v - from.hand[axis]);
      const [x, y, side] = from.square;
      move(m, [x + dx, y + dy, side], false);
    });
    for (const end of ["pointerup", "pointercancel"])
      node.addEventListener(end, () => {
        from = null;
      });
    node.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const far = step * (event.shiftKey ? 4 : 1);
      const way = {
        ArrowLeft: [-far, 0],
        ArrowRight: [far, 0],
        ArrowUp: [0, -far],
        ArrowDown: [0, far],
      }[event.key];
      if (!way) return;
      event.preventDefault();
      const [x, y, side] = squares[m];
      move(m, [x + way[0], y + way[1], side]);
    });
    return node;
  };
  // A handle for each thing, by name; they stay while the scene does.
  const fill = (names, step) =>
    things.replaceChildren(...names.map((name, m) => handle(name, m, step)));
  const place = (next, chosen) => {
    squares = next.map((square) => [...square]);
    [...things.children].forEach((node, m) => {
      const [x, y, side] = squares[m];
      const where = { x: x * SIDE, y: y * high, width: side * SIDE, height: side * high };
      const [square, ...dots] = node.children;
      for (const [name, value] of Object.entries(where)) square.setAttribute(name, value);
      for (const dot of dots)
        dot.setAttribute(
          "transform",
          `translate(${(x + side / 2) * SIDE} ${(y + side / 2) * high})`,
        );
      const [across, down] = [x, y].map((v) => Math.round(100 * (v + side / 2)));
      node.setAttribute("aria-valuenow", across);
      node.setAttribute("aria-valuetext", `${across} % across, ${down} % down`);
      node.classList.toggle("sd-taken", m === chosen);
    });
  };
  return { root, paint, light, outline, fill, place };
};
