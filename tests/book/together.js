// How many pixels of a figure's control, effect and number are out of sight at best.
(header) => {
  const root = document.querySelector(".tx-widget");
  const control =
    root.querySelector("[data-control]") ??
    root.querySelector(".tx-lead-control :is(input, button), .tx-handle") ??
    root.querySelector(".tx-controls :is(input, select, button)");
  const effect =
    root.querySelector("[data-effect]") ??
    [...root.querySelectorAll(".tx-stage > *")].find((node) => node.clientHeight > 60);
  const number = root.querySelector(".tx-status");
  const boxes = () => [control, effect, number].map((node) => node.getBoundingClientRect());
  let best = Infinity;
  for (let y = 0; y < document.body.scrollHeight; y += 20) {
    window.scrollTo(0, y);
    const [a, b, c] = boxes();
    const dock = root.querySelector(".tx-dock").getBoundingClientRect();
    const hidden =
      Math.max(0, header - a.top) +
      Math.max(0, a.bottom - innerHeight) +
      Math.max(0, header - b.top) +
      Math.max(0, Math.min(b.bottom, b.top + 560) - dock.top) +
      Math.max(0, header - c.top) +
      Math.max(0, c.bottom - innerHeight);
    best = Math.min(best, hidden);
  }
  return best;
};
