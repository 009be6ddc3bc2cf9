//! Clips for the camera, the microphone and the file picker, made by ffmpeg and espeak-ng from a public-domain
//! portrait; and real clips, where the folder beside the checkout has some.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::WORDS;
use super::browser::Devices;

/// A slow zoom around the portrait's face, three seconds.
const MOTION: &str = "scale=1536:1536,zoompan=z='1.5+0.3*sin(on/45*PI)':x='0.445*iw-iw/zoom/2':y='0.235*ih-ih/zoom/2.6':d=1:s=480x480:fps=15,crop=480:360:0:30,format=yuv420p";
/// The face alone, as small as faces are found: what a software GPU can do in a test's time.
const STILL: &str = "crop=200:200:125:20,scale=72:72:flags=area,format=yuv420p";
/// Real clips: one voice and face, several faces without sound, a face that leaves, a talking head.
const REAL: [&str; 4] = [
    "grid_bbaf2n.mpg",
    "several_faces_silent.mp4",
    "face_then_no_face.mov",
    "talking_head_a.mp4",
];

/// A folder of clips.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// Makes the voice that the clips share.
    ///
    /// # Panics
    /// When espeak-ng is missing, with the line that installs it.
    pub(crate) fn open() -> Self {
        let workshop = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let mut espeak = Command::new("espeak-ng");
        espeak
            .args(["-s", "150", "-w"])
            .arg(workshop.at("voice.wav"));
        call(espeak.arg(WORDS), "apt-get install espeak-ng");
        workshop
    }

    /// What Chromium takes for its camera and microphone.
    pub(crate) fn devices(&self) -> Devices {
        Devices {
            video: self.camera(),
            sound: self.microphone(),
        }
    }

    /// Motion JPEG, which Chromium plays over and over as its camera.
    fn camera(&self) -> PathBuf {
        let out = self.at("camera.mjpeg");
        ffmpeg(|c| {
            c.args(["-loop", "1", "-i"]).arg(portrait());
            c.args(["-vf", MOTION, "-t", "3", "-q:v", "3", "-f", "mjpeg"])
                .arg(&out)
        });
        out
    }

    /// The voice, which Chromium plays over and over as its microphone.
    fn microphone(&self) -> PathBuf {
        let out = self.at("microphone.wav");
        ffmpeg(|c| {
            c.arg("-i").arg(self.at("voice.wav"));
            c.args(["-ar", "48000", "-ac", "2", "-c:a", "pcm_s16le"])
                .arg(&out)
        });
        out
    }

    /// The portrait as a file.
    #[allow(clippy::unused_self)] // it is one of the workshop's files, made or not
    pub(crate) fn picture(&self) -> PathBuf {
        portrait()
    }

    /// The voice as the model hears it: 16 kHz, floats.
    pub(crate) fn sound_16khz(&self) -> PathBuf {
        let out = self.at("voice_16khz.wav");
        ffmpeg(|c| {
            c.arg("-i").arg(self.at("voice.wav"));
            c.args(["-ar", "16000", "-ac", "1", "-c:a", "pcm_f32le"])
                .arg(&out)
        });
        out
    }

    /// Clips of three seconds that Chromium plays, with their names.
    pub(crate) fn files(&self) -> Vec<(String, PathBuf)> {
        let own = self.at("portrait.mp4");
        self.portrait_clip(MOTION, "3", &own);
        let mut files = vec![("portrait".to_owned(), own)];
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/clips");
        for name in REAL {
            let clip = real.join(name);
            if clip.is_file() {
                let out = self.at(&format!("{name}.mp4"));
                ffmpeg(|c| {
                    c.arg("-i").arg(&clip);
                    c.args(["-t", "3", "-vf", "scale='min(640,iw)':-2,format=yuv420p"]);
                    c.args(["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"])
                        .arg(&out)
                });
                files.push((name.to_owned(), out));
            }
        }
        files
    }

    /// One frame and one chunk of sound.
    pub(crate) fn tiny(&self) -> PathBuf {
        let out = self.at("tiny.mp4");
        self.portrait_clip(STILL, "0.36", &out);
        out
    }

    fn portrait_clip(&self, filter: &str, seconds: &str, out: &Path) {
        ffmpeg(|c| {
            c.args(["-loop", "1", "-framerate", "15", "-i"])
                .arg(portrait());
            c.arg("-i").arg(self.at("voice.wav"));
            c.args(["-vf", filter, "-af", "apad", "-t", seconds]);
            c.args(["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"])
                .arg(out)
        });
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn portrait() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/astronaut.png")
}

fn ffmpeg(arguments: impl FnOnce(&mut Command) -> &mut Command) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-nostdin"]);
    call(arguments(&mut command), "apt-get install ffmpeg");
}

fn call(command: &mut Command, install: &str) {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}. Install it: {install}"));
    assert!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
