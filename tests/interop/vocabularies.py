"""Texts that tokenizers stumble over, and the marks of a BERT."""

TEXTS = [
    "The capital of France is Paris.", "naïve façade, ÉCOLE", "我爱你 and 12345", "",
    "  two  blanks ",
    "don't stop-me 🦙", "tabs\tand\nlines", "unbelievable unbelievers", "[MASK] is text </s>",
]  # fmt: skip
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
