//! What went over the wire in a call is kept, without what is secret, and told to a HEP collector.

use std::collections::BTreeMap;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, Caller, CallerOptions, Capture, Homer};
use trunkline_sip::message::{Message, parse};
use trunkline_store::{EndedBy, SipMessage, Store};

use super::house::{House, PATIENCE, found, invite};
use super::phone::Phone;

/// The messages of the latest call, once its BYE is answered.
async fn kept(store: &Store) -> Vec<SipMessage> {
    found(store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        let kept = store.sip_messages().of_call(&call.call_id).await.unwrap();
        let last = kept.last().map(text)?;
        let over = last.starts_with("SIP/2.0 200") && last.contains("BYE");
        over.then_some(kept)
    })
    .await
}

fn text(message: &SipMessage) -> String {
    String::from_utf8(message.bytes.expose().clone()).unwrap()
}

/// What each says, and who said it.
fn words(kept: &[SipMessage]) -> Vec<String> {
    let words = kept.iter().map(|message| {
        let way = if message.sent { "sent" } else { "came" };
        match parse(message.bytes.expose()).unwrap() {
            Message::Request(request) => format!("{way} {}", request.method),
            Message::Response(response) => format!("{way} {}", response.status),
        }
    });
    words.collect()
}

#[tokio::test]
async fn a_login_is_in_no_message_that_is_kept_and_the_ladder_begins_before_it() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut options = CallerOptions::new(house.target("200"), "4711");
    options.login = Some(("alice".to_owned(), "wonderland".into()));
    let call = timeout(PATIENCE, Caller::call(options)).await.unwrap();
    call.unwrap().hangup().await;
    let kept = kept(&house.store).await;
    let words = words(&kept);
    let setup: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !matches!(*word, "sent 100" | "sent 180"))
        .collect();
    assert_eq!(
        setup,
        [
            "came INVITE",
            "sent 407",
            "came ACK",
            "came INVITE",
            "sent 200",
            "came ACK",
            "came BYE",
            "sent 200"
        ]
    );
    for (at, message) in kept.iter().enumerate() {
        let text = text(message);
        assert_eq!(usize::try_from(message.seq).unwrap(), at + 1);
        assert!(
            !text.contains("alice") && !text.contains("response="),
            "{text}"
        );
        assert_eq!(message.local, house.gateway.addr().to_string());
    }
    let challenged = text(
        &kept[words
            .iter()
            .rposition(|word| word == "came INVITE")
            .unwrap()],
    );
    assert!(
        challenged.contains("uthorization: Digest [masked]"),
        "{challenged}"
    );
    house.close().await;
}

#[tokio::test]
async fn keys_of_audio_and_keys_that_were_pressed_are_not_kept() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20\r\n");
    let mut phone = Phone::call_with(&house, "4711", &crypto).await;
    assert!(phone.answer.contains("a=crypto:1 "), "{}", phone.answer);
    phone.presses("Signal=7\r\nDuration=160\r\n").await;
    phone.hangs_up().await;
    let kept = kept(&house.store).await;
    let all: Vec<String> = kept.iter().map(text).collect();
    let inside: Vec<&String> = all
        .iter()
        .filter(|text| text.contains("a=crypto:1 "))
        .collect();
    assert_eq!(inside.len(), 2, "theirs and ours");
    for text in inside {
        let (_, key) = text.split_once("inline:").unwrap();
        assert!(key.starts_with("xxxxxxxxxxxxxxxxxxxx"), "{text}");
    }
    let info = all.iter().find(|text| text.starts_with("INFO")).unwrap();
    assert!(info.contains("Signal=x\r\n"), "{info}");
    house.close().await;
}

#[tokio::test]
async fn of_whom_nobody_lets_in_nothing_is_kept() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    for number in 0..3 {
        let stranger = invite(house.gateway.addr(), "999", &format!("s{number}"), "");
        assert!(house.exchange(&stranger).await.last().is_some());
    }
    house.call("100").await.hangup().await;
    let kept = kept(&house.store).await;
    let all = house.store.sip_messages().trim(0).await.unwrap();
    assert_eq!(all, u64::try_from(kept.len()).unwrap());
    house.close().await;
}

#[tokio::test]
async fn what_is_turned_off_is_not_kept() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.capture.sip = false;
    })
    .await;
    house.call("100").await.hangup().await;
    let store = house.store.clone();
    found(&store, async |store| {
        store.calls().list(1).await.unwrap().pop()?.ended_at
    })
    .await;
    house.close().await;
    assert!(store.written(PATIENCE).await);
    assert_eq!(store.sip_messages().trim(0).await.unwrap(), 0);
}

/// A packet of HEP3, read by the document: the type of each chunk, and its value.
fn chunks(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    assert_eq!(
        (&packet[..4], usize::from(word(4))),
        (&b"HEP3"[..], packet.len())
    );
    let (mut chunks, mut at) = (BTreeMap::new(), 6);
    while at < packet.len() {
        let length = usize::from(word(at + 4));
        chunks.insert(word(at + 2), packet[at + 6..at + length].to_vec());
        at += length;
    }
    chunks
}

#[tokio::test]
async fn a_collector_is_told_of_every_message_under_the_calls_own_id() {
    let collector = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = collector.local_addr().unwrap().port();
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.capture = Capture {
            sip: true,
            homer: Some(Homer {
                host: "localhost".to_owned(),
                port,
                id: 77,
                password: "myhep".into(),
            }),
            sound: None,
        };
    })
    .await;
    house.call("100").await.hangup().await;
    let kept = kept(&house.store).await;
    let mut buffer = vec![0; 65_536];
    for message in &kept {
        let length = timeout(PATIENCE, collector.recv(&mut buffer)).await;
        let told = chunks(&buffer[..length.unwrap().unwrap()]);
        assert_eq!(&told[&15], message.bytes.expose());
        assert_eq!(told[&17], message.call_id.as_bytes());
        assert_eq!(
            (&told[&12][..], &told[&14][..]),
            (&77_u32.to_be_bytes()[..], &b"myhep"[..])
        );
        let gateway = house.gateway.addr().port().to_be_bytes();
        let ours = if message.sent { 7 } else { 8 };
        assert_eq!(told[&ours], gateway);
        let number = |kind: u16| u32::from_be_bytes(told[&kind][..].try_into().unwrap());
        let at = u64::from(number(9)) * 1_000_000 + u64::from(number(10));
        assert_eq!(at, message.at_us);
    }
    house.close().await;
}

#[tokio::test]
async fn the_record_says_who_hung_up_and_why_in_the_words_of_isdn() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    house.call("100").await.hangup().await;
    let ended = found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        call.ended_at.is_some().then_some(call)
    })
    .await;
    assert_eq!(
        (ended.q850, ended.ended_by),
        (Some(16), Some(EndedBy::Caller))
    );
    assert!(ended.billed_seconds.unwrap() >= 1);
    house.close().await;
}
