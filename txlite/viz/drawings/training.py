"""The loop of training, and what a checkpoint has to hold of it."""

from txlite.viz.schematic import Arrow, Box, Column, Either, Frame, Row, Schematic

__all__ = ["checkpoint", "training_loop"]


def training_loop() -> Schematic:
    """Draw one step of training, from a batch to new weights, and back.

    Returns
    -------
    Schematic
        A loop of seven parts.
    """
    batch = Box("batch", "source, target", name="batch", look="data")
    model = Box("model", "logits (B, T, V)", name="model", color="blue", wide=124)
    loss = Box("loss", "label smoothing", name="loss", color="violet", wide=124)
    gradient = Box("gradients", "accumulated", name="gradients", wide=124)
    clip = Box("clip", "norm at most 1", name="clip", wide=124)
    rate = Box("schedule", "warm-up, decay", name="schedule", color="ochre", wide=124)
    adam = Box("optimiser step", "Adam’s moments", name="step", color="teal", wide=124)
    wide = Column(
        Row(batch, model, loss, gap=44),
        Row(rate, adam, clip, gradient, gap=26),
        gap=56,
        align="end",
    )
    tall = Column(batch, model, loss, gradient, clip, Row(rate, adam, gap=22), gap=26)
    arrows = [
        Arrow("batch", "model"),
        Arrow("model", "loss"),
        Arrow("loss", "gradients", color="violet", says="the chain rule, backwards"),
        Arrow("gradients", "clip"),
        Arrow("clip", "step"),
        Arrow("schedule", "step", says="the rate of this step"),
        Arrow(
            "step",
            "model",
            phone="right",
            color="teal",
            says="new weights, and the loop begins again",
        ),
    ]
    return Schematic(
        Either(wide, tall),
        arrows,
        "One step of training. A batch goes through the model to the loss; the gradients come back "
        "from the loss, are accumulated and clipped; the optimiser changes the weights at the rate "
        "of the schedule. Then the next batch comes.",
    )


def checkpoint() -> Schematic:
    """Draw what a checkpoint holds, and where each part of it comes from.

    Returns
    -------
    Schematic
        The running training, the file, and the training that goes on from it.
    """
    held = [
        Box("weights", name="weights", color="blue", wide=150, says="of the model"),
        Box("moments", name="moments", color="teal", wide=150, says="of the optimiser"),
        Box("step", name="step", color="ochre", wide=150, says="on which the rate depends"),
        Box("random states", name="random states", color="pink", wide=150, says="for dropout"),
        Box(
            "position in the data",
            name="data",
            color="violet",
            wide=150,
            says="which batch is next",
        ),
    ]
    file = Frame(Column(*held, gap=8), "checkpoint", pad=12)
    before = Box("training", "until step n", name="before")
    after = Box("the same training", "from step n", name="after")
    body = Row(before, file, after, gap=34, folds=True)
    arrows = [
        Arrow("before", "checkpoint", says="written whole or not at all"),
        Arrow("checkpoint", "after", says="bit for bit what an uncut training would have done"),
    ]
    return Schematic(
        body,
        arrows,
        "A checkpoint holds everything on which the next step depends: the weights, the "
        "optimiser's moments, the number of the step, the states of the random generators and the "
        "position in the data. With all five, training goes on as if it had not been cut.",
    )
