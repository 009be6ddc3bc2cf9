//! The site is kept in the browser whole and undamaged, opens without a network, and gives way to a new deployment.

use std::fs;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use super::browser::{Browser, Setup};
use super::page::Page;
use super::site::{self, Damage, Site};
use super::{alone, files, run};

/// A copy of the built site in which `change` has its way with the page, and the service worker with its sums.
pub(crate) fn deployment(change: impl Fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files::copy(&site::root(), folder.path());
    let index = folder.path().join("index.html");
    let page = change(&fs::read_to_string(&index).expect("the page"));
    fs::write(&index, &page).expect("the page");
    let worker = folder.path().join("service-worker.js");
    let script = fs::read_to_string(&worker).expect("the service worker");
    let start = script.find("Object.entries(").expect("the sums") + "Object.entries(".len();
    let end = start + script[start..].find("));").expect("their end");
    let mut sums: Value = serde_json::from_str(&script[start..end]).expect("the sums");
    sums["index.html"]["sha256"] = sha256(page.as_bytes()).into();
    let version = &sha256(sums.to_string().as_bytes())[..16];
    let old = script.find("VERSION = \"").expect("the version") + "VERSION = \"".len();
    let script = format!(
        "{}{sums}{}{version}{}",
        &script[..start],
        &script[end..old],
        &script[old + 16..]
    );
    fs::write(&worker, script).expect("the service worker");
    folder
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Waits until the browser has kept every file of the site.
async fn wait_until_kept(page: &Page<'_>) {
    page.wait("all files to be kept", || async {
        let missing = page
            .script(
                "return (async () => {
                     const [name] = await caches.keys();
                     const cache = await caches.open(name);
                     const kept = (await cache.keys()).map((r) => r.url);
                     const files = Object.keys(await (await fetch('files.json')).json());
                     return files.filter((f) => !kept.includes(new URL(f, document.baseURI).href)).length;
                 })()",
            )
            .await;
        (missing == 0).then_some(())
    })
    .await;
}

/// Notes when the page begins to say something else, in milliseconds from the opening: the stages of its start.
const NOTE_STAGES: &str = r#"
    window.stages = [];
    const note = () => {
        const said = document.getElementById("status")?.textContent;
        if (said && stages.at(-1)?.said !== said) stages.push({ said, ms: Math.round(performance.now()) });
    };
    new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
"#;

/// Prints what the page said and when.
async fn print_stages(page: &Page<'_>) {
    let stages = page.script("return window.stages").await;
    let stages = stages.as_array().expect("stages");
    assert!(stages.len() > 3, "{stages:?}");
    for stage in stages {
        let (ms, said) = (&stage["ms"], stage["said"].as_str().unwrap_or_default());
        println!("{ms:>8} ms  {said}");
    }
}

async fn is_second(page: &Page<'_>) -> bool {
    let title = page.script("return document.title").await;
    title.as_str().is_some_and(|t| t.starts_with("Second"))
}

async fn judge_the_sample(page: &Page<'_>) {
    page.start().await;
    page.wait_for_result(0).await;
    page.wait_until_idle().await;
}

#[test]
fn a_later_visit_needs_no_network_and_a_new_deployment_takes_over() {
    let _turn = alone();
    run(async {
        let (first, second) = (
            deployment(str::to_owned),
            deployment(|page| page.replace("<title>", "<title>Second ")),
        );
        let site = Site::of(first.path().to_owned());
        let browser = Browser::start(Setup::default()).await;
        let page = Page::open(&browser, &site, "device=cpu").await;
        wait_until_kept(&page).await;

        site.set_up(false);
        browser.before_pages(NOTE_STAGES);
        let page = Page::open(&browser, &site, "device=cpu").await;
        let ready_ms = page.script("return performance.now()").await;
        judge_the_sample(&page).await;
        let judged_ms = page.script("return performance.now()").await;
        println!(
            "without a network: ready after {ready_ms} ms, the sample judged after {judged_ms} ms"
        );
        print_stages(&page).await;

        site.set_up(true);
        site.deploy(second.path().to_owned());
        // The first page after a deployment still has the old files and brings the new ones.
        let page = Page::open(&browser, &site, "device=cpu").await;
        assert!(!is_second(&page).await);
        page.wait("the new deployment to be there", || async {
            let waits = page
                .script("return navigator.serviceWorker.getRegistration().then((r) => r.waiting !== null)")
                .await;
            (waits == true).then_some(())
        })
        .await;
        // Nothing is taken from under a page that is open: another one beside it has the same files.
        let beside = browser.open_window().await;
        let page = Page::open(&browser, &site, "device=cpu").await;
        assert!(!is_second(&page).await);
        browser.close_window(beside).await;
        // A page that is alone gives way.
        browser.navigate(&site.page("device=cpu")).await;
        let asked = Instant::now();
        page.wait("the new deployment", || async {
            is_second(&page).await.then_some(())
        })
        .await;
        println!(
            "the new deployment after {} ms",
            asked.elapsed().as_millis()
        );
        page.wait_until_idle().await;
        judge_the_sample(&page).await;
        site.assert_nothing_missing();
        // The old files go once nobody can have a page of them.
        let page = Page::of_others(&browser, &format!("{}/elsewhere", site.origin())).await;
        let asked = Instant::now();
        page.wait("the old deployment's files to be gone", || async {
            let caches = page
                .script("return caches.keys().then((k) => k.length)")
                .await;
            (caches == 1).then_some(())
        })
        .await;
        println!("gone after {} ms", asked.elapsed().as_millis());
        let page = Page::open(&browser, &site, "device=cpu").await;
        assert!(is_second(&page).await);
        wait_until_kept(&page).await;
        browser.close().await;
    });
}

#[test]
fn damaged_files_are_brought_again_and_never_used() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let browser = Browser::start(Setup::default()).await;
        site.damage("static/weights/mesm-web.safetensors", &[Damage::Flipped]);
        site.damage("static/weights/text/model.safetensors", &[Damage::Cut]);
        let page = Page::open(&browser, &site, "device=cpu").await;
        wait_until_kept(&page).await;
        judge_the_sample(&page).await;
        browser.close().await;

        let browser = Browser::start(Setup::default()).await;
        site.damage("static/mtcnn.safetensors", &[Damage::Flipped; 9]);
        let said = Page::open_in_vain(&browser, &site, "device=cpu").await;
        assert!(
            said.contains("mtcnn.safetensors")
                && said.contains("damaged")
                && said.contains("reload"),
            "{said}"
        );
        browser.close().await;
    });
}
