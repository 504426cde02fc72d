// The drawing: the SVG that Python has made, with parts to open, to walk among and to light.

const FADE = 360; // milliseconds

const svgOf = (text) => {
  const holder = document.createElement("div");
  const tip = tx.id("tip");
  holder.innerHTML = text.replace(/tx-tip-[0-9a-f]+/g, tip); // ids are the page's, not the drawing's
  const root = holder.firstElementChild;
  root.setAttribute("role", "group");
  root.classList.add("tx-drawing");
  return root;
};

// Numbers behind letters: "(T, D) = (5, 32)" and "T = 5 tokens", for the sentence of now.
const sized = (root, sizes) => {
  for (const text of root.querySelectorAll("text, tspan")) {
    if (text.children.length) continue;
    const said = text.textContent;
    const whole = said.replace(/^([A-Z]) = \d+/, (all, name) =>
      name in sizes ? `${name} = ${sizes[name]}` : all,
    );
    const next = whole.replace(
      /\(([A-Z](?:, [A-Z])*)\) = \([\d, ]+\)/,
      (all, names) =>
        `(${names}) = (${names
          .split(", ")
          .map((n) => sizes[n] ?? "?")
          .join(", ")})`,
    );
    if (next !== said) text.textContent = next;
  }
  // letters and numbers on lines of their own
  for (const group of root.querySelectorAll("[data-part]")) {
    const lines = [...group.querySelectorAll("text")];
    lines.forEach((text, i) => {
      const names = lines[i - 1]?.textContent.match(/^\(([A-Z](?:, [A-Z])*)\)$/)?.[1].split(", ");
      if (!names || !/^= \([\d, ]+\)$/.test(text.textContent)) return;
      text.textContent = `= (${names.map((n) => sizes[n] ?? "?").join(", ")})`;
    });
  }
};

// The nearest part in a direction; where there is none, the arrow key stays.
const neighbour = (nodes, here, key) => {
  const boxOf = (node) => node.getBoundingClientRect();
  const middle = (node) => {
    const { x, y, width, height } = boxOf(node);
    return [x + width / 2, y + height / 2];
  };
  const [cx, cy] = middle(here);
  const away = {
    ArrowUp: ([x, y]) => [cy - y, Math.abs(x - cx)],
    ArrowDown: ([x, y]) => [y - cy, Math.abs(x - cx)],
    ArrowLeft: ([x, y]) => [cx - x, Math.abs(y - cy)],
    ArrowRight: ([x, y]) => [x - cx, Math.abs(y - cy)],
  }[key];
  const ranked = nodes
    .filter((node) => node !== here)
    .map((node) => ({ node, at: away(middle(node)) }))
    .filter(({ at: [forth] }) => forth > 2)
    .map(({ node, at: [forth, aside] }) => ({ node, cost: forth + 2.5 * aside }))
    .sort((a, b) => a.cost - b.cost);
  return ranked[0]?.node ?? null;
};

// { root, show, light, fill }: one drawing at a time; ondo(name) is a click, onlook(name) a focus.
const drawingHolder = ({ ondo, onlook }) => {
  const root = tx.html("div", { class: "tx-map" });
  let [now, shown] = [null, null];
  const buttons = () => [...(now?.querySelectorAll('[data-part][role="button"]') ?? [])];
  const stay = (node) => {
    for (const one of buttons()) one.setAttribute("tabindex", one === node ? 0 : -1);
  };
  const partOf = (target) => {
    const group = target.closest?.("[data-part]");
    if (group) return group.dataset.part;
    return target.closest?.("[data-frame]")?.dataset.frame ?? null;
  };
  root.addEventListener("click", ({ target }) => {
    const name = partOf(target);
    if (name !== null && buttons().some((node) => node.dataset.part === name)) ondo(name);
  });
  root.addEventListener("pointerover", ({ target }) => onlook(partOf(target)));
  root.addEventListener("pointerleave", () => onlook(null));
  root.addEventListener("focusin", ({ target }) => {
    stay(target);
    onlook(partOf(target));
  });
  root.addEventListener("focusout", () => onlook(null));
  root.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const here = target.closest('[data-part][role="button"]');
    if (!here || event.altKey || event.ctrlKey || event.metaKey) return;
    if (key === "Enter" || key === " ") {
      event.preventDefault();
      ondo(here.dataset.part, true);
      return;
    }
    const all = buttons();
    let next = null;
    if (key === "Home") next = all[0];
    else if (key === "End") next = all.at(-1);
    else if (/^Arrow/.test(key)) next = neighbour(all, here, key);
    else return;
    event.preventDefault();
    if (next) {
      stay(next);
      next.focus();
    }
  });
  const show = ({ key, svg, words, does, sizes, deeper }) => {
    if (key !== shown) {
      const old = now;
      now = svgOf(svg);
      const parts = [...now.querySelectorAll("[data-part]")].filter(
        (node) => !node.parentElement.closest("[data-part]"),
      );
      for (const node of parts) {
        const label = does(node.dataset.part);
        if (label === null) continue;
        node.setAttribute("role", "button");
        node.setAttribute("aria-label", label);
        node.classList.toggle("tx-opens", label.startsWith("open "));
        node.setAttribute("tabindex", -1);
      }
      for (const node of now.querySelectorAll("[data-frame]"))
        node.classList.toggle("tx-opens", does(node.dataset.frame)?.startsWith("open ") ?? false);
      const held = root.contains(document.activeElement);
      for (const one of root.querySelectorAll(".tx-leaving")) one.remove();
      if (old && !tx.calm() && shown !== null) {
        old.classList.add("tx-leaving", deeper ? "tx-inwards" : "tx-outwards");
        old.setAttribute("aria-hidden", "true");
        for (const node of old.querySelectorAll("[data-part]")) {
          node.removeAttribute("tabindex");
          node.removeAttribute("role");
        }
        now.classList.add("tx-arriving", deeper ? "tx-inwards" : "tx-outwards");
        setTimeout(() => old.remove(), FADE);
      } else old?.remove();
      root.append(now);
      stay(buttons()[0]);
      if (held) buttons()[0]?.focus();
      shown = key;
    }
    sized(now, sizes);
    now.setAttribute("aria-label", words);
  };
  const light = (names) => {
    for (const node of now.querySelectorAll("[data-part], [data-frame]")) {
      const on = names.includes(node.dataset.part ?? node.dataset.frame);
      node.classList.toggle("tx-lit", on);
      if (on && node.getAttribute("role") === "button") node.setAttribute("aria-current", "step");
      else node.removeAttribute("aria-current");
    }
    const first = buttons().find((node) => node.classList.contains("tx-lit"));
    if (first && !root.contains(document.activeElement)) stay(first);
  };
  const fill = (name, text) => {
    const line = [...(now.querySelectorAll(`[data-part="${name}"] text`) ?? [])].at(-1);
    if (line) line.textContent = text;
  };
  const focus = (name) => {
    const node = buttons().find((one) => one.dataset.part === name);
    (node ?? buttons()[0])?.focus();
  };
  return {
    root,
    show,
    light,
    fill,
    focus,
    drawn: (name) =>
      now.querySelector(`[data-part="${CSS.escape(name)}"], [data-frame="${CSS.escape(name)}"]`) !==
      null,
  };
};
