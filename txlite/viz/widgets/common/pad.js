// Needs: elements, numbers, rove.
// The pad: a sheet to draw on by mouse, finger or keyboard, and the numbers of what is drawn.
//
// A drawing is a text, so that an address can hold it: strokes parted by full stops, each the number
// of its ink, as one hexadecimal digit, and its points, as two digits across and two down from 00 to ff.
//
//   const pad = tx.pad({ label: "Your digit", oninput: (drawing) => tx.push(model, { drawing }) });
//   controls.append(pad.root);                        // the sheet, then inks, undo and clear
//   pad.value = model.get("drawing");                 // calls nothing back
//   tx.inkShares(pad.value, 8);                       // 8 × 8: how much of each square has ink
//   tx.inkColours(pad.value, 32, { inks, paper });    // 32 × 32 × 3, from 0 to 1
//
// inks: [{ name, color: "#rrggbb" }] to choose from, one of which may be the paper's own colour, which
// erases; without any there is one ink, the text's. `pen` is a stroke's width, the sheet's side 256.
// By keyboard: arrows move a cursor over `cells` × `cells` squares, Space paints, Shift with an arrow
// draws a line, Backspace takes the last stroke back.

tx.SHEET = 256;
tx.PEN = 22;

// [{ ink, points: [[x, y], …] }]; what cannot be read is left out.
tx.strokes = (text) =>
  text
    .split(".")
    .filter((part) => /^[0-9a-f]([0-9a-f]{4})+$/.test(part))
    .map((part) => ({
      ink: Number.parseInt(part[0], 16),
      points: part
        .slice(1)
        .match(/..../g)
        .map((at) => [at.slice(0, 2), at.slice(2)].map((hex) => Number.parseInt(hex, 16))),
    }));
tx.drawing = (strokes) => {
  const hex = (n) => n.toString(16).padStart(2, "0");
  return strokes
    .map(({ ink, points }) => ink.toString(16) + points.flat().map(hex).join(""))
    .join(".");
};

// The pixels of a picture that strokes reach, row after row: 0 for paper, 1 for the first ink, and so
// on. Points and the pen's width are in pixels; a pixel has ink where its middle is within the pen.
tx.inked = (strokes, { width, height = width, pen }) => {
  const [pixels, reach] = [new Uint8Array(width * height), pen / 2];
  const line = (ink, [ax, ay], [bx, by]) => {
    const [dx, dy] = [bx - ax, by - ay];
    const long = dx * dx + dy * dy;
    const [top, left] = [Math.min(ay, by) - reach, Math.min(ax, bx) - reach].map((v) =>
      Math.max(0, Math.floor(v - 0.5)),
    );
    const bottom = Math.min(height - 1, Math.ceil(Math.max(ay, by) + reach - 0.5));
    const right = Math.min(width - 1, Math.ceil(Math.max(ax, bx) + reach - 0.5));
    for (let i = top; i <= bottom; i += 1)
      for (let j = left; j <= right; j += 1) {
        const [x, y] = [j + 0.5 - ax, i + 0.5 - ay];
        const along = long > 0 ? Math.min(1, Math.max(0, (x * dx + y * dy) / long)) : 0;
        const [ex, ey] = [x - along * dx, y - along * dy];
        if (ex * ex + ey * ey <= reach * reach) pixels[i * width + j] = ink + 1;
      }
  };
  for (const { ink, points } of strokes)
    for (const [n, point] of points.entries()) line(ink, points[Math.max(0, n - 1)], point);
  return pixels;
};

// The drawing in pixels fine enough to average over n × n squares: { pixels, fine }, `fine` of them
// along a square's side.
tx.fineInk = (text, n, pen) => {
  const fine = Math.ceil(128 / n);
  const zoom = (n * fine) / tx.SHEET;
  const strokes = tx.strokes(text).map(({ ink, points }) => ({
    ink,
    points: points.map((at) => at.map((v) => (v + 0.5) * zoom)),
  }));
  return { pixels: tx.inked(strokes, { width: n * fine, pen: pen * zoom }), fine };
};
// The mean over each square of what `of` makes of a pixel's ink.
tx.averagedInk = ({ pixels, fine }, n, of) => {
  const means = new Float64Array(n * n);
  pixels.forEach((ink, at) => {
    const [i, j] = [Math.floor(at / (n * fine)), at % (n * fine)];
    means[Math.floor(i / fine) * n + Math.floor(j / fine)] += of(ink);
  });
  return means.map((total) => total / fine ** 2);
};
tx.inkShares = (text, n, { pen = tx.PEN } = {}) =>
  tx.averagedInk(tx.fineInk(text, n, pen), n, (ink) => (ink ? 1 : 0));
tx.inkColours = (text, n, { pen = tx.PEN, inks, paper }) => {
  const shades = [paper, ...inks.map(({ color }) => color)].map((color) =>
    [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255),
  );
  const fine = tx.fineInk(text, n, pen);
  const planes = tx
    .range(3)
    .map((c) => tx.averagedInk(fine, n, (ink) => (shades[ink] ?? shades[0])[c]));
  return Float64Array.from({ length: 3 * n * n }, (_, i) => planes[i % 3][Math.floor(i / 3)]);
};

tx.pad = ({
  label,
  value = "",
  inks = null,
  paper = null,
  pen = tx.PEN,
  cells = 16,
  longest = 1200, // points
  oninput,
}) => {
  let [strokes, ink, cursor] = [[], 0, [cells >> 1, cells >> 1]];
  let [drawn, waiting] = ["", 0];
  const middle = (at) => at.map((v) => Math.floor(((v + 0.5) * tx.SHEET) / cells));
  const under = tx.svg("g", { class: "tx-under" });
  const lines = tx.svg("g", { class: "tx-strokes" });
  const mark = tx.svg("rect", {
    class: "tx-cursor",
    width: tx.SHEET / cells,
    height: tx.SHEET / cells,
  });
  const sheet = tx.svg(
    "svg",
    {
      class: "tx-sheet",
      viewBox: `0 0 ${tx.SHEET} ${tx.SHEET}`,
      tabindex: 0,
      role: "application",
      "aria-roledescription": "drawing pad",
      "aria-label": `${label}. The arrow keys move a cursor, Space paints, Shift with an arrow key draws a line, Backspace takes the last stroke back.`,
      "data-control": "",
    },
    tx.svg("rect", {
      class: "tx-paper",
      width: tx.SHEET,
      height: tx.SHEET,
      style: paper && `fill: ${paper}`,
    }),
    under,
    lines,
    mark,
  );
  const said = tx.html("span", { class: "tx-unseen", "aria-live": "polite" });

  const path = ({ ink: own, points }) => {
    const [[x, y], ...rest] = points.map((at) => at.map((v) => v + 0.5));
    return tx.svg("path", {
      d: `M${x} ${y}${rest.map((at) => `L${at.join(" ")}`).join("") || "h0.01"}`,
      "stroke-width": pen,
      style: inks ? `stroke: ${(inks[own] ?? inks[0]).color}` : null,
    });
  };
  const show = () => {
    lines.replaceChildren(...strokes.map(path));
    const here = document.activeElement;
    for (const button of [undo, clear]) button.disabled = strokes.length === 0;
    if ((here === undo || here === clear) && here.disabled) sheet.focus({ preventScroll: true });
  };
  // Tell it now, or with the next picture on the screen: a hand moves more often than that.
  const tell = () => {
    cancelAnimationFrame(waiting);
    waiting = 0;
    const text = tx.drawing(strokes);
    if (text === drawn) return;
    drawn = text;
    oninput?.(text);
  };
  const changed = (now = true) => {
    if (lines.childElementCount === strokes.length && strokes.length)
      lines.lastChild.replaceWith(path(strokes.at(-1)));
    else show();
    if (now) tell();
    else waiting ||= requestAnimationFrame(tell);
  };
  const full = () => tx.sum(strokes.map(({ points }) => points.length)) >= longest;

  const button = (name, onclick, more = {}) =>
    tx.html("button", { type: "button", class: "tx-button", onclick, ...more }, name);
  const undo = button("undo", () => {
    strokes.pop();
    show();
    tell();
  });
  const clear = button("clear", () => {
    strokes = [];
    show();
    tell();
  });
  const choose = (n) => {
    ink = n;
    swatches.forEach((swatch, at) => {
      swatch.setAttribute("aria-pressed", String(at === n));
    });
  };
  const swatches = (inks ?? []).map(({ name, color }, n) =>
    button(tx.html("span", { style: `background: ${color}` }), () => choose(n), {
      class: "tx-button tx-swatch",
      "aria-label": name,
      title: name,
    }),
  );
  choose(0);
  const tools = tx.html(
    "div",
    { class: "tx-pad-tools", role: "toolbar", "aria-label": "Drawing" },
    swatches,
    undo,
    clear,
  );
  tx.rove(tools);

  // By pointer: a stroke from press to release.
  let [hand, held] = [null, null];
  const at = ({ clientX, clientY }) => {
    const { left, top, width, height } = sheet.getBoundingClientRect();
    const unit = (v) => tx.clamp(Math.floor(v * tx.SHEET), 0, tx.SHEET - 1);
    return [unit((clientX - left) / width), unit((clientY - top) / height)];
  };
  const reach = (point) => {
    const last = held.points.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 3 || full()) return;
    held.points.push(point);
  };
  sheet.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0 || full()) return;
    event.preventDefault(); // no text is selected, and no page moves
    sheet.setPointerCapture(event.pointerId);
    sheet.focus({ preventScroll: true });
    sheet.classList.remove("tx-by-keys");
    [hand, held] = [event.pointerId, { ink, points: [at(event)] }];
    strokes.push(held);
    changed();
  });
  sheet.addEventListener("pointermove", (event) => {
    if (event.pointerId !== hand) return;
    for (const moved of event.getCoalescedEvents?.() ?? []) reach(at(moved));
    reach(at(event));
    changed(false);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    sheet.addEventListener(end, (event) => {
      if (event.pointerId !== hand) return;
      [hand, held] = [null, null];
      tell();
    });

  // By keyboard: a cursor that goes from square to square, and leaves ink when told to.
  const place = () => {
    const [x, y] = cursor;
    mark.setAttribute("x", (x * tx.SHEET) / cells);
    mark.setAttribute("y", (y * tx.SHEET) / cells);
    const share = tx.inkShares(drawn, cells, { pen })[y * cells + x];
    said.textContent = `row ${y + 1}, column ${x + 1}${share > 0.4 ? ", painted" : ""}`;
  };
  const paint = (to) => {
    if (full()) return;
    const from = middle(cursor);
    const last = strokes.at(-1);
    const goes = last?.ink === ink && String(last.points.at(-1)) === String(from);
    if (!goes) strokes.push({ ink, points: [from] });
    if (to && String(to) !== String(from)) strokes.at(-1).points.push(to);
    changed();
  };
  sheet.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
      Home: [-cells, 0],
      End: [cells, 0],
      PageUp: [0, -cells],
      PageDown: [0, cells],
    }[event.key];
    const back = event.key === "Backspace" || event.key === "Delete";
    if (!step && !back && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    sheet.classList.add("tx-by-keys");
    if (back) {
      if (strokes.length) undo.click();
    } else if (step) {
      const next = cursor.map((v, axis) => tx.clamp(v + step[axis], 0, cells - 1));
      if (event.shiftKey) paint(middle(next));
      cursor = next;
    } else paint(null);
    place();
  });
  sheet.addEventListener("focus", () => {
    if (!sheet.matches(":focus-visible")) return;
    sheet.classList.add("tx-by-keys");
    place();
  });

  sheet.addEventListener("blur", () => {
    said.textContent = "";
  });

  const set = (text) => {
    if (text === drawn) return;
    [strokes, drawn] = [tx.strokes(text), text];
    [hand, held] = [null, null];
    show();
  };
  show();
  set(value);
  return {
    root: tx.html("div", { class: "tx-pad" }, sheet, said, tools),
    sheet,
    under, // a group behind the ink, for the figure's own
    tools,
    choose,
    get value() {
      return drawn;
    },
    set value(text) {
      set(text);
    },
  };
};
