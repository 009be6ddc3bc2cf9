//! What was judged can be looked at again, asked again and taken away.

use serde_json::Value;

use super::browser::Browser;
use super::clip::Workshop;
use super::page::Page;
use super::site::Site;
use super::{alone, run};

/// Red that lies over the preview.
async fn painted(page: &Page<'_>) -> f64 {
    let painted = page
        .script(
            "const canvas = document.getElementById('stage-attention');
             const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
             let sum = 0; for (let i = 3; i < data.length; i += 4) sum += data[i]; return sum;",
        )
        .await;
    painted.as_f64().expect("a number")
}

/// Sets a control as a person would, and lets the page hear of it.
async fn set(page: &Page<'_>, id: &str, value: &str, event: &str) {
    page.script(&format!(
        "const c = document.getElementById('{id}'); c.value = '{value}'; c.dispatchEvent(new Event('{event}'));"
    ))
    .await;
}

/// How many moments there are.
async fn moments(page: &Page<'_>) -> usize {
    let newest = page
        .script("return Number(document.getElementById('moment').max)")
        .await;
    newest.as_u64().expect("a number") as usize + 1
}

/// What the buttons save.
async fn saved(page: &Page<'_>, button: &str) -> String {
    page.script(
        "window.saved ??= (() => {
             const make = URL.createObjectURL;
             URL.createObjectURL = (blob) => { blob.text().then((t) => { window.savedText = t; }); return make(blob); };
             return true;
         })(); window.savedText = null;",
    )
    .await;
    page.press(button).await;
    page.wait("the file", || async {
        let text = page.script("return window.savedText").await;
        text.as_str().map(str::to_owned)
    })
    .await
}

fn points(result: &Value) -> u64 {
    let of = |modality: &str| result["active_points"][modality].as_array().cloned();
    let layers = ["v", "a"].into_iter().filter_map(of).flatten();
    layers.filter_map(|layer| layer.as_u64()).sum()
}

/// The layers over the face, and the weights of all points.
async fn assert_painted(page: &Page<'_>) {
    let first = painted(page).await;
    assert!(first > 0.0, "nothing is painted over the face");
    page.press("input[name=layer][value='0'] + span").await;
    assert!(painted(page).await < 1.0);
    page.press("input[name=layer][value='3'] + span").await;
    let kept = painted(page).await;
    page.press("#soft + span").await;
    let weights = painted(page).await;
    assert!(kept > 0.0 && weights > 0.0 && (kept - weights).abs() > 1.0);
    assert_eq!(
        page.script("return document.getElementById('mel-strip').hidden")
            .await,
        false
    );
}

/// Back to the first moment: its picture stands in the place of the camera's.
async fn assert_goes_back(page: &Page<'_>) {
    let newest = page.text("#bars").await;
    set(page, "moment", "0", "input").await;
    page.wait_for_text("#moment-about", "before the newest")
        .await;
    assert_eq!(
        page.script("return document.getElementById('still').hidden")
            .await,
        false
    );
    page.press("#live").await;
    page.wait_for_text("#moment-about", "Newest window").await;
    assert_eq!(
        page.script("return document.getElementById('still').hidden")
            .await,
        true
    );
    assert_eq!(page.text("#bars").await, newest);
}

/// The dial acts at once, on the window that is shown. The result and its number.
async fn assert_asked_again(page: &Page<'_>, last: u64, count: usize) -> (Value, u64) {
    let before = page.result().await;
    set(page, "top-p", "0.2", "change").await;
    let last = asked_again(page, last).await;
    let after = page.result().await;
    assert!(
        points(&after) < points(&before),
        "{} of {}",
        points(&after),
        points(&before)
    );
    assert_eq!(before["frames"], after["frames"]);
    assert_eq!(moments(page).await, count, "moments after asking again");
    (after, last)
}

/// The table has a line a moment, and the lines hold what is shown.
async fn assert_saved(page: &Page<'_>, after: &Value, count: usize) {
    let csv = saved(page, "#save-csv").await;
    assert_eq!(csv.lines().count(), count + 1, "{csv}");
    let head = csv.lines().next().expect("a head");
    assert!(
        head.starts_with("end_s,model,top_p,p_") && head.contains("share_v_"),
        "{head}"
    );
    assert!(csv.contains("\"so, it is \"\"good\"\"\""), "{csv}");
    let lines = saved(page, "#save-jsonl").await;
    let newest: Value = lines
        .lines()
        .last()
        .map(serde_json::from_str)
        .expect("a line")
        .expect("JSON");
    assert_eq!(newest["logits"], after["logits"]);
    assert!((newest["top_p"].as_f64().expect("p") - 0.2).abs() < 1e-6);
}

/// The dense twin says what the model says at p = 1, at the whole cost, and has no points to show.
async fn assert_dense_twin(page: &Page<'_>, last: u64) -> u64 {
    set(page, "top-p", "1", "change").await;
    let last = asked_again(page, last).await;
    let whole = page.result().await;
    page.script("document.querySelector('input[name=model][value=fe2e]').click()")
        .await;
    let last = asked_again(page, last).await;
    let twin = page.result().await;
    for (twin, whole) in logits(&twin).zip(logits(&whole)) {
        assert!((twin - whole).abs() < 1e-3, "{twin} {whole}");
    }
    assert_eq!(twin["attention"], serde_json::json!({}));
    for macs in twin["macs"].as_object().expect("costs").values() {
        assert_eq!(macs["pairs"], macs["dense"]);
    }
    assert!(
        page.script("return document.getElementById('top-p').disabled")
            .await
            == true
    );
    page.script("document.querySelector('input[name=model][value=mesm]').click()")
        .await;
    asked_again(page, last).await
}

fn logits(outcome: &Value) -> impl Iterator<Item = f64> {
    let logits = outcome["logits"].as_array().expect("logits");
    logits.iter().map(|logit| logit.as_f64().expect("a number"))
}

/// Waits for a result newer than `last`, and gives its number.
async fn asked_again(page: &Page<'_>, last: u64) -> u64 {
    page.wait("the answer", || async {
        let id = page.script("return window.mesmLast.id").await;
        id.as_u64().filter(|id| *id > last)
    })
    .await
}

/// The curve rises, and is nobody's moment.
async fn assert_curve(page: &Page<'_>, last: u64) {
    page.press("#curve").await;
    page.wait_for_text("#status", "The curve is drawn").await;
    assert_eq!(page.count("#curve-card tbody tr").await, 10);
    let costs = page
        .script("return [...document.querySelectorAll('#curve-card td:nth-child(2)')].map((c) => parseInt(c.textContent))")
        .await;
    let costs: Vec<i64> = costs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .collect();
    assert!(
        costs.is_sorted() && costs.first() < costs.last(),
        "{costs:?}"
    );
    assert_eq!(page.result().await["id"].as_u64(), Some(last));
    assert!(page.text("#latency").await.contains("windows a second"));
}

#[test]
fn moments_are_looked_at_asked_again_and_saved() {
    let _turn = alone();
    run(async {
        let workshop = Workshop::open();
        let site = Site::open();
        let browser = Browser::with_devices(&workshop.devices()).await;
        let page = Page::open(&browser, &site, "device=cpu&source=camera").await;
        page.write_words("so, it is \"good\"").await;
        page.start().await;
        let mut last = 0;
        for _ in 0..3 {
            last = page.wait_for_result(last).await;
        }
        page.stop().await;
        let count = moments(&page).await;
        assert!(count >= 3, "{count} moments");

        assert_painted(&page).await;
        assert_goes_back(&page).await;
        let (after, last) = assert_asked_again(&page, last, count).await;
        assert_saved(&page, &after, count).await;
        let last = assert_dense_twin(&page, last).await;
        assert_curve(&page, last).await;
        browser.close().await;
    });
}
