//! Decoding of files that ffmpeg itself makes here, so that every number is known beforehand.

#![allow(
    clippy::expect_used,
    clippy::float_cmp,
    clippy::unwrap_used,
    reason = "a test may panic, and compares numbers that are exact"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use mesm_data::clip::{
    ClipError, ClipInfo, FrameOptions, FrameReader, SampleReader, Window, WindowOptions,
    WindowReader,
};

/// Runs ffmpeg; a machine without it fails the test with the line that installs it.
fn ffmpeg(folder: &Path, arguments: &str) -> PathBuf {
    let (options, name) = arguments.rsplit_once(' ').unwrap();
    let path = folder.join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(options.split(' ').filter(|a| !a.is_empty()))
        .arg(&path)
        .output()
        .expect("ffmpeg is missing: apt-get install -y ffmpeg");
    assert!(
        output.status.success(),
        "ffmpeg {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    path
}

/// Four seconds, 30 frames a second; the red level is the number of the frame. The left speaker says 1 kHz, the right
/// one nothing.
fn numbered(folder: &Path, name: &str, more: &str) -> PathBuf {
    ffmpeg(
        folder,
        &format!(
            "-f lavfi -i color=black:s=96x64:r=30:d=4,format=gbrp,geq=r=N:g=10:b=20 \
             -f lavfi -i aevalsrc=0.8*sin(2000*PI*t)|0:s=44100:d=4 {more} {name}"
        ),
    )
}

fn windows(path: &Path, options: &WindowOptions) -> Vec<Window> {
    let info = ClipInfo::probe(path).unwrap();
    WindowReader::open(&info, options)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn the_frame_on_display_is_taken_every_half_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = numbered(folder.path(), "n.mkv", "-c:v ffv1 -c:a pcm_s16le");
    let windows = windows(&path, &WindowOptions::default());
    assert_eq!(windows.len(), 1);
    let window = &windows[0];
    assert_eq!((window.start_s, window.end_s), (0.0, 4.0));
    let levels: Vec<(u64, u8)> = window.frames.iter().map(|f| (f.t_ms, f.rgb[0])).collect();
    let expected: Vec<(u64, u8)> = (0..8)
        .map(|n| (n * 500, u8::try_from(n * 15).unwrap()))
        .collect();
    assert_eq!(levels, expected);
    assert_eq!(&window.frames[3].rgb[..3], [45, 10, 20], "red, green, blue");
}

#[test]
fn channels_are_averaged_and_resampled() {
    let folder = tempfile::tempdir().unwrap();
    let path = numbered(folder.path(), "n.mkv", "-c:v ffv1 -c:a pcm_s16le");
    let samples = windows(&path, &WindowOptions::default())
        .remove(0)
        .samples
        .unwrap();
    assert!(samples.len().abs_diff(64_000) <= 16, "{}", samples.len());
    for (i, sample) in samples.iter().enumerate().skip(1000).take(20_000) {
        let expected = 0.4 * (2000.0 * std::f64::consts::PI * i as f64 / 16_000.0).sin();
        assert!(
            (f64::from(*sample) - expected).abs() < 2e-3,
            "sample {i}: {sample}, expected {expected}"
        );
    }
}

#[test]
fn a_late_track_is_preceded_by_silence() {
    let folder = tempfile::tempdir().unwrap();
    let path = ffmpeg(
        folder.path(),
        "-f lavfi -i color=gray:s=64x64:r=25:d=3 -itsoffset 1 -f lavfi -i aevalsrc=0.5:s=16000:d=1 -c:v ffv1 -c:a pcm_s16le late.mkv",
    );
    let window = windows(&path, &WindowOptions::default()).remove(0);
    let samples = window.samples.unwrap();
    let first = samples.iter().position(|s| *s > 0.1).unwrap();
    assert!(
        first.abs_diff(16_000) <= 16,
        "the sound starts at sample {first}"
    );
    assert!(samples[..first - 100].iter().all(|s| s.abs() < 0.01));
    assert_eq!(window.end_s, 3.0, "the longer track decides");
}

#[test]
fn windows_overlap_share_frames_and_end_with_the_clip() {
    let folder = tempfile::tempdir().unwrap();
    let path = numbered(folder.path(), "n.mkv", "-c:v ffv1 -c:a pcm_s16le");
    let options = WindowOptions {
        window_ms: 1000,
        hop_ms: 300,
        ..WindowOptions::default()
    };
    let cut = windows(&path, &options);
    assert_eq!(cut.len(), 11, "0, 300, ..., 3000 ms");
    for window in &cut {
        let start_ms = window.index * 300;
        assert_eq!(window.start_s, start_ms as f64 / 1000.0);
        let times: Vec<u64> = window.frames.iter().map(|f| f.t_ms).collect();
        assert_eq!(times, [start_ms, start_ms + 500]);
        // A frame at 30 a second that starts at or before the grid time.
        assert_eq!(
            u64::from(window.frames[1].rgb[0]),
            (start_ms + 500) * 3 / 100
        );
        assert_eq!(window.samples.as_ref().unwrap().len(), 16_000);
    }
    assert!(
        std::sync::Arc::ptr_eq(&cut[0].frames[1], &windows_frame(&cut, 500)),
        "one frame, one allocation"
    );
    assert_eq!(cut[10].end_s, 4.0);
    let tracked: Vec<u64> = cut.iter().flat_map(|w| &w.fresh).map(|f| f.t_ms).collect();
    assert!(
        tracked.is_sorted_by(|a, b| a < b),
        "each frame once, in order: {tracked:?}"
    );
    for window in &cut {
        assert!(window.frames.iter().all(|f| tracked.contains(&f.t_ms)));
    }

    let ragged = windows(
        &path,
        &WindowOptions {
            window_ms: 1500,
            hop_ms: 1500,
            ..WindowOptions::default()
        },
    );
    let last = ragged.last().unwrap();
    assert_eq!(
        (ragged.len(), last.start_s, last.end_s, last.frames.len()),
        (3, 3.0, 4.0, 2)
    );
}

#[test]
fn the_padding_of_an_encoder_opens_no_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = ffmpeg(folder.path(), "-f lavfi -i sine=d=2.04:r=16000 padded.wav");
    let options = WindowOptions {
        window_ms: 1000,
        hop_ms: 500,
        ..WindowOptions::default()
    };
    let cut = windows(&path, &options);
    assert_eq!((cut.len(), cut[2].start_s, cut[2].end_s), (3, 1.0, 2.0));
    let path = ffmpeg(folder.path(), "-f lavfi -i sine=d=2.2:r=16000 longer.wav");
    assert_eq!(windows(&path, &options).len(), 4);
}

fn windows_frame(windows: &[Window], t_ms: u64) -> std::sync::Arc<mesm_data::clip::Frame> {
    windows
        .iter()
        .flat_map(|w| &w.frames)
        .find(|f| f.t_ms == t_ms)
        .unwrap()
        .clone()
}

/// Writes a quarter turn into the track header of an MP4 file (ISO/IEC 14496-12, 8.3.2), as a telephone held upright
/// does; the options of ffmpeg that do it differ between its versions.
fn turn_clockwise(mp4: &mut [u8]) {
    let header = mp4.windows(4).position(|w| w == b"tkhd").unwrap();
    let matrix: [u32; 9] = [0, 0x1_0000, 0, 0xffff_0000, 0, 0, 240 << 16, 0, 0x4000_0000];
    for (n, value) in matrix.iter().enumerate() {
        mp4[header + 44 + 4 * n..][..4].copy_from_slice(&value.to_be_bytes());
    }
}

#[test]
fn rotation_and_pixel_aspect_are_honoured_and_large_pictures_scaled() {
    let folder = tempfile::tempdir().unwrap();
    // The left half is red; turned by a quarter the red half lies on top or below.
    let flat = ffmpeg(
        folder.path(),
        "-f lavfi -i color=red:s=160x240:r=10:d=1 -f lavfi -i color=blue:s=160x240:r=10:d=1 -filter_complex hstack -c:v mpeg4 -q:v 1 flat.mp4",
    );
    let turned = folder.path().join("turned.mp4");
    let mut bytes = std::fs::read(&flat).unwrap();
    turn_clockwise(&mut bytes);
    std::fs::write(&turned, bytes).unwrap();
    let info = ClipInfo::probe(&turned).unwrap();
    let video = info.video.as_ref().unwrap();
    assert_eq!((video.width, video.height), (240, 320));
    let mut frames = FrameReader::open(
        &info,
        &FrameOptions {
            step_ms: 500,
            max_side: 160,
        },
    )
    .unwrap();
    let frame = frames.next().unwrap().unwrap();
    assert_eq!((frame.width, frame.height), (120, 160));
    let pixel = |x: usize, y: usize| &frame.rgb[(y * 120 + x) * 3..][..3];
    assert!(
        pixel(10, 10)[0] > 200 && pixel(110, 10)[0] > 200,
        "the red half is on top after the turn"
    );
    assert!(pixel(10, 150)[2] > 200 && pixel(110, 150)[2] > 200);

    let wide = ffmpeg(
        folder.path(),
        "-f lavfi -i color=red:s=72x58:r=25:d=1,setsar=16/9 -c:v mpeg4 wide.mp4",
    );
    let video = ClipInfo::probe(&wide).unwrap().video.unwrap();
    assert_eq!((video.width, video.height), (128, 58));
}

#[test]
fn missing_tracks_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let sound = ffmpeg(folder.path(), "-f lavfi -i sine=d=1 sound.wav");
    let info = ClipInfo::probe(&sound).unwrap();
    assert!(info.video.is_none() && info.audio.is_some());
    let options = FrameOptions {
        step_ms: 500,
        max_side: 640,
    };
    assert!(matches!(
        FrameReader::open(&info, &options),
        Err(ClipError::NoVideoTrack { .. })
    ));
    let window = windows(&sound, &WindowOptions::default()).remove(0);
    assert!(window.frames.is_empty() && window.samples.is_some());

    let silent = ffmpeg(
        folder.path(),
        "-f lavfi -i color=red:s=64x64:r=25:d=1 -c:v mpeg4 silent.mp4",
    );
    let info = ClipInfo::probe(&silent).unwrap();
    assert!(matches!(
        SampleReader::open(&info),
        Err(ClipError::NoAudioTrack { .. })
    ));
    let window = windows(&silent, &WindowOptions::default()).remove(0);
    assert!(window.samples.is_none());
    assert_eq!(window.frames.len(), 2);
    let only_sound = WindowOptions {
        video: false,
        ..WindowOptions::default()
    };
    assert!(matches!(
        WindowReader::open(&info, &only_sound),
        Err(ClipError::NoAudioTrack { .. })
    ));
}

#[test]
fn what_is_no_clip_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let error = |path: &Path| ClipInfo::probe(path).unwrap_err();
    assert!(matches!(
        error(&file("empty.mp4", b"")),
        ClipError::Empty { .. }
    ));
    let prose = "These are words and no picture.\n".repeat(100);
    assert!(matches!(
        error(&file("words.mp4", prose.as_bytes())),
        ClipError::NotMedia { .. }
    ));
    assert!(matches!(
        error(&file("words.txt", prose.as_bytes())),
        ClipError::NotMedia { .. }
    ));
    assert!(matches!(
        error(&folder.path().join("absent.mp4")),
        ClipError::Unreadable { .. }
    ));
    assert!(matches!(error(folder.path()), ClipError::Unreadable { .. }));
    let subtitles =
        "1\n00:00:00,000 --> 00:00:01,000\nWords\n\n2\n00:00:01,000 --> 00:00:02,000\nMore\n";
    assert!(matches!(
        error(&file("words.srt", subtitles.as_bytes())),
        ClipError::NoTracks { .. }
    ));
    // A playlist must not make ffmpeg fetch anything.
    let playlist =
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n";
    assert!(ClipInfo::probe(&file("list.m3u8", playlist.as_bytes())).is_err());
}

#[test]
fn a_file_cut_off_is_called_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let front = numbered(
        folder.path(),
        "front.mp4",
        "-c:v mpeg4 -q:v 2 -c:a aac -movflags +faststart",
    );
    let back = numbered(folder.path(), "back.mp4", "-c:v mpeg4 -q:v 2 -c:a aac");
    let cut = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    cut(&back);
    assert!(
        matches!(ClipInfo::probe(&back), Err(ClipError::Truncated { .. })),
        "the index was at the end"
    );
    cut(&front);
    let info = ClipInfo::probe(&front).unwrap();
    let result: Result<Vec<Window>, ClipError> =
        WindowReader::open(&info, &WindowOptions::default())
            .unwrap()
            .collect();
    let error = result.unwrap_err();
    assert!(matches!(error, ClipError::Truncated { .. }), "{error}");
    assert!(error.to_string().contains("expected 4.00 s"), "{error}");

    let matroska = numbered(folder.path(), "cut.mkv", "-c:v mpeg4 -q:v 2 -c:a aac");
    cut(&matroska);
    let info = ClipInfo::probe(&matroska).unwrap();
    let last = WindowReader::open(&info, &WindowOptions::default())
        .unwrap()
        .last()
        .unwrap();
    assert!(matches!(last, Err(ClipError::Truncated { .. })), "{last:?}");
}

#[test]
fn an_odd_name_is_only_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = numbered(
        folder.path(),
        "-i concat:x|y %03d é.mkv".replace(' ', "_").as_str(),
        "-c:v ffv1 -c:a pcm_s16le",
    );
    assert_eq!(windows(&path, &WindowOptions::default())[0].frames.len(), 8);
}

#[test]
fn a_reader_dropped_early_ends_its_decoder() {
    let folder = tempfile::tempdir().unwrap();
    let path = ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc=s=640x360:r=25:d=60 -c:v mpeg4 -q:v 10 long.mp4",
    );
    let info = ClipInfo::probe(&path).unwrap();
    let options = WindowOptions {
        window_ms: 1000,
        hop_ms: 1000,
        ..WindowOptions::default()
    };
    let started = std::time::Instant::now();
    let mut reader = WindowReader::open(&info, &options).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().frames.len(), 2);
    drop(reader);
    assert!(
        started.elapsed().as_secs() < 20,
        "dropping must not decode the rest"
    );
}
