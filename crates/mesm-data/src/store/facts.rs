//! What statistics want of every row, without its media.

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::reader::{guarded, open};
use super::{RowInfo, Store, StoreError, columns};

/// Columns of [`RowFacts`].
const COLUMNS: [&str; 6] = ["id", "subject", "target", "text", "seconds", "sentiment"];

/// A row without its media, as statistics count it.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFacts {
    /// Its name, unique within the store.
    pub id: String,
    /// Who is seen or heard.
    pub subject: String,
    /// What a model should say for each class, `[classes]` in `[0, 1]`.
    pub target: Vec<f32>,
    /// Its words.
    pub text: Option<String>,
    /// How long the utterance lasts in its recording, in seconds.
    pub seconds: Option<f32>,
    /// Mean rating of the annotators, from -3 to 3.
    pub sentiment: Option<f32>,
}

impl Store {
    /// Shows every row to `visit`, with its split, in the order of the store; media are not read.
    ///
    /// # Errors
    /// When a shard cannot be read or is damaged.
    pub fn visit_facts(
        &self,
        visit: &mut dyn FnMut(&str, RowInfo, RowFacts),
    ) -> Result<(), StoreError> {
        let mut rows = self.rows.iter();
        for (shard, name) in self.shards.iter().zip(&self.head.shards) {
            let mask = ProjectionMask::columns(shard.metadata.parquet_schema(), COLUMNS);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                open(&shard.path)?,
                shard.metadata.clone(),
            )
            .with_projection(mask);
            let damaged = |reason| shard.damaged(None, reason);
            let mut batches = guarded(|| builder.build()).map_err(damaged)?;
            while let Some(batch) = guarded(|| batches.next().transpose()).map_err(damaged)? {
                for at in 0..batch.num_rows() {
                    let info = rows
                        .next()
                        .ok_or_else(|| damaged("more rows than its groups say".to_owned()))?;
                    let owned = |name| columns::needed(&batch, name, at).map(str::to_owned);
                    let facts = RowFacts {
                        id: owned("id").map_err(damaged)?,
                        subject: owned("subject").map_err(damaged)?,
                        target: columns::target(&batch, at, &self.head.classes).map_err(damaged)?,
                        text: columns::string(&batch, "text", at)
                            .map_err(damaged)?
                            .map(str::to_owned),
                        seconds: columns::number(&batch, "seconds", at),
                        sentiment: columns::number(&batch, "sentiment", at),
                    };
                    visit(&name.split, *info, facts);
                }
            }
        }
        Ok(())
    }
}
