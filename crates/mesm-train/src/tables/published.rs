//! The papers' own figures, to stand beside ours.
//!
//! Tables 3, 4 and 5 of Dai et al., *Multimodal End-to-End Sparse Model for Emotion Recognition* (NAACL 2021), in percent;
//! `MulT` on sentiment as Tsai et al. report it (ACL 2019, word-aligned CMU-MOSEI).

use super::trial::System;

/// Figures of a model by class: accuracy (weighted on CMU-MOSEI) and F1, then their means, then 10⁹ operations.
pub(super) struct ByClass {
    pub(super) system: System,
    pub(super) classes: [(f64, f64); 6],
    pub(super) mean: (f64, f64),
    pub(super) giga: Option<f64>,
}

/// A published table by class.
pub(super) struct Published {
    /// Its name.
    pub(super) name: &'static str,
    /// Names of each class, in the table's order; the first is the paper's.
    pub(super) classes: [&'static [&'static str]; 6],
    pub(super) rows: &'static [ByClass],
}

const IEMOCAP: [&[&str]; 6] = [
    &["angry", "ang", "anger"],
    &["excited", "exc"],
    &["frustrated", "fru"],
    &["happy", "hap", "happiness"],
    &["neutral", "neu"],
    &["sad", "sadness"],
];

const MOSEI: [&[&str]; 6] = [
    &["angry", "anger"],
    &["disgusted", "disgust"],
    &["fear"],
    &["happy", "happiness"],
    &["sad", "sadness"],
    &["surprised", "surprise"],
];

/// Tables 3 and 4.
pub(super) const TABLES: [Published; 2] = [
    Published {
        name: "Dai et al., Table 3 (IEMOCAP)",
        classes: IEMOCAP,
        rows: &[
            ByClass {
                system: System::LfLstm,
                classes: [
                    (71.2, 49.4),
                    (79.3, 57.2),
                    (68.2, 51.5),
                    (67.2, 37.6),
                    (66.5, 47.0),
                    (78.2, 54.0),
                ],
                mean: (71.8, 49.5),
                giga: None,
            },
            ByClass {
                system: System::LfTrans,
                classes: [
                    (81.9, 50.7),
                    (85.3, 57.3),
                    (60.5, 49.3),
                    (85.2, 37.6),
                    (72.4, 49.7),
                    (87.4, 57.4),
                ],
                mean: (78.8, 50.3),
                giga: None,
            },
            ByClass {
                system: System::EmoEmbs,
                classes: [
                    (65.9, 48.9),
                    (73.5, 58.3),
                    (68.5, 52.0),
                    (69.6, 38.3),
                    (73.6, 48.7),
                    (80.8, 53.0),
                ],
                mean: (72.0, 49.8),
                giga: None,
            },
            ByClass {
                system: System::Mult,
                classes: [
                    (77.9, 60.7),
                    (76.9, 58.0),
                    (72.4, 57.0),
                    (80.0, 46.8),
                    (74.9, 53.7),
                    (83.5, 65.4),
                ],
                mean: (77.6, 56.9),
                giga: None,
            },
            ByClass {
                system: System::Fe2e,
                classes: [
                    (88.7, 63.9),
                    (89.1, 61.9),
                    (71.2, 57.8),
                    (90.0, 44.8),
                    (79.1, 58.4),
                    (89.1, 65.7),
                ],
                mean: (84.5, 58.8),
                giga: Some(8.65),
            },
            ByClass {
                system: System::Mesm,
                classes: [
                    (88.2, 62.8),
                    (88.3, 61.2),
                    (74.9, 58.4),
                    (89.5, 47.3),
                    (77.0, 52.0),
                    (88.6, 62.2),
                ],
                mean: (84.4, 57.4),
                giga: Some(5.18),
            },
        ],
    },
    Published {
        name: "Dai et al., Table 4 (CMU-MOSEI)",
        classes: MOSEI,
        rows: &[
            ByClass {
                system: System::LfLstm,
                classes: [
                    (64.5, 47.1),
                    (70.5, 49.8),
                    (61.7, 22.2),
                    (61.3, 73.2),
                    (63.4, 47.2),
                    (57.1, 20.6),
                ],
                mean: (63.1, 43.3),
                giga: None,
            },
            ByClass {
                system: System::LfTrans,
                classes: [
                    (65.3, 47.7),
                    (74.4, 51.9),
                    (62.1, 24.0),
                    (60.6, 72.9),
                    (60.1, 45.5),
                    (62.1, 24.2),
                ],
                mean: (64.1, 44.4),
                giga: None,
            },
            ByClass {
                system: System::EmoEmbs,
                classes: [
                    (66.8, 49.4),
                    (69.6, 48.7),
                    (63.8, 23.4),
                    (61.2, 71.9),
                    (60.5, 47.5),
                    (63.3, 24.0),
                ],
                mean: (64.2, 44.2),
                giga: None,
            },
            ByClass {
                system: System::Mult,
                classes: [
                    (64.9, 47.5),
                    (71.6, 49.3),
                    (62.9, 25.3),
                    (67.2, 75.4),
                    (64.0, 48.3),
                    (61.4, 25.6),
                ],
                mean: (65.4, 45.2),
                giga: None,
            },
            ByClass {
                system: System::Fe2e,
                classes: [
                    (67.0, 49.6),
                    (77.7, 57.1),
                    (63.8, 26.8),
                    (65.4, 72.6),
                    (65.2, 49.0),
                    (66.7, 29.1),
                ],
                mean: (67.6, 47.4),
                giga: Some(8.65),
            },
            ByClass {
                system: System::Mesm,
                classes: [
                    (66.8, 49.3),
                    (75.6, 56.4),
                    (65.8, 28.9),
                    (64.1, 72.3),
                    (63.0, 46.6),
                    (65.7, 27.2),
                ],
                mean: (66.8, 46.8),
                giga: Some(4.34),
            },
        ],
    },
];

impl Published {
    /// Where each class of the data stands in the table, if they are the table's classes.
    pub(super) fn columns(&self, classes: &[String]) -> Option<Vec<usize>> {
        let place = |class: &String| {
            let mut known = self.classes.iter();
            known.position(|names| names.contains(&class.to_lowercase().as_str()))
        };
        let columns: Vec<usize> = classes.iter().map(place).collect::<Option<_>>()?;
        let mut sorted = columns.clone();
        sorted.sort_unstable();
        (sorted == [0, 1, 2, 3, 4, 5]).then_some(columns)
    }
}

/// Table 5, on IEMOCAP: model, what it reads, mean accuracy, mean F1.
pub(super) const MODALITIES: [(System, &str, f64, f64); 10] = [
    (System::Fe2e, "tva", 84.5, 58.5),
    (System::Fe2e, "ta", 83.7, 54.0),
    (System::Fe2e, "tv", 82.8, 55.7),
    (System::Fe2e, "va", 81.2, 54.4),
    (System::Fe2e, "t", 80.8, 50.0),
    (System::Fe2e, "a", 73.3, 44.9),
    (System::Fe2e, "v", 78.2, 49.8),
    (System::Mesm, "tva", 84.4, 57.3),
    (System::Mesm, "ta", 83.6, 56.7),
    (System::Mesm, "tv", 82.1, 56.0),
];

/// `MulT` on sentiment: accuracy of 7 classes, of 2, F1, mean absolute error, correlation.
pub(super) const MULT_SENTIMENT: [f64; 5] = [51.8, 82.5, 82.3, 0.580, 0.703];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_the_classes() {
        for table in &TABLES {
            for row in table.rows {
                let mean =
                    |of: fn(&(f64, f64)) -> f64| row.classes.iter().map(of).sum::<f64>() / 6.0;
                // The papers round; two of their means are off by up to a quarter of a percent.
                assert!(
                    (mean(|c| c.0) - row.mean.0).abs() < 0.3,
                    "{} {:?}",
                    table.name,
                    row.system
                );
                assert!(
                    (mean(|c| c.1) - row.mean.1).abs() < 0.3,
                    "{} {:?}",
                    table.name,
                    row.system
                );
            }
        }
    }

    #[test]
    fn classes_are_known_by_their_names_in_the_data() {
        let names = |all: &str| all.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            TABLES[0].columns(&names("sad ang exc fru hap neu")),
            Some(vec![5, 0, 1, 2, 3, 4])
        );
        assert!(
            TABLES[1]
                .columns(&names("sad ang exc fru hap neu"))
                .is_none()
        );
        let mosei = names("anger disgust fear happiness sadness surprise");
        assert!(TABLES[1].columns(&mosei).is_some());
        assert!(TABLES[1].columns(&mosei[..5]).is_none());
    }
}
