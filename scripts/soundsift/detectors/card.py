"""The model card of a detector: what it is, what it was made from, how good it is and where that ends (Mitchell 2019)."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from soundsift.detectors.metrics import METRICS

N_SHOWN = 10


def card(
    detector: str, classes: Mapping[str, Any], metrics: Mapping[str, Any], curve: pa.Table, errors: pa.Table,
    lists: Mapping[str, str], features: Mapping[str, str], n_inputs: int, network: Mapping[str, Any], is_calibrated: bool,
) -> str:  # fmt: skip
    """Write the card as Markdown.

    Parameters
    ----------
    classes
        As configured: classes, and except.
    metrics
        As ``metrics.json`` holds them.
    curve, errors
        ``learning.parquet`` and ``errors.parquet``.
    lists
        {name: path} of the segment lists.
    features
        The features' definition.
    network
        As configured: hidden_units, balance, augment, members, seed.
    is_calibrated
        Whether parts of the videos could be left out of each network.
    """
    n_eval, positives = metrics["n_eval"], metrics["positives"]
    named = ", ".join(classes["classes"])
    left_out = f", without {', '.join(classes['except'])}" if classes.get("except") else ""
    units = "-".join(map(str, network["hidden_units"]))
    judged_by = "the eval list" if "eval" in lists else "videos kept back from the training lists"
    value = {name: metrics[name]["value"] for name in METRICS}
    confusion = metrics["confusion"]
    together = f"Up to {network['members']} networks that answer together, each" if is_calibrated else "One network"
    sure = (
        "probabilities calibrated on training clips that the network asked had not heard"
        if is_calibrated
        else "probabilities not calibrated, because nothing was left out"
    )
    lines = [
        f"# The {detector} detector",
        "",
        f"Says of a piece of sound how likely it is that one of these AudioSet classes, or a class below it, is heard: {named}"
        f"{left_out}.",
        "",
        "## What it is",
        "",
        f"{together} with {n_inputs} inputs, hidden layers of {units} units (ReLU) and a "
        "softmax over (not heard, heard); "
        f"{sure}. Heard means a probability of at "
        f"least {metrics['threshold']:.3f}. Inputs are statistics over time of librosa's frame features of mono sound: "
        + ", ".join(f"{key} {value}" for key, value in features.items())
        + f". Made with keras {version('keras')}.",
        "",
        "## What it was made from",
        "",
        *(f"- list `{name}`: `{path}`" for name, path in lists.items()),
        f"- {metrics['n_train']:,} training clips, {metrics['train_positives']:,} of them with {detector}, and {network['augment']} changed versions of each (room, microphone, speed, noise, "
        f"another clip mixed in); classes balanced by `{network['balance']}`; seed {network['seed']}",
        f"- judged by {n_eval:,} clips of {judged_by}, {positives:,} of them with {detector}; no video is on both sides",
        f"- {metrics['n_unknown']:,} clips of unknown truth neither taught nor judged",
        "",
        "## How good it is",
        "",
        f"It finds {confusion['tp']:,} of {positives:,} clips with {detector} and claims {confusion['fp']:,} of "
        f"{n_eval - positives:,} without it. In brackets the 95 % bootstrap interval over the eval clips.",
        "",
        _table(
            ["", detector, *(name.replace("_", " ") for name in metrics["baselines"])],
            [
                [name.replace("_", " "), *(_interval(of[name]) for of in (metrics, *metrics["baselines"].values()))]
                for name in METRICS
            ],
        ),
        "",
        f"Calibration: Brier score {metrics['brier_score_uncalibrated']:.4f} before, {value['brier_score']:.4f} after "
        "(`calibration.svg`).",
        "",
        "With fewer training clips, one network (`learning.svg`):",
        "",
        _table(
            ["training clips", "metric", "on the eval clips"],
            [[f"{row['n_clips']:,}", row["metric"].replace("_", " "), _interval(row)] for row in curve.to_pylist()],
        ),
        "",
        "## Where it errs",
        "",
        "Labels of the eval clips with the most errors (all in `errors.parquet`, the worst clips in `errors.html`):",
        "",
        _table(
            ["label", "missed", "false alarms"],
            [
                [row["label"], f"{row['missed']} of {row['with_it']}", f"{row['false_alarms']} of {row['without_it']}"]
                for row in errors.to_pylist()[:N_SHOWN] if row["missed"] + row["false_alarms"]
            ] or [["none", "0", "0"]],
        ),
        "",
        "## What it is for, and what not",
        "",
        f"- For finding {detector} in recordings of the kinds that the lists hold, in pieces of about ten seconds.",
        "- Its inputs are statistics over the whole piece: a short event in a long one may be missed, and it does not say when.",
        "- It has learned from the labels: what listeners called by its classes, at the share at which they occur in the lists. "
        "Where that share differs, so does the best threshold.",
        f"- Kinds of sound that the training lists lack may be taken for {detector}, surely. The eval clips show that only as far as they "
        "come from other sources than the training clips.",
        "- Not for decisions about people.",
        "",
        "## How it was chosen",
        "",
        "The features, the changed versions, the mixing and the network were chosen on sources left out of training "
        "(`benchmarks/generalisation.py` in the workflow's repository), not by the eval clips. Nothing was chosen by them here.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _interval(of: Mapping[str, float]) -> str:
    return f"{of['value']:.3f} ({of['low']:.3f} to {of['high']:.3f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in [head, ["---"] * len(head), *rows]
    )
