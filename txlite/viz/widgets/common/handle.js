// Needs: elements, numbers, pictures.
// A point on a plane that pointer and keys move: the arrows by a step (Shift: ten times as far), Home
// and End to the ends. A point that belongs on a curve stays on it, however it is pulled.

// along(x) is the height of the curve, if there is one; snap(x) the nearest point allowed; range the
// ends; says(x, y) what is read out. Returns { root, move(x, y) }; onmove(x, y) is called for the
// reader's moves only. It is as large on every screen, and larger where fingers touch it.
tx.handle = (
  plane,
  {
    label,
    x,
    y,
    color = "var(--tx-accent)",
    step = 0.05,
    range = plane.xlim,
    along = null,
    snap = (v) => v,
    says = along ? (a) => tx.number(a) : (a, b) => `${tx.number(a)} across, ${tx.number(b)} up`,
    onmove,
  },
) => {
  let at = [x, y];
  const dot = (name) => tx.svg("path", { class: name, d: "M0 0h0.01" }); // a round line of no length
  const root = tx.svg(
    "g",
    {
      tabindex: 0,
      role: "slider",
      "aria-label": label,
      class: "tx-handle",
      style: `--own: ${color}`,
    },
    dot("tx-reach"),
    dot("tx-ring"),
    dot("tx-dot"),
  );
  const move = (nextX, nextY) => {
    at = [tx.clamp(nextX, ...plane.xlim), tx.clamp(nextY, ...plane.ylim)];
    root.setAttribute("transform", `translate(${plane.x(at[0])} ${plane.y(at[1])})`);
    root.setAttribute("aria-valuemin", range[0]);
    root.setAttribute("aria-valuemax", range[1]);
    root.setAttribute("aria-valuenow", at[0]);
    root.setAttribute("aria-valuetext", says(...at));
  };
  const byHand = (nextX, nextY) => {
    const a = snap(tx.clamp(nextX, ...range));
    move(a, along ? along(a) : nextY);
    onmove?.(...at);
  };
  const follow = (event) => {
    const frame = plane.root.getBoundingClientRect();
    const { x: left, y: top, width } = plane.root.viewBox.baseVal;
    const zoom = width / frame.width;
    byHand(
      ...plane.inverse(
        left + (event.clientX - frame.left) * zoom,
        top + (event.clientY - frame.top) * zoom,
      ),
    );
  };
  root.addEventListener("pointerdown", (event) => {
    root.setPointerCapture(event.pointerId);
    root.focus();
    event.preventDefault();
  });
  root.addEventListener(
    "pointermove",
    (event) => root.hasPointerCapture(event.pointerId) && follow(event),
  );
  root.addEventListener("keydown", (event) => {
    const far = step * (event.shiftKey ? 10 : 1);
    const ways = {
      ArrowLeft: [-far, 0],
      ArrowRight: [far, 0],
      ArrowUp: along ? [far, 0] : [0, far],
      ArrowDown: along ? [-far, 0] : [0, -far],
      PageUp: [10 * step, 0],
      PageDown: [-10 * step, 0],
      Home: [-Infinity, 0],
      End: [Infinity, 0],
    };
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    byHand(at[0] + way[0], at[1] + way[1]);
  });
  move(x, y);
  return { root, move };
};
