"""Kinds of media files, written with PyAV: shared by the tests of decoding and by ``benchmarks/containers.py``."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BLOCK = 1 << 16


@dataclass(frozen=True)
class Kind:
    """One container with one codec.

    Attributes
    ----------
    ending, codec, container
        Of the file; the container is guessed from the ending if it is empty.
    stream_options, container_options
        For the encoder and for the muxer.
    begins_seconds
        Time stamp of the first sample.
    picture
        Whether the file also has a picture, which begins at 0 and has a key frame every ten seconds.
    """

    ending: str
    codec: str
    container: str = ""
    rate_hz: int = 44100
    layout: str = "mono"
    stream_options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    begins_seconds: float = 0.0
    picture: bool = False


BIT_RATE = {"b": "96k"}
KINDS = {
    "WAV, 16 bits": Kind("wav", "pcm_s16le"),
    "WAV, 24 bits": Kind("wav", "pcm_s24le"),
    "WAV, float": Kind("wav", "pcm_f32le"),
    "WAV, mu-law": Kind("wav", "pcm_mulaw"),
    "WAV, MS ADPCM": Kind("wav", "adpcm_ms"),
    "WAV, IMA ADPCM": Kind("wav", "adpcm_ima_wav"),
    "WAV, G.726": Kind("wav", "g726", rate_hz=8000),
    "RF64": Kind("wav", "pcm_s16le", container_options={"rf64": "always"}),
    "W64": Kind("w64", "pcm_s16le"),
    "AIFF": Kind("aiff", "pcm_s16be"),
    "AU": Kind("au", "pcm_s16be"),
    "CAF, 16 bits": Kind("caf", "pcm_s16be"),
    "CAF, ALAC": Kind("caf", "alac"),
    "FLAC": Kind("flac", "flac"),
    "WavPack": Kind("wv", "wavpack"),
    "TTA": Kind("tta", "tta"),
    "MP3, constant": Kind("mp3", "libmp3lame", stream_options=BIT_RATE),
    "MP3, variable": Kind("mp3", "libmp3lame", stream_options={"global_quality": "472", "flags": "+qscale"}),
    "MP3, no Xing header": Kind(
        "mp3", "libmp3lame", stream_options=BIT_RATE, container_options={"write_xing": "0", "id3v2_version": "0"}
    ),
    "MP2": Kind("mp2", "mp2", stream_options=BIT_RATE),
    "AAC, ADTS": Kind("aac", "aac", "adts", stream_options=BIT_RATE),
    "AC-3": Kind("ac3", "ac3", stream_options=BIT_RATE),
    "E-AC-3": Kind("eac3", "eac3", stream_options=BIT_RATE),
    "M4A": Kind("m4a", "aac", stream_options=BIT_RATE),
    "M4A, begins late": Kind("m4a", "aac", stream_options=BIT_RATE, begins_seconds=4.0),
    "M4A, begins 50 ms late": Kind("m4a", "aac", stream_options=BIT_RATE, begins_seconds=0.05),
    "M4A, ALAC, 50 ms late": Kind("m4a", "alac", begins_seconds=0.05),
    "M4A, fragmented": Kind(
        "m4a", "aac", "mp4", stream_options=BIT_RATE,
        container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "4000000"},
    ),
    "M4A, ALAC": Kind("m4a", "alac"),
    "MP4, AAC and picture": Kind("mp4", "aac", stream_options=BIT_RATE, picture=True),
    "MP4, sound 1 s late": Kind("mp4", "aac", stream_options=BIT_RATE, picture=True, begins_seconds=1.0),
    "MP4, AC-3": Kind("mp4", "ac3", stream_options=BIT_RATE),
    "MOV, 16 bits": Kind("mov", "pcm_s16le"),
    "MOV, IMA ADPCM": Kind("mov", "adpcm_ima_qt"),
    "3GP, AMR": Kind("3gp", "libopencore_amrnb", rate_hz=8000, stream_options={"b": "12.2k"}),
    "AMR": Kind("amr", "libopencore_amrnb", rate_hz=8000, stream_options={"b": "12.2k"}),
    "Ogg, Vorbis": Kind("ogg", "vorbis", layout="stereo", stream_options={"strict": "-2"}),
    "Ogg, Opus": Kind("opus", "libopus", "ogg", rate_hz=48000, stream_options=BIT_RATE),
    "Ogg, FLAC": Kind("oga", "flac", "ogg"),
    "WebM, Opus": Kind("webm", "libopus", rate_hz=48000, stream_options=BIT_RATE),
    "WebM, Vorbis": Kind("webm", "vorbis", layout="stereo", stream_options={"strict": "-2"}),
    "MKV, AAC": Kind("mkv", "aac", stream_options=BIT_RATE),
    "MKV, AC-3": Kind("mkv", "ac3", stream_options=BIT_RATE),
    "MKV, FLAC": Kind("mkv", "flac"),
    "MKV, 16 bits": Kind("mkv", "pcm_s16le"),
    "MKV, Opus and picture": Kind("mkv", "libopus", rate_hz=48000, stream_options=BIT_RATE, picture=True),
    "MPEG-TS, AAC": Kind("ts", "aac", stream_options=BIT_RATE),
    "MPEG-TS, MP2": Kind("ts", "mp2", stream_options=BIT_RATE),
    "MPEG-PS, MP2 and picture": Kind("mpg", "mp2", stream_options=BIT_RATE, picture=True),
    "AVI, MP3": Kind("avi", "libmp3lame", stream_options=BIT_RATE),
    "AVI, 16 bits": Kind("avi", "pcm_s16le"),
    "AVI, MS ADPCM": Kind("avi", "adpcm_ms"),
    "WMA": Kind("wma", "wmav2", "asf", stream_options=BIT_RATE),
    "FLV, AAC": Kind("flv", "aac", stream_options=BIT_RATE),
    "FLV, MP3": Kind("flv", "libmp3lame", stream_options=BIT_RATE),
    "NUT": Kind("nut", "pcm_s16le"),
    "SWF ADPCM in FLV": Kind("flv", "adpcm_swf"),
    "VOC": Kind("voc", "pcm_u8"),
    "raw G.722": Kind("g722", "g722", rate_hz=16000),
}  # fmt: skip


def noise(rate_hz: int, n_seconds: float) -> Iterator[np.ndarray]:
    """The same noise for every kind of one rate, in blocks of 16-bit samples; quiet, so that nothing clips."""
    n, at = round(n_seconds * rate_hz), 0
    while at < n:
        block = np.random.default_rng(at).normal(size=BLOCK) * 2500
        yield block[: n - at].astype(np.int16)
        at += BLOCK


def write_kind(kind: Kind, path: Path, n_seconds: float) -> None:
    """Write noise as a file of one kind."""
    options = {"format": kind.container} if kind.container else {}
    with av.open(str(path), "w", options=kind.container_options, **options) as container:
        picture = (
            container.add_stream("mpeg1video" if kind.ending == "mpg" else "mpeg4", rate=25) if kind.picture else None
        )
        if picture is not None:
            picture.width = picture.height = 16
            picture.bit_rate, picture.gop_size = 64000, 250
        stream = container.add_stream(kind.codec, rate=kind.rate_hz, layout=kind.layout, options=kind.stream_options)
        container.start_encoding()
        resampler = av.AudioResampler(stream.format, kind.layout, stream.rate, stream.frame_size or 1024)
        first, n_pictures = round(kind.begins_seconds * kind.rate_hz), 0
        for block in noise(kind.rate_hz, n_seconds):
            frame = av.AudioFrame.from_ndarray(block[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = kind.rate_hz, Fraction(1, kind.rate_hz), first
            first += len(block)
            while picture is not None and n_pictures / 25 < first / kind.rate_hz:
                still = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
                still.pts, still.time_base = n_pictures, Fraction(1, 25)
                container.mux(picture.encode(still))
                n_pictures += 1
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
        if picture is not None:
            container.mux(picture.encode(None))
