//! Makes small data sets in the layouts of IEMOCAP and CMU-MOSEI: `small-corpora FOLDER`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use mesm_tests::corpora::{iemocap, mosei};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("small-corpora FOLDER: where to make them");
        return ExitCode::from(2);
    };
    for (name, made) in [("iemocap", iemocap(&folder)), ("mosei", mosei(&folder))] {
        match made {
            Ok(corpus) => println!(
                "{name}\t{}\t{}",
                corpus.folder.display(),
                corpus.splits.display()
            ),
            Err(reason) => {
                eprintln!("{name}: {reason}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
