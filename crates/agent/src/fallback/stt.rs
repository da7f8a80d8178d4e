//! Listeners in order, each of which may be cut off in the middle of a word.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::members::{Link, Members};
use super::recogniser::RecogniserChain;
use super::unheard::Unheard;
use crate::provider::{
    Ears, Failure, Hearing, ListenOptions, Outlet, ProviderError, Recogniser, SPEECH_RATE, Stt,
    SttEvent, SttStream, Transcript,
};

/// Wait before a listener that was cut off is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Listeners, asked in order. A chain of one asks it again when the connection breaks.
pub struct SttChain {
    members: Arc<Members<dyn Stt>>,
}

impl SttChain {
    /// A chain; the first is asked first.
    pub fn new(links: Vec<Link<dyn Stt>>) -> Self {
        Self {
            members: Arc::new(Members::new("stt", links, |stt| stt.name(), probe)),
        }
    }
}

impl Stt for SttChain {
    fn name(&self) -> &'static str {
        self.members
            .first()
            .map_or("none", |link| link.provider.name())
    }

    fn listen(&self, options: ListenOptions) -> SttStream {
        let members = Arc::clone(&self.members);
        SttStream::made(|ears, outlet| Listening::begin(members, options, outlet).run(ears))
    }

    fn recogniser(&self) -> Option<Arc<dyn Recogniser>> {
        let mut links = self.members.iter();
        links
            .all(|link| link.provider.recogniser().is_some())
            .then(|| Arc::new(RecogniserChain(Arc::clone(&self.members))) as _)
    }
}

/// One stream of a chain.
struct Listening {
    members: Arc<Members<dyn Stt>>,
    options: ListenOptions,
    outlet: Outlet<SttEvent>,
    unheard: Unheard,
    /// Whom to ask when the current one fails; begun anew once something was heard.
    order: std::vec::IntoIter<usize>,
    current: Option<Current>,
}

/// Who listens.
struct Current {
    index: usize,
    stream: SttStream,
    /// When its stream began, since the chain's did.
    base: Duration,
    /// How long it may take to answer a flush.
    attempt: Duration,
    /// By when the oldest flush is to be answered.
    due: Option<Instant>,
}

impl Listening {
    fn begin(
        members: Arc<Members<dyn Stt>>,
        options: ListenOptions,
        outlet: Outlet<SttEvent>,
    ) -> Self {
        let order = members.order().into_iter();
        Self {
            members,
            options,
            outlet,
            unheard: Unheard::default(),
            order,
            current: None,
        }
    }

    async fn run(mut self, mut ears: Ears) -> Result<(), ProviderError> {
        let mut last = Failure::Stopped.of("none");
        loop {
            let Some(index) = self.order.next() else {
                return Err(last);
            };
            if !self.take_over(index) {
                continue;
            }
            match self.listen(&mut ears).await {
                Ok(()) => return Ok(()),
                Err(error) if !error.failure.is_others_turn() => return Err(error),
                Err(error) => {
                    self.members.failed(index, &error);
                    last = error;
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// The next one listens from here on, and hears first what nobody has told of yet.
    fn take_over(&mut self, index: usize) -> bool {
        let Some(link) = self.members.link(index) else {
            return false;
        };
        let stream = link.provider.listen(self.options.clone());
        for hearing in self.unheard.again() {
            // A stream that is new has room for what fits into one.
            let _full = match hearing {
                Hearing::Sound(sound) => stream.hear(sound),
                Hearing::Flush => stream.flush(),
            };
        }
        let due = (self.unheard.flushes() > 0).then(|| Instant::now() + link.attempt);
        self.current = Some(Current {
            index,
            stream,
            base: self.unheard.since(),
            attempt: link.attempt,
            due,
        });
        true
    }

    /// Passes sound on and words back, until the one who listens fails or nobody wants it.
    async fn listen(&mut self, ears: &mut Ears) -> Result<(), ProviderError> {
        loop {
            let Some(current) = &mut self.current else {
                return Ok(());
            };
            let due = current.due;
            let late = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                event = current.stream.next() => {
                    let name = self.members.link(current.index).map_or("none", |link| link.provider.name());
                    let event = event.unwrap_or_else(|| Err(Failure::Cut.of(name)))?;
                    if !self.on_event(event).await {
                        return Ok(());
                    }
                }
                hearing = ears.next() => match hearing {
                    Some(hearing) => self.on_hearing(hearing)?,
                    None => return Ok(()),
                },
                () = late => {
                    let name = self.members.link(current.index).map_or("none", |link| link.provider.name());
                    return Err(Failure::TimedOut.of(name));
                }
            }
        }
    }

    fn on_hearing(&mut self, hearing: Hearing) -> Result<(), ProviderError> {
        self.unheard.push(hearing.clone());
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let taken = match hearing {
            Hearing::Sound(sound) => current.stream.hear(sound),
            Hearing::Flush => {
                let attempt = current.attempt;
                current.due.get_or_insert_with(|| Instant::now() + attempt);
                current.stream.flush()
            }
        };
        let link = self.members.link(current.index);
        let name = link.map_or("none", |link| link.provider.name());
        taken.map_err(|_| Failure::Stalled.of(name))
    }

    /// Passes an event on; false when nobody wants it.
    async fn on_event(&mut self, event: SttEvent) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        let base = current.base;
        let event = match event {
            SttEvent::Final(words) => {
                let words = later(words, base);
                self.unheard.told(&words);
                SttEvent::Final(words)
            }
            SttEvent::Interim(words) => SttEvent::Interim(later(words, base)),
            SttEvent::Flushed if self.unheard.flushes() == 0 => return true,
            SttEvent::Flushed => {
                self.unheard.flushed();
                let more = self.unheard.flushes() > 0;
                current.due = more.then(|| Instant::now() + current.attempt);
                SttEvent::Flushed
            }
            SttEvent::Used(used) => SttEvent::Used(used),
        };
        // It does its work: whoever fails next has all its tries again.
        self.order = self.members.order().into_iter();
        let between = matches!(event, SttEvent::Flushed) && self.unheard.flushes() == 0;
        let index = current.index;
        let wanted = self.outlet.give(event).await;
        if between {
            self.go_back(index);
        }
        wanted
    }

    /// Between two things said is the time to go back to a better one that is well again.
    fn go_back(&mut self, index: usize) {
        let better = (0..index).find(|better| self.members.is_well(*better));
        if let Some(better) = better {
            self.take_over(better);
        }
    }
}

fn later(mut words: Transcript, base: Duration) -> Transcript {
    for word in &mut words.words {
        word.at = word.at.start + base..word.at.end + base;
    }
    words
}

/// A fifth of a second of silence.
fn probe(stt: Arc<dyn Stt>, limit: Duration) -> BoxFuture<'static, bool> {
    let ask = async move {
        let mut stream = stt.listen(ListenOptions::default());
        let silence = vec![0; SPEECH_RATE as usize / 5];
        if stream.hear(silence.into()).is_err() || stream.flush().is_err() {
            return false;
        }
        let answered = async {
            while let Some(event) = stream.next().await {
                match event {
                    Ok(SttEvent::Flushed) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
            false
        };
        timeout(limit, answered).await.unwrap_or(false)
    };
    ask.boxed()
}
