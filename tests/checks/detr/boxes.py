"""Boxes by plain arithmetic, for answers in other words."""


def edges(box, half=0.5):
    """Return left, top, right and bottom."""
    x, y, w, h = box
    return x - half * w, y - half * h, x + half * w, y + half * h


def areas(a, b):
    """Return what two boxes, given by their edges, share, cover, and have around them."""
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    covered = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)) - wide * high
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return wide * high, covered, around


def giou(a, b, view=edges):
    """Return the share in common, less the share of the hull that neither covers."""
    shared, covered, around = areas(view(a), view(b))
    return shared / covered - 1 + covered / around


def iou(a, b):
    """Return the share in common."""
    shared, covered, _ = areas(edges(a), edges(b))
    return shared / covered
