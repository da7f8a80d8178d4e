//! Connections, in and out.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, client};
use tracing::debug;
use trunkline_client::tls::explain;
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::{Flow, Transmit, Transport};
use trunkline_sip::message::{Framed, Framer};

use super::super::datagrams::told;
use super::connections::{Connections, Place};
use super::lane::{Receiver, Sender, lane};
use super::tls::{Identity, Verified, greet};
use super::udp::Advertised;
use super::unreached::{TlsFault, Unreached};
use super::{Input, now};

/// Where connections come in.
pub(crate) struct Entrance {
    pub(crate) listener: TcpListener,
    pub(crate) advertised: Advertised,
    /// Everything inside TLS, with this certificate.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Takes connections until signalling is gone.
pub(crate) async fn accept(
    entrance: Entrance,
    connections: Connections,
    inputs: Sender<Input>,
    tasks: Tasks,
) {
    let Entrance {
        listener,
        mut advertised,
        tls,
    } = entrance;
    let transport = match tls {
        Some(_) => Transport::Tls,
        None => Transport::Tcp,
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = inputs.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok((stream, remote)) => (stream, told(remote)),
            Err(error) => {
                // Out of descriptors, mostly: give connections time to end.
                debug!(%error, "accepting failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = connections.admit(remote, now()) else {
            count(Counter::SipDropped, 1, &[("reason", "connections")]);
            debug!(%remote, "no room for a connection");
            continue;
        };
        let flow = Flow {
            transport,
            local: advertised.towards(remote),
            remote,
        };
        hasten(&stream);
        let (inputs, tls) = (inputs.clone(), tls.clone());
        tasks.session("sip_connection", async move {
            match tls {
                None => Connection::new(stream, flow, inputs, place).run().await,
                Some(tls) => {
                    let close = place.close.clone();
                    let stream = tokio::select! {
                        biased;
                        () = inputs.closed() => return,
                        () = close.notified() => return,
                        stream = greet(&tls, stream, remote) => stream,
                    };
                    if let Some(stream) = stream {
                        Connection::new(stream, flow, inputs, place).run().await;
                    }
                }
            }
        });
    }
}

/// Connects to somebody to whom there is no connection, again and again while the message that waits
/// for it can still be of use, and serves the connection.
pub(super) async fn dial(
    flow: Flow,
    identity: Option<Identity>,
    inputs: Sender<Input>,
    place: Place,
) {
    let mut last = Unreached::Slow(flow.remote);
    for (tried, pause) in DIAL_PAUSES.into_iter().enumerate() {
        tokio::select! {
            biased;
            () = inputs.closed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match connect(flow.remote, identity.as_ref()).await {
            Ok(Outgoing::Plain(stream)) => {
                let connection = Connection::new(stream, flow, inputs, place);
                connection.made_by_us(None).run().await;
                return;
            }
            Ok(Outgoing::Tls(stream, verified)) => {
                let connection = Connection::new(*stream, flow, inputs, place);
                connection.made_by_us(Some(verified)).run().await;
                return;
            }
            Err(why) => {
                debug!(%why, "connecting failed");
                last = why;
            }
        }
        if last.is_final() {
            break;
        }
        if tried == 0 {
            // Whoever is only being called waits for no provider to come back.
            let why = last.clone();
            let _gone = inputs.send(Input::NotTaken { flow, why }).await;
        }
    }
    // Signalling that is gone needs no news.
    let _gone = inputs.send(Input::Unreachable { flow, why: last }).await;
}

/// A connection that was made.
enum Outgoing {
    Plain(TcpStream),
    Tls(Box<client::TlsStream<TcpStream>>, Verified),
}

async fn connect(remote: SocketAddr, identity: Option<&Identity>) -> Result<Outgoing, Unreached> {
    let connected = tokio::time::timeout(DIAL, TcpStream::connect(remote)).await;
    let stream = connected.map_err(|_| Unreached::Slow(remote))?;
    let stream = stream.map_err(|_| Unreached::Refused(remote))?;
    hasten(&stream);
    let Some(identity) = identity else {
        return Ok(Outgoing::Plain(stream));
    };
    match identity.meet(stream, remote).await {
        Ok((stream, verified)) => Ok(Outgoing::Tls(Box::new(stream), verified)),
        Err(fault) => Err(Unreached::Tls {
            name: identity.name.to_str().into_owned(),
            address: remote,
            fault,
        }),
    }
}

/// One connection.
pub(super) struct Connection<S> {
    stream: S,
    flow: Flow,
    inputs: Sender<Input>,
    place: Place,
    framer: Framer,
    /// Messages that could not be written: they have another way to go.
    unsent: Vec<Transmit>,
    maker: Maker,
    was_heard: bool,
    /// What TLS said at the end.
    fault: Option<TlsFault>,
}

/// Who made a connection.
#[derive(Clone)]
enum Maker {
    They,
    /// And whom we found there, inside TLS.
    We(Option<Verified>),
}

/// Why a connection is not served on.
enum Over {
    Closed,
    /// It is no SIP stream any more; what is answered still goes out.
    Lost,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, flow: Flow, inputs: Sender<Input>, place: Place) -> Self {
        Self {
            stream,
            flow,
            inputs,
            place,
            framer: Framer::new(),
            unsent: Vec::new(),
            maker: Maker::They,
            was_heard: false,
            fault: None,
        }
    }

    /// The same, where we connected and found this one.
    fn made_by_us(mut self, verified: Option<Verified>) -> Self {
        self.maker = Maker::We(verified);
        self
    }

    pub(super) async fn run(mut self) {
        let (writer, mut outgoing) = lane::<Transmit>(WRITES, WRITE_BYTES);
        let flow = self.flow;
        let verified = match &self.maker {
            Maker::They => None,
            Maker::We(verified) => verified.clone(),
        };
        let opened = Input::Opened {
            flow,
            writer,
            verified,
        };
        if !self.inputs.send(opened).await {
            return;
        }
        if matches!(self.serve(&mut outgoing).await, Over::Lost) {
            let last = async {
                while let Some(transmit) = outgoing.recv().await {
                    self.write(transmit).await;
                }
            };
            let _ = tokio::time::timeout(LINGER, last).await;
        }
        outgoing.close();
        while let Some(transmit) = outgoing.try_recv() {
            self.unsent.push(transmit);
        }
        if let Some(why) = self.turned_away() {
            let told = if why.is_final() {
                Input::Unreachable { flow, why }
            } else {
                Input::NotTaken { flow, why }
            };
            let _gone = self.inputs.send(told).await;
        }
        let unsent = std::mem::take(&mut self.unsent);
        let _gone = self.inputs.send(Input::Closed { flow, unsent }).await;
    }

    /// Whoever takes a connection of ours and closes it without a word does not want us: with TLS 1.3
    /// a certificate of ours is refused only then.
    fn turned_away(&self) -> Option<Unreached> {
        let Maker::We(verified) = &self.maker else {
            return None;
        };
        if self.was_heard {
            return None;
        }
        let address = self.flow.remote;
        Some(match verified {
            None => Unreached::Refused(address),
            Some(verified) => Unreached::Tls {
                name: verified.name(),
                address,
                fault: self.fault.clone().unwrap_or(TlsFault::Gone),
            },
        })
    }

    async fn serve(&mut self, outgoing: &mut Receiver<Transmit>) -> Over {
        let mut buffer = vec![0; 16 * 1024];
        let close = self.place.close.clone();
        let mut last = None;
        let mut deadline = tokio::time::Instant::now() + FIRST;
        loop {
            let stalled = self.framer.awaits_rest();
            let length = tokio::select! {
                biased;
                () = self.inputs.closed() => return Over::Closed,
                () = close.notified() => return Over::Closed,
                Some(transmit) = outgoing.recv() => {
                    if self.write(transmit).await { continue }
                    self.hear_why(&mut buffer).await;
                    return Over::Closed;
                }
                read = self.stream.read(&mut buffer) => match read {
                    Ok(length) if length > 0 => length,
                    Ok(_) => return Over::Closed,
                    Err(error) => {
                        self.fault = explain(&error).map(TlsFault::from);
                        return Over::Closed;
                    }
                },
                () = tokio::time::sleep(STALL), if stalled => {
                    let Some(framed) = self.framer.expire() else { return Over::Closed };
                    if matches!(framed, Framed::Message(_)) {
                        count(Counter::SipDropped, 1, &[("reason", "body_cut_short")]);
                    }
                    if !self.deliver(framed).await { return Over::Closed }
                    0
                }
                () = tokio::time::sleep_until(deadline) => {
                    // Who it is may have become known meanwhile, and a call may have begun.
                    if !self.framer.is_partial() && let Some(later) = self.patience(last) {
                        deadline = later;
                        continue;
                    }
                    debug!(remote = %self.flow.remote, "closing an idle connection");
                    return Over::Closed;
                }
            };
            let was_partial = self.framer.is_partial();
            self.framer.push(buffer.get(..length).unwrap_or_default());
            if let Err(over) = self.take_all().await {
                return over;
            }
            // A message has some time to arrive in; between messages there is more.
            let now = tokio::time::Instant::now();
            last = Some(now);
            deadline = match (was_partial, self.framer.is_partial()) {
                (_, false) => now + self.idle(),
                (true, true) => deadline.min(now + WHOLE),
                (false, true) => now + WHOLE,
            };
        }
    }

    /// Whoever closed a connection may have said why before.
    async fn hear_why(&mut self, buffer: &mut [u8]) {
        let last = tokio::time::timeout(LINGER, self.stream.read(buffer));
        if let Ok(Err(error)) = last.await {
            self.fault = explain(&error).map(TlsFault::from);
        }
    }

    fn idle(&self) -> Duration {
        if self.place.is_known() {
            IDLE
        } else {
            IDLE_STRANGER
        }
    }

    /// How much longer a connection stays that was last heard then, if it does.
    fn patience(&self, last: Option<tokio::time::Instant>) -> Option<tokio::time::Instant> {
        let now = tokio::time::Instant::now();
        if self.place.carries_calls() {
            return Some(now + CALL_CHECK);
        }
        last.map(|last| last + self.idle()).filter(|at| *at > now)
    }

    /// Hands on every whole message.
    async fn take_all(&mut self) -> Result<(), Over> {
        loop {
            match self.framer.take() {
                Ok(Some(framed)) => {
                    if !self.deliver(framed).await {
                        return Err(Over::Closed);
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    debug!(%error, remote = %self.flow.remote, "closing a connection");
                    count(Counter::SipDropped, 1, &[("reason", error.word())]);
                    return Err(Over::Lost);
                }
            }
        }
    }

    async fn deliver(&mut self, framed: Framed) -> bool {
        match framed {
            Framed::Message(bytes) => {
                self.was_heard = true;
                self.place.heard(now());
                let flow = self.flow;
                // Waiting here is the back pressure a stream can bear.
                let place = None;
                self.inputs
                    .send(Input::Message { flow, bytes, place })
                    .await
            }
            Framed::Ping => put(&mut self.stream, b"\r\n").await,
            Framed::Skipped => {
                debug!(remote = %self.flow.remote, "passed over bytes between messages");
                count(Counter::SipDropped, 1, &[("reason", "between_messages")]);
                true
            }
        }
    }

    async fn write(&mut self, transmit: Transmit) -> bool {
        let written = put(&mut self.stream, &transmit.bytes).await;
        if !written {
            self.unsent.push(transmit);
        }
        written
    }
}

/// Small messages, each waited for.
fn hasten(stream: &TcpStream) {
    // One that is gone already says so at its first read.
    let _gone = stream.set_nodelay(true);
}

async fn put(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    matches!(
        tokio::time::timeout(WRITE, stream.write_all(bytes)).await,
        Ok(Ok(()))
    )
}

/// Messages waiting for one connection. Filling it means the peer does not read.
pub(super) const WRITES: usize = 256;

/// Bytes of them. Filling it means the same, of a peer that asks with large requests.
pub(super) const WRITE_BYTES: u32 = 256 * 1024;

/// A peer that does not read for this long is gone.
const WRITE: Duration = Duration::from_secs(5);

/// A connection that says nothing for this long after it was made was not made for calls.
const FIRST: Duration = Duration::from_secs(30);

/// A message whose first byte is there is all there within this time, or never.
const WHOLE: Duration = Duration::from_secs(32);

/// The rest of a body comes within this time of the last byte, or Content-Length was wrong: lost
/// segments are repeated sooner, and whoever waits for the 400 is still there.
const STALL: Duration = Duration::from_secs(2);

/// Longer than a call's longest quiet: session refreshes come at half an hour at the latest.
const IDLE: Duration = Duration::from_secs(3600);

/// The same for those no trunk names: their phones keep a connection alive or open a new one.
const IDLE_STRANGER: Duration = Duration::from_secs(600);

/// A connection that a call goes over stays; how soon after the call that ends is noticed.
const CALL_CHECK: Duration = Duration::from_secs(60);

/// The answer to what ended a stream has this long to go out.
const LINGER: Duration = Duration::from_secs(1);

/// Connecting takes no longer, or goes nowhere.
const DIAL: Duration = Duration::from_secs(4);

/// Before each try. Together they last as long as a request may wait for its answer.
const DIAL_PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
