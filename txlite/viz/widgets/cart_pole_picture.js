// The pictures of the cart and its pole: the world, what is asked and said, and the attention.

const [WIDE, HIGH, FLOOR] = [480, 196, 164];
const UNIT = WIDE / 5.6;
const KINDS = ["return", "state", "action"];

// Returns { root, update(state, { action, push, fell }) }.
const sceneOf = () => {
  const line = (x1, y1, x2, y2, kind) => tx.svg("line", { x1, y1, x2, y2, class: kind });
  const across = (x) => WIDE / 2 + x * UNIT;
  const root = tx.canvas(WIDE, HIGH, "A cart with a pole");
  root.append(line(0, FLOOR, WIDE, FLOOR, "cp-floor"));
  for (const side of [-1, 1])
    root.append(
      line(across(side * WORLD.far), FLOOR - 14, across(side * WORLD.far), FLOOR + 14, "cp-end"),
    );
  const long = 2 * WORLD.half * UNIT;
  const [broad, tall] = [0.56 * UNIT, 0.3 * UNIT];
  const leaning = (kind) => line(0, 0, 0, -long, kind);
  const pole = leaning("cp-pole");
  const bounds = [-1, 1].map((side) => {
    const bound = leaning("cp-bound");
    bound.setAttribute("transform", `rotate(${(side * WORLD.lean * 180) / Math.PI})`);
    return bound;
  });
  const arrow = (kind) => tx.svg("path", { class: kind });
  const [motor, hand] = [arrow("cp-motor"), arrow("cp-hand")];
  const joint = tx.svg("g", { transform: `translate(0 ${-tall})` }, ...bounds, pole);
  const cart = tx.svg(
    "g",
    {},
    tx.svg("rect", {
      x: -broad / 2,
      y: -tall,
      width: broad,
      height: tall,
      rx: 4,
      class: "cp-cart",
    }),
    joint,
    motor,
    hand,
  );
  root.append(cart);
  // An arrow of a length from a point, to the side of its sign; none for zero.
  const way = (x, y, side) =>
    side ? `M${x} ${y}h${30 * side}m${-8 * side} -6l${8 * side} 6l${-8 * side} 6` : "";
  const update = ([x, speed, lean, turn], { action = null, push = 0, fell = false }) => {
    cart.setAttribute("transform", `translate(${across(x)} ${FLOOR})`);
    pole.setAttribute("transform", `rotate(${(lean * 180) / Math.PI})`);
    const side = action === null ? 0 : action ? 1 : -1;
    motor.setAttribute("d", way((side * broad) / 2 + 4 * side, -tall / 2, side));
    const tip = [Math.sin(lean) * long, -tall - Math.cos(lean) * long];
    hand.setAttribute("d", way(tip[0] - 38 * Math.sign(push), tip[1], Math.sign(push)));
    root.classList.toggle("cp-fallen", fell);
    const degrees = (angle) => tx.number((angle * 180) / Math.PI, 1);
    root.setAttribute(
      "aria-label",
      `The cart is at ${tx.number(x)} and moves at ${tx.number(speed)}; the pole leans by ${degrees(lean)} degrees and turns at ${degrees(turn)} degrees a second`,
    );
  };
  return { root, update };
};

// Rows that are filled anew and never made anew: what is asked, and what the model says.
const rowsOf = (names) => {
  const rows = names.map((name) => {
    const [bar, share] = [
      tx.html("span", { class: "tx-after" }),
      tx.html("span", { class: "tx-share" }),
    ];
    const row = tx.html(
      "li",
      {},
      tx.html("span", { class: "tx-name" }, name),
      tx.html("span", { class: "tx-bars", "aria-hidden": "true" }, bar),
      share,
    );
    return { row, bar, share };
  });
  const root = tx.html(
    "ol",
    { class: "tx-tokens cp-rows" },
    rows.map(({ row }) => row),
  );
  const update = (told) =>
    rows.forEach(({ row, bar, share }, n) => {
      const { part = 0, text = "–", best = false } = told[n];
      row.className = best ? "tx-stays" : "";
      bar.style.width = `${100 * tx.clamp(part, 0, 1)}%`;
      share.textContent = text;
    });
  return { root, update };
};

// A column for each step that the model reads, and a row for each kind of token.
const stripOf = (context) => {
  const left = 62;
  const side = (WIDE - left) / context;
  const [row, top] = [26, 4];
  const root = tx.canvas(WIDE, top + 3 * row + 22, "Attention");
  KINDS.forEach((kind, k) =>
    root.append(
      tx.svg(
        "text",
        {
          x: left - 8,
          y: top + (k + 0.5) * row,
          "text-anchor": "end",
          "dominant-baseline": "central",
        },
        kind,
      ),
    ),
  );
  const cells = tx.range(context).map((c) =>
    KINDS.map((_, k) => {
      const box = tx.svg("rect", {
        x: left + c * side + 1,
        y: top + k * row + 1,
        width: Math.max(1, side - 2),
        height: row - 2,
        rx: 3,
        class: "tx-cell",
      });
      root.append(box);
      return box;
    }),
  );
  const label = (anchor, x) =>
    tx.svg("text", { class: "tx-axis", x, y: top + 3 * row + 16, "text-anchor": anchor });
  const [first, last] = [label("start", left), label("end", WIDE)];
  root.append(first, last);
  // weights: of the tokens of the last steps, return, state, action, …; the newest action is none yet.
  const update = (weights, from, now) => {
    const steps = (weights.length + 1) / 3;
    const largest = Math.max(...weights, 0);
    cells.forEach((column, c) =>
      column.forEach((box, k) => {
        const s = c - (context - steps); // the newest step is on the right
        const weight = s < 0 ? undefined : weights[3 * s + k];
        box.classList.toggle("cp-none", weight === undefined);
        box.style.fill = "var(--tx-accent)";
        box.style.fillOpacity = weight === undefined ? 0 : weight / largest;
      }),
    );
    first.textContent = steps === context && context > 2 ? `step ${from}` : "";
    last.textContent = weights.length ? `step ${now}` : "";
  };
  return { root, update };
};
