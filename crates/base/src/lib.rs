//! The words everyone uses.
//!
//! Typed ids, values that never print, LiveKit access tokens and grants, the failure classes that
//! decide exit codes, HTTP, Twirp and SIP answers, the retry policy, the lane that media goes
//! down from task to task, and the wire between two ends in one process. Nothing here touches a
//! clock, a socket, a task, the environment or global randomness: the caller passes `now` and a
//! generator.
//!
//! ```
//! use trunkline_base::time::UnixTime;
//! use trunkline_base::token::{ApiKey, Claims, KeyRing, VideoGrant, sign};
//!
//! let key = ApiKey::new("devkey", "secret");
//! let now = UnixTime::from_secs(1_700_000_000);
//! let claims = Claims::new("alice", now, 600)
//!     .with_video(VideoGrant { room_join: true, room: "lobby".into(), ..VideoGrant::default() });
//! let token = sign(&claims, &key)?;
//! let back = KeyRing::from(key).verify(&token, now)?;
//! assert_eq!(back.identity(), "alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod class;
pub mod dialling;
pub mod here;
pub mod id;
pub mod lane;
mod meaning;
pub mod plain;
pub mod retry;
pub mod secret;
pub mod source;
mod spelling;
pub mod tariff;
pub mod time;
pub mod token;
pub mod wire;
