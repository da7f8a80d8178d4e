//! Regions of LiveKit Cloud: where else a project is served, nearest first. Only Cloud has them;
//! other servers are one place.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use livekit_protocol as proto;

use super::target::Target;
use crate::url::ServerUrl;

/// Whether calls that fail in one region go to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failover {
    /// Where the server is LiveKit Cloud.
    #[default]
    Cloud,
    /// Wherever the server is, for clusters that serve `/settings/regions`.
    Always,
    /// Nowhere.
    Never,
}

impl Failover {
    pub(super) fn applies(self, url: &ServerUrl) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Cloud => is_cloud(url.host()),
        }
    }
}

fn is_cloud(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".livekit.cloud", ".livekit.run"]
        .iter()
        .any(|domain| host.ends_with(domain))
}

/// How long an answer without `max-age` is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// However long the server says, the list is asked for again after this.
const BELIEVED_AT_MOST: Duration = Duration::from_secs(3600);

/// The regions known, for as long as the server said.
#[derive(Debug, Default)]
pub(super) struct Regions {
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    targets: Vec<Arc<Target>>,
    until: Instant,
}

impl Regions {
    /// What is known and still believed.
    pub(super) fn known(&self, now: Instant) -> Option<Vec<Arc<Target>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref().filter(|known| now < known.until)?;
        Some(known.targets.clone())
    }

    /// Takes a new list; regions known before keep their breakers.
    pub(super) fn learn(
        &self,
        urls: Vec<ServerUrl>,
        until: Instant,
        make: impl Fn(ServerUrl) -> Target,
    ) -> Vec<Arc<Target>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let old = known.take().map(|known| known.targets).unwrap_or_default();
        let targets: Vec<Arc<Target>> = urls
            .into_iter()
            .map(|url| match old.iter().find(|target| target.url == url) {
                Some(target) => Arc::clone(target),
                None => Arc::new(make(url)),
            })
            .collect();
        *known = Some(Known {
            targets: targets.clone(),
            until,
        });
        targets
    }
}

/// Reads `/settings/regions`: addresses by distance, those of no use left out.
pub(super) fn parse(body: &[u8], home: &ServerUrl) -> Option<Vec<ServerUrl>> {
    let mut settings: proto::RegionSettings = serde_json::from_slice(body).ok()?;
    settings.regions.sort_by_key(|region| region.distance);
    let usable = |region: &proto::RegionInfo| home.sibling(&region.url).ok();
    Some(settings.regions.iter().filter_map(usable).collect())
}

/// Reads `Cache-Control`.
pub(super) fn believed(cache_control: &str) -> Duration {
    let seconds = cache_control
        .split(',')
        .filter_map(|part| part.trim().strip_prefix("max-age="))
        .find_map(|seconds| seconds.parse().ok());
    seconds.map_or(BELIEVED, |seconds| {
        Duration::from_secs(seconds).min(BELIEVED_AT_MOST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cloud_hosts_fail_over() {
        for (url, cloud) in [
            ("wss://demo-1.livekit.cloud", true),
            ("wss://DEMO.staging.livekit.run", true),
            ("wss://livekit.cloud.example", false),
            ("wss://notlivekit.cloud", false),
            ("ws://127.0.0.1:7880", false),
        ] {
            let url = ServerUrl::parse(url).unwrap();
            assert_eq!(Failover::Cloud.applies(&url), cloud, "{url}");
        }
    }

    #[test]
    fn regions_come_nearest_first_and_never_in_plain_text() {
        let home = ServerUrl::parse("wss://demo.livekit.cloud").unwrap();
        let body = br#"{"regions":[
            {"region":"far","url":"https://far.livekit.cloud","distance":"9000"},
            {"region":"plain","url":"http://plain.example","distance":"1"},
            {"region":"near","url":"https://near.livekit.cloud","distance":"10"}]}"#;
        let hosts: Vec<String> = parse(body, &home)
            .unwrap()
            .iter()
            .map(|url| url.host().to_owned())
            .collect();
        assert_eq!(hosts, ["near.livekit.cloud", "far.livekit.cloud"]);
        assert!(parse(b"<html>", &home).is_none());
    }

    #[test]
    fn a_list_is_believed_as_long_as_its_sender_says_within_reason() {
        assert_eq!(believed("private, max-age=5"), Duration::from_secs(5));
        assert_eq!(believed("max-age=99999999"), BELIEVED_AT_MOST);
        assert_eq!(believed("no-store"), BELIEVED);
    }
}
