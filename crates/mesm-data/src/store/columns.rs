//! Rows to Arrow columns and back.

use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float32Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};

use super::{Media, Row};

/// Columns whose values are media: neither compressed nor sorted into a dictionary.
pub(super) const MEDIA_LEAVES: [&[&str]; 2] =
    [&["faces", "list", "element", "bytes"], &["audio", "bytes"]];
/// Columns of the light index.
pub(super) const INDEX_COLUMNS: [&str; 3] = ["label", "source", "modalities"];
/// Columns that stores of earlier versions do not have; their rows hold nothing there.
const LATER_COLUMNS: [&str; 2] = ["seconds", "sentiment"];

/// The columns of a shard. All may hold nulls by their type, as elsewhere in this format's world; the ones that may not
/// by their meaning are checked where they are read.
pub(super) fn schema() -> SchemaRef {
    let string = |name: &str| Field::new(name, DataType::Utf8, true);
    let media = DataType::Struct(media_fields());
    Arc::new(Schema::new(vec![
        string("id"),
        string("split"),
        string("source"),
        string("subject"),
        string("label"),
        Field::new("target", DataType::List(element(DataType::Float32)), true),
        Field::new("agreement", DataType::Float32, true),
        string("modalities"),
        Field::new("faces", DataType::List(element(media.clone())), true),
        Field::new("audio", media, true),
        string("text"),
        string("lang"),
        Field::new("seconds", DataType::Float32, true),
        Field::new("sentiment", DataType::Float32, true),
    ]))
}

/// What Hugging Face `datasets` is told of the columns, so that it shows pictures and plays sounds.
pub(super) fn features() -> String {
    let string = serde_json::json!({"dtype": "string", "_type": "Value"});
    let float = serde_json::json!({"dtype": "float32", "_type": "Value"});
    serde_json::json!({"info": {"features": {
        "id": string, "split": string, "source": string, "subject": string, "label": string,
        "target": {"feature": float, "_type": "Sequence"},
        "agreement": float,
        "modalities": string,
        "faces": {"feature": {"_type": "Image"}, "_type": "Sequence"},
        "audio": {"_type": "Audio"},
        "text": string, "lang": string, "seconds": float, "sentiment": float,
    }}})
    .to_string()
}

fn media_fields() -> Fields {
    Fields::from(vec![
        Field::new("bytes", DataType::Binary, true),
        Field::new("path", DataType::Utf8, true),
    ])
}

/// Parquet's own name for what is in a list.
fn element(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", kind, true))
}

/// Rows as columns of [`schema`].
pub(super) fn encode(rows: &[Row], classes: &[String]) -> Result<RecordBatch, ArrowError> {
    let strings = |of: fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let labels: StringArray = rows
        .iter()
        .map(|row| row.label.and_then(|label| classes.get(usize::from(label))))
        .collect();
    let modalities: Vec<String> = rows.iter().map(Row::modalities).collect();
    let mut targets =
        ListBuilder::new(Float32Builder::new()).with_field(element(DataType::Float32));
    for row in rows {
        targets.values().append_slice(&row.target);
        targets.append(true);
    }
    let numbers = |of: fn(&Row) -> Option<f32>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Float32Array>())
    };
    let faces: Vec<Option<&Media>> = rows.iter().flat_map(|row| &row.faces).map(Some).collect();
    let faces = ListArray::try_new(
        element(DataType::Struct(media_fields())),
        OffsetBuffer::from_lengths(rows.iter().map(|row| row.faces.len())),
        Arc::new(media(&faces)?),
        None,
    )?;
    let audio: Vec<Option<&Media>> = rows.iter().map(|row| row.audio.as_ref()).collect();
    RecordBatch::try_new(
        schema(),
        vec![
            strings(|row| Some(&row.id)),
            strings(|row| Some(&row.split)),
            strings(|row| Some(&row.source)),
            strings(|row| Some(&row.subject)),
            Arc::new(labels),
            Arc::new(targets.finish()),
            numbers(|row| row.agreement),
            Arc::new(StringArray::from(modalities)),
            Arc::new(faces),
            Arc::new(media(&audio)?),
            strings(|row| row.text.as_deref()),
            strings(|row| row.lang.as_deref()),
            numbers(|row| row.seconds),
            numbers(|row| row.sentiment),
        ],
    )
}

fn media(items: &[Option<&Media>]) -> Result<StructArray, ArrowError> {
    let bytes: BinaryArray = items.iter().map(|m| m.map(|m| &m.bytes[..])).collect();
    let paths: StringArray = items.iter().map(|m| m.map(|m| &m.path[..])).collect();
    let present: Vec<bool> = items.iter().map(Option::is_some).collect();
    let nulls = present.contains(&false).then(|| present.into());
    StructArray::try_new(
        media_fields(),
        vec![Arc::new(bytes), Arc::new(paths)],
        nulls,
    )
}

/// Whether a file has the columns of [`schema`]; otherwise what is different.
pub(super) fn check(found: &Schema) -> Result<(), String> {
    for field in schema().fields() {
        let Ok(other) = found.field_with_name(field.name()) else {
            if LATER_COLUMNS.contains(&field.name().as_str()) {
                continue;
            }
            let names: Vec<&str> = found.fields().iter().map(|f| f.name().as_str()).collect();
            return Err(format!(
                "expected a column `{}`, found {}",
                field.name(),
                names.join(", ")
            ));
        };
        if !field.data_type().equals_datatype(other.data_type()) {
            return Err(format!(
                "expected column `{}` to be {}, found {}",
                field.name(),
                field.data_type(),
                other.data_type()
            ));
        }
    }
    Ok(())
}

/// One row of a batch with the columns of [`schema`]; otherwise what is wrong with it.
pub(super) fn decode(batch: &RecordBatch, at: usize, classes: &[String]) -> Result<Row, String> {
    let faces = column(batch, "faces")?
        .as_list_opt::<i32>()
        .filter(|lists| lists.is_valid(at))
        .map(|lists| lists.value(at));
    let faces = faces.map_or_else(
        || Ok(Vec::new()),
        |faces| (0..faces.len()).map(|face| item(&faces, face)).collect(),
    )?;
    let audio = column(batch, "audio")?;
    let audio = audio.is_valid(at).then(|| item(audio, at)).transpose()?;
    Ok(Row {
        id: needed(batch, "id", at)?.to_owned(),
        split: needed(batch, "split", at)?.to_owned(),
        source: needed(batch, "source", at)?.to_owned(),
        subject: needed(batch, "subject", at)?.to_owned(),
        label: label(string(batch, "label", at)?, classes)?,
        target: target(batch, at, classes)?,
        agreement: number(batch, "agreement", at),
        faces,
        audio,
        text: string(batch, "text", at)?.map(str::to_owned),
        lang: string(batch, "lang", at)?.map(str::to_owned),
        seconds: number(batch, "seconds", at),
        sentiment: number(batch, "sentiment", at),
    })
}

/// The target of a row, one number a class.
pub(super) fn target(
    batch: &RecordBatch,
    at: usize,
    classes: &[String],
) -> Result<Vec<f32>, String> {
    let target = column(batch, "target")?
        .as_list_opt::<i32>()
        .filter(|lists| lists.is_valid(at))
        .map(|lists| lists.value(at))
        .ok_or("expected a target")?;
    let target = target
        .as_primitive_opt::<Float32Type>()
        .filter(|values| values.null_count() == 0)
        .map(|values| values.values().to_vec())
        .ok_or("expected a target of numbers")?;
    if target.len() != classes.len() || !target.iter().all(|v| (0.0..=1.0).contains(v)) {
        return Err(format!(
            "expected a target of {} numbers in 0..=1, found {target:?}",
            classes.len()
        ));
    }
    Ok(target)
}

/// The number of a row, if the column is there and it is not null.
pub(super) fn number(batch: &RecordBatch, name: &str, at: usize) -> Option<f32> {
    let numbers = batch
        .column_by_name(name)?
        .as_primitive_opt::<Float32Type>()?;
    numbers.is_valid(at).then(|| numbers.value(at))
}

/// Index of a label among the classes.
pub(super) fn label(name: Option<&str>, classes: &[String]) -> Result<Option<u8>, String> {
    let Some(name) = name else { return Ok(None) };
    let index = classes.iter().position(|class| class == name);
    match index.map(u8::try_from) {
        Some(Ok(index)) => Ok(Some(index)),
        _ => Err(format!(
            "expected a label among {}, found `{name}`",
            classes.join(", ")
        )),
    }
}

/// The string of a row, if it is not null.
pub(super) fn string<'a>(
    batch: &'a RecordBatch,
    name: &str,
    at: usize,
) -> Result<Option<&'a str>, String> {
    let strings = column(batch, name)?
        .as_string_opt::<i32>()
        .ok_or_else(|| format!("column `{name}` holds no strings"))?;
    Ok(strings.is_valid(at).then(|| strings.value(at)))
}

/// The string of a row, which may not be null.
pub(super) fn needed<'a>(batch: &'a RecordBatch, name: &str, at: usize) -> Result<&'a str, String> {
    string(batch, name, at)?
        .ok_or_else(|| format!("expected a value in column `{name}`, found null"))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, String> {
    batch
        .column_by_name(name)
        .ok_or_else(|| format!("there is no column `{name}`"))
}

fn item(array: &ArrayRef, at: usize) -> Result<Media, String> {
    let parts = array.as_struct_opt().ok_or("expected bytes and path")?;
    let bytes = parts
        .column_by_name("bytes")
        .and_then(|bytes| bytes.as_binary_opt::<i32>())
        .filter(|bytes| bytes.is_valid(at))
        .ok_or("expected the bytes of a file, found null")?;
    let path = parts
        .column_by_name("path")
        .and_then(|path| path.as_string_opt::<i32>())
        .filter(|path| path.is_valid(at))
        .map_or("", |path| path.value(at));
    Ok(Media {
        path: path.to_owned(),
        bytes: bytes.value(at).to_vec(),
    })
}
