//! The page for everybody: without a pointer, without sight, on a phone, in the background, on a slow line.

use std::io::Write;
use std::path::PathBuf;

use fantoccini::key::Key;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::browser::{Browser, Setup};
use super::clip::Workshop;
use super::page::Page;
use super::site::{self, Site};
use super::{alone, run};

/// Most bytes of the page's own code, compressed, before the engine.
const MOST_PAGE_BYTES: usize = 300_000;

/// Obstacles that axe-core calls serious or worse, with the elements they are at.
async fn obstacles(page: &Page<'_>) -> Vec<String> {
    let Some(axe) = std::env::var_os("MESM_AXE").map(PathBuf::from) else {
        panic!("MESM_AXE names no axe.min.js: run `cargo xtask test`, which brings it");
    };
    let axe =
        std::fs::read_to_string(&axe).unwrap_or_else(|error| panic!("{}: {error}", axe.display()));
    page.script(&axe).await;
    let found = page
        .script(
            "return axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)",
        )
        .await;
    let serious = |found: &&Value| matches!(found["impact"].as_str(), Some("serious" | "critical"));
    let found = found.as_array().expect("a list");
    let at = |found: &Value| {
        let nodes = found["nodes"].as_array().expect("elements");
        let targets: Vec<String> = nodes.iter().map(|n| n["target"].to_string()).collect();
        format!(
            "{}: {} at {}",
            found["id"],
            found["help"],
            targets.join(", ")
        )
    };
    found.iter().filter(serious).map(at).collect()
}

#[test]
fn nothing_stands_in_the_way_of_people_who_cannot_see_or_point() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let browser = Browser::start(Setup::default()).await;
        let page = Page::open(&browser, &site, "device=cpu").await;
        // The keyboard alone starts the sample.
        let client = &browser.client;
        for _ in 0..60 {
            let focused = client.active_element().await.expect("an element");
            if focused.attr("id").await.expect("its name").as_deref() == Some("start") {
                break;
            }
            focused
                .send_keys(&Key::Tab.to_string())
                .await
                .expect("a key");
        }
        let start = client.active_element().await.expect("an element");
        assert_eq!(
            start.attr("id").await.expect("its name").as_deref(),
            Some("start"),
            "the keyboard does not reach the start button"
        );
        start
            .send_keys(&Key::Enter.to_string())
            .await
            .expect("a key");
        page.wait_for_result(0).await;
        page.wait_until_idle().await;
        page.script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            .await;
        for theme in ["light", "dark"] {
            page.script(&format!(
                "document.documentElement.dataset.theme = '{theme}'"
            ))
            .await;
            let found = obstacles(&page).await;
            assert!(found.is_empty(), "{theme}: {found:#?}");
        }
        browser.close().await;
    });
}

#[test]
fn the_page_fits_phones_and_large_screens() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let browser = Browser::start(Setup::default()).await;
        let page = Page::open(&browser, &site, "device=cpu").await;
        page.start().await;
        page.wait_for_result(0).await;
        page.wait_until_idle().await;
        for width in [360, 768, 1280, 2560, 3840] {
            browser.resize(width, 1000);
            let beyond = page
                .script("const page = document.documentElement; return page.scrollWidth - page.clientWidth;")
                .await;
            assert_eq!(beyond, 0, "something is wider than {width}");
            let picture = browser.client.screenshot().await.expect("a picture");
            assert!(picture.len() > 10_000, "nothing is to be seen at {width}");
        }
        browser.close().await;
    });
}

#[test]
fn a_page_that_is_not_in_view_rests() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let site = Site::open();
        let browser = Browser::with_devices(&workshop.devices()).await;
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.start().await;
        page.wait_for_result(0).await;
        page.script(
            "Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })",
        )
        .await;
        page.wait_for_text("#status", "Paused").await;
        // The window in flight may still come.
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        let before = page.result().await["id"].as_u64().expect("a number");
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        assert_eq!(page.result().await["id"].as_u64(), Some(before));
        page.script("delete document.hidden").await;
        page.wait_for_result(before).await;
        page.stop().await;
        browser.close().await;
    });
}

#[test]
fn the_pages_own_code_is_small() {
    let mut bytes = 0;
    for entry in std::fs::read_dir(site::root()).expect("the site") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let code = [".js", ".css", ".html", ".wasm"]
            .iter()
            .any(|end| name.ends_with(end));
        if code && !name.contains("engine") {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder
                .write_all(&std::fs::read(&path).expect("a file"))
                .expect("memory");
            bytes += encoder.finish().expect("memory").len();
        }
    }
    println!("the page's own code: {bytes} bytes compressed");
    assert!((10_000..=MOST_PAGE_BYTES).contains(&bytes), "{bytes} bytes");
}
