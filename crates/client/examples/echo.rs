//! Joins a room and says back what it hears, half a second later.
//!
//! ```text
//! LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret \
//!     cargo run -p trunkline-client --example echo -- lobby
//! ```

use std::collections::VecDeque;
use std::env;
use std::error::Error;

use tokio::task::JoinSet;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, RemoteTrack, Room, RoomEvent, RoomOptions};

const RATE: u32 = 48_000;
/// Frames of 20 ms between hearing and saying.
const DELAY: usize = 25;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("LIVEKIT_URL").unwrap_or_else(|_| "ws://127.0.0.1:7880".into());
    let key = env::var("LIVEKIT_API_KEY").unwrap_or_else(|_| "devkey".into());
    let secret = env::var("LIVEKIT_API_SECRET").unwrap_or_else(|_| "secret".into());
    let name = env::args().nth(1).unwrap_or_else(|| "lobby".into());

    let auth = LiveKitAuthManager::new(KeyRing::from(ApiKey::new(key, secret)));
    let identity = ParticipantIdentity::parse("echo")?;
    let token =
        auth.mint(&TokenSpec::new(Role::Participant, identity).in_room(RoomName::parse(name)?))?;
    let (room, mut events) = Room::connect(&url, token, RoomOptions::default()).await?;
    say(&format!(
        "joined {} as {}",
        room.name(),
        room.local_identity()
    ));

    let mut echoes = JoinSet::new();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(RoomEvent::TrackSubscribed(track)) if track.mime_type == "audio/opus" => {
                    say(&format!("hearing {}", track.participant));
                    echoes.spawn(echo(room.clone(), track));
                }
                Some(RoomEvent::Disconnected { reason }) => {
                    say(&format!("over: {reason}"));
                    return Ok(());
                }
                Some(_) => {}
                None => return Ok(()),
            },
            Some(ended) = echoes.join_next() => {
                if let Err(error) = ended? {
                    say(&format!("echo failed: {error}"));
                }
            }
            _ = tokio::signal::ctrl_c() => {
                room.leave().await;
                return Ok(());
            }
        }
    }
}

/// Says back one track until it ends.
async fn echo(room: Room, track: RemoteTrack) -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = AudioOptions {
        name: format!("echo-{}", track.sid),
        ..AudioOptions::default()
    };
    let published = room.publish_audio(options).await?;
    let mut writer = PcmWriter::new(published.clone(), RATE)?;
    let mut reader = PcmReader::new(track.packets, RATE)?;
    let mut waiting = VecDeque::from(vec![vec![0; writer.frame_samples()]; DELAY]);
    while let Some(frame) = reader.next_20ms().await {
        waiting.push_back(frame.to_vec());
        if let Some(frame) = waiting.pop_front() {
            writer.write_20ms(&frame)?;
        }
    }
    published.unpublish().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example talks to its terminal")]
fn say(text: &str) {
    println!("{text}");
}
