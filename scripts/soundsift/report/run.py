"""A run in a few lines: what was made, what is missing and why, how good each detector is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pyarrow as pa

from soundsift.detectors.metrics import METRICS
from soundsift.media.columns import KEPT
from soundsift.media.coverage import Counts
from soundsift.media.outcomes import OUTCOMES
from soundsift.report.page import image


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
    text = _there(found, left_out)
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


def opening(
    counts: Counts, left_out: Mapping[str, int], metrics: Mapping[str, Mapping[str, Any]], figures: Sequence[str]
) -> str:
    """Write what the report opens with, as markup.

    Parameters
    ----------
    counts, left_out, metrics
        As :func:`lines` takes them.
    figures
        What became of the clips and how the detectors answer, as SVG.
    """
    found: Counter[str] = sum((Counter(c) for c in counts.values()), Counter())
    coverage, answers = map(image, figures)
    words = "".join(f"<li>{escape(_in_words(name, judged))}</li>" for name, judged in metrics.items())
    return f"<p>{escape(' '.join(_there(found, left_out)))}</p>\n{coverage}\n<ul>{words}</ul>\n{answers}\n"


def _there(found: Counter[str], left_out: Mapping[str, int]) -> list[str]:
    """What is wanted, what of it is there, and what is missing, in a sentence each."""
    text, n_wanted = [], found.total()
    if left_out:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(left_out.items(), key=lambda item: -item[1]))
        n_rows = n_wanted + sum(left_out.values())
        text.append(f"{n_wanted:,} of the lists' {n_rows:,} rows are wanted clips; left out: {reasons}.")
    n_there = sum(n for outcome, n in found.items() if outcome in KEPT)
    text.append(f"{n_there} of {n_wanted} wanted clips are there ({n_there / n_wanted:.1%}).")
    missing = [f"{n} {outcome}" for outcome, n in found.most_common() if outcome not in KEPT]
    return [*text, f"Missing: {', '.join(missing)}; clip by clip in results/missing.csv."] if missing else text


def _in_words(name: str, judged: Mapping[str, Any]) -> str:
    """A detector in one sentence of a hundred clips."""
    n = judged["confusion"]
    hits, false_alarms = (f"{100 * a / (a + b):.0f}" for a, b in ((n["tp"], n["fn"]), (n["fp"], n["tn"])))
    return (
        f"{name}: finds {hits} of 100 clips with {name} and wrongly claims {false_alarms} of 100 without "
        f"({n['tp']:,} of {n['tp'] + n['fn']:,} and {n['fp']:,} of {n['fp'] + n['tn']:,} were counted). It is right on "
        f"{judged['accuracy']['value']:.1%} of {judged['n_eval']:,} eval clips; always saying no would be right on "
        f"{judged['baselines']['always_no']['accuracy']['value']:.1%}."
    )


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


def detector_table(judged: Mapping[str, Any]) -> pa.Table:
    """One row per metric with its 95 % interval, rounded for reading: of a detector and of each baseline."""
    models = {"this detector": judged} | {name.replace("_", " "): of for name, of in judged["baselines"].items()}
    columns = {"metric": [name.replace("_", " ") for name in METRICS]}
    for model, of in models.items():
        columns[model] = [f"{v['value']:.3f} ({v['low']:.3f} to {v['high']:.3f})" for v in map(of.get, METRICS)]
    return pa.table(columns)
