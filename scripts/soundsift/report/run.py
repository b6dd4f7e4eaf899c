"""Summary of a run: what was made, what is missing and why, and how good each detector is."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from soundsift.detectors.metrics import (
    ALWAYS_NO,
    METRICS,
    N_TO_JUDGE,
    TO_JUDGE,
    DetectorMetrics,
    d_prime,
    means,
    rate_without_error,
)
from soundsift.media.columns import KEPT
from soundsift.media.coverage import Counts
from soundsift.media.outcomes import OUTCOMES
from soundsift.report.page import image
from soundsift.templates import render

# Means over fewer detectors say less than the detectors' own lines.
N_TO_AVERAGE = 3


def lines(
    counts: Counts, left_out: Mapping[str, int], unknown: Mapping[str, int],
    metrics: Mapping[str, DetectorMetrics], is_demo: bool, sources: Mapping[str, int] = MappingProxyType({}),
    of_folds: Sequence[str] = (),
) -> str:  # fmt: skip
    """Write the summary that is shown at the end of a run.

    Parameters
    ----------
    counts
        {split: {outcome: clips}}
    left_out
        {reason: rows of the lists}
    unknown
        {unrecognised error: clips}
    metrics
        {detector: its metrics}
    sources
        {source: available clips}
    of_folds
        Sentences about the folds that were run.
    """
    text = _coverage_sentences(counts, left_out)
    text += [f"By source: {', '.join(f'{n:,} {name}' for name, n in sources.items())}."] if len(sources) > 1 else []
    text += [f"Unrecognised error on {n} clips, please report it: {message}" for message, n in unknown.items()]
    text += [_performance_line(name, of_detector) for name, of_detector in metrics.items() if of_detector.performance]
    text += _remarks(metrics) + mean_sentences(metrics) + not_judged_sentences(metrics)
    text += of_folds
    if is_demo:
        text.append("This is the demo: its sound is synthetic, so these figures mean nothing about real sound.")
    text.append("Report: results/report.html. Table: results/features.parquet. Models: results/detectors/.")
    return "\n".join(text) + "\n"


def _performance_line(name: str, metrics: DetectorMetrics) -> str:
    own = metrics.performance
    assert own is not None
    always_no = metrics.baselines[ALWAYS_NO]
    n, balanced = own.confusion, own.balanced_accuracy
    spread = f"95 % interval {balanced.low:.1%} to {balanced.high:.1%}, {metrics.n_eval} clips"
    if not n.fp + n.fn:  # every draw of clips without an error is without an error
        rate = rate_without_error(metrics.n_eval)
        spread = f"no error in {metrics.n_eval} clips; at a true error rate of {rate:.1%}, one list in twenty has none"
    return (
        f"{name}: finds {n.tp} of {n.n_positive} clips with it; {n.fp} false alarm{'s' * (n.fp != 1)} in "
        f"{n.n_negative} clips without it. "
        f"Accuracy {own.accuracy.value:.1%} (always answering no: {always_no.accuracy.value:.1%}). "
        f"Balanced accuracy {balanced.value:.1%} ({spread})."
    )


def _remarks(metrics: Mapping[str, DetectorMetrics]) -> list[str]:
    """Write one sentence about each detector that learned little or nothing."""
    found = {name: one.held_out.remark for name, one in metrics.items() if one.held_out}
    return [f"Be careful with {name}: {remark}." for name, remark in found.items() if remark]


def mean_sentences(metrics: Mapping[str, DetectorMetrics]) -> list[str]:
    """Write one sentence about the means over the detectors, or none if fewer than three were judged."""
    n_others = sum(one.performance is None for one in metrics.values())
    if len(metrics) - n_others < N_TO_AVERAGE:
        return []
    of_judged = means(metrics.values())
    others = f" (not judged: {n_others})" if n_others else ""
    distance = d_prime(of_judged.roc_auc)
    # infinite if every detector separates its eval clips completely
    of_distance = f" (d' {distance:.2f})" if math.isfinite(distance) else ""
    return [
        f"Mean of {of_judged.n} detectors{others}: average precision {of_judged.average_precision:.3f}, "
        f"ROC AUC {of_judged.roc_auc:.3f}{of_distance}."
    ]


def not_judged_sentences(metrics: Mapping[str, DetectorMetrics]) -> list[str]:
    """Name the detectors that were not judged, and say why and what to do; nothing if all were."""
    counts = [
        f"{name} ({one.positives:,} with, {one.n_eval - one.positives:,} without)"
        for name, one in metrics.items()
        if not one.performance
    ]
    if not counts:
        return []
    return [
        f"Not judged, because at least {N_TO_JUDGE} eval clips with the class and {N_TO_JUDGE} without it are needed: "
        f"{', '.join(counts)}. {TO_JUDGE}."
    ]


def unrecognised(missing: pa.Table) -> dict[str, int]:
    """Count the unrecognised errors, most frequent first; the id of the video is removed from each message."""
    columns = (missing[name].to_pylist() for name in ("video_id", "outcome", "reason"))
    rows = [row for row in zip(*columns, strict=True) if row[1] == "unrecognised"]
    return dict(Counter(str(reason).replace(video_id, "...") for video_id, _, reason in rows).most_common())


def opening(
    counts: Counts, left_out: Mapping[str, int], metrics: Mapping[str, DetectorMetrics], figures: Sequence[str],
    of_folds: Sequence[str] = (),
) -> str:  # fmt: skip
    """Write the first part of the report as HTML.

    Parameters
    ----------
    counts, left_out, metrics, of_folds
        As :func:`lines` takes them.
    figures
        The figures of the outcomes of the clips and of the detectors' answers, as SVG.
    """
    coverage, answers = map(image, figures)
    return render(
        __file__,
        "opening.html",
        coverage_sentences=_coverage_sentences(counts, left_out),
        coverage_figure=coverage,
        detectors={name: one for name, one in metrics.items() if one.performance},
        sentences=_remarks(metrics) + mean_sentences(metrics) + not_judged_sentences(metrics),
        of_folds=of_folds,
        always_no=ALWAYS_NO,
        answers_figure=answers,
    )


def _coverage_sentences(counts: Counts, left_out: Mapping[str, int]) -> list[str]:
    """Write one sentence each about the wanted, the available and the missing clips."""
    found: Counter[str] = sum((Counter(of_split) for of_split in counts.values()), Counter())
    text, n_wanted = [], found.total()
    if left_out:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(left_out.items(), key=lambda item: -item[1]))
        n_rows = n_wanted + sum(left_out.values())
        text.append(f"{n_wanted:,} of the lists' {n_rows:,} rows are wanted clips; left out: {reasons}.")
    n_there = sum(n for outcome, n in found.items() if outcome in KEPT)
    text.append(f"{n_there} of {n_wanted} wanted clips are there ({n_there / n_wanted:.1%}).")
    missing = [f"{n} {outcome}" for outcome, n in found.most_common() if outcome not in KEPT]
    return [*text, f"Missing: {', '.join(missing)}; clip by clip in results/missing.csv."] if missing else text


def coverage_table(counts: Counts) -> pa.Table:
    """One row per split and outcome: clips, percentage of the split's wanted clips, and meaning of the outcome."""
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


def source_table(sources: Mapping[str, int]) -> pa.Table:
    """One row per source of media: number of available clips."""
    return pa.table({"source": list(sources), "clips": list(sources.values())})


def overview_table(metrics: Mapping[str, DetectorMetrics]) -> pa.Table:
    """Make one row per detector: its clips, and its main metrics, which are empty if it was not judged."""
    names = ("average_precision", "roc_auc", "balanced_accuracy")
    rows = [
        {
            "detector": name,
            "training clips with it": one.train_positives,
            "eval clips with it": one.positives,
            "eval clips without it": one.n_eval - one.positives,
            **{
                metric.replace("_", " "): round(one.performance.intervals()[metric].value, 3)
                if one.performance
                else None
                for metric in names
            },
        }
        for name, one in metrics.items()
    ]
    kinds = [pa.string(), *[pa.int64()] * 3, *[pa.float64()] * len(names)]
    return pa.Table.from_pylist(rows, pa.schema(list(zip(rows[0], kinds, strict=True))))


def detector_sections(metrics: Mapping[str, DetectorMetrics]) -> list[tuple[str, pa.Table | str]]:
    """Make the sections of the page of all detectors: overview, means, what was not judged, each judged detector."""
    return [
        ("All detectors", overview_table(metrics)),
        *(("Means", sentence) for sentence in mean_sentences(metrics)),
        *(("Not judged", sentence) for sentence in not_judged_sentences(metrics)),
        *((name, detector_table(result)) for name, result in metrics.items() if result.performance),
    ]


def detector_table(metrics: DetectorMetrics) -> pa.Table:
    """Make one row per metric: the rounded value and 95 % interval of a judged detector and of each baseline."""
    assert metrics.performance is not None
    columns = {"metric": [name.replace("_", " ") for name in METRICS]}
    for model, of_model in ({"this detector": metrics.performance} | metrics.baselines).items():
        columns[model.replace("_", " ")] = [str(interval) for interval in of_model.intervals().values()]
    return pa.table(columns)
