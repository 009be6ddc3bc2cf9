//! The store in the hands of Python.

use std::path::Path;
use std::process::Command;

use crate::data;
use crate::program::{finish, prepare};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/prepare/read_store.py");
const INSTALL_LINE: &str = "`cargo xtask test` brings it, or: python3 -m venv py && \
    py/bin/pip install -r crates/xtask/src/python.txt && export MESM_PYTHON=$PWD/py/bin/python";

#[test]
fn python_reads_what_was_put_in() {
    let (folder, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    data::small(folder.path());
    let run = prepare(folder.path(), store.path(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // One voice and one face as they went in, for a comparison byte for byte.
    std::fs::write(folder.path().join("face 7.jpg"), data::jpeg(7)).unwrap();
    std::fs::write(folder.path().join("voice 1.wav"), data::wav(1601)).unwrap();
    let python = std::env::var_os("MESM_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(&python);
    command
        .arg("-c")
        .arg("import datasets, pandas, PIL, pyarrow");
    let found = command.output();
    assert!(
        found.as_ref().is_ok_and(|output| output.status.success()),
        "{} with pyarrow, pandas, datasets and pillow is needed ({INSTALL_LINE}): {found:?}",
        Path::new(&python).display()
    );
    let mut command = Command::new(&python);
    command
        .arg(SCRIPT)
        .arg(store.path())
        .arg(folder.path())
        .env("HF_HOME", folder.path().join("cache"))
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_DATASETS_OFFLINE", "1");
    let run = finish(&mut command);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert_eq!(
        run.stdout.lines().last(),
        Some("read by pyarrow, pandas and datasets: 186 rows")
    );
}
