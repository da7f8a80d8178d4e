//! What is here: the answer to whoever opens the address itself, with a browser or with curl.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::answer::refusal;

/// What each path is for, and who may ask.
const PATHS: [(&str, &str); 9] = [
    ("/healthz", "the process lives"),
    ("/readyz", "it takes work, part by part (JSON)"),
    (
        "/metrics",
        "Prometheus text (the metrics key or an admin's token)",
    ),
    ("/api/calls", "calls (JSON, an admin's token)"),
    (
        "/api/calls/{id}",
        "one call: turns, recordings, events (JSON, an admin's token)",
    ),
    (
        "/api/events",
        "events of LiveKit, as they came (JSON, an admin's token)",
    ),
    (
        "/api/registrations",
        "how trunks that register stand (JSON, an admin's token)",
    ),
    (
        "/api/reload",
        "takes up changed files, and says what came of it (POST, an admin's token)",
    ),
    ("/webhooks/livekit", "takes LiveKit's webhooks (POST)"),
];

const TITLE: &str = concat!("Trunkline ", env!("CARGO_PKG_VERSION"));
const ABOUT: &str =
    "The console of a voice agent on the phone. It is an API; a page to look at calls comes later.";
const TOKEN: &str = "trunkline token create --role admin -i me --token-only";
const DOCS: &str = "README.md, docs/cli.md and `trunkline --help` tell the rest.";

/// A page for browsers, lines for everybody else.
pub(crate) async fn show(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
    let (kind, body) = if accept.contains("text/html") {
        ("text/html; charset=utf-8", page())
    } else {
        ("text/plain; charset=utf-8", lines())
    };
    let mut answer = body.into_response();
    let headers = answer.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::VARY, "accept"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A path that is none of ours.
pub(crate) async fn nothing() -> Response {
    let text = "there is nothing at this path; GET / says what there is";
    refusal(StatusCode::NOT_FOUND, "console.no_such_path", text).into_response()
}

fn lines() -> String {
    let mut text = format!("{TITLE}\n{ABOUT}\n\n");
    for (path, what) in PATHS {
        text.push_str(&format!("{path:<18} {what}\n"));
    }
    text.push_str(&format!("\nA token: {TOKEN}\n{DOCS}\n"));
    text
}

fn page() -> String {
    let rows = PATHS.map(|(path, what)| {
        let is_link = !path.contains('{') && !what.contains("POST");
        let path = if is_link {
            format!("<a href=\"{path}\">{path}</a>")
        } else {
            path.to_owned()
        };
        format!("<tr><td><code>{path}</code></td><td>{what}</td></tr>\n")
    });
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{TITLE}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <style>body{{font:16px/1.5 sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}\
         td{{padding:.2rem 1rem .2rem 0;vertical-align:top}}</style></head>\n\
         <body><h1>{TITLE}</h1>\n<p>{ABOUT}</p>\n<table>\n{}</table>\n\
         <p>A token: <code>{TOKEN}</code></p>\n<p>{DOCS}</p></body></html>\n",
        rows.concat()
    )
}

/// It has a style of its own and nothing else, from nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_path_and_nothing_from_elsewhere() {
        let (page, lines) = (page(), lines());
        for (path, _) in PATHS {
            assert!(page.contains(path) && lines.contains(path), "{path}");
        }
        assert!(!page.contains("http://") && !page.contains("https://"));
        assert!(!page.contains("<script") && page.len() < 3000);
    }
}
