// Needs: elements.
// The address: what the reader has chosen, behind the figure's name, as in
// #fig-long-memory?distance=20&page=1. Whoever opens such an address finds the figure so.
// A choice stands there only where it differs from how the figure began.

// The choices that the address has for this figure, and null where it does not name it.
tx.readAddress = (name, { choices, beginning }) => {
  const [figure, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  if (figure !== name) return null;
  const found = {};
  for (const [key, text] of new URLSearchParams(query)) {
    if (!(key in choices)) continue;
    try {
      const value = typeof beginning[key] === "string" ? text : JSON.parse(text);
      if (tx.fits(value, beginning[key], choices[key])) found[key] = value;
    } catch {
      // what cannot be read is left as it is
    }
  }
  return found;
};

// Whether a value could be a trait's: of its kind, and within its limits.
tx.fits = (value, first, { min = null, max = null, whole = false, values = null }) => {
  if (
    typeof value !== typeof first ||
    Array.isArray(value) !== Array.isArray(first) ||
    value === null
  )
    return false;
  if (values && !values.includes(value)) return false;
  if (typeof value !== "number") return true;
  return (
    Number.isFinite(value) &&
    (!whole || Number.isInteger(value)) &&
    value >= (min ?? -Infinity) &&
    value <= (max ?? Infinity)
  );
};

// The address of a figure in this state, as what follows the page's own.
tx.addressOf = (name, { choices, beginning }, get) => {
  const query = new URLSearchParams();
  for (const key of Object.keys(choices)) {
    const [value, text] = [get(key), JSON.stringify(get(key))];
    if (text !== JSON.stringify(beginning[key]))
      query.set(key, typeof value === "string" ? value : text);
  }
  return `#${name}${query.size ? `?${query}` : ""}`;
};

// Write it, and leave an address alone that leads somewhere else on the page.
tx.writeAddress = (name, address) => {
  const mine = location.hash.slice(1).split("?")[0] === name;
  const begun = address === `#${name}`;
  if (address === location.hash || (begun && !mine)) return;
  try {
    history.replaceState(history.state, "", begun ? location.pathname + location.search : address);
  } catch {
    // some hosts allow no addresses
  }
};
