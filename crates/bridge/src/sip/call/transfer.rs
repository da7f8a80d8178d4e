//! Sending whoever is on the phone to somebody else, by REFER.
//!
//! ```text
//! API ─► Exchange: which call is it? ─► the call ─► REFER ─► 202, NOTIFY 100, 180 …
//!    └─ 200, or a BYE after the 202: the call is over   └─ anything else: it goes on
//! ```

use tokio::sync::{mpsc, oneshot};
use tracing::info;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_sip::endpoint::{CommandError, ReferRequest, TransferNews, TransferOutcome};
use trunkline_sip::uri::Uri;

use super::super::media::MediaCommand;
use super::super::signalling::{Command, Line};
use super::end::End;
use super::exchange::{Done, Entry, Exchange, TransferError, Wish};
use super::talk::Talk;

/// The transfers of one call: one at a time, and who asks for the same one waits for it too.
pub(super) struct Transfers {
    _entry: Entry,
    wishes: mpsc::Receiver<Wish>,
    current: Option<Current>,
}

/// The transfer under way. Whoever waits hears that the call has ended when it is dropped.
struct Current {
    target: Uri,
    tone: bool,
    waiting: Vec<Done>,
}

impl Transfers {
    pub(super) fn of(exchange: &Exchange, room: RoomName, identity: ParticipantIdentity) -> Self {
        let (entry, wishes) = exchange.enter(room, identity);
        Self {
            _entry: entry,
            wishes,
            current: None,
        }
    }

    /// The next wish.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> Wish {
        match self.wishes.recv().await {
            Some(wish) => wish,
            None => std::future::pending().await,
        }
    }

    /// Asks the phone, with headers of the trunk beside those of the wish.
    pub(super) async fn begin(
        &mut self,
        wish: Wish,
        trunk: Vec<(String, String)>,
        (line, talk): (&Line, &Talk),
    ) {
        let Wish {
            mut refer,
            tone,
            done,
        } = wish;
        if let Some(current) = &mut self.current {
            if current.target == refer.target && current.waiting.len() < WAITING {
                current.waiting.push(done);
            } else {
                let _ = done.send(Err(TransferError::Busy));
            }
            return;
        }
        let target = refer.target.clone();
        refer.headers.extend(trunk);
        if let Err(error) = ask(refer, line).await {
            // Whoever asked may have gone.
            let _ = done.send(Err(error));
            return;
        }
        info!("the phone is asked to call somebody else");
        if tone {
            talk.tell(MediaCommand::Ringback(true));
        }
        self.current = Some(Current {
            target,
            tone,
            waiting: vec![done],
        });
    }

    /// Another phone is the call's now: what this one was asked for comes to nothing.
    pub(super) fn forget(&mut self) {
        self.current = None;
    }

    /// How it goes; the call ends where the phone has found whom it was sent to.
    pub(super) fn on_news(&mut self, news: TransferNews, talk: &Talk) -> Result<(), End> {
        let outcome = match news {
            TransferNews::Progress(status) => {
                info!(status, "the transfer goes on");
                return Ok(());
            }
            TransferNews::Over(outcome) => outcome,
        };
        let result = match outcome {
            TransferOutcome::Completed | TransferOutcome::HungUp => Ok(()),
            TransferOutcome::Rejected(status) => Err(TransferError::Refused(status)),
            TransferOutcome::TimedOut => Err(TransferError::TimedOut),
            TransferOutcome::Untold => Err(TransferError::Untold),
            TransferOutcome::CallEnded => Err(TransferError::CallEnded),
        };
        info!(?outcome, "the transfer is over");
        if let Some(current) = self.current.take() {
            if current.tone && result.is_err() {
                talk.tell(MediaCommand::Ringback(false));
            }
            for done in current.waiting {
                let _ = done.send(result.clone());
            }
        }
        result.map_or(Ok(()), |()| Err(End::Transferred))
    }
}

async fn ask(refer: ReferRequest, line: &Line) -> Result<(), TransferError> {
    let (begun, told) = oneshot::channel();
    let (leg, refer) = (line.leg, Box::new(refer));
    line.tell(Command::Refer { leg, refer, begun }).await;
    match told.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(CommandError::State | CommandError::Full)) => Err(TransferError::NotUp),
        Ok(Err(CommandError::Gone)) | Err(_) => Err(TransferError::CallEnded),
    }
}

/// Who may wait for one transfer.
const WAITING: usize = 16;
