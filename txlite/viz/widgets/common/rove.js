// Needs: elements.
// Roving: many buttons, one tab stop. The arrow keys walk among them, Home and End go to the ends.

tx.ways = {
  // Along a row or a column. A list of choices keeps its own ArrowUp and ArrowDown, a slider its
  // ArrowLeft and ArrowRight, both their Home and End.
  arrows: ({ key, target }) => {
    if (target.localName === "select" && !["ArrowLeft", "ArrowRight"].includes(key)) return null;
    if (target.type === "range" && !["ArrowUp", "ArrowDown"].includes(key)) return null;
    return (
      { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity }[
        key
      ] ?? null
    );
  },
  // Among points whose arrow keys are taken: Enter goes to the next one.
  enter: ({ key, shiftKey }) => (key === "Enter" ? (shiftKey ? -1 : 1) : null),
};

// `items` is a selector of what can be reached in `root`, however often it is drawn anew.
tx.rove = (root, { items = "button, input, select", way = tx.ways.arrows } = {}) => {
  let [at, place] = [null, 0];
  const all = () =>
    [...root.querySelectorAll(items)].filter((node) => !node.disabled && !node.closest("[hidden]"));
  const settle = () => {
    const list = all();
    if (!list.includes(at)) {
      const marked =
        at === null
          ? list.find((node) => node.matches('[aria-pressed="true"], [aria-current]'))
          : null;
      at = marked ?? list[Math.min(place, list.length - 1)] ?? null;
    }
    place = Math.max(0, list.indexOf(at));
    for (const node of list)
      if (node.tabIndex !== (node === at ? 0 : -1))
        node.setAttribute("tabindex", node === at ? 0 : -1);
  };
  const go = (node) => {
    at = node;
    settle();
  };
  root.dataset.rove = items;
  root.addEventListener("focusin", ({ target }) => {
    const node = target.closest(items);
    if (node && root.contains(node)) go(node);
  });
  root.addEventListener("keydown", (event) => {
    const step = way(event);
    const list = all();
    const here = list.indexOf(event.target.closest(items));
    if (step === null || here < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const last = list.length - 1;
    const next =
      Number.isFinite(step) && way === tx.ways.enter
        ? (here + step + list.length) % list.length
        : Math.min(last, Math.max(0, here + step));
    go(list[next]);
    list[next].focus();
  });
  new MutationObserver(settle).observe(root, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ["disabled", "hidden"],
  });
  settle();
  return { settle };
};
