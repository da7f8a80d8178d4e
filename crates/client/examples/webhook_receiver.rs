//! Takes webhooks and says what happened.
//!
//! ```text
//! LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret \
//!     cargo run -p trunkline-client --example webhook_receiver -- 127.0.0.1:8080
//! ```
//!
//! Point `webhook.urls` of LiveKit, or `node.webhooks` of Trunkline, at `http://127.0.0.1:8080/`.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_client::webhook::{BODY_LIMIT, Delivery, Happening, Post, Receiver, RecentIds};

struct Hooks {
    receiver: Receiver,
    seen: RecentIds,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = env::var("LIVEKIT_API_KEY").unwrap_or_else(|_| "devkey".into());
    let secret = env::var("LIVEKIT_API_SECRET").unwrap_or_else(|_| "secret".into());
    let addr = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".into());
    let hooks = Hooks {
        receiver: Receiver::new(KeyRing::from(ApiKey::new(key, secret))),
        // A service that must not miss or repeat anything keeps events in its database instead:
        // see `trunkline_client::webhook::Journal`.
        seen: RecentIds::default(),
    };
    let app = Router::new()
        .route("/", post(receive))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::new(hooks));
    let listener = tokio::net::TcpListener::bind(&addr).await?;
    say(&format!("webhooks at http://{}/", listener.local_addr()?));
    axum::serve(listener, app).await?;
    Ok(())
}

async fn receive(
    State(hooks): State<Arc<Hooks>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), (StatusCode, String)> {
    let header = |name| {
        let value = headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let post = Post {
        content_type: header("content-type"),
        authorization: header("authorization"),
        body: &body,
    };
    let now = UnixTime::from_system(SystemTime::now());
    match hooks.receiver.take(post, now, &hooks.seen).await {
        Ok((event, Delivery::First)) => say(&told(&event.happening(), event.word())),
        Ok((_, Delivery::Repeat)) => {}
        Err(error) => {
            let status = StatusCode::from_u16(error.http_status()).unwrap_or_default();
            return Err((status, error.to_string()));
        }
    }
    Ok(())
}

fn told(happening: &Happening<'_>, word: &str) -> String {
    match happening {
        Happening::RoomStarted(room) => format!("{} opens", room.name),
        Happening::RoomFinished(room) => format!("{} is over", room.name),
        Happening::ParticipantJoined(who) => format!("{} is in {}", who.identity, who.room.name),
        Happening::ParticipantLeft(who) => format!("{} left {}", who.identity, who.room.name),
        Happening::TrackPublished(track) => {
            format!("{} publishes {}", track.by.identity, track.sid)
        }
        Happening::EgressEnded(egress) => format!("recording {} is over", egress.id),
        _ => word.to_owned(),
    }
}

#[expect(clippy::print_stdout, reason = "an example talks to its terminal")]
fn say(text: &str) {
    println!("{text}");
}
