"""Lists as people and programs write them; the rows are invented."""

import csv
import gzip
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundsift.config.clips import LengthParams
from soundsift.config.metadata import LayoutParams
from soundsift.errors import InputError
from soundsift.metadata.classes import Classes
from soundsift.metadata.lists import Segments, read_lists, read_segments
from soundsift.metadata.whole_files import WholeFiles, divide

IDS = ["/m/speech", "/m/child", "/m/music", "/m/dog"]
CLASSES = Classes(
    IDS,
    ["Speech", "Child speech, kid speaking", "Music", "Dog"],
    np.full(4, 10),
    np.ones(4),
    np.ones(4, bool),
    [""] * 4,
)
OWN = LayoutParams()
Row = tuple[str, float, float, list[str]]


def own(content: str | bytes, path: Path, layout: LayoutParams = OWN, youtube_ids: bool = False) -> list[Row]:
    """Read a list with labels of its own: (file or video id, start, end, labels) of every row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    lists, classes = read_lists({"train": path}, None, youtube_ids, layout, in_list_folder=True)
    return plain(lists["train"], classes.names, path.parent)


def plain(found: Segments, names: list[str], folder: Path) -> list[Row]:
    what = found.video_id.to_pylist() if found.file is None else found.file.to_pylist()
    what = [str(Path(name).relative_to(folder)) if found.file is not None else name for name in what]
    labels = [[names[code] for code in found.code[found.row == i]] for i in range(len(found))]
    ends = [None if math.isnan(end) else end for end in found.end_seconds.tolist()]
    return list(zip(what, found.start_seconds.tolist(), ends, labels, strict=True))


BARKS = [("a b/Küche 01.wav", 3.0, 13.5, ["dog", "loud"])]
FORMS: list[tuple[str, str | bytes]] = [
    ("German Excel", "file;start_seconds;end_seconds;labels\r\na b/Küche 01.wav;3,0;13,5;dog|loud\r\n".encode("cp1252")),
    ("Excel's Unicode text", "file\tstart\tend\tlabel\r\na b/Küche 01.wav\t3,0\t13,5\tdog;loud\r\n".encode("utf-16")),
    ("clock times", "file,start,end,labels\na b/Küche 01.wav,0:03,00:00:13.5,\"dog,loud\"\n"),
    ("pandas", "file,start,end,labels\na b/Küche 01.wav,3.0000000000000,1.35e1,\"['dog', 'loud']\"\n"),
    ("signs", "file,start,end,labels\na b/Küche 01.wav,+3,13.5000,\"dog, loud\"\n"),
    ("Excel's rows", "file,start,end,labels,,\na b/Küche 01.wav,3,13.5,dog;loud,,\n,,,,,\n,,,\n"),
    ("invisible spaces", "\ufefffile,start,end,labels\n\u00a0a b/Küche 01.wav\u200b,\u202f3,13.5\u00a0,\u200bdog|\u00a0loud\n"),
    ("DCASE", "filename\tonset\toffset\tevent_label\na b/Küche 01.wav\t3.0\t13.5\tdog;loud\n"),
    ("Excel's separator", "sep=;\nfile;start;end;labels\na b/Küche 01.wav;3;13,5;dog,loud\n"),
    ("Windows paths", "path,start,end,tags\na b\\Küche 01.wav,3,13.5,dog|loud\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), FORMS, ids=[name for name, _ in FORMS])
def test_every_form_of_an_own_list_reads_alike(name: str, content: str | bytes, tmp_path: Path) -> None:
    layout = LayoutParams({"labels": "tags"}) if name == "Windows paths" else OWN
    assert own(content, tmp_path / "list.csv", layout) == BARKS


def test_numbers_of_programs_are_read() -> None:
    from soundsift.metadata.seconds import parse_seconds

    for text, value in (("0.3333333333333333", 1 / 3), (".5", 0.5), ("1e1", 10), ("+5", 5), ("5.", 5), ("1:02", 62)):
        assert parse_seconds(text) == pytest.approx(value)
    for text in ("", "-1", "nan", "inf", "1e99", "1,2,3", "ten", "1:60", "1:60:00", "0x10", "1_0", "٣"):
        assert math.isnan(parse_seconds(text)), text


NAMES = [
    ("windows-1251", "Лес и поле.wav"), ("mac-roman", "Küche – Café.wav"), ("iso-8859-2", "Źródło wiosną.wav"),
    ("shift-jis", "犬の声.wav"), ("gbk", "狗 叫声.wav"), ("utf-16", "Küche.wav"), ("iso-8859-2", "Küche.wav"),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "name"), NAMES)
def test_a_list_in_a_named_encoding_is_read_in_it(
    encoding: str, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = f"file,labels\n{name},dog\n".encode(encoding)
    assert own(content, tmp_path / "list.csv", LayoutParams(encoding=encoding))[0][0] == name
    assert own(f"file,labels\n{name},dog\n", tmp_path / "list.csv", LayoutParams(encoding=encoding))[0][0] == name
    assert not caplog.text


@pytest.mark.parametrize(("encoding", "name"), NAMES[:5])
def test_a_list_that_is_hardly_windows_1252_is_not_read_as_it(encoding: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2: not UTF-8 text, and probably not Windows-1252 .* set metadata.encod"):
        own(f"file,labels\n{name},dog\n".encode(encoding), tmp_path / "list.csv")


def test_windows_1252_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("Küche 01.wav", "Größe.wav", "l’été – œuvre 1ª.wav", "Škoda žába.wav", "Türöffner Übung.wav"):
        caplog.clear()
        assert own(f"file,labels\n{name},dog\n".encode("cp1252"), tmp_path / "list.csv")[0][0] == name
        assert f"is not UTF-8 and is read as Windows-1252, for example {name!r}" in caplog.text
    with pytest.raises(InputError, match="line 2: not shift-jis text"):
        own(
            "file,labels\nKüche\xa0.wav,dog\n".encode("cp1252"),
            tmp_path / "list.csv",
            LayoutParams(encoding="shift-jis"),
        )


def test_audacity_s_label_track_belongs_to_the_file_beside_it(tmp_path: Path) -> None:
    track = "0.500000\t2.000000\tdog\n\\\t500.0\t8000.0\n3.000000\t4.250000\tchild, laughing\n"
    assert own(track, tmp_path / "garden.txt", LayoutParams(label_separator="|")) == [
        ("garden.*", 0.5, 2.0, ["dog"]), ("garden.*", 3.0, 4.25, ["child, laughing"]),
    ]  # fmt: skip


def test_own_names_of_columns_and_labels_with_commas(tmp_path: Path) -> None:
    text = 'Clip,Anfang,Ende,Klasse,label\nx,1,2,"violin, fiddle",no\n'
    layout = LayoutParams(
        {"video_id": "Clip", "start_seconds": "Anfang", "end_seconds": "Ende", "labels": "Klasse"}, "|"
    )
    assert own(text, tmp_path / "list.csv", layout) == [("x", 1.0, 2.0, ["violin, fiddle"])]
    with pytest.raises(InputError, match="metadata.columns says that labels is 'Tag', but the list has no such column"):
        own(text, tmp_path / "list.csv", LayoutParams({"labels": "Tag"}))
    with pytest.raises(InputError, match="labels are divided by ; or by |, and this list has both"):
        own("file,labels\na.wav,x;y\nb.wav,x|y\n", tmp_path / "list.csv")
    with pytest.raises(InputError, match="metadata.group is 'speaker', but the list has no such column"):
        own("file,labels\na.wav,x\n", tmp_path / "list.csv", LayoutParams(group="speaker"))


def refusal(header: str, row: str, folder: Path) -> str:
    """The message by which a list of one row is refused."""
    with pytest.raises(InputError) as refused:
        own(f"{header}\n{row}\n", folder / "list.csv")
    return str(refused.value)


@pytest.mark.parametrize(("header", "row", "named"), [
    ("file;Startzeit;Endzeit;labels", "a.wav;0,5;2;dog", "Startzeit, Endzeit look like times"),
    ("file,begin,stop,labels", "a.wav,0.5,2,dog", "begin, stop"),
    ("file,Start (s),End (s),labels", "a.wav,0.5,2,dog", "Start (s), End (s)"),
    ("file,t_start,t_end,labels", "a.wav,0:30,1:10,dog", "{start_seconds: t_start, end_seconds: t_end}"),
    ("file,start_ms,end_ms,labels", "a.wav,500,2000,dog", "add columns with start and end in seconds, which start_ms and end_ms are not"),
    ("file,labels,from,to", "a.wav,dog,0,2", "from, to"),
    ("file,labels,von,bis", "a.wav,dog,0,2", "von, bis"), ("file,labels,van,tot", "a.wav,dog,0,2", "van, tot"),
    ("file,labels,początek,koniec", "a.wav,dog,0,2", "początek, koniec"), ("file,labels,начало,конец", "a.wav,dog,0,2", "начало, конец"),
    ("file,labels,開始,終了時間", "a.wav,dog,0,2", "開始, 終了時間"), ("file,labels,sec_in,sec_out", "a.wav,dog,0,2", "sec_in, sec_out"),
])  # fmt: skip
def test_times_under_other_names_are_not_ignored(header: str, row: str, named: str, tmp_path: Path) -> None:
    line = refusal(header, row, tmp_path)
    assert named in line and "list.csv, line 1" in line
    layout = LayoutParams({"file": "file"})
    with pytest.raises(InputError, match="would be ignored"):
        own(f"{header}\n{row}\n", tmp_path / "list.csv", layout)


@pytest.mark.parametrize(("header", "row", "what"), [
    ("ytid,start,end,labels", "x,1,2,dog", ("x", 1.0, 2.0)), ("path;label", "a.wav;dog", ("a.wav", 0.0, None)),
    ("filename,category", "a.wav,dog", ("a.wav", 0.0, None)), ("Dateiname;Klasse", "a.wav;dog", ("a.wav", 0.0, None)),
    ("Dateiname;Beginn;Ende;Klasse", "a.wav;0,5;2;dog", ("a.wav", 0.5, 2.0)),
    ("clip_id,path,start,end,tag", "7,a.wav,1,2,dog", ("a.wav", 1.0, 2.0)),
    ("fichier;début;fin;étiquette", "a.wav;0,5;2;dog", ("a.wav", 0.5, 2.0)), ("archivo,inicio,fin,etiqueta", "a.wav,0.5,2,dog", ("a.wav", 0.5, 2.0)),
    ("文件,开始,结束,标签", "a.wav,0.5,2,dog", ("a.wav", 0.5, 2.0)), ("file,inizio,fine,classe", "a.wav,0.5,2,dog", ("a.wav", 0.5, 2.0)),
])  # fmt: skip
def test_headers_of_others_are_understood(header: str, row: str, what: tuple, tmp_path: Path) -> None:
    assert own(f"{header}\n{row}\n", tmp_path / "list.csv") == [(*what, ["dog"])]


@pytest.mark.parametrize(("header", "row", "line"), [
    ("Tondatei;Art", "a.wav;dog", "line 1: no column of the header is the video or file (known names: video_id, ytid, "),
    ("Tondatei;Art", "a.wav;dog", "; found 'Tondatei,Art': name the columns of your list, such as metadata.columns: {file: Tondatei, labels: Art}"),
    ("name,label", "a.wav,dog", "metadata.columns: {file: name}"),
    ("ytid,begin,stop,label", "x,1,2,dog", "is the start_seconds (known names: start_seconds, "),
    ("ytid,begin,stop,label", "x,1,2,dog", "metadata.columns: {start_seconds: begin, end_seconds: stop}, if they are in seconds"),
    ("file,what", "a.wav,dog", "is the labels (known names: labels, label, "),
    ("file,what", "a.wav,dog", "metadata.columns: {labels: what}"),
    ("file,class,label", "a.wav,dog,1", "the columns class and label may both be the labels; found 'file,class,label': set metadata.columns: {labels: class}, or another of them"),
    ("path,filename,label", "b/a.wav,a.wav,dog", "the columns path and filename may both be the file"),
    ("a.wav,dog", "b.wav,rain", "line 1: the first row has the name of a file, so the list has no header row; found 'a.wav,dog': add one, such as file,start"),
    ("01.WAV,0,5,dog", "b.wav,0,5,rain", "line 1: the first row has the name of a file"),
    ("file,start,duration,label", "a.wav,2,5,dog", "found 'file,start,duration,label': add columns with start and end in seconds, which duration are not"),
    ("file,dog,rain,cat,frog", "a.wav,1,0,0,1", "line 1: the list has one column for each class (dog, rain, cat, ...) and none with labels; found 'file,dog,"),
    ("file,start,end,dog,rain", "a.wav,0,2,True,False", "(dog, rain) and none with labels; found 'file,start,end,dog,rain': write the classes of each row into one column labels, as docs/lists.md shows"),
    ("Selection,Begin File,Species", "1,a.wav,dog", "metadata.columns: {file: Begin File, labels: Species}"),
    ("file,what,clean", "a.wav,dog,1", "metadata.columns: {labels: what}"),
    ("tmin\ttier\ttext\ttmax", "0.5\tx\tdog\t2", ": add a column file, and name the columns of your list, such as metadata.columns: {start_seconds: tmin, end_seconds: tmax, labels: text}"),
    ("Begin File,Begin Time (s),End Time (s),Species", "a.wav,1,2,dog", "metadata.columns: {file: Begin File, start_seconds: Begin Time (s), end_seconds: End Time (s), labels: Species}, if they are in seconds"),
    ("Tier\tFile Path\tBegin Time - ss.msec\tEnd Time - ss.msec\tDuration - ss.msec\tValue", "x\ta.wav\t1\t2\t1\tdog", "{file: File Path, start_seconds: Begin Time - ss.msec, end_seconds: End Time - ss.msec, labels: Value}"),
    ("Start (s),End (s),Common name,Confidence,File", "0,3,Blackbird,0.8,a.wav", "{start_seconds: Start (s), end_seconds: End (s), labels: Common name}"),
    ("url,start,end,label", "https://youtu.be/aaaaaaaaaaa,0,5,dog", "metadata.columns: {video_id: url}"),
    ("client_id,path,sentence,up_votes", "x,a.mp3,Hello,2", "metadata.columns: {labels: sentence}"),
    ("file,label1,label2", "a.wav,dog,rain", "the list has several columns of labels (label1, label2); found 'file,label1,label2': write all labels of a row into one column"),
    ("My recordings,,", "file,start,labels", "line 1: the header comes after other rows; found 'My recordings,,': remove the rows before it"),
    ("#file,label", "a.wav,dog", "line 2: the first row has the name of a file, so the list has no header row; found 'a.wav,dog': add one, such as file,start_seconds,end_seconds,labels; a line with # before it is a comment"),
    ("file,dog,rain", "a.wav,ja,nein", "the list has one column for each class (dog, rain)"),
    ("ytid,start_ms,end_ms,label", "x,2000,5000,dog", ": add columns with start and end in seconds, which start_ms and end_ms are not"),
])  # fmt: skip
def test_headers_that_are_not_understood_are_named(header: str, row: str, line: str, tmp_path: Path) -> None:
    found = refusal(header, row, tmp_path)
    assert line in found and "\n" not in found


@pytest.mark.parametrize(("layout", "header", "found"), [
    (LayoutParams(group="speaker"), "file,label,Speaker,speaker", "b"), (LayoutParams(group="Speaker"), "file,label,Speaker,speaker", "a"),
    (LayoutParams(group="speaker"), "file,label,x,SPEAKER", "b"),
    (LayoutParams(group="SPEAKER"), "file,label,Speaker,speaker", "metadata.group is 'SPEAKER', but the list has 2 such columns"),
    (LayoutParams(group="speaker"), "file,label,speaker,speaker", "metadata.group is 'speaker', but the list has 2 such columns"),
    (LayoutParams({"labels": "TAG"}), "file,x,Tag,tag", "line 1: the header must have the column labels exactly once"),
    (LayoutParams(fold="1"), "file,label,Fold,fold", "line 1: the header must have the column fold exactly once"),
])  # fmt: skip
def test_a_column_that_is_there_twice_is_not_taken_in_silence(
    layout: LayoutParams, header: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text(f"{header}\nx.wav,dog,a,b\n")
    if len(found) > 1:
        with pytest.raises(InputError, match=found):
            read_lists({"train": tmp_path / "list.csv"}, None, layout=layout)
    else:
        group = read_lists({"train": tmp_path / "list.csv"}, None, layout=layout)[0]["train"].group
        assert group is not None and group.to_pylist() == [found]


def test_of_two_columns_the_one_that_is_named_exactly_is_read(tmp_path: Path) -> None:
    assert own("file,Tag,tag\na.wav,dog,rain\n", tmp_path / "list.csv", LayoutParams({"labels": "tag"}))[0][3] == [
        "rain"
    ]


@pytest.mark.parametrize(("name", "rule"), [
    (r"C:\data\a.wav", "a drive or server of Windows is not known here; write the path relative to the list"),
    ("d:/a.wav", "a drive or server of Windows"), (r"\\server\share\a.wav", "a drive or server of Windows"),
    ("~/a.wav", "~ is not replaced in a list"), ("https://host/a.wav", "a file must be a path"),
])  # fmt: skip
def test_a_path_that_leads_nowhere_here_is_refused(name: str, rule: str, tmp_path: Path) -> None:
    assert f"line 2: {rule}" in refusal("file,labels", f"{name},dog", tmp_path)
    assert own("file,labels\n~a/C: x.wav,dog\n", tmp_path / "list.csv")[0][0] == "~a/C: x.wav"


def test_an_id_of_an_own_recording_is_no_id_of_a_strong_segment(tmp_path: Path) -> None:
    assert own("recording01_12,0,10,dog\n", tmp_path / "list.csv") == [("recording01_12", 0.0, 10.0, ["dog"])]


@pytest.mark.parametrize("key", ["file", "video_id"])
def test_a_segment_without_a_length_is_refused_with_what_to_do(key: str, tmp_path: Path) -> None:
    line = refusal(f"{key},start,end,labels", "a,3,3,dog", tmp_path)
    assert "the end must be after the start; a point has no length: give it one" in line
    assert "the end must be after the start; found" in refusal(f"{key},start,end,labels", "a,3,2,dog", tmp_path)


def test_other_columns_are_no_times(tmp_path: Path) -> None:
    text = "file,labels,from,to,snr,start_date,gender\na.wav,dog,Ann,Bob,3.5,2020-01-05,1\n"
    assert own(text, tmp_path / "list.csv") == [("a.wav", 0.0, None, ["dog"])]


@pytest.mark.parametrize(("row", "line"), [
    ("utt1 rec1 0.50 2.00\nutt2 rec1 3 5", "no comma, semicolon or tab divides the lines into fields; found 'utt1 rec1 0.50 2.00': write the columns file, start_seconds, end_seconds and labels with commas between them; tables with spaces, such as those of Kaldi"),
    ("file|labels\na.wav|dog", "found 'file|labels': write commas in place of |"),
    ('"file,labels"\n"a.wav,dog"', "divides the lines into fields; found '\"file,labels\"': remove the quotes around whole lines"),
    ("a.wav\nb.wav", "found 'a.wav': write the columns file and labels, with commas between them"),
    ("version https://git-lfs.github.com/spec/v1\noid sha256:1", "is a pointer of Git LFS in place of the list"),
    ("file,labels\na.wav,dog\nfile,labels\nb.wav,dog", "line 3: the header is repeated; found 'file, labels': remove the line"),
    ('file,labels\na.wav,"[{""start"": 0.5, ""labels"": [""dog""]}]"\nb.wav,cat', "line 2: labels are written as a dictionary or JSON"),
    ('file,labels\na.wav,"dog\nrain"', "line 2: labels have a line break; write ; or | between them, or set metadata.label_separator to a line break"),
    ("file,labels\na.wav,dog &amp; rain", "line 2: a label has a letter as web pages write it"),
    ("file,labels\na.wav,\nb.wav,dog", "line 2: a segment must have at least one label; where nothing is heard, write a label of its own, such as none"),
    ("file,labels\na.wav,dog\n,rain", "line 3: a row must name a file, also if it is that of the row before"),
    ("file,labels\nfile:///data/a.wav,dog", "line 2: write the path alone, without file://"),
    ("ytid,start,end,labels\nhttps://youtu.be/aaaaaaaaaaa,0,5,dog", "line 2: an address is no id; write only the 11 characters after v= or youtu.be/"),
])  # fmt: skip
def test_what_would_be_misread_is_refused_with_what_to_do(row: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        own(f"{row}\n", tmp_path / "list.csv")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "hint"), [
    ("1'250.5", "write thousands without"), ("1 250,5", "write thousands without"), ("1.250,5", "write thousands without"),
    ("65s", "write seconds without a unit"), ("1m05s", "write seconds without a unit"), ("5 sec", "write seconds without a unit"),
    ("PT1M5S", "write seconds without a unit"), ("2024-05-01 06:00:00", "a date or a time of day"), ("0 days 00:01:05", "a date or a time of day"),
])  # fmt: skip
def test_a_time_that_is_not_read_is_refused_with_how_to_write_it(text: str, hint: str, tmp_path: Path) -> None:
    assert f"; {hint}" in refusal("file;start;end;labels", f"a.wav;0,5;{text};dog", tmp_path)


@pytest.mark.parametrize(("content", "warning"), [
    ("file,t0,t1,label\na.wav,0.5,2,dog\nb.wav,1,5,cat\n", "every row is a whole file, and the columns t0 and t1 are not used; if"),
    ("file,time,label\na.wav,0:05,dog\n", "every row is a whole file, and the column time is not used"),
    ("file,label\na.wav,NA\nb.wav,dog\n", "these labels are classes like others: 'NA'; remove their rows"),
    ('file,label\na.wav,"""dog"""\nb.wav,dog\n', 'quotes are taken for parts of labels: "dog"; remove them'),
])  # fmt: skip
def test_what_is_probably_not_meant_is_said(
    content: str, warning: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own(content, tmp_path / "list.csv")
    assert warning in caplog.text


def test_numbers_beside_files_are_no_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own("file,label,channel,rate,snr\na.wav,dog,1,44100,3\nb.wav,cat,2,44100,2\n", tmp_path / "list.csv")
    assert not caplog.text


@pytest.mark.parametrize(("content", "kind"), [
    (gzip.compress(b"PK\x03\x04...", mtime=0), "is a workbook or zip file, compressed by gzip"), (gzip.compress(gzip.compress(b"a,b", mtime=0), mtime=0), "is compressed by gzip twice"),
    (b"\x00\x00\x00\x20ftypM4A ", "is a sound file"), (b"\xff\xfb\x90\x64", "is a sound file"), (b"\x89PNG\r\n\x1a\n", "is a picture"),
    (b"{\\rtf1 file,labels}", "is a text document (RTF)"), (b"\x93NUMPY\x01\x00v\x00", "is an array of NumPy"),
    ("file,labels\nKüche.wav,dog\n".encode() + "Gärten.wav,cat\n".encode("cp1252"), "line 3: not UTF-8 text, and probably not Windows-1252"),
])  # fmt: skip
def test_what_is_no_list_is_named(content: bytes, kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        own(content, tmp_path / "list.csv")
    assert kind in str(refused.value)


def test_the_ids_of_an_exported_list_are_kept(tmp_path: Path) -> None:
    header = "clip_id,video_id,start_seconds,end_seconds,split,labels,label_ids"
    row = "file-0123456789_0-9000,file-0123456789,0,9,train,dog,dog"
    (tmp_path / "list.csv").write_text(f"{header}\n{row}\n")
    lists, _ = read_lists({"train": tmp_path / "list.csv"}, None, True, OWN)
    assert lists["train"].clip_id.to_pylist() == ["file-0123456789_0-9000"]
    assert "a clip id must be a video id" in refusal(header, row.replace("-9000", "x"), tmp_path)


def test_labels_are_read_as_programs_write_lists(tmp_path: Path) -> None:
    for text in ("['dog' 'rain']", "['dog'\n 'rain']", "('dog', 'rain')", "{'dog', 'rain'}", "['dog','rain',]"):
        assert own(f'file,labels\na.wav,"{text}"\n', tmp_path / "list.csv")[0][3] == ["dog", "rain"]
    assert own('file,labels\na.wav,"[""\\ud83d\\ude00 \\u00e9""]"\n', tmp_path / "list.csv")[0][3] == ["😀 é"]
    for text in ("[dog, rain]", "(dog, rain)"):
        with pytest.raises(InputError, match="line 2: labels in brackets must be in quotes"):
            own(f'file,labels\na.wav,"{text}"\n', tmp_path / "list.csv")


def test_brackets_of_labels_are_kept_only_where_other_labels_have_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = own("file,labels\na.wav,[noise]\nb.wav,speech\n", tmp_path / "list.csv")
    assert [row[3] for row in rows] == [["[noise]"], ["speech"]]
    assert "brackets are taken for parts of labels, for example of '[noise]': if" in caplog.text
    for text in ("[dog]", "(dog)", "{dog}"):
        line = refusal("file,labels", f"a.wav,['cat']\nb.wav,{text}", tmp_path)
        assert "line 3: labels in brackets must be in quotes" in line
    for text in ("{'dog': 1}", '{""dog"": 1, ""rain"": 0}'):
        line = refusal("file,labels", f'a.wav,"{text}"\nb.wav,cat', tmp_path)
        assert "line 2: labels are written as a dictionary or JSON; write only the names of those that are true" in line


def test_a_list_without_a_header_whose_first_label_is_train_is_not_vggsound(tmp_path: Path) -> None:
    text = "abcdefghijk,0,20,train\nbbcdefghijk,0,20,dog\n"
    assert own(text, tmp_path / "list.csv")[0] == ("abcdefghijk", 0.0, 20.0, ["train"])


def test_a_comma_means_the_same_in_all_lists_and_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lists = {
        "train": 'file,labels\na.wav,"violin, fiddle;music"\n', "eval": 'file,labels\nb.wav,"violin, fiddle"\n',
        "fsd": 'fname,labels,mids\n1,"Bark,Dog","/m/bark,/m/dog"\n',
    }  # fmt: skip
    paths = {name: tmp_path / f"{name}.csv" for name in lists}
    for name, path in paths.items():
        path.write_text(lists[name])
    found, classes = read_lists(paths, None)
    names = {name: [classes.names[code] for code in one.code] for name, one in found.items()}
    assert names == {"train": ["violin, fiddle", "music"], "eval": ["violin, fiddle"], "fsd": ["Bark", "Dog"]}
    assert "commas are parts of labels, for example of 'violin, fiddle;music' in the list train: if" in caplog.text
    caplog.clear()
    own('file,labels\na.wav,"dog,rain"\nb.wav,cat\n', tmp_path / "list.csv")
    assert not caplog.text


def test_letters_with_accents_are_one_label_however_a_system_writes_them(tmp_path: Path) -> None:
    rows = own("file,labels\na.wav,Ku\u0308che\nb.wav,K\u00fcche\n", tmp_path / "list.csv")
    assert [row[3] for row in rows] == [["K\u00fcche"]] * 2


def test_labels_that_differ_only_in_case_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own("file,labels\na.wav,Dog\nb.wav,dog\nc.wav,rain\n", tmp_path / "list.csv")
    assert "differ only in upper and lower case are classes of their own: Dog and dog;" in caplog.text


def test_labels_of_a_class_table_may_be_divided_by_other_signs(tmp_path: Path) -> None:
    for labels in ("Speech;Music", "Speech | Music", "\"['Speech', 'Music']\"", '"Speech,Music"'):
        (tmp_path / "list.csv").write_text(f"video_id,start,end,labels\nx,0,10,{labels}\n")
        found = read_segments(tmp_path / "list.csv", CLASSES, youtube_ids=False)
        assert [IDS[code] for code in found.code] == ["/m/speech", "/m/music"]


PUBLISHED = {
    "vggsound.csv": (
        'aaaaaaaaaaa,30,"playing violin, fiddle",train\n-bbbbbbbbbb,0,people marching,test\n',
        [("aaaaaaaaaaa", 30.0, 40.0, ["playing violin, fiddle"]), ("-bbbbbbbbbb", 0.0, 10.0, ["people marching"])],
    ),
    "audiocaps/train.csv": (
        'audiocap_id,youtube_id,start_time,caption\n1,aaaaaaaaaaa,20,"A dog barks, then a man speaks"\n',
        [("aaaaaaaaaaa", 20.0, 30.0, ["A dog barks, then a man speaks"])],
    ),
    "musiccaps-public.csv": (
        "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,is_balanced_subset,is_audioset_eval\n"
        "aaaaaaaaaaa,30,40,\"/m/music,/m/speech\",\"['slow tempo', 'solo guitar']\",\"Someone plays, slowly.\",4,False,True\n",
        [("aaaaaaaaaaa", 30.0, 40.0, ["slow tempo", "solo guitar"])],
    ),
    "meta/esc50.csv": (
        "filename,fold,target,category,esc10,src_file,take\n1-11111-A-0.wav,1,0,dog,True,11111,A\n",
        [("../audio/1-11111-A-0.wav", 0.0, None, ["dog"])],
    ),
    "metadata/UrbanSound8K.csv": (
        "slice_file_name,fsID,start,end,salience,fold,classID,class\n11111-3-0-0.wav,11111,0.0,0.317551,1,5,3,dog_bark\n",
        [("../audio/fold5/11111-3-0-0.wav", 0.0, None, ["dog_bark"])],
    ),
    "FSD50K.ground_truth/dev.csv": (
        'fname,labels,mids,split\n11111,"Electric_guitar,Guitar","/m/music,/m/speech",train\n',
        [("../FSD50K.dev_audio/11111.wav", 0.0, None, ["Electric_guitar", "Guitar"])],
    ),
    "FSD50K.ground_truth/eval.csv": (
        "fname,labels,mids\n11112,Dog,/m/dog\n", [("../FSD50K.eval_audio/11112.wav", 0.0, None, ["Dog"])],
    ),
    "audioset.csv": (
        '# Segments csv\n# num_ytids=1\n# YTID, start_seconds, end_seconds, positive_labels\naaaaaaaaaaa, 1.000, 11.000, "/m/dog,/m/music"\n',
        [("aaaaaaaaaaa", 1.0, 11.0, ["/m/dog", "/m/music"])],
    ),
    "audioset_strong.tsv": (
        "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\naaaaaaaaaaa_1000\t0.5\t2.25\t/m/dog\naaaaaaaaaaa_1000\t3\t4\t/m/music\n",
        [("aaaaaaaaaaa", 1.0, 11.0, ["/m/dog", "/m/music"])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_list_is_read_as_it_is_published(name: str, tmp_path: Path) -> None:
    text, rows = PUBLISHED[name]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    lists, classes = read_lists({"train": tmp_path / name}, None, youtube_ids=True)
    found = plain_relative(lists["train"], classes.names, (tmp_path / name).parent)
    assert found == rows


def plain_relative(found: Segments, names: list[str], folder: Path) -> list[Row]:
    if found.file is None:
        return plain(found, names, folder)
    import os

    rows = plain(found, names, Path("/"))
    return [(os.path.relpath("/" + name, folder), *rest) for name, *rest in rows]


@pytest.mark.parametrize("name", ["musiccaps-public.csv", "FSD50K.ground_truth/dev.csv"])
def test_with_a_class_table_a_published_list_gives_its_ids(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(PUBLISHED[name][0])
    found = read_segments(tmp_path / name, CLASSES)
    assert [IDS[code] for code in found.code] == ["/m/music", "/m/speech"]


def test_captions_are_no_classes_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text(PUBLISHED["audiocaps/train.csv"][0])
    with pytest.raises(InputError, match="line 2: the label .* is in neither .*or metadata.classes to own"):
        read_segments(tmp_path / "captions.csv", CLASSES)


def test_ids_of_files_stay_when_rows_are_added_and_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    def ids(*rows: str, folder: str = "") -> dict[str, str]:
        path = tmp_path / folder / "list.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("file,labels\n" + "".join(f'"{row}",x\n' for row in rows))
        found = read_lists({"train": path}, None)[0]["train"]
        return dict(zip(rows, found.video_id.to_pylist(), strict=True))

    names = [
        "a/01.wav",
        "b/01.wav",
        "01.mp3",
        "Küche {x} 100%.wav",
        "-rf *.wav",
        "..wav",
        "é" * 100,
        "日本語.flac",
        "a\tb.wav",
    ]
    first = ids(*names[:-1])
    assert len(set(first.values())) == len(first)
    assert all(len(i) < 60 and i.replace("-", "_").replace("_", "a").isalnum() and i.isascii() for i in first.values())
    again = ids("new.wav", *reversed(names[:-1]))
    assert {name: again[name] for name in first} == first


def test_lists_of_two_folders_have_their_own_files(tmp_path: Path) -> None:
    for name in ("dev", "eval"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "list.csv").write_text("file,labels\n001.wav,x\n")
    lists, _ = read_lists({name: tmp_path / name / "list.csv" for name in ("dev", "eval")}, None)
    assert lists["dev"].video_id[0] != lists["eval"].video_id[0]
    assert lists["dev"].file[0].as_py() == f"{tmp_path}/dev/001.wav"


def test_ids_of_files_stay_when_a_list_in_another_folder_is_added(tmp_path: Path) -> None:
    paths = {name: tmp_path / folder / "list.csv" for name, folder in (("train", "a/b"), ("more", "a"), ("eval", "c"))}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("file,labels\n001.wav,x\n../001.wav,x\n")
    alone = read_lists({"train": paths["train"]}, None)[0]["train"]
    lists, _ = read_lists(paths, None)
    assert lists["train"].video_id == alone.video_id
    assert lists["more"].video_id[0] == lists["train"].video_id[1]  # the same file
    assert len({i for one in lists.values() for i in one.video_id.to_pylist()}) == 5 - 1


def test_two_files_whose_names_look_alike_are_told_apart_or_refused(tmp_path: Path) -> None:
    names = "K\u00fcche.wav", "Ku\u0308che.wav"
    text = "file,labels\n" + "".join(f"{name},x\n" for name in names)
    (tmp_path / names[1]).write_bytes(b"1")
    assert len(own(text, tmp_path / "list.csv")) == 2  # one file, written in two ways
    (tmp_path / names[0]).write_bytes(b"2")
    with pytest.raises(InputError, match="line 3: another file of the list has the same name, with accents in the oth"):
        own(text, tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("length", "hop", "parts"),
    [
        (None, None, [(0, 25.5)]),
        (10.0, None, [(0, 10), (10, 20), (20, 25.5)]),
        (10.0, 5.0, [(0, 10), (5, 15), (10, 20), (15, 25), (20, 25.5)]),
        (12.5, None, [(0, 12.5), (12.5, 25)]),
        (30.0, 10.0, [(0, 25.5)]),
    ],
)  # fmt: skip
def test_a_whole_file_is_one_clip_or_clips_of_one_length(
    length: float | None, hop: float | None, parts: list[tuple[float, float]], tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("file,start,end,labels\na.wav,,,x|y\nb.wav,1,2,y\ngone.wav,,,x\n")
    lists, _ = read_lists({"train": path}, None)
    known = {"a.wav": 25.5}
    found = divide(lists["train"], lambda file: known.get(file.name), WholeFiles(LengthParams(length, hop), 3.0))
    times = list(zip(found.start_seconds.tolist(), found.end_seconds.tolist(), strict=True))
    assert times[: len(parts)] == parts
    assert times[len(parts)] == (1.0, 2.0)
    assert math.isnan(times[len(parts) + 1][1])
    assert found.line.tolist() == [2] * len(parts) + [3, 4]
    assert [found.code[found.row == i].tolist() for i in range(len(found))] == [[0, 1]] * len(parts) + [[1], [0]]


ENOUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LABEL = st.text("abcÄéx ", min_size=1, max_size=6).map(lambda text: " ".join(text.split())).filter(bool)
ROWS = st.lists(
    st.tuples(
        st.text("abÄé 1_-{}%&", min_size=1, max_size=8).map(str.strip).filter(bool).map(lambda name: f"x{name}.wav"),
        st.integers(0, 10**6), st.integers(1, 10**6), st.lists(LABEL, min_size=1, max_size=3, unique=True),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


def clock(ms: int, hours: bool) -> str:
    seconds, ms = divmod(ms, 1000)
    text = f"{seconds // 60 % 60 if hours else seconds // 60:02d}:{seconds % 60:02d}.{ms:03d}"
    return f"{seconds // 3600}:{text}" if hours else text


@ENOUGH
@given(
    ROWS,
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from(["plain", "comma", "mm:ss", "hh:mm:ss", "exponent"]),
    st.sampled_from([";", "|", "list"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_every_row_is_kept_whatever_wrote_the_list(
    tmp_path: Path, rows: list, separator: str, encoding: str, times: str, labels: str, newline: str, excel: bool
) -> None:
    def seconds(ms: int) -> str:
        match times:
            case "comma":
                return f"{ms / 1000:.4f}".replace(".", ",")
            case "mm:ss" | "hh:mm:ss":
                return clock(ms, times == "hh:mm:ss")
        return f"{ms / 1000:.9e}" if times == "exponent" else repr(ms / 1000)

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=newline)
    writer.writerow(["labels", "file", "start", "end", "note", *[""] * excel])
    for name, start, length, words in rows:
        field = repr(words) if labels == "list" else labels.join(words)
        writer.writerow([field, name, seconds(start), seconds(start + length), "n", *[""] * excel])
    if excel:
        text.write(separator * 5 + newline)
    # three letters of Windows-1252 in a row are taken for another encoding
    encoded = text.getvalue().encode(encoding)
    try:
        found = own(encoded, tmp_path / "list.csv", LayoutParams(label_separator=None if labels == "list" else labels))
    except InputError as error:
        assert encoding == "cp1252", error
        assert "probably not Windows-1252" in str(error)
        return
    expected = [(name, s / 1000, (s + n) / 1000, words) for name, s, n, words in rows]
    assert [(name, pytest.approx(s), pytest.approx(e), words) for name, s, e, words in found] == expected
