// CartPole, and the model that plays it: an episode grows by a step when one more is asked for, and is
// kept until something changes that it depends on.

const WORLD = {
  gravity: 9.8,
  cart: 1.0, // masses
  pole: 0.1,
  half: 0.5, // of the pole's length
  force: 10.0,
  tau: 0.02, // seconds of a step
  far: 2.4, // from the middle
  lean: (12 * 2 * Math.PI) / 360, // from upright
};
const PUSH = 0.5; // what a hand adds to the speed at which the pole turns; Python says the same
const NAMES = ["left", "right"];

// A step of gymnasium's CartPole-v1 (Barto, Sutton and Anderson, 1983), in its order: what moves
// does so by the old speed, and then the speed changes.
const moved = ([x, speed, lean, turn], action) => {
  const { gravity, cart, pole, half, force, tau } = WORLD;
  const total = cart + pole;
  const [cos, sin] = [Math.cos(lean), Math.sin(lean)];
  const pushed = ((action === 1 ? force : -force) + pole * half * turn ** 2 * sin) / total;
  const bent = (gravity * sin - cos * pushed) / (half * (4 / 3 - (pole * cos ** 2) / total));
  const faster = pushed - (pole * half * bent * cos) / total;
  return [x + tau * speed, speed + tau * faster, lean + tau * turn, turn + tau * bent];
};

const lost = ([x, , lean]) => {
  if (Math.abs(x) > WORLD.far) return "off the track";
  return Math.abs(lean) > WORLD.lean ? "fallen" : null;
};

// What a hand has done: "12r.40l" is a push to the right before step 12, and one to the left before 40.
const handOf = (text) => {
  const found = new Map();
  for (const part of text.split(".")) {
    const [, step, side] = part.match(/^(\d{1,3})([lr])$/) ?? [];
    if (side) found.set(Number(step), (found.get(Number(step)) ?? 0) + (side === "r" ? 1 : -1));
  }
  return found;
};

// machine: of tx.decisions. setting: { asked, start, limit, context, scale }. Returns { states, decisions,
// over, grow }: decisions[t] is what the model says in states[t].
const begin = (machine, setting) => {
  const { asked, start, limit, context, scale } = setting;
  const alone = [start]; // the states as the world made them, before a hand is in them
  const run = { states: [], decisions: [], over: null };
  let hand = new Map();
  const touched = (t) => {
    const [x, speed, lean, turn] = alone[t];
    return [x, speed, lean, turn + PUSH * (hand.get(t) ?? 0)];
  };
  const read = (state) =>
    state.map((value, i) => {
      const seen = Math.fround(value); // as it is observed
      return scale.mean.length ? (seen - scale.mean[i]) / scale.std[i] : seen;
    });
  const decide = (t) => {
    const from = Math.max(0, t + 1 - context);
    const timesteps = tx.range(t + 1 - from).map((n) => from + n);
    const { logits, maps } = machine({
      returns: timesteps.map((s) => (asked - s) / scale.returns),
      states: timesteps.map((s) => read(run.states[s])),
      actions: timesteps.slice(0, -1).map((s) => run.decisions[s].action),
      timesteps,
    });
    return { logits, maps, from, action: logits.indexOf(Math.max(...logits)) };
  };
  const arrive = (t) => {
    run.states[t] = touched(t);
    run.over = lost(run.states[t]) ?? (t >= limit ? "cut off" : null);
    if (!run.over) run.decisions[t] = decide(t);
  };
  // Another hand: what came after its first difference is played again.
  run.push = (text) => {
    const next = handOf(text);
    const other = [...new Set([...hand.keys(), ...next.keys()])]
      .filter((t) => hand.get(t) !== next.get(t))
      .reduce((a, b) => Math.min(a, b), Infinity);
    hand = next;
    if (other >= run.states.length) return;
    alone.length = other + 1;
    run.states.length = other;
    run.decisions.length = other;
    arrive(other);
  };
  run.pushed = (t) => hand.get(t) ?? 0;
  run.hand = () => hand;
  run.grow = (count) => {
    while (!run.over && run.states.length <= count) {
      const t = run.states.length;
      alone[t] = moved(run.states[t - 1], run.decisions[t - 1].action);
      arrive(t);
    }
  };
  arrive(0);
  return run;
};
