//! The page as a person uses it.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::Locator;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::site::Site;

/// A software GPU on two busy cores needs minutes.
const PATIENCE: Duration = Duration::from_mins(20);
const POLL: Duration = Duration::from_millis(200);

/// A page that is ready.
pub(crate) struct Page<'a> {
    browser: &'a Browser,
}

impl<'a> Page<'a> {
    /// Opens the page and waits until it can be used.
    pub(crate) async fn open(browser: &'a Browser, site: &Site, query: &str) -> Self {
        let page = Self { browser };
        page.go(&site.page(query)).await;
        page
    }

    /// Opens the page at another address.
    pub(crate) async fn at(browser: &'a Browser, address: &str) -> Self {
        let page = Self { browser };
        page.go(address).await;
        page
    }

    /// Opens a page of somebody else, of which nothing is known.
    pub(crate) async fn of_others(browser: &'a Browser, address: &str) -> Self {
        browser.navigate(address).await;
        Self { browser }
    }

    async fn go(&self, address: &str) {
        self.browser.navigate(address).await;
        self.wait_until_idle().await;
    }

    /// Waits until an element says something.
    pub(crate) async fn wait_for_text(&self, selector: &str, words: &str) {
        self.wait(&format!("`{words}` in {selector}"), || async {
            self.text(selector).await.contains(words).then_some(())
        })
        .await;
    }

    /// Opens the page and gives what it says when it cannot start.
    pub(crate) async fn open_in_vain(browser: &'a Browser, site: &Site, query: &str) -> String {
        let page = Self { browser };
        browser.navigate(&site.page(query)).await;
        page.wait("the page to fail", || async {
            let state = page.script("return document.body.dataset.state").await;
            (state == "failed").then_some(())
        })
        .await;
        page.text("#status").await
    }

    /// Waits until the page can be started (again).
    pub(crate) async fn wait_until_idle(&self) {
        self.wait("the page to be ready", || async {
            let state = self.script("return document.body.dataset.state").await;
            assert_ne!(
                state,
                "failed",
                "the page failed: {}",
                self.text("#status").await
            );
            (state == "ready").then_some(())
        })
        .await;
    }

    /// Waits for a result newer than the window `after`, and gives its number.
    pub(crate) async fn wait_for_result(&self, after: u64) -> u64 {
        self.wait("a result", || async {
            let state = self.script("return document.body.dataset.state").await;
            let last = self
                .script("return window.mesmLast ? window.mesmLast.id : 0")
                .await;
            let last = last.as_u64().unwrap_or(0);
            assert!(
                last > after || state == "running",
                "no result came: {}",
                self.text("#status").await
            );
            (last > after).then_some(last)
        })
        .await
    }

    /// Types the words.
    pub(crate) async fn write_words(&self, words: &str) {
        let field = self
            .browser
            .client
            .find(Locator::Css("#words"))
            .await
            .expect("#words");
        field.clear().await.expect("the field empties");
        field.send_keys(words).await.expect("the words are typed");
    }

    /// Chooses a file.
    pub(crate) async fn choose_file(&self, file: &Path) {
        self.choose_file_in("#file", file).await;
    }

    /// Chooses a file in another field than the page's own.
    pub(crate) async fn choose_file_in(&self, selector: &str, file: &Path) {
        let field = self
            .browser
            .client
            .find(Locator::Css(selector))
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
        let name = file.display().to_string();
        field.send_keys(&name).await.expect("the file is chosen");
    }

    /// Presses start.
    pub(crate) async fn start(&self) {
        self.press("#start").await;
    }

    /// Presses stop, and waits for it.
    pub(crate) async fn stop(&self) {
        self.press("#stop").await;
        self.wait_until_idle().await;
    }

    /// The last result. Both places that hold it are read in one turn of the page: another may come between two.
    pub(crate) async fn result(&self) -> Value {
        let both = self
            .script(
                "return [window.mesmLast, \
                 JSON.parse(document.getElementById('last-result').textContent)]",
            )
            .await;
        assert_eq!(both[0], both[1], "both places hold the same result");
        both[0].clone()
    }

    /// The share of the attention mass that was kept.
    pub(crate) async fn top_p(&self) -> f64 {
        self.script("return document.getElementById('top-p').valueAsNumber")
            .await
            .as_f64()
            .expect("a number")
    }

    /// The last result's window as a folder that the native program reads.
    pub(crate) async fn export(&self) -> TempDir {
        let files = self
            .browser
            .client
            .execute_async(
                "const done = arguments[0]; window.mesmExport().then(done, (e) => done(String(e)));",
                Vec::new(),
            )
            .await
            .expect("the export");
        let files = files
            .as_object()
            .unwrap_or_else(|| panic!("no window was exported: {files}"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in files {
            let bytes = STANDARD
                .decode(content.as_str().expect("base64"))
                .expect("base64");
            std::fs::write(folder.path().join(name), bytes).expect("a file is written");
        }
        folder
    }

    /// The visible text of an element.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self
            .browser
            .client
            .find(Locator::Css(selector))
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.text().await.expect("its text")
    }

    /// How many elements there are.
    pub(crate) async fn count(&self, selector: &str) -> usize {
        let found = self.browser.client.find_all(Locator::Css(selector)).await;
        found.expect("a list").len()
    }

    /// Wall-clock time of the browser in milliseconds.
    pub(crate) async fn now_ms(&self) -> f64 {
        self.script("return Date.now()")
            .await
            .as_f64()
            .expect("a number")
    }

    /// Presses what a person would press.
    pub(crate) async fn press(&self, selector: &str) {
        let button = self
            .browser
            .client
            .find(Locator::Css(selector))
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
        button
            .click()
            .await
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Runs a script in the page.
    pub(crate) async fn script(&self, script: &str) -> Value {
        let value = self.browser.client.execute(script, vec![json!(null)]).await;
        value.unwrap_or_else(|error| panic!("`{script}`: {error}"))
    }

    /// Waits until `look` finds something.
    pub(crate) async fn wait<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        mut look: impl FnMut() -> F,
    ) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "waited {} s for {what}; the page says: {}",
                PATIENCE.as_secs(),
                self.text("#status").await
            );
            tokio::time::sleep(POLL).await;
        }
    }
}
