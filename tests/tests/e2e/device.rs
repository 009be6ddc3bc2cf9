//! Graphics cards that are not there, go away, or are used for a long time.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::browser::{Browser, Setup};
use super::clip::Workshop;
use super::offline::deployment;
use super::page::Page;
use super::site::Site;
use super::{SELECTED_TOLERANCE, WORDS, alone, run};

/// Lets every worker's graphics device be destroyed from the page, as a driver that is started anew does.
const DESTRUCTIBLE: &str = r#"
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
        const device = await request.call(this, descriptor);
        new BroadcastChannel("destroy").onmessage = () => device.destroy();
        return device;
    };
"#;
/// A browser that never heard of it.
const WITHOUT_WEBGPU: &str = r#"Object.defineProperty(navigator, "gpu", { value: undefined });"#;
/// Judged before the memory is looked at for the first time: by then everything was in use once.
const WARM_WINDOWS: u64 = 8;
/// How long the page is used for; `MESM_SOAK_S` gives another time, and docs/hosting.md the figures of ten minutes.
const SOAK_S: u64 = 45;

/// A deployment whose workers may be started by way of a script of the test's.
fn lenient() -> TempDir {
    deployment(|page| page.replace("worker-src 'self'", "worker-src 'self' blob:"))
}

/// Runs a script in every worker before its own. The site must be [`lenient`].
fn before_workers(browser: &Browser, script: &str) {
    browser.before_pages(&format!(
        "const Real = Worker;
         window.Worker = function (url, options) {{
             const script = {} + `\nawait import(${{JSON.stringify(url)}});`;
             return new Real(URL.createObjectURL(new Blob([script], {{ type: 'text/javascript' }})), options);
         }};",
        serde_json::json!(script)
    ));
}

fn logits(outcome: &Value) -> Vec<f64> {
    let logits = outcome["logits"].as_array().expect("logits");
    logits.iter().filter_map(Value::as_f64).collect()
}

async fn assert_processor(page: &Page<'_>, reason: &str) {
    assert_eq!(page.text("#device-chip").await, "Processor");
    let notice = page.text("#device-notice").await;
    assert!(
        notice.contains(reason) && notice.contains("The processor is used"),
        "{notice}"
    );
}

#[test]
fn without_webgpu_the_processor_is_used_and_the_page_says_so() {
    let _turn = alone();
    run(async {
        let folder = lenient();
        let site = Site::of(folder.path().to_owned());
        let browser = Browser::start(Setup::default()).await;
        before_workers(&browser, WITHOUT_WEBGPU);
        for query in ["", "device=webgpu"] {
            let page = Page::open(&browser, &site, query).await;
            assert_processor(&page, "does not have it").await;
        }
        browser.close().await;

        let browser = Browser::start(Setup {
            without_graphics: true,
            ..Setup::default()
        })
        .await;
        for query in ["", "device=webgpu"] {
            let page = Page::open(&browser, &site, query).await;
            assert_processor(&page, "no adapter was found").await;
        }
        browser.close().await;
    });
}

#[test]
fn a_lost_graphics_card_is_started_again_once() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let folder = lenient();
        let site = Site::of(folder.path().to_owned());
        let browser = Browser::start(Setup::default()).await;
        before_workers(&browser, DESTRUCTIBLE);
        let page = Page::open(&browser, &site, "device=webgpu&source=file").await;
        page.write_words(WORDS).await;
        page.choose_file(&workshop.tiny()).await;
        let mut last = 0;
        let mut judged = Vec::new();
        for (device, chip, notice) in [
            ("webgpu", "WebGPU", ""),
            ("webgpu", "WebGPU", "It was started again"),
            ("cpu", "Processor", "Continuing on the processor"),
        ] {
            page.start().await;
            last = page.wait_for_result(last).await;
            page.wait_until_idle().await;
            let shown = page.result().await;
            assert_eq!(shown["device"], device, "{notice}");
            assert!(
                page.text("#device-chip").await.starts_with(chip),
                "{notice}"
            );
            let said = page.text("#device-notice").await;
            assert!(said.contains(notice), "{said}");
            println!(
                "{} {} {} {} {} {}",
                shown["logits"],
                shown["frames"],
                shown["faces"],
                shown["chunks"],
                shown["active_points"],
                shown["notes"]
            );
            judged.push(logits(&shown));
            page.script("new BroadcastChannel('destroy').postMessage(1)")
                .await;
        }
        assert_eq!(judged[0], judged[1], "the same card says the same");
        for (gpu, cpu) in judged[0].iter().zip(&judged[2]) {
            assert!((gpu - cpu).abs() <= SELECTED_TOLERANCE, "{gpu} {cpu}");
        }
        browser.close().await;
    });
}

#[test]
fn a_page_that_is_kept_open_does_not_grow() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let site = Site::open();
        let browser = Browser::with_devices(&workshop.devices()).await;
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.write_words(WORDS).await;
        page.script(
            "window.gaps = [];
             let before = performance.now();
             const count = (now) => { gaps.push(now - before); before = now; requestAnimationFrame(count); };
             requestAnimationFrame(count);",
        )
        .await;
        page.start().await;
        let mut last = page.wait_for_result(WARM_WINDOWS).await;
        let memory = async || {
            let bytes = page.script("return window.mesmLast.memory_bytes").await;
            bytes.as_f64().expect("bytes")
        };
        let first = memory().await;
        let seconds = std::env::var("MESM_SOAK_S").ok();
        let seconds = seconds.and_then(|s| s.parse().ok()).unwrap_or(SOAK_S);
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            last = page.wait_for_result(last).await;
        }
        let newest = memory().await;
        let gaps = page
            .script(
                "const sorted = gaps.slice().sort((a, b) => a - b);
                 return [0.5, 0.95, 0.99].map((q) => sorted[Math.floor(q * (sorted.length - 1))])",
            )
            .await;
        println!(
            "{last} windows: {first} bytes of the engine after the first {WARM_WINDOWS}, {newest} at the end; \
             between two pictures of the page (median, 95 %, 99 %): {gaps} ms"
        );
        assert!(newest <= first * 1.02, "{first} bytes, {newest} at the end");
        page.stop().await;
        browser.close().await;
    });
}
