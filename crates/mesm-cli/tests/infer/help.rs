//! What `--help` says, word for word: the public face of the program does not change unnoticed.

use crate::program::run;

fn help(words: &[&str]) -> String {
    let run = run(|command| {
        command.args(words);
    });
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout
}

#[test]
fn help_is_as_recorded() {
    let recorded = include_str!("help.txt");
    let commands = [
        "--help",
        "infer --help",
        "prepare manifest --help",
        "prepare iemocap --help",
        "prepare mosei --help",
        "prepare processed --help",
        "stats --help",
        "train --help",
        "eval --help",
        "sweep --help",
        "explain --help",
        "export --help",
        "report --help",
        "bench --help",
    ];
    let printed: Vec<String> = commands
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            format!("$ mesm {line}\n{}", help(&words))
        })
        .collect();
    let printed = printed.join("\n");
    assert_eq!(
        printed, recorded,
        "if the change is meant, put the text on the left into help.txt"
    );
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(
        help(&["--version"]),
        format!("mesm {}\n", env!("CARGO_PKG_VERSION"))
    );
}
