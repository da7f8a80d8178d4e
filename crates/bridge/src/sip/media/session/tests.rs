//! What becomes of a caller's words while the thread that carries them is kept from running.

use std::net::{IpAddr, UdpSocket};
use std::ops::Range;

use tokio::task::JoinSet;
use trunkline_sip::rtp::Header;
use trunkline_sip::sdp::{Agreement, Codec, Direction, OpusWishes};

use super::super::super::load::Load;
use super::super::Ports;
use super::clock::MARGIN;
use super::*;

/// Packets of a sentence.
const SENTENCE: u16 = 100;

/// Lets everybody run who may.
async fn turns() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

fn packet(number: u16) -> Vec<u8> {
    let mut packet = Vec::new();
    Header {
        payload_type: 0,
        marker: number == 0,
        sequence: number,
        timestamp: u32::from(number) * 160,
        ssrc: 9,
    }
    .begin(&mut packet);
    packet.extend([0x55; 160]);
    packet
}

/// What a call came to whose phone said a sentence at an even pace, and whose thread did not run while
/// these packets came.
async fn sentence(kept: Range<u16>) -> MediaSummary {
    let ip = IpAddr::from([127, 0, 0, 1]);
    let pair = Ports::new(&(40_100..=40_299)).bind(ip).await.unwrap();
    let ours = SocketAddr::new(ip, pair.port);
    let phone = UdpSocket::bind((ip, 0)).unwrap();
    let setup = Setup {
        pair,
        ours,
        host: ip,
        media_timeout: Duration::from_secs(60),
        complexity: 0,
        start: (7, 0, 0),
        cname: String::new(),
        load: Load::default().enter(),
    };
    let (events, _told) = mpsc::channel(64);
    let (commands, orders) = mpsc::channel(4);
    let agreed = MediaCommand::Agree(Agreement {
        codec: Codec::Pcmu,
        payload_type: 0,
        telephone_event: None,
        comfort_noise: None,
        opus: OpusWishes::default(),
        remote: Some(phone.local_addr().unwrap()),
        remote_rtcp: None,
        ptime: 20,
        max_ptime: 60,
        direction: Direction::SendRecv,
        keys: None,
    });
    for command in [agreed, MediaCommand::Start] {
        commands.send(command).await.unwrap_or_else(|_| panic!());
    }
    let mut running = JoinSet::new();
    running.spawn(MediaSession::new(setup, events).run(orders));
    turns().await;
    let mut behind = Duration::ZERO;
    for number in 0..SENTENCE {
        phone.send_to(&packet(number), ours).unwrap();
        if kept.contains(&number) {
            behind += FRAME;
            continue;
        }
        tokio::time::advance(std::mem::take(&mut behind)).await;
        turns().await;
        // The timer's coarseness, and the rest of the frame.
        for step in [2 * MARGIN, FRAME - 2 * MARGIN] {
            tokio::time::advance(step).await;
            turns().await;
        }
    }
    drop(commands);
    running.join_next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sentence_is_carried_whole() {
    let summary = sentence(0..0).await;
    assert_eq!(
        (summary.received, summary.late, summary.concealed),
        (100, 0, 0)
    );
}

/// The clock was looked at before what had come: words that had been in time were given up for late,
/// sound was made up in their place, and they were heard after it or not at all.
#[tokio::test(start_paused = true)]
async fn words_that_came_while_the_thread_was_kept_from_running_are_neither_lost_nor_late() {
    for frames in [2, 4, 8] {
        let summary = sentence(40..40 + frames).await;
        let missed = (summary.late, summary.concealed);
        assert_eq!((summary.received, missed), (100, (0, 0)), "{frames}");
    }
}

/// What nobody can make up for is told as such.
#[tokio::test(start_paused = true)]
async fn words_of_a_longer_while_are_late_and_counted() {
    let summary = sentence(40..60).await;
    assert_eq!(summary.received, 100);
    assert!((1..=20).contains(&summary.late), "{}", summary.late);
}
