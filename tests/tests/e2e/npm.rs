//! The npm package in a page of somebody else's: the example of `web/examples`, and the module called by hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fantoccini::wd::TimeoutConfiguration;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::browser::{Browser, Setup};
use super::clip::Workshop;
use super::page::Page;
use super::site::Site;
use super::{TOLERANCE, WORDS, alone, files, native, run};

/// The folder that `cargo xtask npm` makes.
fn package() -> PathBuf {
    let folder = std::env::var_os("MESM_NPM").map(PathBuf::from);
    folder.filter(|folder| folder.join("index.js").is_file()).expect(
        "MESM_NPM names no npm package: build it with `cargo xtask npm --out DIR` and set MESM_NPM=DIR, or run `cargo xtask test`",
    )
}

/// The example's page with the package beside it, as a web developer has them.
fn example() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/examples/plain.html");
    fs::copy(&page, folder.path().join("plain.html")).expect("the example");
    files::copy(&package(), &folder.path().join("mesm"));
    folder
}

/// What `mesm infer` says about a picture, a sound and words.
fn judged_natively(picture: &Path, sound: &Path, words: &str) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::copy(picture, folder.path().join("frame_000.png")).expect("the picture");
    fs::copy(sound, folder.path().join("audio.wav")).expect("the sound");
    let manifest = json!({
        "text": words,
        "frames": [{ "file": "frame_000.png", "t_s": 0.0 }],
        "sample_rate_hz": 16_000,
    });
    fs::write(folder.path().join("window.json"), manifest.to_string()).expect("the window");
    native::infer(folder.path(), 1.0)
}

/// The value of a script that may wait, or what it failed with.
async fn script(page: &Page<'_>, body: &str) -> Value {
    let caught = "(error) => ({ error: `${error.name}: ${error.message}` })";
    page.script(&format!(
        "return (async () => {{ {body} }})().catch({caught})"
    ))
    .await
}

/// What the example says once it says nothing of this any more.
async fn answer_after(page: &Page<'_>, passing: &[&str]) -> String {
    page.wait("the example's answer", || async {
        let said = page.text("#answer").await;
        let passes = passing.iter().any(|words| said.contains(words));
        (!passes).then_some(said)
    })
    .await
}

#[test]
fn the_example_says_what_the_native_program_says() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let (picture, sound) = (workshop.picture(), workshop.sound_16khz());
        let folder = example();
        let site = Site::of(folder.path().to_path_buf());
        let browser = Browser::start(Setup::default()).await;
        let page = Page::of_others(&browser, &format!("{}plain.html", site.folder())).await;
        assert_eq!(answer_after(&page, &["…", "%"]).await, "Ready on cpu.");
        page.choose_file_in("#picture", &picture).await;
        page.choose_file_in("#sound", &sound).await;
        page.write_words(WORDS).await;
        page.press("#go").await;
        let said = answer_after(&page, &["Ready", "…"]).await;
        // The example asks with the model's own share; the numbers are held at p = 1 by the test below.
        assert_eq!(said.lines().count(), 7, "{said}");
        let sum: f64 = said
            .lines()
            .map(|line| {
                let (_, percent) = line.split_once(' ').expect("a class and its percentage");
                let percent = percent.trim_end_matches(" %");
                percent.parse::<f64>().expect("a number")
            })
            .sum();
        assert!((sum - 100.0).abs() < 0.5, "{said}");

        let numbers = judged_natively(&picture, &sound, WORDS);
        let ours = script(
            &page,
            &format!(
                "const {{ Mesm }} = await import('./mesm/index.js');
                 const m = await Mesm.load();
                 const [picture, sound] = ['picture', 'sound'].map((id) => document.getElementById(id).files[0]);
                 const frames = [await createImageBitmap(picture)];
                 const pcm = (await new OfflineAudioContext(1, 1, 16000).decodeAudioData(await sound.arrayBuffer())).getChannelData(0);
                 const ask = {{ frames, pcm, text: {words}, topP: 1 }};
                 const [r, again] = await Promise.all([m.analyse(ask), m.analyse(ask)]);
                 if (JSON.stringify(again.logits) !== JSON.stringify(r.logits)) throw new Error('two answers');
                 m.close();
                 const {{ classes, logits, shares, facesFound }} = r;
                 const layers = r.attention.face.map((layer) =>
                     [layer.weights.length === layer.rows * layer.height * layer.width, layer.masks.every((kept) => kept === 1)]);
                 return {{ classes, logits, shares, facesFound, layers, keys: Object.keys(r), crops: r.crops.pixels.length, mels: r.mels.power.length }};",
                words = json!(WORDS)
            ),
        )
        .await;
        assert_eq!(ours["facesFound"], 1, "{ours}");
        assert_eq!(
            ours["layers"],
            json!([[true, true], [true, true], [true, true]])
        );
        assert_eq!(ours["crops"], 48 * 48 * 4);
        let classes = ours["classes"].as_array().expect("classes");
        for (index, class) in classes.iter().enumerate() {
            let native = &numbers["logits"][class.as_str().expect("a name")];
            let (ours, native) = (&ours["logits"][index], native.as_f64().expect("a number"));
            let difference = ours.as_f64().expect("a number") - native;
            assert!(
                difference.abs() <= TOLERANCE,
                "{class}: {ours} and {native}"
            );
        }
        assert_eq!(keys_of(&ours["keys"]), documented("Result"));
    });
}

fn keys_of(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|key| key.as_str().expect("a name").to_owned())
        .collect()
}

/// The members of an interface in the package's types.
fn documented(interface: &str) -> BTreeSet<String> {
    let types = fs::read_to_string(package().join("index.d.ts")).expect("the types");
    let start = format!("export interface {interface} {{\n");
    let (_, body) = types.split_once(&start).expect("the interface");
    let (body, _) = body.split_once("\n}").expect("its end");
    body.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim_end_matches('?').to_owned())
        .collect()
}

#[test]
fn the_library_says_what_is_wrong() {
    let _turn = alone();
    run(async {
        let folder = example();
        let site = Site::of(folder.path().to_path_buf());
        let elsewhere = Site::of(folder.path().to_path_buf());
        let browser = Browser::start(Setup::default()).await;
        let limit = TimeoutConfiguration::new(Some(std::time::Duration::from_mins(4)), None, None);
        browser.client.update_timeouts(limit).await.expect("time");
        let page = Page::of_others(&browser, &format!("{}plain.html", site.folder())).await;
        let refused = |body: &str| {
            format!(
                "const {{ Mesm, MesmError }} = await import('./mesm/index.js');
                 window.engine ??= await Mesm.load({{ device: 'cpu' }});
                 const m = window.engine;
                 try {{ {body} }} catch (error) {{
                     return `${{error instanceof MesmError ? 'MesmError' : error.name}}: ${{error.message}}`;
                 }}
                 return 'nothing was refused';"
            )
        };
        for (body, expected) in [
            ("await m.analyse({ text: 'x', topP: 2 })", "MesmError: top_p"),
            ("await m.analyse({})", "TypeError: there is nothing to judge"),
            (
                "await m.analyse({ frames: [new ImageData(8, 8)] })",
                "MesmError: sides of a frame",
            ),
            ("await m.analyse({ pcm: [0, 1] })", "TypeError: pcm must be"),
            ("await m.analyse({ frames: [{}] })", "TypeError: frame 0"),
            (
                "await m.analyse({ text: 'x', signal: AbortSignal.abort() })",
                "AbortError",
            ),
            ("await Mesm.load({ device: 'tpu' })", "TypeError: device must be"),
            (
                "await Mesm.load({ weights: './nowhere/' })",
                "MesmError: ",
            ),
            (
                "await Mesm.load({ signal: AbortSignal.timeout(50) })",
                "TimeoutError",
            ),
            // It still answers, and takes other rates.
            (
                "const { likeliest } = await m.analyse({ text: 'I am so happy', pcm: new Float32Array(48000), sampleRate: 48000 });
                 throw new Error(likeliest.name)",
                "Error: happy",
            ),
            ("m.close(); await m.analyse({ text: 'x' })", "MesmError: it was closed"),
        ] {
            let said = script(&page, &refused(body)).await;
            let said = said.as_str().unwrap_or_else(|| panic!("{body}: {said}"));
            assert!(said.starts_with(expected), "{body}: {said}");
        }
        // Served from another origin, as a content network does.
        let kind = script(
            &page,
            &format!(
                "const {{ Mesm }} = await import('{}mesm/index.js');
                 const m = await Mesm.load({{ device: 'cpu' }});
                 const {{ likeliest }} = await m.analyse({{ text: 'I am so happy' }});
                 m.close();
                 return likeliest.name;",
                elsewhere.folder()
            ),
        )
        .await;
        assert_eq!(kind, "happy");
    });
}
