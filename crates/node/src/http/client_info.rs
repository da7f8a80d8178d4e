//! `ClientInfo`: what a client says of itself, completed with what its request shows.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use proto::client_info::{Capability, Sdk};

use crate::query::Query;

/// From the query of a v0 join.
pub(crate) fn from_query(query: &Query, address: String, user_agent: &str) -> proto::ClientInfo {
    let capabilities = query.text("capabilities").unwrap_or_default().split(',');
    let capabilities = capabilities.filter_map(|name| Capability::from_str_name(name.trim()));
    let info = proto::ClientInfo {
        sdk: i32::from(sdk(query.text("sdk").unwrap_or_default())),
        version: query.owned("version"),
        protocol: query.number("protocol"),
        os: query.owned("os"),
        os_version: query.owned("os_version"),
        device_model: query.owned("device_model"),
        browser: query.owned("browser"),
        browser_version: query.owned("browser_version"),
        network: query.owned("network"),
        client_protocol: query.number("client_protocol"),
        capabilities: capabilities.map(i32::from).collect(),
        ..proto::ClientInfo::default()
    };
    complete(info, address, user_agent)
}

/// Adds the address, and the browser's family where the SDK runs in one and did not say.
pub(crate) fn complete(
    mut info: proto::ClientInfo,
    address: String,
    user_agent: &str,
) -> proto::ClientInfo {
    info.address = address;
    // Everybody is told of them: each once, and no more than there may ever be.
    let distinct: BTreeSet<i32> = info.capabilities.iter().copied().collect();
    info.capabilities = distinct.into_iter().take(MAX_CAPABILITIES).collect();
    let in_browser = matches!(
        info.sdk(),
        Sdk::Js | Sdk::ReactNative | Sdk::Flutter | Sdk::Unity | Sdk::Unknown
    );
    if in_browser && info.browser.is_empty() {
        info.browser = browser(user_agent).to_owned();
    }
    info
}

const MAX_CAPABILITIES: usize = 64;

/// Families whose media differs enough to matter; the rest need no name.
fn browser(user_agent: &str) -> &'static str {
    let families = [
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let family = families
        .into_iter()
        .find(|(mark, _)| user_agent.contains(mark));
    family.map_or("", |(_, name)| name)
}

fn sdk(name: &str) -> Sdk {
    match name {
        "js" => Sdk::Js,
        "ios" | "swift" => Sdk::Swift,
        "android" => Sdk::Android,
        "flutter" => Sdk::Flutter,
        "go" => Sdk::Go,
        "unity" => Sdk::Unity,
        "reactnative" => Sdk::ReactNative,
        "rust" => Sdk::Rust,
        "python" => Sdk::Python,
        "cpp" => Sdk::Cpp,
        "unityweb" => Sdk::UnityWeb,
        "node" => Sdk::Node,
        "esp32" => Sdk::Esp32,
        _ => Sdk::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_says_is_kept_and_the_browser_is_read_from_the_agent() {
        let query = Query::parse("sdk=js&protocol=17&client_protocol=2&version=2.23.0");
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
        let info = from_query(&query, "192.0.2.7".to_owned(), agent);
        assert_eq!(
            (info.sdk(), info.protocol, info.client_protocol),
            (Sdk::Js, 17, 2)
        );
        assert_eq!(
            (info.browser.as_str(), info.address.as_str()),
            ("Firefox", "192.0.2.7")
        );
    }

    #[test]
    fn an_sdk_without_a_browser_gets_none() {
        let query = Query::parse("sdk=rust&protocol=9");
        assert_eq!(from_query(&query, String::new(), "Chrome/1").browser, "");
    }
}
