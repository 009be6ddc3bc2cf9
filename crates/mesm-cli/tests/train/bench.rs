//! A folder with a store of sentences, settings and a text encoder that are made here, in which the program runs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::encoder;
use super::program::{Run, run};

const SETTINGS: &str = r#"
seed = 5
text_max_tokens = 16
checkpoint_steps = 3

[model]
kind = "fe2e"

[[phases]]
name = "words"
modalities = "t"
epochs = 8
batch_size = 4
learning_rate = 0.03
text_lr_factor = 3.0
loss = "ce"
early_stop = 0
average = 0.9
"#;

/// Sentences about two feelings as the tables `data` and the store `store`, and `settings.toml`, with which a model of words
/// learns them. Commands are words with one blank between them.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempdir().unwrap();
        let mut table = "split,label,source,subject,text\n".to_owned();
        for (split, rows) in [("train", 40), ("valid", 8), ("test", 8)] {
            for row in 0..rows {
                let label = ["happy", "sad"][row % 2];
                let start = ["kids are", "so it is", "it is so", "so are kids"][row / 2 % 4];
                writeln!(table, "{split},{label},made,unknown,{start} {label}").unwrap();
            }
        }
        let bench = Self { folder };
        fs::create_dir(bench.path("data")).unwrap();
        fs::write(bench.path("data/text.csv"), table).unwrap();
        fs::write(bench.path("settings.toml"), SETTINGS).unwrap();
        bench.done("prepare manifest data --out store --classes happy,sad");
        bench
    }

    /// The same, and a model in `run` that has learnt the sentences.
    pub(crate) fn learnt() -> Self {
        let bench = Self::new();
        assert!(bench.train("run").wait().unwrap().success());
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command to its end.
    pub(crate) fn mesm(&self, words: &str) -> Run {
        run(|command| self.set_up(command, words))
    }

    /// What a command says that must succeed.
    pub(crate) fn done(&self, words: &str) -> String {
        let run = self.mesm(words);
        assert_eq!(run.code, 0, "{words}: {}", run.stderr);
        run.stdout
    }

    /// The object on the last line of a command that must succeed.
    pub(crate) fn answer(&self, words: &str) -> Value {
        serde_json::from_str(self.done(words).lines().last().unwrap()).unwrap()
    }

    /// A command that must be refused, and say so.
    pub(crate) fn refused(&self, words: &str, said: &str) {
        let run = self.mesm(words);
        assert_eq!(run.code, 2, "{words}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{words}: {}", run.stderr);
    }

    /// Begins a training in the background.
    pub(crate) fn train(&self, out: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
        let words = format!("train --data store --config settings.toml --out {out}");
        self.set_up(&mut command, &words);
        command.stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn weights(&self, out: &str) -> Vec<u8> {
        fs::read(self.path(out).join("words.safetensors")).unwrap()
    }

    fn set_up(&self, command: &mut Command, words: &str) {
        command
            .current_dir(self.folder.path())
            .args(words.split(' '))
            .env("MESM_TEXT_ENCODER", encoder::small());
    }
}

/// The sentences were learnt.
pub(crate) fn assert_learnt(answer: &Value) {
    let accuracy = answer["text"]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.99, "{answer}");
}

/// Whether there is a picture of this name.
pub(crate) fn is_svg(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with("<svg") && text.contains("</svg>"))
}
