// Needs: elements.
// Play: a button that goes on step by step, until the end, a pause, or a hand on the figure.

// at() is where the figure is, go(n) moves it; first() and last() are the ends.
tx.player = (root, { at, go, first = () => 0, last, pace = 900, step = 1, name = "" }) => {
  let timer = 0;
  const input = tx.html("button", { type: "button", class: "tx-button tx-play" });
  const show = () => {
    // Signs that are in every font of symbols: not the emoji of a pause.
    input.replaceChildren(timer ? "❚❚" : "▶", tx.html("span", {}, timer ? " pause" : " play"));
    input.setAttribute("aria-label", `${timer ? "pause" : "play"}${name ? `: ${name}` : ""}`);
    root.toggleAttribute("data-playing", timer !== 0);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    show();
  };
  const tick = () => {
    if (!root.isConnected || document.hidden) return stop();
    go(Math.min(last(), at() + step));
    return at() >= last() ? stop() : undefined;
  };
  input.addEventListener("click", () => {
    if (timer) return stop();
    if (at() >= last()) go(first());
    timer = setInterval(tick, pace);
    return show();
  });
  // Whoever touches the figure wants to look.
  for (const event of ["pointerdown", "keydown"]) {
    root.addEventListener(event, ({ target }) => timer && !input.contains(target) && stop());
  }
  show();
  return { root: input, input, stop };
};
