// What the map opens: names of parts, what stands inside what, and where a step happens.
//
// A part is called as the model's modules are: "model", "encoder", "encoder.2",
// "encoder.2.attention", "encoder.2.attention.head", "encoder.2.attention.head.product".

const parentOf = (part) => {
  if (part === "model") return null;
  const at = part.lastIndexOf(".");
  return at < 0 ? "model" : part.slice(0, at);
};

const kindOf = (part) => part.replace(/\.\d+/, ".layer"); // all layers of a stack are alike

// Which drawing shows a part.
const drawingOf = (part) => {
  if (part.endsWith(".product")) return "product";
  if (part.endsWith("norm")) return `${part.split(".")[0]}.norm`;
  return kindOf(part);
};

// Which part a click on something in a drawing opens, and null where it opens nothing.
const opened = (part, name) => {
  if (part === "model")
    return /^(encoder|decoder)(\.\d+|_positions)?$/.test(name) || name === "output" ? name : null;
  if (/^(encoder|decoder)$/.test(part)) return name.startsWith(`${part}.`) ? name : null;
  if (/^\w+\.\d+$/.test(part)) {
    const within = /^(attention|cross_attention|feed_forward)(_norm)?$/.test(name);
    return within ? `${part}.${name}` : null;
  }
  if (part.endsWith("attention")) return name.startsWith("head ") ? `${part}.head` : null;
  if (part.endsWith(".head"))
    return ["scores", "weights"].includes(name) ? `${part}.product` : null;
  return null;
};

// Whether a step is an operation inside of a part.
const INSIDE = {
  head: ["project", "weights", "gather"],
  product: ["weights"],
  feed_forward: ["hidden", "down"],
  attention: ["project", "weights", "gather", "mix"],
  cross_attention: ["project", "weights", "gather", "mix"],
};
const inside = (part, { block, kind }) => {
  if (part === "model") return true;
  if (/^(encoder|decoder)(\.\d+)?$/.test(part)) return block.startsWith(`${part}.`);
  if (/\.\d+\.\w+_norm$/.test(part)) return `${block}_norm` === part && kind === "norm";
  const last = part.split(".").at(-1);
  if (!INSIDE[last]) return block === part;
  const own = part.replace(/\.head(\.product)?$/, "");
  return block === own && INSIDE[last].includes(kind);
};

// What a step lights in the drawing of a part: the first of these names that is drawn there.
const lit = (part, { block, kind }, head) => {
  const inner = {
    model: [block.split(".").slice(0, 2).join("."), block.split(".")[0]],
    output: kind === "softmax" ? ["probabilities", "next token"] : ["logits"],
    encoder_positions: [kind === "embed" ? "lookup" : "sum"],
    decoder_positions: [kind === "embed" ? "lookup" : "sum"],
  };
  if (part === "model" && kind === "softmax") return ["output", "next token"];
  if (inner[part]) return inner[part];
  if (/^(encoder|decoder)$/.test(part)) return [block.split(".").slice(0, 2).join(".")];
  if (/^\w+\.\d+$/.test(part)) {
    const own = block.split(".")[2];
    return [{ norm: `${own}_norm`, add: `${own}_sum` }[kind] ?? own];
  }
  if (part.endsWith("norm")) return ["center", "divide", "scale"];
  if (part.endsWith("feed_forward")) return kind === "hidden" ? ["W1", "hidden"] : ["W2"];
  if (part.endsWith(".product")) return ["weight"];
  if (part.endsWith(".head"))
    return {
      project: ["WQ", "WK", "WV", "q", "k", "v"],
      weights: ["scores", "mask", "weights"],
      gather: ["output"],
    }[kind];
  return { project: ["project"], mix: ["WO"] }[kind] ?? [`head ${head + 1}`, "head"];
};

// What a reader calls a part.
const WORD = {
  attention: "self-attention",
  cross_attention: "cross-attention",
  feed_forward: "feed-forward",
  head: "head",
  product: "one product",
};
const nameOf = (part, sizes, head = 0) => {
  const [stack, i, block, ...rest] = part.split(".");
  const whole = {
    model: "the Transformer",
    encoder_positions: "entrance of the encoder",
    decoder_positions: "entrance of the decoder",
    output: "output",
  };
  if (whole[part]) return whole[part];
  if (i === undefined) return stack;
  if (i === "norm") return "norm at the end";
  if (block === undefined) return `layer ${Number(i) + 1} of ${sizes[stack]}`;
  if (rest.length === 0)
    return block.endsWith("_norm") ? `norm, ${WORD[block.slice(0, -5)]}` : WORD[block];
  return rest.at(-1) === "head" ? `head ${head + 1} of ${sizes.H ?? 8}` : WORD[rest.at(-1)];
};

// The same in a word or two, for the way that leads to a part.
const shortName = (part, head) => {
  if (part === "model") return "model";
  if (part.endsWith("_positions")) return "entrance";
  if (part.endsWith(".product")) return "product";
  if (part.endsWith(".head")) return `head ${head + 1}`;
  return nameOf(part, {}).replace(/ of undefined$/, "");
};

// Everything that a part stands in, from the model to itself.
const wayTo = (part) => {
  const found = [];
  for (let at = part; at !== null; at = parentOf(at)) found.unshift(at);
  return found;
};

// The chapter's part that explains a part of the map; see the strip above every chapter.
const explainedBy = (part) => {
  if (part === "model" || part === "output") return part;
  if (part.endsWith("_positions")) return "positions";
  if (part.endsWith(".head")) return part.startsWith("decoder") ? "mask" : "head";
  if (part.endsWith(".product")) return "head";
  if (part.endsWith("attention")) return "heads";
  if (/^(encoder|decoder)$/.test(part)) return part;
  return "layer";
};
