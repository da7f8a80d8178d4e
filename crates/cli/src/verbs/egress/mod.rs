//! `egress start | list | stop | update-layout | update-stream`: media out of rooms.

mod show;
mod start;

use clap::{Args, Subcommand};
use livekit_protocol as proto;
use livekit_protocol::egress_info::Request;
use trunkline_client::api::table;

use crate::failure::Failure;
use crate::global::Global;
use crate::output::{self, plain};
use crate::server::Server;
use crate::{ask, clock};
use show::{show, words};

#[derive(Debug, Subcommand)]
pub(crate) enum Egress {
    /// Start an egress from the request of its type
    #[command(
        after_help = "Example:\n  trunkline egress start --type room-composite '{\"roomName\":\"lobby\",\"audioOnly\":true,\"fileOutputs\":[{\"filepath\":\"lobby.ogg\"}]}'"
    )]
    Start(start::Start),
    /// List the egresses: some, those of a room, or all
    #[command(after_help = "Example:\n  trunkline egress list --room lobby --active")]
    List(List),
    /// Stop egresses
    #[command(after_help = "Example:\n  trunkline egress stop --id EG_abc --yes")]
    Stop {
        /// The egress; may be repeated
        #[arg(long, value_delimiter = ',', required = true)]
        id: Vec<String>,
    },
    /// Change the layout of a running room composite
    #[command(
        after_help = "Example:\n  trunkline egress update-layout --id EG_abc --layout speaker"
    )]
    UpdateLayout {
        /// The egress
        #[arg(long)]
        id: String,
        /// Its new layout
        #[arg(long)]
        layout: String,
    },
    /// Add addresses to a running stream, or take some away
    #[command(
        after_help = "Example:\n  trunkline egress update-stream --id EG_abc --add-urls rtmp://live.example.com/app/key"
    )]
    UpdateStream(UpdateStream),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this one; may be repeated
    #[arg(long, value_delimiter = ',')]
    id: Vec<String>,
    /// Only this room's
    #[arg(long, default_value = "", hide_default_value = true)]
    room: String,
    /// Only those that run
    #[arg(long, short)]
    active: bool,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateStream {
    /// The egress
    #[arg(long)]
    id: String,
    /// Address to add; may be repeated
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        required_unless_present = "remove_urls"
    )]
    add_urls: Vec<String>,
    /// Address to take away; may be repeated
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    remove_urls: Vec<String>,
}

/// How many of a long list.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Limit {
    /// At most this many, the latest; without it one page of the server's
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 0,
        hide_default_value = true
    )]
    limit: usize,
}

impl Limit {
    /// Puts an older page before what there is: in a page the newest comes last.
    pub(crate) fn add<T>(self, items: &mut Vec<T>, mut page: Vec<T>) {
        if self.limit > 0 {
            let room = self.limit.saturating_sub(items.len());
            page.drain(..page.len().saturating_sub(room));
        }
        page.append(items);
        *items = page;
    }

    /// Whether no further page is wanted.
    pub(crate) const fn reached(self, count: usize) -> bool {
        count >= self.limit
    }
}

pub(crate) async fn run(verb: Egress, global: &Global) -> Result<(), Failure> {
    match verb {
        Egress::Start(typed) => start::run(&typed, global).await,
        Egress::List(typed) => list(typed, &Server::open(global)?).await,
        Egress::Stop { id } => stop(id, &Server::open(global)?).await,
        Egress::UpdateLayout { id, layout } => {
            let request = proto::UpdateLayoutRequest {
                egress_id: id,
                layout,
            };
            let server = Server::open(global)?;
            let answer = server.call(&table::UPDATE_LAYOUT, request).await?;
            show(answer, global);
            Ok(())
        }
        Egress::UpdateStream(typed) => {
            let request = proto::UpdateStreamRequest {
                egress_id: typed.id,
                add_output_urls: typed.add_urls,
                remove_output_urls: typed.remove_urls,
            };
            let server = Server::open(global)?;
            let answer = server.call(&table::UPDATE_STREAM, request).await?;
            show(answer, global);
            Ok(())
        }
    }
}

async fn list(typed: List, server: &Server<'_>) -> Result<(), Failure> {
    let items = if typed.id.is_empty() {
        pages(&typed, server).await?
    } else {
        named(typed.id, server).await?
    };
    let Some(items) = items else { return Ok(()) };
    let list = output::List {
        key: "items",
        header: &[
            "EgressID",
            "Status",
            "Type",
            "Source",
            "Started At",
            "Error",
        ],
        empty: "there is no egress",
    };
    list.show(server.global().json, &items, |info| {
        let (kind, source) = source(info);
        vec![
            info.egress_id.clone(),
            info.status().as_str_name().to_owned(),
            kind.to_owned(),
            source,
            clock::local_nanos(info.started_at),
            info.error.clone(),
        ]
    });
    Ok(())
}

async fn named(
    ids: Vec<String>,
    server: &Server<'_>,
) -> Result<Option<Vec<proto::EgressInfo>>, Failure> {
    let mut items = Vec::new();
    for egress_id in ids {
        let request = proto::ListEgressRequest {
            egress_id,
            ..proto::ListEgressRequest::default()
        };
        if let Some(answer) = server.call(&table::LIST_EGRESS, request).await? {
            items.extend(answer.items);
        }
    }
    Ok((!server.global().curl).then_some(items))
}

async fn pages(
    typed: &List,
    server: &Server<'_>,
) -> Result<Option<Vec<proto::EgressInfo>>, Failure> {
    let mut items = Vec::new();
    let mut page_token = None;
    loop {
        let request = proto::ListEgressRequest {
            room_name: typed.room.clone(),
            active: typed.active,
            page_token: page_token.take(),
            ..proto::ListEgressRequest::default()
        };
        let Some(answer) = server.call(&table::LIST_EGRESS, request).await? else {
            return Ok(None);
        };
        typed.limit.add(&mut items, answer.items);
        page_token = answer.next_page_token.filter(|next| !next.token.is_empty());
        if page_token.is_none() || typed.limit.reached(items.len()) {
            return Ok(Some(items));
        }
    }
}

async fn stop(ids: Vec<String>, server: &Server<'_>) -> Result<(), Failure> {
    let global = server.global();
    ask::sure(&format!("Stop {}?", plain(&ids.join(", "))), global)?;
    let mut stopped = Vec::new();
    for egress_id in ids {
        let request = proto::StopEgressRequest { egress_id };
        if let Some(info) = server.call(&table::STOP_EGRESS, request).await? {
            if !global.json {
                output::line(&words(&info));
            }
            stopped.push(info);
        }
    }
    if global.json && !global.curl {
        output::json(&serde_json::json!({ "items": stopped }));
    }
    Ok(())
}

/// What sort of egress it is, and of what.
fn source(info: &proto::EgressInfo) -> (&'static str, String) {
    match &info.request {
        Some(Request::RoomComposite(request)) => ("room_composite", request.room_name.clone()),
        Some(Request::Web(request)) => ("web", request.url.clone()),
        Some(Request::Participant(request)) => (
            "participant",
            format!("{}/{}", request.room_name, request.identity),
        ),
        Some(Request::TrackComposite(request)) => {
            let tracks = [&request.video_track_id, &request.audio_track_id];
            let tracks: Vec<&str> = tracks
                .into_iter()
                .map(String::as_str)
                .filter(|track| !track.is_empty())
                .collect();
            let source = format!("{}/{}", request.room_name, tracks.join(","));
            ("track_composite", source)
        }
        Some(Request::Track(request)) => (
            "track",
            format!("{}/{}", request.room_name, request.track_id),
        ),
        Some(Request::Egress(request)) => ("egress", request.room_name.clone()),
        Some(Request::Replay(request)) => ("replay", request.replay_id.clone()),
        None => ("", info.room_name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_pages_go_before_and_the_limit_keeps_the_latest() {
        let limit = Limit { limit: 3 };
        let mut items = Vec::new();
        limit.add(&mut items, vec![4, 5]);
        assert!(!limit.reached(items.len()));
        limit.add(&mut items, vec![1, 2, 3]);
        assert_eq!(items, [3, 4, 5]);
        assert!(limit.reached(items.len()));
        let all = Limit { limit: 0 };
        let mut items = Vec::new();
        all.add(&mut items, vec![1, 2]);
        assert_eq!(items, [1, 2]);
        assert!(
            all.reached(items.len()),
            "one page is enough without a limit"
        );
    }
}
