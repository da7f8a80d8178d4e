use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Instant;
use trunkline_sip::endpoint::{Flow, Standing, Transport};

use super::super::config::TcpCaps;
use super::lane::Receiver;
use super::tcp::Connection;
use super::{Connections, INPUTS, Input, now, queue};

const OPTIONS: &[u8] =
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nl: 0\r\n\r\n";

/// A phone at the other end of a connection, what signalling gets of it, and the table of all.
struct Phone {
    stream: DuplexStream,
    inputs: Receiver<Input>,
    connections: Connections,
    remote: SocketAddr,
    began: Instant,
}

impl Phone {
    async fn connects() -> Self {
        let connections = Connections::new(TcpCaps::default());
        let remote: SocketAddr = ([198, 51, 100, 1], 5070).into();
        let place = connections.admit(remote, now()).unwrap();
        let (stream, theirs) = duplex(128 * 1024);
        let flow = Flow {
            transport: Transport::Tcp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote,
        };
        let (_, sender, inputs) = queue();
        #[expect(clippy::disallowed_methods, reason = "the connection of this test")]
        let _task = tokio::spawn(Connection::new(theirs, flow, sender, place).run());
        let mut phone = Self {
            stream,
            inputs,
            connections,
            remote,
            began: Instant::now(),
        };
        assert!(matches!(
            phone.inputs.recv().await,
            Some(Input::Opened { .. })
        ));
        phone
    }

    async fn says(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next message, as far as it came, or nothing when the connection ends.
    async fn taken(&mut self) -> Option<Vec<u8>> {
        match self.inputs.recv().await {
            Some(Input::Message { bytes, .. }) => Some(bytes.to_vec()),
            _ => None,
        }
    }

    /// Seconds from the beginning until the connection is closed.
    async fn closed(&mut self) -> u64 {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        self.began.elapsed().as_secs()
    }
}

/// A phone that logs in was a stranger for good, and lost its connection in the middle of a call.
#[tokio::test(start_paused = true)]
async fn a_connection_with_a_call_is_never_idle() {
    for (standing, patience) in [(Standing::Known, 3600), (Standing::Stranger, 600)] {
        let mut phone = Phone::connects().await;
        phone.says(OPTIONS).await;
        assert!(phone.taken().await.is_some());
        phone.connections.carry(phone.remote, standing);
        let hours = Duration::from_secs(3 * 3600);
        assert!(tokio::time::timeout(hours, phone.closed()).await.is_err());
        phone.connections.carry_only(std::iter::empty());
        phone.says(OPTIONS).await;
        let after = phone.closed().await - hours.as_secs();
        assert!((patience..patience + 61).contains(&after), "{after}");
    }
}

/// It had all of the queue before signalling, and the datagrams of all calls were lost.
#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_without_end_is_read_no_further_until_there_is_room() {
    let mut phone = Phone::connects().await;
    phone.says(&OPTIONS.repeat(1_500)).await;
    // Time passes once everybody waits.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = std::iter::from_fn(|| phone.inputs.try_recv()).count();
    assert_eq!(waiting, INPUTS / 4);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rest = std::iter::from_fn(|| phone.inputs.try_recv()).count();
    assert_eq!(waiting + rest, 1_500);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_idle_connection_is_closed() {
    let mut silent = Phone::connects().await;
    assert_eq!(silent.closed().await, 30);
    let mut phone = Phone::connects().await;
    phone.says(OPTIONS).await;
    assert_eq!(phone.closed().await, 600);
}

/// Half a message holds a connection for a while, with or without a call.
#[tokio::test(start_paused = true)]
async fn a_message_that_never_ends_is_not_waited_for() {
    let mut phone = Phone::connects().await;
    phone.says(OPTIONS).await;
    phone.connections.carry(phone.remote, Standing::Known);
    phone.says(b"OPTIONS sip:a@b SIP/2.0\r\nVia").await;
    assert_eq!(phone.closed().await, 32);
}

#[tokio::test(start_paused = true)]
async fn a_length_too_long_is_answered_and_the_next_message_read() {
    let mut phone = Phone::connects().await;
    let long = b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nl: 9999\r\n\r\nhello";
    phone.says(long).await;
    assert_eq!(phone.taken().await.as_deref(), Some(&long[..]));
    assert!(phone.began.elapsed() < Duration::from_secs(3));
    phone.says(OPTIONS).await;
    assert_eq!(phone.taken().await.as_deref(), Some(OPTIONS));
}

/// TLS and STUN at the port of plain SIP, and a length beyond all bounds.
#[tokio::test(start_paused = true)]
async fn what_is_no_sip_closes_its_connection_at_once() {
    for (data, is_told) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], false),
        (b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", false),
        (b"OPTIONS sip:a@b SIP/2.0\r\nl: 99999999\r\n\r\n", true),
    ] {
        let mut phone = Phone::connects().await;
        phone.says(data).await;
        assert!(phone.closed().await <= 1, "after its last answer");
        assert_eq!(phone.taken().await.is_some(), is_told);
    }
}
