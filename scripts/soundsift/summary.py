"""A run in a few lines: what was made, what is missing and why, how good each detector is."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from soundsift.coverage import Counts
from soundsift.metrics import METRICS
from soundsift.outcomes import KEPT, OUTCOMES


def lines(
    counts: Counts, left_out: Mapping[str, int], unknown: Mapping[str, int],
    metrics: Mapping[str, Mapping[str, Any]], is_demo: bool,
) -> str:  # fmt: skip
    """Write the summary that stands at the end of a run.

    Parameters
    ----------
    counts
        {split: {outcome: clips}}
    left_out
        {reason: rows of the lists}
    unknown
        {error that nobody has classified: clips}
    metrics
        {detector: its metrics}
    """
    found: Counter[str] = sum((Counter(c) for c in counts.values()), Counter())
    n_wanted = found.total()
    n_there = sum(n for outcome, n in found.items() if outcome in KEPT)
    text = []
    if left_out:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(left_out.items(), key=lambda item: -item[1]))
        n_rows = n_wanted + sum(left_out.values())
        text.append(f"{n_wanted:,} of the lists' {n_rows:,} rows are wanted clips; left out: {reasons}.")
    text += [f"{n_there} of {n_wanted} wanted clips are there ({n_there / n_wanted:.1%})."]
    missing = [f"{n} {outcome}" for outcome, n in found.most_common() if outcome not in KEPT]
    if missing:
        text.append(f"Missing: {', '.join(missing)}; clip by clip in results/missing.csv.")
    text += [f"Unrecognised on {n} clips, worth reporting: {message}" for message, n in unknown.items()]
    for name, judged in metrics.items():
        confusion = judged["confusion"]
        n_negative = confusion["tn"] + confusion["fp"]
        balanced = judged["balanced_accuracy"]
        text.append(
            f"{name}: finds {confusion['tp']} of {judged['positives']} clips with it, claims {confusion['fp']} of "
            f"{n_negative} without it. Right on {judged['accuracy']['value']:.1%}; always saying no: "
            f"{judged['baselines']['always_no']['accuracy']['value']:.1%}. Balanced accuracy "
            f"{balanced['value']:.1%} (95 % interval {balanced['low']:.1%} to {balanced['high']:.1%}, "
            f"{judged['n_eval']} clips)."
        )
    if is_demo:
        text.append("This is the demo: its sound is synthetic, so these figures mean nothing about real sound.")
    text.append("Report: results/report.html. Table: results/features.parquet. Models: results/detectors/.")
    return "\n".join(text) + "\n"


def unrecognised(missing: pa.Table) -> dict[str, int]:
    """Count the errors nobody has classified, without the id of the video they are about, most frequent first."""
    columns = (missing[name].to_pylist() for name in ("video_id", "outcome", "reason"))
    rows = [row for row in zip(*columns, strict=True) if row[1] == "unrecognised"]
    return dict(Counter(str(reason).replace(video_id, "...") for video_id, _, reason in rows).most_common())


def example_clip(features: pa.Table) -> tuple[str, str, list[str]]:
    """Choose the first clip in which most of the detectors' classes are heard: (batch, clip id, labels)."""
    truths = [name for name in features.column_names if name.startswith("is_")]
    heard = [sum(bool(value) for value in row) for row in zip(*(features[n].to_pylist() for n in truths), strict=True)]
    row = heard.index(max(heard))
    return features["batch"][row].as_py(), features["clip_id"][row].as_py(), features["labels"][row].as_py()


def coverage_table(counts: Counts) -> pa.Table:
    """One row per split and outcome: clips, share of the split's wanted clips in percent, and what the word means."""
    rows = [
        {
            "split": split,
            "outcome": outcome,
            "clips": n,
            "percent": round(100 * n / sum(found.values()), 1),
            "meaning": OUTCOMES[outcome].meaning,
        }
        for split, found in counts.items()
        for outcome, n in found.items()
    ]
    return pa.Table.from_pylist(rows)


def detector_table(metrics: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """One row per detector and baseline: every metric with its 95 % interval, rounded for reading."""
    rows = []
    for detector, judged in metrics.items():
        models = {"this detector": judged} | {k.replace("_", " "): v for k, v in judged["baselines"].items()}
        for model, values in models.items():
            row = {"detector": detector, "model": model}
            for name in METRICS:
                v = values[name]
                row[name.replace("_", " ")] = f"{v['value']:.3f} ({v['low']:.3f} to {v['high']:.3f})"
            rows.append(row)
    return pa.Table.from_pylist(rows)
