// Needs: frame, numbers.
// Controls: native inputs with a visible label, so keyboard and screen reader work by themselves.
// Each returns { root, input, value }; setting .value moves the control without calling back.

tx.slider = ({ label, min, max, step = "any", value, format = tx.number, oninput }) => {
  const id = tx.id("slider");
  const input = tx.html("input", { type: "range", id, min, max, step, value });
  const shown = tx.html("output", { for: id, "aria-hidden": "true" });
  const write = () => {
    shown.textContent = format(input.valueAsNumber);
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.addEventListener("input", () => {
    write();
    oninput?.(input.valueAsNumber);
  });
  write();
  return {
    root: tx.html(
      "div",
      { class: "tx-control" },
      tx.html("label", { for: id }, label),
      input,
      shown,
    ),
    input,
    get value() {
      return input.valueAsNumber;
    },
    set value(next) {
      input.value = next;
      write();
    },
  };
};

tx.checkbox = ({ label, value = false, oninput }) => {
  const input = tx.html("input", { type: "checkbox", checked: value });
  input.addEventListener("input", () => oninput?.(input.checked));
  return {
    root: tx.html("label", { class: "tx-control tx-check" }, input, label),
    input,
    get value() {
      return input.checked;
    },
    set value(next) {
      input.checked = next;
    },
  };
};

// options: ["a", "b"] or [{ value: "a", label: "the first" }]
tx.select = ({ label, options, value, oninput }) => {
  const id = tx.id("select");
  const pairs = options.map((o) => (typeof o === "object" ? o : { value: o, label: o }));
  const input = tx.html(
    "select",
    { id },
    pairs.map((o) => tx.html("option", { value: o.value }, o.label)),
  );
  if (value != null) input.value = value;
  input.addEventListener("input", () => oninput?.(input.value));
  return {
    root: tx.html("div", { class: "tx-control" }, tx.html("label", { for: id }, label), input),
    input,
    get value() {
      return input.value;
    },
    set value(next) {
      input.value = next;
    },
  };
};

// A box for a whole text is as wide as the figure lets it be, and what is typed is not corrected.
tx.textbox = ({ label, value = "", maxlength = 80, whole = false, oninput }) => {
  const id = tx.id("text");
  const input = tx.html("input", { type: "text", id, value, maxlength, autocomplete: "off" });
  if (whole) input.setAttribute("spellcheck", "false");
  input.addEventListener("input", () => oninput?.(input.value));
  return {
    root: tx.html(
      "div",
      { class: whole ? "tx-control tx-typed" : "tx-control" },
      tx.html("label", { for: id }, label),
      input,
    ),
    input,
    get value() {
      return input.value;
    },
    set value(next) {
      input.value = next;
    },
  };
};

tx.button = ({ label, onclick }) => {
  const input = tx.html("button", { type: "button", class: "tx-button", onclick }, label);
  return { root: input, input };
};

// What a model doubts in what was typed: read aloud when it is another doubt, and not at every key.
tx.doubt = () => {
  const root = tx.html("p", { class: "tx-doubt", "aria-live": "polite" });
  const say = (...parts) => {
    const said = parts.join("").trim();
    if (root.textContent !== said) root.textContent = said;
  };
  return { root, say };
};

// The same numbers as the picture, for eyes and ears that want a table.
tx.twin = (summary = "Numbers as a table") => {
  const holder = tx.html("div", { class: "tx-scroll" });
  const root = tx.html("details", { class: "tx-twin" }, tx.html("summary", {}, summary), holder);
  const cell = (x) => (typeof x === "number" ? tx.number(x, 3) : String(x ?? ""));
  const line = ([first, ...rest]) =>
    tx.html(
      "tr",
      {},
      tx.html("th", { scope: "row" }, cell(first)),
      rest.map((x) => tx.html("td", {}, cell(x))),
    );
  const update = ({ caption, columns, rows }) => {
    const head = tx.html(
      "tr",
      {},
      columns.map((name) => tx.html("th", { scope: "col" }, name)),
    );
    const table = tx.html(
      "table",
      {},
      tx.html("caption", {}, caption),
      tx.html("thead", {}, head),
      tx.html("tbody", {}, rows.map(line)),
    );
    tx.fill(holder, { tabindex: 0, role: "region", "aria-label": caption }, []);
    holder.replaceChildren(table);
  };
  return { root, update };
};
