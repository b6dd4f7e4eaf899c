import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundsift.errors import InputError
from soundsift.metadata.classes import Classes
from soundsift.metadata.lists import Segments, read_segments

IDS = ["/m/speech", "/m/child", "/m/music", "/t/rock", "/m/dog"]
NAMES = ["Speech", "Child speech, kid speaking", "Music", "Rock", "Dog"]
CLASSES = Classes(IDS, NAMES, np.full(5, 10), np.ones(5), np.ones(5, dtype=bool), [""] * 5)

OFFICIAL = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=3, num_segs=3
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/speech,/m/child"
-0abcdefghi, 0.000, 9.500, "/m/dog"
zzzzzzzzzzz, 5.000, 15.000, "/t/rock"
"""
SAME = {
    "mirror": "# YTID, start_seconds, end_seconds, positive_labels\n"
    '--PJHxphWEs,30,40,"/m/speech,/m/child"\n-0abcdefghi,0,9.5,/m/dog\nzzzzzzzzzzz,5,15,/t/rock\n',
    "no header": '--PJHxphWEs,30,40.,"/m/speech,/m/child"\n-0abcdefghi,0,9.50,/m/dog\nzzzzzzzzzzz,5,15,"/t/rock"\n',
    "plain header": "YTID,start_seconds,end_seconds,positive_labels\n"
    '--PJHxphWEs,30,40,"/m/speech,/m/child"\n-0abcdefghi,0,9.5,/m/dog\nzzzzzzzzzzz,5,15,/t/rock\n',
    "all quoted": '"--PJHxphWEs","30","40","/m/speech,/m/child"\n"-0abcdefghi","0","9.5","/m/dog"\n'
    '"zzzzzzzzzzz","5","15","/t/rock"\n',
    "own order, names, more columns": "labels,note,end_seconds,start_seconds,video_id\n"
    '"Speech,Child speech, kid speaking",x,40,30,--PJHxphWEs\ndog,,9.5,0,-0abcdefghi\nRock,,15,5,zzzzzzzzzzz\n',
    "two columns for one thing": "video_id,start_seconds,start,end,labels,label_ids\n"
    '--PJHxphWEs,30,0,40,"Speech,Child speech, kid speaking",\n-0abcdefghi,0,1,9.5,Dog,x\nzzzzzzzzzzz,5,1,15,Rock,\n',
    "tabs": "--PJHxphWEs\t30\t40\t/m/speech,/m/child\n-0abcdefghi\t0\t9.5\t/m/dog\nzzzzzzzzzzz\t5\t15\t/t/rock\n",
}  # fmt: skip


def read(text: str, folder: Path, **options: bool) -> Segments:
    (folder / "list.csv").write_text(text, encoding="utf-8", newline="")
    return read_segments(folder / "list.csv", CLASSES, **options)


def plain(segments: Segments) -> list[tuple]:
    labels = [[IDS[c] for c in segments.code[segments.row == i]] for i in range(len(segments))]
    ids = segments.video_id.to_pylist()
    return list(zip(ids, segments.start_seconds.tolist(), segments.end_seconds.tolist(), labels, strict=True))


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_every_form_of_a_list_reads_like_the_official_one(text: str, tmp_path: Path) -> None:
    expected = [
        ("--PJHxphWEs", 30.0, 40.0, ["/m/speech", "/m/child"]),
        ("-0abcdefghi", 0.0, 9.5, ["/m/dog"]),
        ("zzzzzzzzzzz", 5.0, 15.0, ["/t/rock"]),
    ]
    assert plain(read(OFFICIAL, tmp_path)) == expected
    assert plain(read(text, tmp_path)) == expected


@pytest.mark.parametrize("header", ["segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n", ""])
def test_strong_labels_become_the_union_over_a_segment(header: str, tmp_path: Path) -> None:
    events = [
        "s9d-2nhuJCQ_30000\t2.627\t7.237\t/m/speech",
        "b0RFKhbpFJA_0\t0.000\t10.000\t/m/dog",
        "s9d-2nhuJCQ_30000\t0.000\t0.000\t/m/music",
        "s9d-2nhuJCQ_30000\t8.000\t9.000\t/m/speech",
    ]
    found = read(header + "\n".join(events), tmp_path)
    assert plain(found) == [
        ("s9d-2nhuJCQ", 30.0, 40.0, ["/m/speech", "/m/music"]),
        ("b0RFKhbpFJA", 0.0, 10.0, ["/m/dog"]),
    ]
    assert found.line.tolist() == [1 + bool(header), 2 + bool(header)]


def test_a_repeated_label_of_a_row_counts_once(tmp_path: Path) -> None:
    assert plain(read('aaaaaaaaaaa,0,10,"/m/dog,Speech,/m/dog"\n', tmp_path))[0][3] == ["/m/dog", "/m/speech"]


def test_own_media_may_have_ids_of_another_length(tmp_path: Path) -> None:
    assert plain(read("a,0,10,Dog\n", tmp_path, youtube_ids=False))[0][0] == "a"


BAD = [
    ("aaaaaaaaaaa,0,10\n", "line 1: 4 fields were expected (video_id, start_seconds, end_seconds, labels), 3 found; found 'aaaaaaaaaaa, 0, 10'"),
    ("aaaaaaaaaaa,0,10,/m/dog,/m/speech\n", "line 1: 4 fields were expected (video_id, start_seconds, end_seconds, labels; several labels must be in quotes), 5 found"),
    ("aaaaaaaaaaa|0|10|/m/dog\n", "line 1: no comma, semicolon or tab divides the lines"),
    ("# a list\naaaa,0,10,/m/dog\nbbbb,0,10,/m/dog\n", "line 2: a video id must have 11 letters, digits, _ or -; found 'aaaa, 0, 10, /m/dog' (1 more such line)"),
    ("../../aaaaa,0,10,/m/dog\n", "line 1: a video id must have 11"),
    ("aaaaaaaaaaa,-1,10,/m/dog\n", "line 1: the start must be a number of seconds, 0 or more; found 'aaaaaaaaaaa, -1, 10, /m/dog'"),
    ("aaaaaaaaaaa,0,ten,/m/dog\n", "line 1: the end must be a number of seconds"),
    ("aaaaaaaaaaa,nan,10,/m/dog\n", "line 1: the start must be a number of seconds"),
    ("aaaaaaaaaaa,0,inf,/m/dog\n", "line 1: the end must be a number of seconds"),
    ("aaaaaaaaaaa,0:30,0:70,/m/dog\n", "line 1: the end must be a number of seconds, 0 or more; a time is mm:ss or hh:mm:ss, with seconds below 60"),
    ('aaaaaaaaaaa,"1,250","1,350",/m/dog\n', "the start must be a number of seconds, 0 or more; '1,250' may be 1.250 or 1250 seconds: write it with a point"),
    ("aaaaaaaaaaa;0,5;1.250;/m/dog\n", "the end must be a number of seconds, 0 or more; commas are the decimal signs of this list"),
    ("1E+05,0,10,/m/dog\n", "line 1: the id is a number that Excel has written with an exponent: import the column as text, or take the original list; found '1E+05, 0, 10, /m/dog'"),
    ("05-Mar,0,10,/m/dog\n", "line 1: the id is a date that Excel has made"),
    ("video_id,start,end,labels\n#NAME?,0,10,/m/dog\n", "line 2: the id is an error of Excel"),
    ("#REF!,0,10,/m/dog\n", "line 1: the id is an error of Excel"),
    ("file,labels\na.wav,/m/dog\n#DIV/0!,/m/dog\n", "line 3: the name of a file is an error of Excel"),
    ("file;labels\n01.Mrz;/m/dog\n", "line 2: the name of a file is a date that Excel has made"),
    ("file;labels\n05. Okt 23;/m/dog\n", "line 2: the name of a file is a date that Excel has made"),
    ("file;labels\n1,5;/m/dog\n", "line 2: the name of a file is a number with a decimal comma"),
    ("file;labels\n1,E+05;/m/dog\n", "line 2: the name of a file is a number that Excel has written with an exponent"),
    ("file;labels\n=-x.wav;/m/dog\n", "line 2: the name of a file is a formula"),
    ("file;labels\na.wav;01.Mrz\n", "line 2: the label is a date that Excel has made"),
    ("file;labels\na.wav;1,23E+15\n", "line 2: the label is a number that Excel has written with an exponent"),
    ("file;labels\na.wav;#WERT!\n", "line 2: the label is an error of Excel"),
    ("file;labels\na.wav;=-dog\n", "line 2: the label is a formula"),
    ("file;start;end;labels\na.wav;05. Mrz;7,5;/m/dog\n", "the start must be a number of seconds, 0 or more; '05. Mrz' may be a number of which Excel has made a date: import"),
    ("file,start,end,labels\na.wav,12:03:00 AM,1,/m/dog\n", "; a time of day is no position in a file"),
    ("file,start,end,labels\na.wav,3,,/m/dog\n", "line 2: the end must be a number of seconds, 0 or more; where the whole file is meant, start and end must both be empty"),
    ("file,start,end,labels\na.wav,NA,NA,/m/dog\n", "start and end must both be empty"),
    ("file,labels\nhttps://x.example/a.wav,/m/dog\n", "line 2: a file must be a path; the part of an address before the name belongs into download.url"),
    ("1.5\t1.5\t/m/dog\n", "line 1: the end must be after the start; a point has no length: give it one, in Audacity"),
    ("file,labels\na.wav,/m/dog\n" + "x" * 256 + ",/m/dog\n", "line 3: a name may have at most 255 characters"),
    ("=-abcdefghij,0,10,/m/dog\n", "line 1: the id is a formula"),
    ("aaaaaaaaaaa,0,10,/m/dog\nbbbbbbbbbbb,20,10,/m/dog\n", "line 2: the end must be after the start"),
    ("aaaaaaaaaaa,10,10,/m/dog\n", "line 1: the end must be after the start"),
    ('aaaaaaaaaaa,0,10,""\n', "line 1: a segment must have at least one label"),
    ('aaaaaaaaaaa,0,10,"/m/dog,"\n', "line 1: the label '' is in neither the class table nor the ontology"),
    ("aaaaaaaaaaa,0,10,/m/unheard\n", "line 1: the label '/m/unheard' is in neither"),
    ("aaaaaaaaaaa,0,10,Musik\n", "did you mean Music?"),
    ('aaaaaaaaaaa,0,10,"/m/dog\nbbbbbbbbbbb,0,10,/m/dog\n', "line 1: a quote is opened and not closed"),
    ("# nothing\n", "contains no segment"),
    ("", "contains no segment"),
    ("video_id,start_seconds,end_seconds,labels\n", "contains no segment"),
    ("video_id,start_seconds,labels\na,0,Dog\n", "line 1: no column of the header is the end_seconds (known names: end_seconds, end_time_seconds, end,"),
    ("video_id,start,start,end,labels\naaaaaaaaaaa,0,0,1,Dog\n", "line 1: the header must have the column start_seconds exactly once"),
    ("segment_id,start_seconds,end_seconds,labels\naaaaaaaaaaa_30000,30,33,Dog\n", "line 2: an event must be within the segment's 10 seconds"),
    (f"aaaaaaaaaaa,0,10,{'x' * 9000}\n", "the label '" + "x" * 77 + "...' is in neither"),
    ("<!doctype html>\n<title>Sign in</title>\n", "is a web page or XML, not a table"),
    ("segment_id\tstart\tend\tlabel\naaaaaaaaaaa\t0\t1\t/m/dog\n", "line 2: a segment id must be a video id"),
    ("segment_id\tstart\tend\tlabel\naaaaaaaaaaa_0\t2\t1\t/m/dog\n", "line 2: an event must not end before it starts"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), BAD)
def test_a_bad_list_is_refused_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(text, tmp_path)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


ENOUGH = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ENOUGH
@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*'",\t\n#<é\x00 ', "aaaaaaaaaaa", "0", "10", "/m/dog"])).map("".join)
    )
)
def test_any_text_is_read_completely_or_refused_in_one_line(tmp_path: Path, text: str) -> None:
    text = text.encode(errors="replace").decode()
    try:
        found = read(text, tmp_path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        lines = io.StringIO(text, newline=None)
        n_rows = sum(bool(line.strip()) and line.lstrip()[0] != "#" for line in lines)
        # one may be a header, and a quoted field may have several lines
        assert len(found) in (n_rows, n_rows - 1) or (text.count('"') > 1 and len(found) < n_rows)
        assert len(np.unique(found.row)) == len(found)


@ENOUGH
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bytes.csv").write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_segments(tmp_path / "bytes.csv", CLASSES)
    assert len(str(refused.value).splitlines()) == 1


ROWS = st.lists(
    st.tuples(
        st.text("abcABC019_-", min_size=11, max_size=11),
        st.integers(0, 10**7),
        st.integers(1, 10**6),
        st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True),
    ),
    min_size=1,
)


@ENOUGH
@given(ROWS, st.sampled_from(["names", "ids"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.booleans())
def test_a_written_list_reads_back_unchanged(
    tmp_path: Path, rows: list[tuple], words: str, quoting: int, header: bool
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)
    if header:
        writer.writerow(["video_id", "start_seconds", "end_seconds", "labels"])
    known = IDS if words == "ids" else NAMES
    for video_id, start_ms, length_ms, codes in rows:
        labels = ",".join(known[c] for c in codes)
        writer.writerow([video_id, f"{start_ms / 1000:.3f}", f"{(start_ms + length_ms) / 1000:.3f}", labels])
    expected = [(v, s / 1000, (s + n) / 1000, [IDS[c] for c in codes]) for v, s, n, codes in rows]
    assert plain(read(text.getvalue(), tmp_path)) == expected
