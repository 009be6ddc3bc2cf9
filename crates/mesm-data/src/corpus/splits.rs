//! Which utterance belongs to which split.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::texts::{Texts, is_id};
use super::utterance::{Scan, Utterance};
use crate::manifest::{ManifestError, Reason, Skips};
use crate::seed::permutation;

/// First word of the keys of the random numbers of a split.
const PURPOSE: u64 = u64::from_le_bytes(*b"c.split.");
/// The splits and their shares in percent, as in the paper (section 3.1).
const SHARES: [(&str, u64); 3] = [("train", 70), ("valid", 10), ("test", 20)];

/// Where the splits come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Splits {
    /// From a folder with `train_split.txt`, `valid_split.txt` and `test_split.txt` (or `train.txt` and so on): an id a
    /// line, as the authors published them.
    Files(PathBuf),
    /// Drawn: 70 % to learn from, 10 % to choose by, 20 % to judge by.
    Drawn {
        /// Another number draws other splits.
        seed: u64,
        /// Whoever is seen or heard in one split is in no other one.
        speaker_disjoint: bool,
    },
}

/// The utterances of each split, sorted by their ids.
pub(super) type Assigned = BTreeMap<String, Vec<Utterance>>;

/// Gives every utterance its split. Lists of splits are added to the inputs.
pub(super) fn assign(
    scan: &mut Scan,
    folder: &Path,
    splits: &Splits,
    skips: &mut Skips,
) -> Result<Assigned, ManifestError> {
    let mut utterances = std::mem::take(&mut scan.utterances);
    utterances.sort_by(|a, b| a.id.cmp(&b.id));
    match splits {
        Splits::Files(lists) => listed(scan, folder, lists, utterances, skips),
        Splits::Drawn {
            seed,
            speaker_disjoint: false,
        } => Ok(drawn(utterances, *seed)),
        Splits::Drawn {
            seed,
            speaker_disjoint: true,
        } => disjoint(utterances, *seed, folder),
    }
}

/// How many speakers are in more than one split, and how many there are.
pub(super) fn shared_speakers(assigned: &Assigned) -> (usize, usize) {
    let mut splits: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (split, utterances) in assigned {
        for utterance in utterances {
            splits.entry(&utterance.subject).or_default().insert(split);
        }
    }
    let shared = splits.values().filter(|of| of.len() > 1).count();
    (shared, splits.len())
}

fn listed(
    scan: &mut Scan,
    folder: &Path,
    lists: &Path,
    utterances: Vec<Utterance>,
    skips: &mut Skips,
) -> Result<Assigned, ManifestError> {
    let mut texts = Texts::new(lists, "splits");
    let mut places: HashMap<String, (&str, PathBuf, u64)> = HashMap::new();
    let known: BTreeSet<&str> = utterances.iter().map(|u| u.id.as_str()).collect();
    for (split, _) in SHARES {
        let names = [format!("{split}_split.txt"), format!("{split}.txt")];
        let paths = names.map(|name| lists.join(name));
        let Some(path) = paths.into_iter().find(|path| path.is_file()) else {
            continue;
        };
        let file = texts.name(&path);
        let text = texts.read(&path)?;
        let (mut count, mut unknown) = (0u64, 0u64);
        for (line, id) in (1u64..).zip(text.lines()) {
            let id = id.trim();
            if id.is_empty() {
                continue;
            }
            let wrong = |reason| ManifestError::Table {
                path: path.clone(),
                line,
                reason,
            };
            if !is_id(id) {
                let id: String = id.chars().take(80).collect();
                return Err(wrong(format!(
                    "expected the id of one utterance, found `{id}`"
                )));
            }
            if let Some((_, other, at)) = places.get(id) {
                let other = other.file_name().unwrap_or_default().to_string_lossy();
                return Err(wrong(format!("`{id}` stands in line {at} of {other}, too")));
            }
            count += 1;
            if known.contains(id) {
                places.insert(id.to_owned(), (split, path.clone(), line));
            } else if scan.left_out.contains(id) {
                unknown += 1;
            } else {
                unknown += 1;
                skips.add(&file, Reason::UnknownId, Some(line), id);
            }
        }
        if count > 0 && unknown == count {
            return Err(ManifestError::Table {
                path,
                line: 1,
                reason: format!(
                    "none of its {count} ids is an utterance of {}: is it the split of another data set?",
                    folder.display()
                ),
            });
        }
    }
    if places.is_empty() {
        return Err(ManifestError::Layout {
            folder: lists.to_owned(),
            expected: "train_split.txt, valid_split.txt and test_split.txt with an id a line",
        });
    }
    scan.inputs.extend(texts.finish());
    let mut assigned = Assigned::new();
    for utterance in utterances {
        match places.get(&utterance.id) {
            Some((split, ..)) => assigned
                .entry((*split).to_owned())
                .or_default()
                .push(utterance),
            None => skips.add(
                &utterance.file,
                Reason::InNoSplit,
                utterance.line,
                &utterance.id,
            ),
        }
    }
    Ok(assigned)
}

fn drawn(utterances: Vec<Utterance>, seed: u64) -> Assigned {
    let count = utterances.len() as u64;
    let mut ranks = vec![0; utterances.len()];
    let order = permutation(seed, &[PURPOSE, 0], count as u32);
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at as usize] = rank as u64;
    }
    let train = rounded(count, SHARES[0].1);
    let valid = rounded(count, SHARES[1].1);
    let mut assigned = Assigned::new();
    for (utterance, rank) in utterances.into_iter().zip(ranks) {
        let number = usize::from(rank >= train) + usize::from(rank >= train + valid);
        let split = SHARES[number].0.to_owned();
        assigned.entry(split).or_default().push(utterance);
    }
    assigned
}

fn rounded(count: u64, percent: u64) -> u64 {
    (count * percent + 50) / 100
}

/// Speakers in a drawn order; each goes where most of the share is missing.
fn disjoint(
    utterances: Vec<Utterance>,
    seed: u64,
    folder: &Path,
) -> Result<Assigned, ManifestError> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for utterance in &utterances {
        *counts.entry(utterance.subject.clone()).or_default() += 1;
    }
    if counts.len() < SHARES.len() {
        return Err(ManifestError::Layout {
            folder: folder.to_owned(),
            expected: "at least three speakers, one for each split",
        });
    }
    let speakers: Vec<(&String, u64)> = counts.iter().map(|(name, n)| (name, *n)).collect();
    let mut have = [0; 3];
    let mut split_of: HashMap<String, usize> = HashMap::new();
    for at in permutation(seed, &[PURPOSE, 1], speakers.len() as u32) {
        let (name, count) = speakers[at as usize];
        // have / share, compared without division: the first of the emptiest ones.
        let mut emptiest = 0;
        for number in 1..SHARES.len() {
            if have[number] * SHARES[emptiest].1 < have[emptiest] * SHARES[number].1 {
                emptiest = number;
            }
        }
        have[emptiest] += count;
        split_of.insert(name.clone(), emptiest);
    }
    let mut assigned = Assigned::new();
    for utterance in utterances {
        let number = split_of.get(&utterance.subject).copied().unwrap_or(0);
        let split = SHARES[number].0.to_owned();
        assigned.entry(split).or_default().push(utterance);
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::utterance::Material;

    /// `each` utterances of every speaker.
    fn utterances(speakers: usize, each: usize) -> Vec<Utterance> {
        let utterance = |number: usize| Utterance {
            id: format!("u{number:05}"),
            file: "labels.txt".to_owned(),
            line: Some(number as u64 + 1),
            source: "test",
            subject: format!("s{}", number / each),
            target: vec![1.0],
            sentiment: None,
            text: "words".to_owned(),
            seconds: None,
            material: Material::Frames {
                folder: PathBuf::new(),
                half: None,
            },
        };
        (0..speakers * each).map(utterance).collect()
    }

    fn counts(assigned: &Assigned) -> Vec<usize> {
        let count = |(split, _): &(&str, u64)| assigned.get(*split).map_or(0, Vec::len);
        SHARES.iter().map(count).collect()
    }

    #[test]
    fn the_paper_s_counts_come_out() {
        // Table 1 sums to 5,162, 737 and 1,481 of 7,380 utterances, which are not exact shares.
        assert_eq!(counts(&drawn(utterances(10, 738), 0)), [5166, 738, 1476]);
        assert_eq!(counts(&drawn(utterances(1, 1), 0)), [1, 0, 0]);
        assert_eq!(counts(&drawn(utterances(1, 10), 0)), [7, 1, 2]);
    }

    #[test]
    fn every_seed_draws_its_own_splits() {
        let ids = |seed| -> Vec<String> {
            let assigned = drawn(utterances(1, 100), seed);
            assigned["test"].iter().map(|u| u.id.clone()).collect()
        };
        assert_eq!(ids(5), ids(5));
        assert_ne!(ids(5), ids(6));
    }

    #[test]
    fn speakers_are_dealt_out_whole() {
        let folder = Path::new("data");
        for (speakers, each, expected) in [
            (10, 10, [70, 10, 20]),
            (3, 4, [4, 4, 4]),
            (20, 5, [70, 10, 20]),
        ] {
            for seed in 0..5 {
                let assigned = disjoint(utterances(speakers, each), seed, folder).unwrap();
                assert_eq!(counts(&assigned), expected, "{speakers} {seed}");
                assert_eq!(shared_speakers(&assigned), (0, speakers));
            }
        }
        let error = disjoint(utterances(2, 9), 0, folder)
            .unwrap_err()
            .to_string();
        assert!(error.contains("at least three speakers"), "{error}");
        let (shared, all) = shared_speakers(&drawn(utterances(4, 50), 0));
        assert_eq!((shared, all), (4, 4));
    }
}
