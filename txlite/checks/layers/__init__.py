"""Exercises on what a layer is built of: norms, feed-forward layer, residual branches."""
