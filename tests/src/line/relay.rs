//! A bad line between phones and a gateway, on loopback.
//!
//! Phones call the relay as if it were the gateway. Each has a way of its own to the gateway, so that
//! answers find back; descriptions are changed on the way, so that sound passes here too.
//!
//! ```text
//! phone ──SIP──► front ──► one socket a phone ──► gateway
//! phone ◄─RTP──► near  ◄─► far                ◄─► gateway       one pair a call
//! ```
//! Requests that the gateway sends to a phone's Contact go there by themselves, and so does RTCP.

use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::rewrite::{audio_port, call_id, with_audio_port};
use super::{Line, Weather};

/// The line, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// A line to a gateway, with weather for its sound and for its signalling.
    ///
    /// # Errors
    /// No socket is to be had.
    pub fn start(
        gateway: SocketAddr,
        sound: Weather,
        signalling: Weather,
        seed: u64,
    ) -> io::Result<Self> {
        let front = socket()?;
        let addr = front.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let (post, posted) = mpsc::sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            over: Arc::clone(&over),
            post,
            began: Instant::now(),
            sound,
            signalling,
            seed,
            ways: Mutex::default(),
        });
        let deliverer = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || deliver(&posted, &shared))
        };
        let listener = std::thread::spawn(move || listen(&Arc::new(front), gateway, &shared));
        Ok(Self {
            addr,
            over,
            threads: vec![deliverer, listener],
        })
    }

    /// Where phones call.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Shared {
    over: Arc<AtomicBool>,
    post: mpsc::SyncSender<Parcel>,
    began: Instant,
    sound: Weather,
    signalling: Weather,
    seed: u64,
    ways: Mutex<Ways>,
}

/// What has been opened so far.
#[derive(Default)]
struct Ways {
    /// The way to the gateway of each phone.
    phones: HashMap<SocketAddr, Arc<UdpSocket>>,
    /// The two sides of each call's sound.
    calls: HashMap<String, Arc<Sides>>,
    /// Lines made so far: each has a seed of its own.
    lines: u64,
}

/// The two sides of a call's sound, and where each sends to.
struct Sides {
    near: Arc<UdpSocket>,
    far: Arc<UdpSocket>,
    phone: Mutex<Option<SocketAddr>>,
    gateway: Mutex<Option<SocketAddr>>,
}

/// A packet on its way.
struct Parcel {
    due: Duration,
    from: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    /// The next one due is the greatest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.due.cmp(&self.due)
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn line(&self, weather: Weather) -> Line {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.lines += 1;
        Line::new(weather, self.seed.wrapping_add(ways.lines))
    }

    /// Hands a packet to the line.
    fn carry(&self, line: &mut Line, from: &Arc<UdpSocket>, to: SocketAddr, bytes: &[u8]) {
        for due in line.carry(self.began.elapsed()) {
            let parcel = Parcel {
                due,
                from: Arc::clone(from),
                to,
                bytes: bytes.to_vec(),
            };
            // A full line loses packets, as lines do.
            let _ = self.post.try_send(parcel);
        }
    }

    /// The sides of a call's sound, opened when it is first spoken of.
    fn sides(self: &Arc<Self>, call: &str) -> io::Result<Arc<Sides>> {
        if let Some(sides) = self.known(call) {
            return Ok(sides);
        }
        let sides = Arc::new(Sides {
            near: Arc::new(socket()?),
            far: Arc::new(socket()?),
            phone: Mutex::default(),
            gateway: Mutex::default(),
        });
        for is_near in [true, false] {
            let (shared, sides) = (Arc::clone(self), Arc::clone(&sides));
            let mut line = self.line(self.sound);
            std::thread::spawn(move || pass_sound(&shared, &sides, &mut line, is_near));
        }
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.calls.insert(call.to_owned(), Arc::clone(&sides));
        Ok(sides)
    }

    fn known(&self, call: &str) -> Option<Arc<Sides>> {
        let ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.calls.get(call).cloned()
    }

    /// A message with a port of ours in its description, if it has one.
    fn dress(self: &Arc<Self>, message: &[u8], is_phone: bool) -> Option<Vec<u8>> {
        let port = audio_port(message)?;
        let sides = self.sides(&call_id(message)?).ok()?;
        let theirs = Some(SocketAddr::from(([127, 0, 0, 1], port)));
        let (place, ours) = if is_phone {
            (&sides.phone, &sides.far)
        } else {
            (&sides.gateway, &sides.near)
        };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = theirs;
        with_audio_port(message, ours.local_addr().ok()?.port())
    }
}

/// Phones' messages, each over a way of its own.
fn listen(front: &Arc<UdpSocket>, gateway: SocketAddr, shared: &Arc<Shared>) {
    let mut line = shared.line(shared.signalling);
    let mut buffer = vec![0; MAX];
    while !shared.is_over() {
        let Ok((length, phone)) = front.recv_from(&mut buffer) else {
            continue;
        };
        let Ok(way) = way_of(phone, front, shared) else {
            continue;
        };
        let message = buffer.get(..length).unwrap_or_default();
        let dressed = shared.dress(message, true);
        shared.carry(
            &mut line,
            &way,
            gateway,
            dressed.as_deref().unwrap_or(message),
        );
    }
}

fn way_of(
    phone: SocketAddr,
    front: &Arc<UdpSocket>,
    shared: &Arc<Shared>,
) -> io::Result<Arc<UdpSocket>> {
    let known = || {
        let ways = shared.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.phones.get(&phone).cloned()
    };
    if let Some(way) = known() {
        return Ok(way);
    }
    let way = Arc::new(socket()?);
    let mut line = shared.line(shared.signalling);
    {
        let mut ways = shared.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.phones.insert(phone, Arc::clone(&way));
    }
    let (shared, front, back) = (Arc::clone(shared), Arc::clone(front), Arc::clone(&way));
    std::thread::spawn(move || {
        let mut buffer = vec![0; MAX];
        while !shared.is_over() {
            let Ok(length) = back.recv(&mut buffer) else {
                continue;
            };
            let message = buffer.get(..length).unwrap_or_default();
            let dressed = shared.dress(message, false);
            shared.carry(
                &mut line,
                &front,
                phone,
                dressed.as_deref().unwrap_or(message),
            );
        }
    });
    Ok(way)
}

/// One direction of a call's sound: what comes to one side leaves from the other.
fn pass_sound(shared: &Shared, sides: &Sides, line: &mut Line, is_near: bool) {
    let (here, there, to) = if is_near {
        (&sides.near, &sides.far, &sides.gateway)
    } else {
        (&sides.far, &sides.near, &sides.phone)
    };
    let mut buffer = vec![0; MAX];
    while !shared.is_over() {
        let Ok(length) = here.recv(&mut buffer) else {
            continue;
        };
        let to = *to.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(to) = to {
            shared.carry(line, there, to, buffer.get(..length).unwrap_or_default());
        }
    }
}

/// Sends each packet when it is due.
fn deliver(posted: &mpsc::Receiver<Parcel>, shared: &Shared) {
    let mut waiting = BinaryHeap::<Parcel>::new();
    while !shared.is_over() {
        let now = shared.began.elapsed();
        while waiting.peek().is_some_and(|next| next.due <= now) {
            if let Some(parcel) = waiting.pop() {
                let _ = parcel.from.send_to(&parcel.bytes, parcel.to);
            }
        }
        let wait = waiting
            .peek()
            .map_or(LOOK, |next| next.due.saturating_sub(now).min(LOOK));
        if let Ok(parcel) = posted.recv_timeout(wait) {
            waiting.push(parcel);
        }
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(LOOK))?;
    Ok(socket)
}

/// How long it takes until a thread sees that all is over.
const LOOK: Duration = Duration::from_millis(100);

/// The largest packet.
const MAX: usize = 65_536;

/// Packets on the line: some seconds of a hundred calls.
const QUEUE: usize = 20_000;
