//! The time line: one row a window, as it is judged.

use std::io::Write;

use crate::arguments::TimelineFormat;
use crate::judgement::Judgement;
use crate::report::WindowReport;

/// Writes windows as they come; nothing is held back, so a reader of the pipe sees them at once.
pub struct Timeline<W> {
    out: W,
    format: TimelineFormat,
    classes: Vec<String>,
    begun: bool,
}

impl<W: Write> Timeline<W> {
    /// A time line onto `out`.
    pub fn new(out: W, format: TimelineFormat, classes: Vec<String>) -> Self {
        Self {
            out,
            format,
            classes,
            begun: false,
        }
    }

    /// Writes one window.
    ///
    /// # Errors
    /// Those of the output.
    pub fn add(&mut self, judgement: &Judgement) -> std::io::Result<()> {
        let report = WindowReport::new(&self.classes, judgement);
        match self.format {
            TimelineFormat::Jsonl => {
                serde_json::to_writer(&mut self.out, &report)?;
                writeln!(self.out)?;
            }
            TimelineFormat::Csv => {
                if !self.begun {
                    write!(self.out, "start_s,end_s,")?;
                    for class in &self.classes {
                        write!(self.out, "{},", quoted(class))?;
                    }
                    writeln!(
                        self.out,
                        "modalities,frames,chunks,faces_found,macs_pairs,notes"
                    )?;
                }
                self.csv_row(&report)?;
            }
        }
        self.begun = true;
        self.out.flush()
    }

    fn csv_row(&mut self, report: &WindowReport) -> std::io::Result<()> {
        let WindowReport {
            start_s,
            end_s,
            frames,
            chunks,
            faces_found,
            ..
        } = report;
        write!(self.out, "{start_s},{end_s},")?;
        for index in 0..self.classes.len() {
            match report.probabilities.as_ref().and_then(|p| p.at(index)) {
                Some(probability) => write!(self.out, "{probability:.6},")?,
                None => write!(self.out, ",")?,
            }
        }
        let modalities: String = report.shares.keys().map(|m| m.letter()).collect();
        let notes = quoted(&report.notes.join("; "));
        writeln!(
            self.out,
            "{modalities},{frames},{chunks},{faces_found},{},{notes}",
            report.macs.total.pairs
        )
    }
}

/// A CSV field (RFC 4180): in quotes where it needs them.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesm::Modality;

    use mesm_features::window::Absence;

    use super::*;
    use crate::notes::WindowNote;

    fn judgements() -> [Judgement; 2] {
        let judged = Judgement {
            start_s: 0.5,
            end_s: 3.5,
            logits: Some(vec![0.0, 2.0]),
            probabilities: Some(mesm::Activation::Sigmoid.probabilities(&[0.0, 2.0])),
            shares: BTreeMap::from([
                (Modality::Text, vec![0.0, 1.0]),
                (Modality::Acoustic, vec![0.0, 1.0]),
            ]),
            chunks: 8,
            notes: vec![WindowNote::Input(Absence::NoFace)],
            ..Judgement::default()
        };
        [
            judged,
            Judgement {
                start_s: 1.0,
                end_s: 4.0,
                notes: vec![WindowNote::Nothing],
                ..Judgement::default()
            },
        ]
    }

    fn written(format: TimelineFormat) -> String {
        let mut bytes = Vec::new();
        let mut timeline = Timeline::new(
            &mut bytes,
            format,
            vec!["joy".to_owned(), "anger, cold".to_owned()],
        );
        for judgement in judgements() {
            timeline.add(&judgement).unwrap();
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn rows_of_a_table() {
        let expected = "\
start_s,end_s,joy,\"anger, cold\",modalities,frames,chunks,faces_found,macs_pairs,notes
0.5,3.5,0.500000,0.880797,ta,0,8,0,0,no face found: the faces are left out
1,4,,,,0,0,0,0,nothing was left to judge: there is no answer
";
        assert_eq!(written(TimelineFormat::Csv), expected);
    }

    #[test]
    fn objects_one_a_line() {
        let text = written(TimelineFormat::Jsonl);
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["start_s"], 0.5);
        assert_eq!(lines[0]["shares"]["a"]["anger, cold"], 1.0);
        assert!(lines[1]["logits"].is_null());
    }
}
