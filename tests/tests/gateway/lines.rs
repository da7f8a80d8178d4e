//! Connections that come and go, and callers nobody asked for.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use trunkline_base::id::{RoomName, TrunkId};
use trunkline_bridge::sip::{AnswerPolicy, Strangers, TcpCaps};
use trunkline_store::Refusal;

use super::house::{House, PATIENCE, ROOM, found, invite};

/// Reads until `wanted` is there; returns everything.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(wanted) {
        let length = timeout(PATIENCE, stream.read(&mut buffer))
            .await
            .unwrap_or_else(|_| panic!("no {wanted} after {text}"))
            .unwrap();
        assert!(length > 0, "closed before {wanted}, after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text
}

async fn connect(house: &House) -> TcpStream {
    TcpStream::connect(house.gateway.tcp_addr().unwrap())
        .await
        .unwrap()
}

fn over_tcp(house: &House, number: &str, branch: &str, listens: u16) -> String {
    invite(house.gateway.addr(), number, branch, "")
        .replace("SIP/2.0/UDP", "SIP/2.0/TCP")
        .replace("LOCALPORT", &listens.to_string())
}

/// The ACK or BYE that follows a 200.
fn inside(method: &str, call: &str, answer: &str, cseq: u32) -> String {
    let line = |text: &str, name: &str| {
        let mut lines = text.lines().filter(|line| line.starts_with(name));
        lines.next_back().unwrap_or_default().to_owned()
    };
    let ok = answer.rsplit("SIP/2.0 200").next().unwrap();
    format!(
        "{method} sip:gateway SIP/2.0\r\n{}{method}\r\n{}\r\n{}\r\n{}\r\nCSeq: {cseq} {method}\r\n\
         Content-Length: 0\r\n\r\n",
        line(call, "Via:").replace(";rport", ""),
        line(call, "From:"),
        line(ok, "To:"),
        line(call, "Call-ID:"),
    )
}

/// The provider closed its connection while the call was up; the agent left, no BYE was sent, and
/// the provider billed on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bye_finds_its_way_when_the_connection_is_gone() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listens = listener.local_addr().unwrap().port();
    let mut stream = connect(&house).await;
    let call = over_tcp(&house, "100", "gone", listens);
    stream.write_all(call.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\nm=audio").await;
    let ack = inside("ACK", &call, &answer, 1);
    stream.write_all(ack.as_bytes()).await.unwrap();
    drop(stream);
    house
        .api
        .delete_room(&RoomName::parse(ROOM).unwrap())
        .await
        .unwrap();
    let (mut back, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let bye = read_until(&mut back, "\r\n\r\n").await;
    assert!(bye.starts_with("BYE sip:4711@127.0.0.1"), "{bye}");
    let echo = |name: &str| bye.lines().find(|line| line.starts_with(name)).unwrap();
    let ok = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
        .map(echo)
        .join("\r\n");
    let ok = format!("SIP/2.0 200 OK\r\n{ok}\r\nContent-Length: 0\r\n\r\n");
    back.write_all(ok.as_bytes()).await.unwrap();
    house.no_calls_left().await;
    house.close().await;
}

/// One phone's Latin-1 closed the connection that carried all calls of a provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_message_does_not_cost_the_others_their_connection() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut stream = connect(&house).await;
    let call = over_tcp(&house, "100", "good", 5999);
    stream.write_all(call.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\nm=audio").await;
    let ack = inside("ACK", &call, &answer, 1);
    stream.write_all(ack.as_bytes()).await.unwrap();
    let options = |branch: &str| {
        let text = over_tcp(&house, "100", branch, 5999).replace("INVITE", "OPTIONS");
        text.split("Content-Type").next().unwrap().to_owned()
    };
    let latin1 = options("latin1").replace("From: <", "From: \"J\u{f6}rg\" <");
    let latin1: Vec<u8> = latin1
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    stream.write_all(&latin1).await.unwrap();
    stream
        .write_all(b"Content-Length: 0\r\n\r\n")
        .await
        .unwrap();
    let read = read_until(&mut stream, "z9hG4bKlatin1").await;
    assert!(read.contains("SIP/2.0 200"), "{read}");
    let no_length = over_tcp(&house, "100", "nolength", 5999).replace("Content-Length", "X-Length");
    stream.write_all(no_length.as_bytes()).await.unwrap();
    let read = read_until(&mut stream, "z9hG4bKnolength").await;
    assert!(
        read.contains("SIP/2.0 400 Content-Length is missing"),
        "{read}"
    );
    let bye = inside("BYE", &call, &answer, 2);
    stream.write_all(bye.as_bytes()).await.unwrap();
    read_until(&mut stream, "2 BYE").await;
    house.no_calls_left().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_shut_others_out() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.tcp_caps = TcpCaps {
            all: 16,
            per_source: 8,
        };
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(connect(&house).await);
    }
    let mut stream = connect(&house).await;
    let call = over_tcp(&house, "999", "late", 5999);
    stream.write_all(call.as_bytes()).await.unwrap();
    read_until(&mut stream, "SIP/2.0 404").await;
    house.close().await;
}

/// A stream that cannot be read on is closed, and told why first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_beyond_all_bounds_is_answered_and_ends_the_stream() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut stream = connect(&house).await;
    let call = over_tcp(&house, "100", "huge", 5999);
    let call = call.replace("Content-Length: ", "Content-Length: 99999");
    stream.write_all(call.as_bytes()).await.unwrap();
    read_until(&mut stream, "SIP/2.0 413 body is longer").await;
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_refused_never_rang() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let call = invite(house.gateway.addr(), "100", "g729", "");
    let answers = house
        .exchange(&call.replace("RTP/AVP 0", "RTP/AVP 3"))
        .await;
    let statuses: Vec<&str> = answers
        .iter()
        .map(|answer| answer.get(8..11).unwrap())
        .collect();
    assert_eq!(statuses, ["100", "488"]);
    house.no_calls_left().await;
    house.close().await;
}

/// Every refusal of a scan was a row; and the scanner learnt that somebody was here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_costs_one_row_and_draws_nothing_where_strangers_are_ignored() {
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.strangers = Strangers::Ignored;
        config.invites_per_second = 1000;
    })
    .await;
    // The known are answered whatever is done with strangers.
    for n in 0..30 {
        let call = invite(house.gateway.addr(), "999", &format!("scan{n}"), "");
        let answers = house.exchange(&call).await;
        assert_eq!(answers.len(), 1, "one answer and no repeats: {answers:?}");
        assert!(answers[0].starts_with("SIP/2.0 404"), "{answers:?}");
    }
    let trunks = house.api.list_inbound_trunks().await.unwrap();
    let local = trunks
        .into_iter()
        .find(|trunk| trunk.name == "local")
        .unwrap();
    let local = TrunkId::parse(local.sip_trunk_id).unwrap();
    house.api.delete_trunk(&local).await.unwrap();
    house.gateway.reload().await.unwrap();
    let call = invite(house.gateway.addr(), "100", "stranger", "");
    assert!(house.exchange(&call).await.is_empty());
    let challenged = invite(house.gateway.addr(), "200", "login", "");
    let answers = house.exchange(&challenged).await;
    assert!(answers[0].starts_with("SIP/2.0 407"), "{answers:?}");
    let store = house.store.clone();
    house.close().await;
    // The stranger came from the same address and lacked the same.
    found(&store, async |store| {
        let rows = store.refusals().list(50).await.unwrap();
        let is_scan =
            |row: &&Refusal| row.reason == "number_not_listed" && row.called.expose() == "999";
        let scans: Vec<u64> = rows.iter().filter(is_scan).map(|row| row.count).collect();
        (scans == [31]).then_some(())
    })
    .await;
}
