// Needs: elements.
// Tensors: the named arrays of a figure, as Python's Tensors trait packs them. Little-endian bytes,
// as every browser's typed arrays have them; each array begins at the offset that the layout says.

tx.KINDS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
};

// Every float16 there is, as a number: 65 536 of them, looked up instead of computed.
tx.halves = (() => {
  let table = null;
  return () => {
    if (table) return table;
    table = new Float32Array(1 << 16);
    for (let exponent = 0; exponent < 32; exponent += 1) {
      const unit = 2 ** (Math.max(exponent, 1) - 25); // of the last bit of the fraction
      for (let fraction = 0; fraction < 1024; fraction += 1) {
        const beyond = fraction ? NaN : Infinity;
        const size = exponent === 31 ? beyond : (exponent ? fraction + 1024 : fraction) * unit;
        const bits = (exponent << 10) | fraction;
        table[bits] = size;
        table[bits | 0x8000] = -size;
      }
    }
    return table;
  };
})();

// The numbers of one array; halves become float32. Copied, so that they are aligned.
tx.decode = (view, [name, dtype, shape, offset]) => {
  const Kind = tx.KINDS[dtype];
  if (!Kind) throw new Error(`${name} has dtype ${dtype}, which the page does not know`);
  const length = shape.reduce((a, b) => a * b, 1) * Kind.BYTES_PER_ELEMENT;
  const begin = view.byteOffset + offset;
  if (offset + length > view.byteLength) throw new Error(`${name} ends beyond its bytes`);
  const raw = new Kind(view.buffer.slice(begin, begin + length));
  if (dtype !== "float16") return raw;
  const [table, numbers] = [tx.halves(), new Float32Array(raw.length)];
  for (let i = 0; i < raw.length; i += 1) numbers[i] = table[raw[i]];
  return numbers;
};

// tx.tensors(model.get("weights")) is { name: { dtype, shape, data } }; data is decoded when it is
// first asked for.
tx.tensors = ({ layout, data: view }) =>
  Object.fromEntries(
    layout.map((entry) => {
      const [name, dtype, shape] = entry;
      let found = null;
      return [
        name,
        {
          dtype,
          shape,
          get data() {
            return (found ??= tx.decode(view, entry));
          },
        },
      ];
    }),
  );

// Those whose names begin with `prefix`, without it: tx.part(tensors, "encoder.")
tx.part = (tensors, prefix) =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );

// A tensor as arrays of rows, of rows of rows, …: what the arithmetic on plain arrays takes.
tx.nested = ({ shape, data }) => {
  const cut = (axes, at) => {
    if (axes.length === 0) return data[at];
    const step = axes.slice(1).reduce((a, b) => a * b, 1);
    return Array.from({ length: axes[0] }, (_, i) => cut(axes.slice(1), at + i * step));
  };
  return cut(shape, 0);
};
