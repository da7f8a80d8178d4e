//! One question to a server of NTP, as a client that keeps nothing asks it (RFC 5905 section 14).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

/// The same moment by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// By the server's.
    pub(super) at: SystemTime,
    /// By ours.
    pub(super) ours: SystemTime,
}

/// Asks `host` or `host:port`, a few times.
///
/// # Cancel safety
/// Safe; nothing is left behind.
pub(super) async fn ask(server: &str) -> Result<Moment, String> {
    let address = resolve(server).await?;
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let told = |error: std::io::Error| error.to_string();
    let socket = UdpSocket::bind(any).await.map_err(told)?;
    socket.connect(address).await.map_err(told)?;
    for _ in 0..TRIES {
        let nonce = rand::random();
        let sent = SystemTime::now();
        socket.send(&question(nonce)).await.map_err(told)?;
        match timeout(PATIENCE, answer(&socket, nonce)).await {
            Err(_) => {}
            Ok(Ok((at, received))) => {
                // The answer was made half of the way back.
                let way = received.duration_since(sent).unwrap_or_default();
                let ours = sent + way / 2;
                return Ok(Moment { at, ours });
            }
            Ok(Err(why)) => return Err(why),
        }
    }
    Err("no answer".to_owned())
}

async fn resolve(server: &str) -> Result<SocketAddr, String> {
    let is_bare = server.parse::<IpAddr>().is_ok() || !server.contains(':');
    let told = |error: std::io::Error| error.to_string();
    let first = if is_bare {
        lookup_host((server, PORT)).await.map_err(told)?.next()
    } else {
        lookup_host(server).await.map_err(told)?.next()
    };
    first.ok_or_else(|| "no address".to_owned())
}

/// The server's time and when it came; datagrams that answer another question are none.
async fn answer(socket: &UdpSocket, nonce: u64) -> Result<(SystemTime, SystemTime), String> {
    let mut data = [0; 512];
    loop {
        let length = socket.recv(&mut data).await;
        let length = length.map_err(|error| error.to_string())?;
        let received = SystemTime::now();
        match read(data.get(..length).unwrap_or_default(), nonce) {
            Some(Ok(at)) => return Ok((at, received)),
            Some(Err(why)) => return Err(why),
            None => {}
        }
    }
}

/// What asks nothing but the time. The nonce stands where our own time would: nobody needs to know it.
fn question(nonce: u64) -> [u8; LENGTH] {
    let mut packet = [0; LENGTH];
    packet[0] = (VERSION << 3) | CLIENT;
    packet[TRANSMIT..].copy_from_slice(&nonce.to_be_bytes());
    packet
}

/// The time in an answer to the question of this nonce, or why there is none; nothing for anything else.
fn read(packet: &[u8], nonce: u64) -> Option<Result<SystemTime, String>> {
    let packet: &[u8; LENGTH] = packet.first_chunk()?;
    let stamp = |at: usize| {
        let bytes = packet.get(at..)?.first_chunk()?;
        Some(u64::from_be_bytes(*bytes))
    };
    if packet[0] & 0b111 != SERVER || stamp(ORIGIN)? != nonce {
        return None;
    }
    let is_set = packet[0] >> 6 != UNSET;
    Some(match packet[1] {
        0 => {
            let code = String::from_utf8_lossy(&packet[12..16]);
            Err(format!("it refuses ({})", code.escape_default()))
        }
        1..=15 if is_set => Ok(time(stamp(TRANSMIT)?)),
        _ => Err("its own clock is not set".to_owned()),
    })
}

/// Seconds since 1900, or since 2036 where the first bit is not set, and their parts.
fn time(stamp: u64) -> SystemTime {
    let (seconds, parts) = (stamp >> 32, stamp & 0xffff_ffff);
    let era = if seconds >> 31 == 1 { 0 } else { 1 << 32 };
    let nanos = (parts * 1_000_000_000) >> 32;
    let since_1900 = Duration::from_secs(seconds + era) + Duration::from_nanos(nanos);
    SystemTime::UNIX_EPOCH + since_1900.saturating_sub(EPOCH)
}

const PORT: u16 = 123;

/// Bytes of a packet, and where its stamps are.
const LENGTH: usize = 48;
const ORIGIN: usize = 24;
const TRANSMIT: usize = 40;

const VERSION: u8 = 4;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;
/// Of a server that does not know the time.
const UNSET: u8 = 3;

/// From 1900 to 1970.
const EPOCH: Duration = Duration::from_secs(2_208_988_800);

const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: u64 = 0x0123_4567_89ab_cdef;

    /// An answer with this first byte, stratum and time.
    fn packet(first: u8, stratum: u8, stamp: u64) -> [u8; LENGTH] {
        let mut packet = [0; LENGTH];
        (packet[0], packet[1]) = (first, stratum);
        packet[12..16].copy_from_slice(b"RATE");
        packet[ORIGIN..ORIGIN + 8].copy_from_slice(&NONCE.to_be_bytes());
        packet[TRANSMIT..].copy_from_slice(&stamp.to_be_bytes());
        packet
    }

    fn unix(seconds: u64, millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis)
    }

    #[test]
    fn stamps_are_times_on_both_sides_of_2036() {
        // RFC 5905 figure 4: the first day of 1970, and the first second of the era after.
        assert_eq!(time(2_208_988_800 << 32), unix(0, 0));
        assert_eq!(time(0xffff_ffff_8000_0000), unix(2_085_978_495, 500));
        assert_eq!(time(0), unix(2_085_978_496, 0));
    }

    #[test]
    fn only_the_answer_to_the_question_is_one() {
        let stamp = 4_008_988_800 << 32;
        let good = packet(0x24, 2, stamp);
        assert_eq!(read(&good, NONCE), Some(Ok(unix(1_800_000_000, 0))));
        assert_eq!(read(&good, 1), None);
        assert_eq!(read(&good[..LENGTH - 1], NONCE), None);
        assert_eq!(read(&packet(0x23, 2, stamp), NONCE), None, "a question");
        for (first, stratum, why) in [
            (0x24, 0, "it refuses (RATE)"),
            (0x24, 16, "its own clock is not set"),
            (0xe4, 2, "its own clock is not set"),
        ] {
            assert_eq!(
                read(&packet(first, stratum, stamp), NONCE),
                Some(Err(why.to_owned()))
            );
        }
    }

    #[tokio::test]
    async fn a_server_is_asked_and_a_stranger_beside_it_is_not_believed() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let answering = async {
            let mut asked = [0; 64];
            let (length, from) = server.recv_from(&mut asked).await.unwrap();
            assert_eq!((length, asked[0]), (LENGTH, 0x23));
            let guessed = packet(0x24, 2, 0);
            server.send_to(&guessed, from).await.unwrap();
            let mut good = packet(0x24, 2, 4_008_988_800 << 32);
            good[ORIGIN..ORIGIN + 8].copy_from_slice(&asked[TRANSMIT..LENGTH]);
            server.send_to(&good, from).await.unwrap();
        };
        let name = address.to_string();
        let (told, ()) = tokio::join!(ask(&name), answering);
        assert_eq!(told.unwrap().at, unix(1_800_000_000, 0));
    }
}
