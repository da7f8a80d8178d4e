//! The address that others see us at: the operator's word, or what a STUN server says, asked at the
//! start and every few minutes.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, info, warn};
use trunkline_service::tasks::Stop;

use super::stun::seen;

/// The address that others see us at.
#[derive(Clone)]
pub(crate) enum Outside {
    /// As the operator has it; nothing: as the machine's routes have it.
    Told(Option<IpAddr>),
    /// As it was found last.
    Found(watch::Receiver<Option<IpAddr>>),
}

impl Outside {
    pub(crate) fn get(&self) -> Option<IpAddr> {
        match self {
            Self::Told(ip) => *ip,
            Self::Found(found) => *found.borrow(),
        }
    }
}

/// Who asks.
pub(crate) struct Asker {
    /// A host with its port.
    pub(crate) server: String,
    /// From where: the sockets of SIP and sound are bound to the same address.
    pub(crate) from: IpAddr,
    pub(crate) found: watch::Sender<Option<IpAddr>>,
}

impl Asker {
    /// Asks once; what was found before stays where nobody answers.
    pub(crate) async fn ask(&self) {
        let seen = self.question().await;
        let known = *self.found.borrow();
        match seen {
            Some(ip) if known != Some(ip) => {
                info!(%ip, server = self.server, "this is where others see us");
                self.found.send_replace(Some(ip));
            }
            Some(_) => {}
            None if known.is_none() => {
                warn!(
                    server = self.server,
                    "the stun server does not say where we are seen; set gateway.public_ip, or mend \
                     gateway.stun"
                );
            }
            None => debug!(server = self.server, "the stun server does not answer now"),
        }
    }

    /// Goes on asking until the process ends: the address of a line at home changes over night.
    pub(crate) async fn run(self, stop: Stop) {
        loop {
            let pause = match *self.found.borrow() {
                Some(_) => AGAIN,
                None => SOON,
            };
            tokio::select! {
                () = stop.hurry() => return,
                () = tokio::time::sleep(pause) => self.ask().await,
            }
        }
    }

    async fn question(&self) -> Option<IpAddr> {
        let seen = seen(&self.server, SocketAddr::new(self.from, 0)).await;
        seen.ok().map(|seen| seen.ip().to_canonical())
    }
}

/// Between questions.
const AGAIN: Duration = Duration::from_secs(180);

/// The same while nobody has answered yet.
const SOON: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;

    use super::*;

    /// Answers one question with this address, or with nothing the first time.
    async fn server(says: [u8; 4], passes_over: usize) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the server of this test")]
        let _task = tokio::spawn(async move {
            let mut asked = 0;
            let mut buffer = [0; 100];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                asked += 1;
                if asked <= passes_over {
                    continue;
                }
                let mut answer = vec![1, 1, 0, 12];
                answer.extend(&buffer[4..length]);
                answer.extend([0, 0x20, 0, 8, 0, 1, 0, 0]);
                let cookie = [0x21, 0x12, 0xa4, 0x42];
                answer.extend(says.iter().zip(cookie).map(|(byte, mask)| byte ^ mask));
                socket.send_to(b"junk", from).await.unwrap();
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        address
    }

    fn asker(server: SocketAddr) -> (Asker, Outside) {
        let (found, told) = watch::channel(None);
        let asker = Asker {
            server: server.to_string(),
            from: [127, 0, 0, 1].into(),
            found,
        };
        (asker, Outside::Found(told))
    }

    #[tokio::test]
    async fn where_we_are_seen_is_found_though_a_question_got_lost() {
        let (asker, outside) = asker(server([203, 0, 113, 7], 1).await);
        asker.ask().await;
        assert_eq!(outside.get(), Some([203, 0, 113, 7].into()));
    }

    #[tokio::test]
    async fn what_was_found_stays_while_nobody_answers() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (asker, outside) = asker(silent.local_addr().unwrap());
        let before = Some([203, 0, 113, 7].into());
        asker.found.send_replace(before);
        drop(silent);
        asker.ask().await;
        assert_eq!(outside.get(), before);
    }
}
