//! A stack under test: all that stands between telephones and rooms.

use std::net::SocketAddr;
use std::path::PathBuf;

use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_benches::counter;

use super::spent::Spent;
use ours::Ours;
use upstream::Upstream;

mod ours;
mod upstream;

pub(crate) use upstream::NotUp;

/// What room a call comes to, before its number and `_`.
const ROOMS: &str = "leg";

/// One that runs. A call comes to the room of its number.
pub(crate) trait Stack {
    fn name(&self) -> &str;

    /// Where it takes calls, over UDP.
    fn sip(&self) -> SocketAddr;

    /// Where its rooms are.
    fn url(&self) -> String;

    /// All of which it is made.
    fn processes(&self) -> Vec<u32>;

    /// Whether it answers a call to a room where nobody is. Others ring until somebody comes.
    fn answers_alone(&self) -> bool;

    /// The status that a call without a codec of its own is refused with.
    fn refusal(&self) -> u16;

    /// Where it counts the frames that it was late with, if it does.
    fn exposition(&self) -> Option<String>;
}

/// One that may be started.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// The built daemon, or another build of it.
    Ours(Option<PathBuf>),
    /// LiveKit's own servers, and where they are.
    Upstream(PathBuf),
}

impl Choice {
    /// Starts it. `gateway` are lines for our own gateway.
    pub(crate) async fn start(&self, gateway: &[String]) -> Result<Box<dyn Stack>, NotUp> {
        Ok(match self {
            Self::Ours(build) => Box::new(Ours::start(build.as_ref(), gateway)),
            Self::Upstream(programs) => Box::new(Upstream::start(programs).await?),
        })
    }
}

/// The keys of all of them.
pub(crate) fn keys() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

/// The room that a call to that number comes to.
pub(crate) fn room(number: usize) -> String {
    format!("{ROOMS}_{number}")
}

pub(crate) fn spent(stack: &dyn Stack) -> Spent {
    Spent::by(&stack.processes())
}

/// Frames that it was late with, if it counts them.
pub(crate) async fn late(stack: &dyn Stack) -> Option<f64> {
    let answer = reqwest::get(stack.exposition()?).await.ok()?;
    let text = answer.text().await.ok()?;
    let gateway = counter(&text, "trunkline_bridge_rtp_late_total");
    Some(gateway + counter(&text, "trunkline_node_frames_late_total"))
}
