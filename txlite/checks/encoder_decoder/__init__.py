"""Exercises on the encoder, the decoder, and what passes between them."""
