"""Media laid out as YouTube serves them, with known sound, and the shift of a clip against that sound."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from soundsift.media.encode import encode

RATE_HZ = 44_100
SECONDS = 40
Samples = npt.NDArray[np.int16]
# {layout: (file name, MIME type with codecs, itag)}
LAYOUTS = {
    "m4a": ("m4a.m4a", 'audio/mp4; codecs="mp4a.40.2"', 140),
    "low": ("m4a.m4a", 'audio/mp4; codecs="mp4a.40.5"', 139),
    "webm": ("webm.webm", 'audio/webm; codecs="opus"', 251),
    "mp4": ("mp4.mp4", 'video/mp4; codecs="avc1.42001E, mp4a.40.2"', 18),
}
# Layouts of playlists, each in a file of its own: MPEG-TS that begins with the first sample or with the encoder's
# priming, which it does not mark, and MP4 with the edit list that marks it.
PLAYLISTS = ("hls", "hls_primed", "hls_mp4")
_DASH = {"movflags": "frag_keyframe+delay_moov+default_base_moof+global_sidx+skip_trailer", "frag_duration": "9985000"}
_CUES_IN_FRONT = {"cues_to_front": "1", "cluster_time_limit": "10000", "fflags": "bitexact"}


def sound(seed: int, rate_hz: int = RATE_HZ) -> Samples:
    """Return noise below 4 kHz, shape (n,), which sounds the same at every rate. Every stretch of it is unique."""
    rng = np.random.default_rng(seed)
    spectrum = np.zeros(rate_hz * SECONDS // 2 + 1, dtype=complex)
    n = 4000 * SECONDS
    spectrum[1:n] = rng.normal(size=n - 1) + 1j * rng.normal(size=n - 1)
    wave = np.fft.irfft(spectrum)
    return (wave / np.abs(wave).max() * 20000).astype(np.int16)


def write_layouts(folder: Path, seed: int) -> None:
    """Write one file for each layout: fragmented M4A with an index, WebM with cues in front, MP4, and an HLS playlist."""
    folder.mkdir(parents=True)
    samples = sound(seed)
    with av.open(str(folder / "m4a.m4a"), "w", format="mp4", options=_DASH) as file:
        encode(file, "aac", {"b": "96k"}, samples, RATE_HZ)
    with av.open(str(folder / "webm.webm"), "w", format="webm", options=_CUES_IN_FRONT) as file:
        encode(file, "libopus", {"b": "96k", "frame_duration": "20"}, sound(seed, 48_000), 48_000)
    with av.open(str(folder / "mp4.mp4"), "w", format="mp4", options={"movflags": "faststart"}) as file:
        _write_with_picture(file, samples)
    for layout in ("hls", "hls_primed"):
        _write_hls(folder / f"{layout}.m3u8", folder / "m4a.m4a", is_primed=layout == "hls_primed")
    _write_hls_of_mp4(folder / "hls_mp4.m3u8", folder / "m4a.m4a")


def _write_with_picture(file: "av.container.OutputContainer", samples: Samples) -> None:
    """Write black pictures and sound, interleaved, each with its edit list."""
    video = file.add_stream("libx264", rate=5, width=64, height=36, pix_fmt="yuv420p", options={"g": "25"})
    audio = file.add_stream("aac", rate=RATE_HZ, layout="mono", options={"b": "96k"})
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    resampler = av.AudioResampler(audio.format, "mono", RATE_HZ, audio.frame_size)
    packets = [p for piece in [*resampler.resample(frame), None] for p in audio.encode(piece)]
    for index in range(5 * SECONDS):
        black = av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), dtype=np.uint8), format="rgb24")
        black.pts = index
        packets += video.encode(black)
    packets += video.encode(None)
    for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
        file.mux(packet)


def _write_hls(path: Path, source: Path, is_primed: bool) -> None:
    """Write pieces of MPEG-TS of about five seconds, with or without the encoder's priming in front."""
    options = {"hls_time": "5", "hls_list_size": "0", "hls_playlist_type": "vod"}
    with av.open(str(source)) as old, av.open(str(path), "w", format="hls", options=options) as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.pts is not None and (packet.pts >= 0 or is_primed):
                packet.stream = stream
                new.mux(packet)


def _write_hls_of_mp4(path: Path, source: Path) -> None:
    """Write the fragments of an M4A file as pieces, behind its header."""
    data, at, begins, header = source.read_bytes(), 0, [], b""
    while at < len(data):
        n = int.from_bytes(data[at : at + 4])
        kind = data[at + 4 : at + 8]
        if kind == b"moof":
            begins.append(at)
        elif kind in (b"ftyp", b"moov"):
            header += data[at : at + n]
        at += n
    path.with_name("hls_mp4_header.mp4").write_bytes(header)
    text = '#EXTM3U\n#EXT-X-MAP:URI="hls_mp4_header.mp4"\n'
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], len(data)], strict=True)):
        path.with_name(f"hls_mp4_{number}.m4s").write_bytes(data[begin:end])
        text += f"#EXTINF:{SECONDS / len(begins)},\nhls_mp4_{number}.m4s\n"
    path.write_text(f"{text}#EXT-X-ENDLIST\n")


def shift_samples(clip: Samples, start_seconds: float, seed: int) -> int | None:
    """Return by how many samples a clip is late, at 44.1 kHz; None if it is not this sound."""
    begin = round(start_seconds * RATE_HZ)
    return late_samples(clip, sound(seed)[begin : begin + len(clip)])


def late_samples(clip: Samples, true: Samples) -> int | None:
    """Return by how many samples a clip is late; None if it is another sound. Silence is never late."""
    expected, got = true.astype(float), clip[: len(true)].astype(float)
    if not expected.any() and not got.any():
        return 0
    n = 2 * len(expected)
    match = np.fft.irfft(np.fft.rfft(got, n) * np.conj(np.fft.rfft(expected, n)), n)
    at = int(np.argmax(match))
    if match[at] < 0.5 * np.sqrt((got**2).sum() * (expected**2).sum()):
        return None
    return at if at < n // 2 else at - n
