//! The store as its users see it.

use std::fs;
use std::path::Path;

use super::*;

fn row(split: &str, number: u8) -> Row {
    let label = number % 2;
    let media = |suffix: &str, len: usize| Media {
        path: format!("{number}.{suffix}"),
        bytes: vec![number; len],
    };
    let mut target = vec![0.0; 2];
    target[usize::from(label)] = 1.0;
    Row {
        id: format!("{split}/{number}"),
        split: split.to_owned(),
        source: if number < 100 { "sea" } else { "land" }.to_owned(),
        subject: format!("s{}", number / 10),
        label: Some(label),
        target,
        agreement: number.is_multiple_of(3).then_some(0.5),
        faces: (0..number % 3)
            .map(|face| media("jpg", 10 + usize::from(face)))
            .collect(),
        audio: number.is_multiple_of(4).then(|| media("wav", 100)),
        text: number
            .is_multiple_of(5)
            .then(|| format!("words, \"quoted\"\nand {number}")),
        lang: number.is_multiple_of(5).then(|| "en".to_owned()),
        seconds: number.is_multiple_of(2).then(|| f32::from(number) / 8.0),
        sentiment: number
            .is_multiple_of(7)
            .then(|| f32::from(number % 3) - 1.5),
    }
}

fn head(splits: &[(&str, usize)]) -> Head {
    let splits: Vec<(String, usize)> = splits.iter().map(|(s, n)| ((*s).to_owned(), *n)).collect();
    Head {
        format: FORMAT,
        version: "0.0.0".to_owned(),
        classes: vec!["calm".to_owned(), "joy".to_owned()],
        fingerprint: "abc".to_owned(),
        shards: Head::name_shards(&splits),
    }
}

/// A store with 150 rows in two shards of `train` and 3 rows in `odd split`.
fn made(folder: &Path) -> Head {
    let head = head(&[("train", 2), ("odd split", 1)]);
    head.write(folder).unwrap();
    for (shard, numbers) in [(0, 0..100), (1, 100..150), (2, 0..3)] {
        let mut writer = ShardWriter::create(folder, &head, shard).unwrap();
        for number in numbers {
            writer.push(row(&head.shards[shard].split, number)).unwrap();
        }
        writer.finish("[]").unwrap();
    }
    fs::write(folder.join(REPORT_FILE), "{}").unwrap();
    head
}

#[test]
fn rows_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.classes(), ["calm", "joy"]);
    assert_eq!(store.splits(), ["odd split", "train"]);
    assert_eq!(store.sources(), ["land", "sea"]);
    assert!(store.rows("valid").is_empty());
    let rows = store.rows("train");
    assert_eq!(rows.len(), 150);
    // Backwards, so that groups are read out of order.
    for (number, info) in rows.iter().enumerate().rev() {
        let expected = row("train", number as u8);
        let found = store.read(*info).unwrap();
        assert_eq!(found, expected);
        assert_eq!(info.label, expected.label);
        assert_eq!(store.sources()[usize::from(info.source)], expected.source);
        assert_eq!(
            (info.has_faces, info.has_audio, info.has_text),
            (
                !expected.faces.is_empty(),
                expected.audio.is_some(),
                expected.text.is_some()
            )
        );
    }
    assert_eq!(
        store.read(store.rows("odd split")[2]).unwrap().id,
        "odd split/2"
    );
}

#[test]
fn many_threads_read_at_the_same_time_also_without_a_cache() {
    fn shared<T: Send + Sync>(_: &T) {}
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    for bytes in [0, 1 << 20] {
        let store = Store::open(folder.path()).unwrap().with_cache(bytes);
        shared(&store);
        let rows = store.rows("train");
        std::thread::scope(|scope| {
            for first in 0..4 {
                let (store, rows) = (&store, &rows);
                scope.spawn(move || {
                    for number in (first..150).step_by(3) {
                        assert_eq!(
                            store.read(rows[number]).unwrap(),
                            row("train", number as u8)
                        );
                    }
                });
            }
        });
    }
}

#[test]
fn equal_rows_give_equal_bytes() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let head = made(a.path());
    made(b.path());
    for shard in 0..3 {
        let read = |folder: &Path| fs::read(head.path(folder, shard)).unwrap();
        assert_eq!(read(a.path()), read(b.path()));
    }
    let left: Vec<_> = fs::read_dir(a.path().join("data")).unwrap().collect();
    assert_eq!(left.len(), 3, "no temporary file stays");
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let head = head(&[("train", 1)]);
    let mut writer = ShardWriter::create(folder.path(), &head, 0).unwrap();
    let mut wrong = vec![
        row("valid", 1),
        row("train", 1),
        row("train", 1),
        row("train", 1),
    ];
    wrong[1].label = Some(2);
    wrong[2].target.push(0.0);
    wrong[3].target[0] = f32::NAN;
    let mut odd = vec![row("train", 1), row("train", 1)];
    odd[0].sentiment = Some(3.5);
    odd[1].seconds = Some(-1.0);
    wrong.extend(odd);
    for row in wrong {
        let error = writer.push(row).unwrap_err();
        assert!(matches!(error, StoreError::Row { .. }), "{error}");
    }
    assert!(ShardWriter::create(folder.path(), &head, 1).is_err());
}

#[test]
fn folders_that_are_no_whole_store() {
    let folder = tempfile::tempdir().unwrap();
    let opened = || Store::open(folder.path()).err().unwrap().to_string();
    assert!(opened().contains("there is no store.json"), "{}", opened());
    let head = made(folder.path());
    fs::remove_file(folder.path().join(REPORT_FILE)).unwrap();
    fs::remove_file(head.path(folder.path(), 1)).unwrap();
    assert!(
        opened().contains("unfinished (2 of 3 shards)"),
        "{}",
        opened()
    );
    fs::write(folder.path().join(REPORT_FILE), "{}").unwrap();
    assert!(
        opened().contains("train-00001-of-00002.parquet"),
        "{}",
        opened()
    );
    fs::write(folder.path().join(HEAD_FILE), "{}").unwrap();
    assert!(opened().contains("missing field"), "{}", opened());
}

#[test]
fn a_shard_of_another_store_or_split_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let head = made(folder.path());
    let path = |shard| head.path(folder.path(), shard);
    fs::copy(path(2), path(1)).unwrap();
    let error = Store::open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("expected mesm.split to be `train`, found `odd split`")
    );
    fs::write(path(1), b"PAR1 this is not a parquet file PAR1").unwrap();
    let error = Store::open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("train-00001-of-00002.parquet is damaged"),
        "{error}"
    );
}

#[test]
fn a_row_of_another_store_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let store = Store::open(folder.path()).unwrap();
    let good = store.rows("train")[0];
    for wrong in [
        RowInfo { shard: 9, ..good },
        RowInfo { group: 9, ..good },
        RowInfo { row: 64, ..good },
    ] {
        assert!(matches!(
            store.read(wrong),
            Err(StoreError::NoSuchRow { .. })
        ));
    }
}

/// Cut short or with a bit changed anywhere: an error or a row, never a panic.
#[test]
fn damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let head = head(&[("train", 1)]);
    head.write(folder.path()).unwrap();
    let mut writer = ShardWriter::create(folder.path(), &head, 0).unwrap();
    for number in 0..3 {
        writer.push(row("train", number)).unwrap();
    }
    writer.finish("[]").unwrap();
    fs::write(folder.path().join(REPORT_FILE), "{}").unwrap();
    let path = head.path(folder.path(), 0);
    let whole = fs::read(&path).unwrap();
    let attempt = |bytes: &[u8]| -> Result<Vec<Row>, StoreError> {
        fs::write(&path, bytes).unwrap();
        let store = Store::open(folder.path())?;
        let rows = store.rows("train");
        rows.iter().map(|row| store.read(*row)).collect()
    };
    assert_eq!(attempt(&whole).unwrap().len(), 3);
    for length in (0..whole.len()).step_by(37) {
        let error = attempt(&whole[..length]).unwrap_err();
        assert!(
            error.to_string().contains("train-00000-of-00001"),
            "{error}"
        );
    }
    let mut refused = 0;
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        refused += usize::from(attempt(&bytes).is_err());
    }
    assert!(
        refused > whole.len() / 12,
        "{refused} of {}",
        whole.len() / 3
    );
}

#[test]
fn facts_are_those_of_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    let store = Store::open(folder.path()).unwrap();
    let mut seen = 0;
    store
        .visit_facts(&mut |split, info, facts| {
            let row = store.read(info).unwrap();
            assert_eq!(
                (split, &facts.id, &facts.subject),
                (row.split.as_str(), &row.id, &row.subject)
            );
            assert_eq!(
                (&facts.target, &facts.text, facts.seconds, facts.sentiment),
                (&row.target, &row.text, row.seconds, row.sentiment)
            );
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 153);
}

/// A shard written without the columns `seconds` and `sentiment`, as earlier programs did.
#[test]
fn stores_of_earlier_programs_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let head = made(folder.path());
    let path = head.path(folder.path(), 2);
    let file = fs::File::open(&path).unwrap();
    let builder =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let entries = builder.metadata().file_metadata().key_value_metadata();
    let entries = entries.cloned();
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    let fewer: Vec<usize> = (0..batch.num_columns() - 2).collect();
    let batch = batch.project(&fewer).unwrap();
    assert!(batch.column_by_name("seconds").is_none());
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_key_value_metadata(entries)
        .build();
    let file = fs::File::create(&path).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let found = store.read(store.rows("odd split")[2]).unwrap();
    let expected = Row {
        seconds: None,
        sentiment: None,
        ..row("odd split", 2)
    };
    assert_eq!(found, expected);
    let mut lengths = Vec::new();
    store
        .visit_facts(&mut |_, _, facts| lengths.push(facts.seconds))
        .unwrap();
    assert_eq!(lengths.len(), 153);
}
