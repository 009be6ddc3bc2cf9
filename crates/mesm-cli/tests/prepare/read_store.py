"""Reads a store of `mesm prepare manifest` with pyarrow, pandas and Hugging Face datasets, and checks what is in it.

Usage: read_store.py STORE FOLDER, where FOLDER holds a face and a voice as they went into the store.
"""

import io
import json
import pathlib
import sys

import datasets
import pandas
import PIL.Image
import pyarrow
import pyarrow.parquet

STORE, FOLDER = map(pathlib.Path, sys.argv[1:])
CLASSES = ["anger", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
MEDIA = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
COLUMNS = {
    "id": pyarrow.string(),
    "split": pyarrow.string(),
    "source": pyarrow.string(),
    "subject": pyarrow.string(),
    "label": pyarrow.string(),
    "target": pyarrow.list_(pyarrow.float32()),
    "agreement": pyarrow.float32(),
    "modalities": pyarrow.string(),
    "faces": pyarrow.list_(MEDIA),
    "audio": MEDIA,
    "text": pyarrow.string(),
    "lang": pyarrow.string(),
    "seconds": pyarrow.float32(),
    "sentiment": pyarrow.float32(),
}
FACE = (FOLDER / "face 7.jpg").read_bytes()
VOICE = (FOLDER / "voice 1.wav").read_bytes()
SENTENCE = '"Well", said\nnumber 7 \N{GRINNING FACE}'


def same(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def by_pyarrow():
    rows = 0
    for path in sorted(STORE.glob("data/*.parquet")):
        file = pyarrow.parquet.ParquetFile(path)
        for name, kind in COLUMNS.items():
            found = file.schema_arrow.field(name).type
            assert found.equals(kind), f"{path}: {name} is {found}, not {kind}"
        entries = file.schema_arrow.metadata
        same(json.loads(entries[b"mesm.classes"]), CLASSES)
        same(entries[b"mesm.format"], b"1")
        assert b"huggingface" in entries
        for group in range(file.num_row_groups):
            assert file.metadata.row_group(group).num_rows <= 64
        rows += file.metadata.num_rows
    table = pyarrow.parquet.read_table(STORE / "data" / "train-00000-of-00001.parquet")
    face = next(row for row in table.to_pylist() if row["id"] == "faces/7.jpg")
    same(face["faces"], [{"bytes": FACE, "path": "faces/7.jpg"}])
    same((face["label"], face["modalities"], face["audio"], face["text"]), ("happy", "v", None, None))
    same(face["target"], [0, 0, 0, 1, 0, 0, 0])
    return rows


def by_pandas():
    frame = pandas.read_parquet(STORE / "data")
    same(frame["modalities"].value_counts().to_dict(), {"v": 100, "t": 80, "ta": 6})
    assert frame["id"].is_unique
    voices = frame[frame["modalities"] == "ta"].set_index("id")
    same(voices.loc["voice 1.wav", "audio"], {"bytes": VOICE, "path": "voice 1.wav"})
    same(voices.loc["voice 1.wav", "text"], "Ja, Nr. 1")
    same(voices.loc["voice 1.wav", "lang"], "de")
    assert SENTENCE in set(frame["text"])
    same(sorted(frame["agreement"].dropna().astype("float64").round(2).unique().tolist()), [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    return len(frame)


def by_datasets():
    # Sounds stay encoded: decoding them is another package's work.
    loaded = datasets.load_dataset(str(STORE))
    same(sorted(loaded), ["odd_split", "train"])
    train = loaded["train"]
    assert isinstance(train.features["audio"], datasets.Audio), train.features
    train = train.cast_column("audio", datasets.Audio(decode=False))
    face = train[[row_id == "faces/7.jpg" for row_id in train["id"]].index(True)]
    picture = face["faces"][0]
    assert isinstance(picture, PIL.Image.Image), picture
    same(picture.size, (48, 48))
    same(picture.tobytes(), PIL.Image.open(io.BytesIO(FACE)).tobytes())
    voice = train[[row_id == "voice 1.wav" for row_id in train["id"]].index(True)]
    same(voice["audio"]["bytes"], VOICE)
    return sum(split.num_rows for split in loaded.values())


counts = {by_pyarrow(), by_pandas(), by_datasets()}
assert len(counts) == 1, counts
print(f"read by pyarrow, pandas and datasets: {counts.pop()} rows")
