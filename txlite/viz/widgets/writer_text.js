// The text, a button for each token: whoever chooses one sees what it attended to.

// A token before a person: a space before a word is a gap, other spaces have a sign; so has the one
// that the tokenizer puts before a text, and that no text shows.
const shownAs = (text) => {
  const bare = text.startsWith(" ") && text.trim() ? text.slice(1) : text;
  return (
    bare.replaceAll("\n", "↵").replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length)) || "␣"
  );
};
const spoken = (text) => `“${text.replaceAll("\n", "↵").trim() || shownAs(text)}”`;

// onchoose(t) and onpoint(t or null) are called for a token's position.
const textView = ({ onchoose, onpoint }) => {
  const root = tx.html("div", { class: "wr-text", role: "group", "data-effect": "" });
  let texts = [];
  const buttonOf = (text, t, given) => {
    const button = tx.html(
      "button",
      {
        type: "button",
        class: ["wr-token", text.startsWith(" ") ? "wr-gap" : "", given ? "wr-given" : ""]
          .filter(Boolean)
          .join(" "),
        "data-position": t,
        onclick: () => onchoose(t),
        onfocus: () => onchoose(t),
        onpointerenter: ({ pointerType }) => pointerType === "mouse" && onpoint(t),
        onpointerleave: () => onpoint(null),
      },
      shownAs(text),
    );
    return text.includes("\n") ? [button, tx.html("br")] : [button];
  };
  tx.rove(root, { items: ".wr-token" });
  const buttons = () => [...root.querySelectorAll(".wr-token")];

  // Only what has changed is made anew: a token that has the focus keeps it.
  const show = (next, prompts) => {
    const same = next.findIndex((text, t) => text !== texts[t] || t >= texts.length);
    const kept = same < 0 ? next.length : same;
    const stale = buttons()[kept];
    if (stale) {
      while (root.lastChild !== stale) root.lastChild.remove();
      stale.remove();
    }
    root.append(...next.slice(kept).flatMap((text, i) => buttonOf(text, kept + i, false)));
    buttons().forEach((button, t) => button.classList.toggle("wr-given", t < prompts));
    texts = next;
    root.setAttribute("aria-label", `The text, token by token: ${next.join("")}`);
  };
  // weights: how much the token at `chosen` attends to each one up to itself.
  const light = (chosen, weights) => {
    const most = Math.max(...weights);
    buttons().forEach((button, t) => {
      const weight = weights[t] ?? null;
      button.style.setProperty("--share", weight === null ? 0 : weight / most);
      button.setAttribute("aria-pressed", String(t === chosen));
      button.setAttribute(
        "aria-label",
        `${spoken(texts[t])}${weight === null ? "" : `, ${tx.percent(weight)} of the attention`}`,
      );
      if (weight === null) delete button.dataset.weight;
      else button.dataset.weight = weight;
    });
  };
  return { root, show, light };
};
