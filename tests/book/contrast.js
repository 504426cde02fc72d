// The texts of a figure that do not stand out enough from what lies behind them.
(least) => {
  document.head.append(
    Object.assign(document.createElement("style"), {
      textContent: ".tx-widget * { pointer-events: auto !important; transition: none !important }",
    }),
  );
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const rgba = (color) => {
    if (!seen.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(color, [r, g, b, a / 255]);
    }
    return seen.get(color);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r, g, b].map((v, i) => a * v + (1 - a) * [R, G, B][i]);
  const light = (c) =>
    c
      .map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) =>
    (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const dim = (node, until) => {
    let opacity = 1;
    for (let at = node; at && at !== until; at = at.parentElement)
      opacity *= Number(getComputedStyle(at).opacity);
    return opacity;
  };
  const paint = (node) => {
    const style = getComputedStyle(node);
    const shape = node.namespaceURI.endsWith("svg") && node.localName !== "svg";
    if (shape && !["rect", "circle", "path"].includes(node.localName)) return null;
    const [r, g, b, a] = rgba(shape ? style.fill : style.backgroundColor);
    return [r, g, b, a * (shape ? Number(style.fillOpacity) : 1) * dim(node, null)];
  };
  const poor = [];
  for (const node of document.querySelectorAll(".tx-widget *")) {
    const own = [...node.childNodes].filter((c) => c.nodeType === 3 && c.data.trim());
    if (!own.length || !node.checkVisibility() || node.closest("option, :disabled, title"))
      continue;
    const range = document.createRange();
    range.selectNodeContents(own[0]);
    node.scrollIntoView({ block: "center" });
    const box = range.getBoundingClientRect();
    const stack = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    if (!stack.includes(node) && !stack.some((s) => node.contains(s) || s.contains(node))) continue;
    const under = stack
      .filter((s) => s !== node || !node.namespaceURI.endsWith("svg"))
      .filter((s) => !s.closest(".tx-dock") || node.closest(".tx-dock"));
    let ground = rgba(getComputedStyle(document.body).backgroundColor);
    ground = ground[3] === 0 ? [255, 255, 255] : ground.slice(0, 3);
    if (document.documentElement.dataset.theme === "dark") ground = [20, 24, 30];
    for (const s of under.reverse()) {
      const color = paint(s);
      if (color && color[3] > 0) ground = over(color, ground);
    }
    const style = getComputedStyle(node);
    const [r, g, b, a] = rgba(node.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const value = ratio(over([r, g, b, a * dim(node, null)], ground), ground);
    if (value < least - 0.01)
      poor.push(
        `${value.toFixed(2)} ${node.textContent.trim().slice(0, 24)} .${node.getAttribute("class")}`,
      );
  }
  return poor;
};
