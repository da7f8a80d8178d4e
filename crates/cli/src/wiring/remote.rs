//! A LiveKit server elsewhere: whether it answers, for as long as the daemon lives.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};
use trunkline_base::id::RoomName;
use trunkline_client::api::LiveKitApiClient;
use trunkline_console::Standing;
use trunkline_service::tasks::{Stop, Tasks};

use crate::failure::chain;

/// Between two looks. An outage is seen this late, and costs one small request as often.
const EVERY: Duration = Duration::from_secs(10);
/// While it is away it is sought more often: calls wait for it.
pub(super) const AWAY: Duration = Duration::from_secs(2);

/// A server that is looked after.
pub(super) struct Watched(watch::Receiver<Standing>);

impl Watched {
    /// How it stands, whenever that is asked.
    pub(super) fn ask(&self) -> impl Fn() -> Standing + Send + Sync + 'static {
        let standing = self.0.clone();
        move || standing.borrow().clone()
    }

    /// Waits until it has answered, or has been seen not to, for the first time.
    pub(super) async fn first_answer(mut self) {
        // Whoever looks is gone: then nothing comes any more.
        let _gone = self.0.changed().await;
    }
}

/// Begins to watch the server.
pub(super) fn follow(api: LiveKitApiClient, tasks: &Tasks) -> Watched {
    let asking = Standing::Waiting(format!("waits for the first answer of {}", api.url()));
    let (tell, standing) = watch::channel(asking);
    tasks.session("livekit", look(api, tell, tasks.stop()));
    Watched(standing)
}

async fn look(api: LiveKitApiClient, standing: watch::Sender<Standing>, stop: Stop) {
    // A room that nobody has: the answer is empty, and costs the server nothing.
    let nobody: Vec<RoomName> = RoomName::parse(NOBODY).into_iter().collect();
    let mut answers = true;
    loop {
        let asked = tokio::select! {
            () = stop.draining() => return,
            asked = api.list_rooms(&nobody) => asked,
        };
        let url = api.url();
        let now = match &asked {
            Ok(_) => Standing::Ready(format!("answers at {url}")),
            Err(error) => Standing::Waiting(format!("{url}: {}", chain(error))),
        };
        standing.send_replace(now);
        match &asked {
            Ok(_) if !answers => info!(%url, "LiveKit answers again"),
            Err(error) if answers => {
                warn!(%url, error = chain(error), "LiveKit does not answer; waiting for it");
            }
            Ok(_) | Err(_) => {}
        }
        answers = asked.is_ok();
        let pause = if answers { EVERY } else { AWAY };
        tokio::select! {
            () = stop.draining() => return,
            () = sleep(pause) => {}
        }
    }
}

const NOBODY: &str = "trunkline-asks-whether-anybody-answers";
