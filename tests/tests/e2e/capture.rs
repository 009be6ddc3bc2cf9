//! Cameras and microphones that are not there, not allowed or taken away: the page says what and why, and goes on with
//! what is left.

use super::browser::{Browser, Setup};
use super::clip::Workshop;
use super::page::Page;
use super::site::Site;
use super::{WORDS, alone, run};

/// Only words are left: they are judged once they are typed.
async fn assert_words_go_on(page: &Page<'_>, after: u64) {
    page.write_words(WORDS).await;
    page.wait_for_result(after).await;
    let shown = page.result().await;
    let shares = shown["shares"].as_object().expect("shares");
    assert_eq!(shares.keys().collect::<Vec<_>>(), ["t"], "{shown}");
    assert_eq!((&shown["frames"], &shown["chunks"]), (&0.into(), &0.into()));
}

async fn assert_troubles(page: &Page<'_>, sentences: &[&str]) {
    for sentence in sentences {
        page.wait_for_text("#troubles", sentence).await;
    }
    let items = page.count("#troubles li").await;
    assert_eq!(items, sentences.len(), "{}", page.text("#troubles").await);
}

#[test]
fn without_devices_the_words_go_on() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let browser = Browser::start(Setup::default()).await;
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.start().await;
        assert_troubles(&page, &["No camera was found", "No microphone was found"]).await;
        page.wait_for_text("#status", "words alone").await;
        assert_words_go_on(&page, 0).await;
        page.stop().await;
        browser.close().await;
    });
}

#[test]
fn forbidden_devices_are_said_with_the_remedy() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let workshop = Workshop::open();
        let devices = workshop.devices();
        // There are devices, and nobody answers for the person.
        let video = format!(
            "--use-file-for-fake-video-capture={}",
            devices.video.display()
        );
        let browser = Browser::start(Setup {
            forbidden: true,
            flags: &["--use-fake-device-for-media-stream", &video],
            ..Setup::default()
        })
        .await;
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.start().await;
        assert_troubles(
            &page,
            &[
                "The camera is not allowed. Allow it in the browser's site settings",
                "The microphone is not allowed",
            ],
        )
        .await;
        page.stop().await;
        browser.close().await;
    });
}

#[test]
fn an_unsafe_page_says_that_it_gets_no_devices() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let browser = Browser::start(Setup {
            flags: &["--host-resolver-rules=MAP mesm.example 127.0.0.1"],
            ..Setup::default()
        })
        .await;
        let address = site
            .page("device=cpu&source=camera")
            .replace("127.0.0.1", "mesm.example");
        let page = Page::at(&browser, &address).await;
        page.start().await;
        assert_troubles(
            &page,
            &[
                "Browsers give a camera to safe pages only",
                "Browsers give a microphone to safe pages only",
            ],
        )
        .await;
        page.stop().await;
        browser.close().await;
    });
}

/// Makes the browser refuse what `when` is true of.
async fn refuse(page: &Page<'_>, when: &str, exception: &str, message: &str) {
    page.script(&format!(
        "const devices = navigator.mediaDevices;
         window.realAsk ??= devices.getUserMedia.bind(devices);
         devices.getUserMedia = (c) => {when}
             ? Promise.reject(new DOMException('{message}', '{exception}')) : window.realAsk(c);"
    ))
    .await;
}

/// Waits for a window with `frames` and `chunks` as they should be, and gives its number. A fast engine judges windows that
/// were begun before the last change, or hold little yet.
async fn window_with(
    page: &Page<'_>,
    after: u64,
    frames: impl Fn(u64) -> bool,
    chunks: impl Fn(u64) -> bool,
) -> u64 {
    let mut last = after;
    let mut seen = Vec::new();
    for _ in 0..20 {
        page.wait_for_result(last).await;
        let shown = page.result().await;
        let count = |what: &str| shown[what].as_u64().expect("a number");
        last = count("id");
        let found = (count("frames"), count("chunks"));
        if frames(found.0) && chunks(found.1) {
            return last;
        }
        seen.push(found);
    }
    panic!("no such window came; frames and chunks of those that did: {seen:?}");
}

/// As many as a window has.
fn several(count: u64) -> bool {
    count > 4
}

fn some(count: u64) -> bool {
    count > 0
}

fn none(count: u64) -> bool {
    count == 0
}

/// Stops the source, and gives the number of its last result: some come while nobody waits.
async fn stopped(page: &Page<'_>) -> u64 {
    page.stop().await;
    page.result().await["id"].as_u64().expect("a number")
}

#[test]
fn what_is_taken_away_is_gone_on_without() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let site = Site::open();
        let browser = Browser::with_devices(&workshop.devices()).await;
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;

        refuse(&page, "c.video", "NotReadableError", "in use").await;
        page.start().await;
        assert_troubles(&page, &["The camera is used by another program"]).await;
        page.wait_for_text("#status", "voice and the words").await;
        window_with(&page, 0, none, some).await;
        let last = stopped(&page).await;

        refuse(&page, "c.audio", "NotAllowedError", "Permission dismissed").await;
        page.start().await;
        assert_troubles(
            &page,
            &["The question about the microphone was closed without an answer"],
        )
        .await;
        window_with(&page, last, several, none).await;
        let last = stopped(&page).await;

        refuse(&page, "false", "", "").await;
        page.start().await;
        let last = window_with(&page, last, several, some).await;
        page.wait_for_text("#stage-facts", "pictures a second")
            .await;
        page.script("document.getElementById('preview').srcObject.getVideoTracks()[0].stop()")
            .await;
        assert_troubles(&page, &["The camera is gone"]).await;
        window_with(&page, last, none, some).await;
        let last = stopped(&page).await;

        // The browser tells names now; one that is chosen is remembered, and none may be chosen too.
        assert!(page.count("#microphone option").await > 2);
        page.script(
            "const pick = document.getElementById('microphone');
             pick.value = 'off'; pick.dispatchEvent(new Event('change'));",
        )
        .await;
        page.start().await;
        window_with(&page, last, several, none).await;
        assert_eq!(page.count("#troubles li").await, 0);
        page.stop().await;
        assert_eq!(
            page.script("return localStorage.getItem('mesm-microphone')")
                .await,
            "off"
        );
        browser.close().await;
    });
}

/// A browser that hears words by itself, after it has brought a language.
const HEARS: &str = "
    let there = 'downloadable';
    window.SpeechRecognition = class extends EventTarget {
        static async available(o) {
            if (!o.processLocally) throw new Error('not asked for local processing');
            return there;
        }
        static async install() { there = 'available'; return true; }
        start(track) {
            if (!this.processLocally || track.kind !== 'audio') throw new Error('would leave the device');
            this.timer = setInterval(() => {
                const said = [{ transcript: 'what a lovely surprise' }];
                said.isFinal = false;
                this.dispatchEvent(Object.assign(new Event('result'), { resultIndex: 0, results: [said] }));
            }, 300);
        }
        abort() { clearInterval(this.timer); }
    };
";

#[test]
fn words_are_heard_on_this_device_or_not_at_all() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let site = Site::open();
        let browser = Browser::with_devices(&workshop.devices()).await;
        // A browser with recognition that makes no promise: it is as if it had none.
        browser.before_pages("window.SpeechRecognition = class {};");
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.wait_for_text(
            "#listen-note",
            "Off: this browser would send your voice to a server",
        )
        .await;
        assert_eq!(
            page.script("return document.getElementById('listen').disabled")
                .await,
            true
        );
        assert_eq!(
            page.text("#words-origin").await,
            "none: the empty sentence asks"
        );
        page.write_words("so it is").await;
        assert_eq!(page.text("#words-origin").await, "typed");

        browser.before_pages(HEARS);
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.wait_for_text("#listen-note", "brings a language once")
            .await;
        page.press("#listen").await;
        page.wait_for_text("#listen-note", "on this device").await;
        page.start().await;
        page.wait_for_text("#words-origin", "heard on this device")
            .await;
        let last = page.wait_for_result(0).await;
        page.wait_for_result(last).await;
        let shown = page.result().await;
        assert!(!shown["notes"].to_string().contains("no words"), "{shown}");
        page.stop().await;
        browser.close().await;
    });
}

#[test]
fn a_dropped_file_is_judged_to_its_end() {
    let _turn = alone();
    run(async {
        let site = Site::open();
        let browser = Browser::start(Setup::default()).await;
        let page = Page::open(&browser, &site, "device=cpu").await;
        page.script(
            "return fetch('static/sample.mp4').then((r) => r.blob()).then((blob) => {
                 const dropped = new DataTransfer();
                 dropped.items.add(new File([blob], 'sample.mp4', { type: 'video/mp4' }));
                 const event = { bubbles: true, cancelable: true, dataTransfer: dropped };
                 const stage = document.getElementById('stage');
                 stage.dispatchEvent(new DragEvent('dragover', event));
                 stage.dispatchEvent(new DragEvent('drop', event));
             })",
        )
        .await;
        page.wait_for_result(0).await;
        page.wait_until_idle().await;
        page.wait_for_text("#status", "Done").await;
        browser.close().await;
    });
}
