// The diagram of the layer stepper: every sublayer is a block to click on; the present one is lit.

const BLOCK = { height: 20, width: 98 };
const PART = {
  attention: { label: "self-attention", short: "self-attention", color: "var(--tx-blue)" },
  cross_attention: {
    label: "attention to the encoder",
    short: "cross-attention",
    color: "var(--tx-rust)",
  },
  feed_forward: { label: "feed-forward", short: "feed-forward", color: "var(--tx-teal)" },
};

// What a block is called: "encoder.2.attention" -> "Encoder layer 3 of 6, self-attention".
const blockName = (block, sizes) => {
  const [stack, i, part] = block.split(".");
  const side = { source: "Source", target: "Target", encoder: "Encoder", decoder: "Decoder" }[
    stack
  ];
  if (stack === "output") return "Output";
  if (i === "embed") return `${side}, embedding`;
  if (i === "norm") return `${side}, the norm at its end`;
  return `${side} layer ${Number(i) + 1} of ${sizes[stack]}, ${PART[part].label}`;
};

const arrow = (tip, d, extra = "") =>
  tx.svg("path", { class: `tx-wire ${extra}`, d, "marker-end": `url(#${tip})` });

// The residual path of a block: past it, from what goes in to what comes out.
const past = (x, y, outward) => {
  const [side, far] = outward < 0 ? [x + 6, x - 4] : [x + BLOCK.width - 6, x + BLOCK.width + 4];
  return tx.svg("path", {
    class: "tx-wire tx-past",
    d: `M${side} ${y + BLOCK.height + 1}H${far}V${y - 1}H${side}`,
  });
};

// A stack of layers from the bottom up; returns { nodes, top, heights } with the blocks' centres.
const tower = (stack, count, parts, x, bottom, makeBlock) => {
  const gap = 7;
  const height = parts.length * (BLOCK.height + 2) + 6;
  const nodes = [];
  const centres = {};
  let y = bottom;
  for (const i of tx.range(count)) {
    y -= height;
    nodes.push(
      tx.svg("rect", { class: "tx-layer", x: x - 5, y, width: BLOCK.width + 10, height, rx: 7 }),
    );
    const side = stack === "encoder" ? x - 10 : x + BLOCK.width + 10;
    nodes.push(
      tx.svg(
        "text",
        {
          class: "tx-axis",
          x: side,
          y: y + height / 2,
          "text-anchor": stack === "encoder" ? "end" : "start",
          "dominant-baseline": "central",
        },
        String(i + 1),
      ),
    );
    parts.forEach((part, p) => {
      const at = y + height - 4 - (p + 1) * (BLOCK.height + 2) + 2;
      const block = `${stack}.${i}.${part}`;
      nodes.push(
        past(x, at, stack === "encoder" ? -1 : 1),
        makeBlock(block, PART[part].short, x, at, PART[part].color),
      );
      centres[block] = at + BLOCK.height / 2;
    });
    y -= gap;
  }
  return { nodes, top: y + gap, centres };
};

// { root, light(block), says(word) }
const drawDiagram = (sizes, blocks, { onpick }) => {
  const [left, right, wall] = [17, 150, 134];
  const layers = Math.max(sizes.decoder * 79, sizes.encoder * 57);
  const height = layers + 172;
  const root = tx.svg("svg", {
    class: "tx-diagram",
    viewBox: `0 0 264 ${height}`,
    width: 264,
    height,
    role: "group",
    "aria-label": "The model, block by block",
  });
  const tip = tx.id("tip");
  root.append(
    tx.svg(
      "defs",
      {},
      tx.svg(
        "marker",
        {
          id: tip,
          viewBox: "0 0 8 8",
          refX: 6,
          refY: 4,
          markerWidth: 6,
          markerHeight: 6,
          orient: "auto",
        },
        tx.svg("path", { d: "M0 0L8 4L0 8z", class: "tx-tip" }),
      ),
    ),
  );
  const lit = new Map();
  const makeBlock = (block, label, x, y, color) => {
    const node = tx.svg(
      "g",
      {
        class: "tx-block",
        role: "button",
        tabindex: -1,
        "aria-label": blockName(block, sizes),
        "data-block": block,
        style: `--own: ${color}`,
        onclick: () => onpick(block),
      },
      tx.svg("rect", { x, y, width: BLOCK.width, height: BLOCK.height, rx: 5 }),
      tx.svg(
        "text",
        {
          x: x + BLOCK.width / 2,
          y: y + BLOCK.height / 2,
          "text-anchor": "middle",
          "dominant-baseline": "central",
        },
        label,
      ),
    );
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      onpick(block);
    });
    lit.set(block, node);
    return node;
  };
  const bottom = height - 84;
  const encoder = tower(
    "encoder",
    sizes.encoder,
    ["attention", "feed_forward"],
    left,
    bottom,
    makeBlock,
  );
  const decoder = tower(
    "decoder",
    sizes.decoder,
    ["attention", "cross_attention", "feed_forward"],
    right,
    bottom,
    makeBlock,
  );
  const centre = (x) => x + BLOCK.width / 2;
  const ends = blocks.includes("encoder.norm") ? BLOCK.height + 12 : 0;
  const summit = encoder.top - ends;
  root.append(
    arrow(tip, `M${centre(left)} ${bottom + 18}V${bottom + 3}`),
    arrow(tip, `M${centre(right)} ${bottom + 18}V${bottom + 3}`),
    tx.svg("path", {
      class: "tx-wire tx-memory",
      d: `M${centre(left)} ${summit}V${summit - 16}H${wall}V${decoder.centres["decoder.0.cross_attention"]}M${wall} ${summit - 16}V${decoder.centres[`decoder.${sizes.decoder - 1}.cross_attention`]}`,
    }),
    ...tx
      .range(sizes.decoder)
      .map((i) =>
        arrow(
          tip,
          `M${wall} ${decoder.centres[`decoder.${i}.cross_attention`]}H${right - 2}`,
          "tx-memory",
        ),
      ),
    tx.svg(
      "text",
      { class: "tx-axis", x: centre(left), y: summit - 24, "text-anchor": "middle" },
      "what was read",
    ),
    ...encoder.nodes,
    ...decoder.nodes,
    makeBlock("source.embed", "words, positions", left, bottom + 22, "var(--tx-ochre)"),
    makeBlock("target.embed", "words, positions", right, bottom + 22, "var(--tx-ochre)"),
    makeBlock(
      "output",
      "score all words",
      right,
      decoder.top - 2 * BLOCK.height - 30,
      "var(--tx-violet)",
    ),
    arrow(tip, `M${centre(right)} ${decoder.top - ends - 1}V${decoder.top - BLOCK.height - 28}`),
  );
  if (ends) {
    root.append(makeBlock("encoder.norm", "norm", left, encoder.top - ends + 3, "var(--tx-pink)"));
    root.append(makeBlock("decoder.norm", "norm", right, decoder.top - ends + 3, "var(--tx-pink)"));
  }
  const captions = [
    [left, "to read"],
    [right, "written so far"],
  ].map(([x, text]) =>
    tx.svg(
      "text",
      { class: "tx-axis", x: centre(x), y: bottom + 62, "text-anchor": "middle" },
      text,
    ),
  );
  const said = tx.svg("text", {
    class: "tx-said",
    x: centre(right),
    y: decoder.top - 2 * BLOCK.height - 40,
    "text-anchor": "middle",
  });
  root.append(...captions, said);
  return {
    root,
    light: (block) =>
      lit.forEach((node, name) => {
        node.classList.toggle("tx-lit", name === block);
        node.setAttribute("tabindex", name === block ? 0 : -1);
        if (name === block) node.setAttribute("aria-current", "step");
        else node.removeAttribute("aria-current");
      }),
    says: (next) => {
      said.textContent = next;
    },
  };
};
