//! Chromium's own log of everything that goes through its network stack, workers and worklets included.

use serde_json::Value;

/// A request that the page or one of its workers made.
#[derive(Debug)]
struct PageRequest {
    url: String,
    /// Wall-clock time in milliseconds.
    at_ms: f64,
}

/// Every request of the page went to its own site, and none was made after `ready_ms`.
///
/// # Panics
/// When it was otherwise, or the log cannot be read or holds no request at all.
pub(crate) fn assert_private(log: &str, origin: &str, ready_ms: f64) {
    let requests = requests_of(log, origin);
    let engine = format!("{origin}/a/b/mesm-engine_bg.wasm.gz");
    assert!(
        requests.iter().any(|request| request.url == engine),
        "the log does not show how the engine was loaded, so it proves nothing: {requests:?}"
    );
    let home = format!("{origin}/a/b/");
    for request in &requests {
        assert!(
            request.url.starts_with(&home),
            "the page asked another site, or outside of its path: {request:?}"
        );
        // The browser fetches the tab's icon when it likes, and looks a while after a visit began whether there is a new
        // service worker: no code of the page asks for these two.
        let browsers = request.url.starts_with(&format!("{home}icon-"))
            || request.url == format!("{home}service-worker.js");
        assert!(
            browsers || request.at_ms <= ready_ms,
            "the page asked for something {:.0} ms after it was ready: {request:?}",
            request.at_ms - ready_ms
        );
    }
}

/// Requests whose initiator is the page's origin. The browser's own (its updates and checks) have none or another.
fn requests_of(log: &str, origin: &str) -> Vec<PageRequest> {
    let mut lines = log.lines();
    let head = lines.next().expect("constants").trim_end_matches(',');
    let constants: Value =
        serde_json::from_str(&format!("{head}}}")).expect("the first line holds the constants");
    let constants = &constants["constants"];
    let start_job = constants["logEventTypes"]["URL_REQUEST_START_JOB"].clone();
    assert!(
        start_job.is_number(),
        "the log knows no URL_REQUEST_START_JOB"
    );
    let offset_ms: f64 = number(&constants["timeTickOffset"]);
    lines
        .filter_map(event)
        .filter(|event| event["type"] == start_job && event["params"]["initiator"] == origin)
        .map(|event| PageRequest {
            url: event["params"]["url"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            at_ms: number(&event["time"]) + offset_ms,
        })
        .collect()
}

/// One event a line; the last one also closes the list.
fn event(line: &str) -> Option<Value> {
    let line = line.trim_end_matches(',');
    let parsed = serde_json::from_str(line);
    parsed
        .or_else(|_| serde_json::from_str(line.trim_end_matches(']')))
        .ok()
}

/// A number, also where it is written as a text.
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
        .unwrap_or_else(|| panic!("a number is expected, found {value}"))
}
