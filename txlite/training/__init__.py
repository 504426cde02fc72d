"""Training: the loss, the schedule, the optimiser, and the loop that can be killed and goes on.

Nothing here knows a model: whatever is an ``nn.Module`` can be trained.
"""

from txlite.training.acting import action_loss
from txlite.training.batches import Batches, Resumable
from txlite.training.board import BoardRow, Entry, board, judge
from txlite.training.boxes import corners, generalised_iou
from txlite.training.causality import causality_leaks, name_leak
from txlite.training.checkpoint import average_checkpoints, latest_checkpoint
from txlite.training.comparison import SignTest, paired_bootstrap, sign_test
from txlite.training.contrastive import contrastive_loss, contrastive_losses
from txlite.training.corpus_scores import corpus_bootstrap
from txlite.training.detection import (
    AveragePrecision,
    Found,
    average_precision,
    best_classes,
    suppress,
)
from txlite.training.forecasts import (
    ForecastLoss,
    Windows,
    forecast_losses,
    normal_losses,
    pinball_losses,
    student_t_losses,
)
from txlite.training.history import History
from txlite.training.hybrid import HybridLoss, SpokenText
from txlite.training.language import TextScore, score_text, surprises
from txlite.training.loop import fit
from txlite.training.losses import TeacherForcing, cross_entropy, smoothed_targets, token_losses
from txlite.training.matching import Objects, SetLoss, match, set_loss
from txlite.training.metrics import mean_loss, perplexity, token_accuracy
from txlite.training.optim import adamw, clip_gradients
from txlite.training.peaks import hills, peak_loss, peaks
from txlite.training.retrieval import recall_at
from txlite.training.schedules import constant, warmup_cosine, warmup_inverse_sqrt
from txlite.training.word_errors import WordErrors, word_errors

__all__ = [
    "AveragePrecision",
    "Batches",
    "BoardRow",
    "Entry",
    "ForecastLoss",
    "Found",
    "History",
    "HybridLoss",
    "Objects",
    "Resumable",
    "SetLoss",
    "SignTest",
    "SpokenText",
    "TeacherForcing",
    "TextScore",
    "Windows",
    "WordErrors",
    "action_loss",
    "adamw",
    "average_checkpoints",
    "average_precision",
    "best_classes",
    "board",
    "causality_leaks",
    "clip_gradients",
    "constant",
    "contrastive_loss",
    "contrastive_losses",
    "corners",
    "corpus_bootstrap",
    "cross_entropy",
    "fit",
    "forecast_losses",
    "generalised_iou",
    "hills",
    "judge",
    "latest_checkpoint",
    "match",
    "mean_loss",
    "name_leak",
    "normal_losses",
    "paired_bootstrap",
    "peak_loss",
    "peaks",
    "perplexity",
    "pinball_losses",
    "recall_at",
    "score_text",
    "set_loss",
    "sign_test",
    "smoothed_targets",
    "student_t_losses",
    "suppress",
    "surprises",
    "token_accuracy",
    "token_losses",
    "warmup_cosine",
    "warmup_inverse_sqrt",
    "word_errors",
]
